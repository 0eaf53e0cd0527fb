//! Resources of requests, and the patterns in `Resource` and `NotResource`.

use crate::context::Environment;
use crate::pattern::{Pattern, Piece, Syntax, pieces};

/// What a request is about, by all its names.
///
/// Mostly that is one ARN, or `*` for an action that is about nothing in particular. A session has two: the one that
/// people see, which begins with the owner's name, and one that begins with the owner's user id, because AWS's samples
/// write `session/${aws:userid}-*`. A pattern covers a resource if it covers any of its names, whatever the effect, and
/// `NotResource` is everything else. So a second name can widen an `Allow` and a `Deny`, and can take a resource out of
/// a `NotResource`. For that reason every name must be derived from the resource alone, never from who asks.
#[derive(Clone, Debug)]
pub struct Resource<'a> {
    name: Name<'a>,
    more: Vec<Name<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Name<'a> {
    text: &'a str,
    /// The last one is everything after the fifth colon.
    parts: Option<[&'a str; 6]>,
    /// For sessions, the resource part up to and with the `-` between the owner's name and the suffix.
    owner: Option<&'a str>,
}

impl<'a> Resource<'a> {
    /// Nothing in particular: only patterns that are `*` match it.
    pub const ANY: Resource<'static> =
        Resource { name: Name { text: "*", parts: None, owner: None }, more: Vec::new() };

    /// Something with an ARN. A text that is none is matched by `*` only.
    #[must_use]
    pub fn new(arn: &'a str) -> Self {
        Self { name: Name { text: arn, parts: split(arn), owner: None }, more: Vec::new() }
    }

    /// A session: its ARN ends in the owner's name, `-`, and a suffix that has no `-`.
    ///
    /// A pattern that ends in `-*` means one owner's sessions here, and not those of others whose name goes on after the
    /// same letters: `session/ann-*` does not cover `session/ann-marie-0a1b…`. Where the two readings differ, the one
    /// that gives less away holds: a `Deny` of `session/ann-*` covers both, and so does the exception that an `Allow`
    /// makes with `NotResource`. Whoever means everybody whose name begins so writes `session/ann*`.
    #[must_use]
    pub fn session(arn: &'a str) -> Self {
        Self { name: Name::session(arn), more: Vec::new() }
    }

    /// The same resource under one more ARN, which is a session's if the first one is.
    #[must_use]
    pub fn or(mut self, arn: &'a str) -> Self {
        let name = match self.name.owner {
            Some(_) => Name::session(arn),
            None => Name { text: arn, parts: split(arn), owner: None },
        };
        self.more.push(name);
        self
    }

    /// The first name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name.text
    }

    fn names(&self) -> impl Iterator<Item = &Name<'a>> {
        std::iter::once(&self.name).chain(&self.more)
    }
}

impl<'a> Name<'a> {
    fn session(arn: &'a str) -> Self {
        let parts = split(arn);
        let owner = parts.map(|parts| parts[5]).and_then(|id| id.rfind('-').map(|dash| &id[..=dash]));
        Self { text: arn, parts, owner: Some(owner.unwrap_or_default()) }
    }
}

/// The six parts of an ARN.
fn split(arn: &str) -> Option<[&str; 6]> {
    let mut parts = arn.splitn(6, ':');
    let mut next = || parts.next();
    let parts = [next()?, next()?, next()?, next()?, next()?, next()?];
    (parts[0] == "arn").then_some(parts)
}

/// How well a pattern covers a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cover {
    No,
    /// Only if `-*` may reach into the names of other owners.
    Doubtful,
    Yes,
}

/// An entry of `Resource` or `NotResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ResourcePattern {
    Everything,
    Arn(ArnPattern),
}

impl ResourcePattern {
    pub(crate) fn cover(&self, resource: &Resource<'_>, environment: &Environment<'_>) -> Cover {
        match self {
            Self::Everything => Cover::Yes,
            Self::Arn(pattern) => {
                resource.names().map(|name| pattern.cover(name, environment)).max().unwrap_or(Cover::No)
            }
        }
    }

    /// The owner whose sessions the pattern is about, if it names one and not a variable or wildcard.
    pub(crate) fn session_owner(&self) -> Option<&str> {
        match self {
            Self::Everything => None,
            Self::Arn(pattern) => pattern.parts[4].literal_head()?.strip_prefix("session/")?.strip_suffix('-'),
        }
    }

    pub(crate) fn patterns(&self) -> &[Pattern] {
        match self {
            Self::Everything => &[],
            Self::Arn(pattern) => &pattern.parts,
        }
    }
}

/// A pattern with the parts of an ARN: partition, service, region, account, and the rest. Each part is matched by itself,
/// so that a wildcard never reaches into the next; in the rest it may pass colons and slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArnPattern {
    parts: [Pattern; 5],
}

impl ArnPattern {
    /// Takes a pattern apart; none if it has too few parts. `variables` says which may have variables in them: all, or
    /// only the last. Colons inside of variables do not count.
    pub(crate) fn parse(text: &str, syntax: Syntax) -> Result<Option<Self>, String> {
        let mut parts: Vec<Vec<Piece>> = vec![Vec::new()];
        for piece in pieces(text, syntax)? {
            match piece {
                Piece::Literal(mut text) => {
                    while parts.len() < 6 {
                        let Some((head, tail)) = text.split_once(':') else { break };
                        push(&mut parts, head);
                        parts.push(Vec::new());
                        text = tail.into();
                    }
                    push(&mut parts, &text);
                }
                other => parts.last_mut().expect("there is always a part").push(other),
            }
        }
        // `arn:aws:ssm:*` stands for everything of the service.
        if (3..6).contains(&parts.len()) && parts.last().is_some_and(|part| part[..] == [Piece::Any]) {
            parts.resize(6, vec![Piece::Any]);
        }
        let arn = parts[0][..] == [Piece::Literal("arn".into())];
        let parts: Result<[Vec<Piece>; 6], _> = parts.try_into();
        Ok(parts.ok().filter(|_| arn).map(|[_, partition, service, region, account, rest]| Self {
            parts: [partition, service, region, account, rest].map(Pattern::of),
        }))
    }

    pub(crate) fn matches(&self, arn: &str, environment: &Environment<'_>) -> bool {
        split(arn).is_some_and(|parts| self.matches_parts(&parts, environment))
    }

    /// Partition, service, region, account.
    pub(crate) fn head(&self) -> &[Pattern] {
        &self.parts[..4]
    }

    pub(crate) fn patterns(&self) -> &[Pattern] {
        &self.parts
    }

    fn matches_parts(&self, parts: &[&str; 6], environment: &Environment<'_>) -> bool {
        // From the end: the last parts differ most.
        self.parts.iter().zip(&parts[1..]).rev().all(|(pattern, part)| pattern.matches(part, environment))
    }

    fn cover(&self, name: &Name<'_>, environment: &Environment<'_>) -> Cover {
        let Some(parts) = &name.parts else { return Cover::No };
        if !self.matches_parts(parts, environment) {
            return Cover::No;
        }
        let rest = &self.parts[4];
        match name.owner {
            Some(owner) if rest.names_an_owner() && !rest.head_matches(owner, environment) => Cover::Doubtful,
            _ => Cover::Yes,
        }
    }
}

fn push(parts: &mut [Vec<Piece>], text: &str) {
    if !text.is_empty() {
        parts.last_mut().expect("there is always a part").push(Piece::Literal(text.into()));
    }
}
