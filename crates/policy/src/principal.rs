//! Who asks, and the patterns in `Principal` and `NotPrincipal`.

use crate::fault::{Fault, Path, shown};
use crate::json::{Json, unknown_member};

/// The kinds of principals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// Accounts, users, roles and their sessions.
    Aws,
    /// A service, by its name.
    Service,
    /// A provider of identities, by its ARN or name.
    Federated,
    /// An account by its long id.
    CanonicalUser,
}

impl PrincipalKind {
    const ALL: [Self; 4] = [Self::Aws, Self::Service, Self::Federated, Self::CanonicalUser];

    /// As it is written in policies.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Service => "Service",
            Self::Federated => "Federated",
            Self::CanonicalUser => "CanonicalUser",
        }
    }
}

/// Who asks, as policies may name it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Principal<'a> {
    /// The account it belongs to; none for services, providers and strangers.
    pub account: Option<&'a str>,
    /// Everything that means it. A session of a role has the session's ARN, the role's ARN and the role's unique id.
    pub names: &'a [(PrincipalKind, &'a str)],
}

/// How a policy names who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Naming {
    No,
    /// As a member of its account: the policy leaves it to the account's identity policies.
    Account,
    /// Itself, or everybody.
    Direct,
}

/// The value of `Principal` or `NotPrincipal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrincipalSet {
    everybody: bool,
    /// As they were written.
    pub(crate) names: Box<[(PrincipalKind, Box<str>)]>,
}

impl PrincipalSet {
    pub(crate) fn parse(json: &Json, path: &Path<'_>) -> Result<Self, Fault> {
        if let Json::String(text) = json {
            return match text.as_str() {
                "*" => Ok(Self { everybody: true, names: [].into() }),
                other => Err(invalid(path, &format!("\"{}\"", shown(other)), "a string here can only be \"*\"")),
            };
        }
        let mut names = Vec::new();
        for (name, values) in json.object(path)? {
            let Some(kind) = PrincipalKind::ALL.into_iter().find(|kind| kind.name() == name) else {
                return Err(unknown_member(path, name, &PrincipalKind::ALL.map(PrincipalKind::name)));
            };
            let path = path.member(name);
            for (index, value) in values.strings(&path)?.into_iter().enumerate() {
                if let Err(detail) = check(kind, value) {
                    let path = values.item_path(&path, index);
                    return Err(invalid(&path, &format!("\"{}\":\"{}\"", kind.name(), shown(value)), detail));
                }
                names.push((kind, value.into()));
            }
        }
        if names.is_empty() {
            return Err(Fault::new("Missing required field Principal", path, "names nobody"));
        }
        let everybody = names.iter().any(|(kind, name): &(_, Box<str>)| *kind == PrincipalKind::Aws && &**name == "*");
        Ok(Self { everybody, names: names.into() })
    }

    /// Whether it is written as `"*"`.
    pub(crate) fn is_star(&self) -> bool {
        self.names.is_empty()
    }

    pub(crate) fn naming(&self, principal: &Principal<'_>) -> Naming {
        if self.everybody {
            return Naming::Direct;
        }
        let of_account = |name: &str| {
            principal.account.is_some_and(|account| {
                name == account
                    || name
                        .strip_suffix(":root")
                        .and_then(|name| name.rsplit_once("::"))
                        .is_some_and(|(head, id)| id == account && head.starts_with("arn:") && head.ends_with(":iam"))
            })
        };
        let naming = |(kind, name): &(PrincipalKind, Box<str>)| {
            let named = |(its_kind, its_name): &(PrincipalKind, &str)| {
                its_kind == kind && (*its_name == &**name || &**name == "*")
            };
            match principal.names.iter().any(named) {
                true => Naming::Direct,
                false if *kind == PrincipalKind::Aws && of_account(name) => Naming::Account,
                false => Naming::No,
            }
        };
        self.names.iter().map(naming).max().unwrap_or(Naming::No)
    }
}

fn invalid(path: &Path<'_>, what: &str, detail: &str) -> Fault {
    Fault::new(format!("Invalid principal in policy: {what}"), path, detail)
}

fn check(kind: PrincipalKind, value: &str) -> Result<(), &'static str> {
    if value == "*" && kind != PrincipalKind::CanonicalUser {
        return Ok(());
    }
    if value.is_empty() || value.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '*' | '?')) {
        return Err("no wildcards and no white space here, except \"*\" alone");
    }
    let within = |length: std::ops::RangeInclusive<usize>, of: fn(&u8) -> bool| {
        length.contains(&value.len()) && value.as_bytes().iter().all(of)
    };
    let right = match kind {
        PrincipalKind::Aws => {
            let arn: Vec<&str> = value.splitn(6, ':').collect();
            let rest = |prefixes: &[&str]| {
                prefixes.iter().any(|prefix| arn[5].len() > prefix.len() && arn[5].starts_with(prefix))
            };
            let is_account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
            let is_arn = arn.len() == 6
                && arn[0] == "arn"
                && !arn[1].is_empty()
                && arn[3].is_empty()
                && is_account(arn[4])
                && match arn[2] {
                    "iam" => arn[5] == "root" || rest(&["user/", "role/"]),
                    "sts" => rest(&["assumed-role/", "federated-user/"]),
                    _ => false,
                };
            // A unique id is what AWS puts in the place of a name that was deleted.
            let is_id = || within(16..=128, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            is_account(value) || is_arn || is_id()
        }
        PrincipalKind::Service => value.contains('.') && within(3..=256, |byte| byte.is_ascii_graphic()),
        PrincipalKind::Federated => within(1..=512, |byte| byte.is_ascii_graphic()),
        PrincipalKind::CanonicalUser => within(64..=64, u8::is_ascii_hexdigit),
    };
    right.then_some(()).ok_or(match kind {
        PrincipalKind::Aws => "must be an account, the ARN of a user, role or session, or a unique id",
        PrincipalKind::Service => "must be a service's name, as in ssm.amazonaws.com",
        PrincipalKind::Federated => "must be a provider's ARN or name",
        PrincipalKind::CanonicalUser => "must be 64 hexadecimal digits",
    })
}
