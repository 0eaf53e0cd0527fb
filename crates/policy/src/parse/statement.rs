//! One statement.

use crate::condition;
use crate::document::{Effect, Polarity, Set, Statement};
use crate::fault::{Fault, Path, shown};
use crate::json::{Json, unknown_member};
use crate::limits::DocumentKind;
use crate::pattern::{Pattern, Syntax};
use crate::principal::PrincipalSet;
use crate::resource::{ArnPattern, ResourcePattern};

const ELEMENTS: &[&str] =
    &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

pub(super) struct Reader {
    pub(super) kind: DocumentKind,
    /// Whether `${…}` means something.
    pub(super) variables: bool,
}

/// The elements of a statement, by their names.
struct Members<'a> {
    json: &'a [(String, Json)],
    path: &'a Path<'a>,
}

impl<'a> Members<'a> {
    fn get(&self, name: &str) -> Option<&'a Json> {
        self.json.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The one of an element and its `Not…` twin that is there.
    fn one_of(&self, name: &'static str, not: &'static str) -> Result<Option<Element<'a>>, Fault> {
        match (self.get(name), self.get(not)) {
            (Some(_), Some(_)) => Err(Fault::syntax(
                &self.path.member(not),
                format!("cannot be beside {name}; only one of them can be meant"),
            )),
            (Some(json), None) => Ok(Some(Element { name, polarity: Polarity::These, json })),
            (None, Some(json)) => Ok(Some(Element { name: not, polarity: Polarity::AllOthers, json })),
            (None, None) => Ok(None),
        }
    }
}

struct Element<'a> {
    name: &'static str,
    polarity: Polarity,
    json: &'a Json,
}

impl Reader {
    pub(super) fn statement(&self, json: &Json, path: &Path<'_>) -> Result<Statement, Fault> {
        let members = Members { json: json.object(path)?, path };
        if let Some((name, _)) = members.json.iter().find(|(name, _)| !ELEMENTS.contains(&name.as_str())) {
            return Err(unknown_member(path, name, ELEMENTS));
        }
        let sid = members.get("Sid").map(|json| sid(json, &path.member("Sid"))).transpose()?;
        let effect = effect(members.get("Effect"), &path.member("Effect"))?;
        let principals = self.principals(&members, effect)?;
        let actions = self.actions(&members)?;
        let resources = self.resources(&members)?;
        let conditions = match members.get("Condition") {
            Some(json) => condition::parse(json, &path.member("Condition"), self.variables)?,
            None => [].into(),
        };
        Ok(Statement { sid, effect, principals, actions, resources, conditions })
    }

    fn principals(&self, members: &Members<'_>, effect: Effect) -> Result<Option<(Polarity, PrincipalSet)>, Fault> {
        let element = members.one_of("Principal", "NotPrincipal")?;
        match (self.kind, element) {
            (DocumentKind::Identity, None) => Ok(None),
            (DocumentKind::Identity, Some(element)) => Err(Fault::new(
                "Policy document should not specify a principal.",
                &members.path.member(element.name),
                "whom it holds for is whom it is attached to",
            )),
            (_, None) => Err(Fault::new("Missing required field Principal", members.path, "")),
            (_, Some(element)) => {
                let path = members.path.member(element.name);
                if element.polarity == Polarity::AllOthers && effect == Effect::Allow {
                    return Err(Fault::syntax(
                        &path,
                        "cannot be with Allow: it would let in everybody else, strangers too",
                    ));
                }
                Ok(Some((element.polarity, PrincipalSet::parse(element.json, &path)?)))
            }
        }
    }

    fn actions(&self, members: &Members<'_>) -> Result<Set<Pattern>, Fault> {
        const NONE: &str = "Policy statement must contain actions.";
        let element = members
            .one_of("Action", "NotAction")?
            .ok_or_else(|| Fault::new(NONE, &members.path.member("Action"), ""))?;
        let path = members.path.member(element.name);
        if self.kind == DocumentKind::Trust && element.polarity == Polarity::AllOthers {
            return Err(Fault::new("Has prohibited field NotAction", &path, "a trust policy says what it allows"));
        }
        let texts = element.json.strings(&path)?;
        if texts.is_empty() {
            return Err(Fault::new(NONE, &path, ""));
        }
        let mut patterns = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let pattern = action(text, self.kind);
            patterns.push(
                pattern
                    .map_err(|(summary, detail)| Fault::new(summary, &element.json.item_path(&path, index), detail))?,
            );
        }
        Ok(set(element.polarity, patterns, &texts))
    }

    fn resources(&self, members: &Members<'_>) -> Result<Option<Set<ResourcePattern>>, Fault> {
        const NONE: &str = "Policy statement must contain resources.";
        let element = match (self.kind, members.one_of("Resource", "NotResource")?) {
            (DocumentKind::Trust, None) => return Ok(None),
            (DocumentKind::Trust, Some(element)) => {
                let summary = format!("Has prohibited field {}", element.name);
                let detail = "a trust policy is about the role that it is attached to";
                return Err(Fault::new(summary, &members.path.member(element.name), detail));
            }
            (_, None) => return Err(Fault::new(NONE, &members.path.member("Resource"), "")),
            (_, Some(element)) => element,
        };
        let path = members.path.member(element.name);
        let texts = element.json.strings(&path)?;
        if texts.is_empty() {
            return Err(Fault::new(NONE, &path, ""));
        }
        let mut patterns = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let pattern = self.resource(text);
            patterns.push(
                pattern
                    .map_err(|(summary, detail)| Fault::new(summary, &element.json.item_path(&path, index), detail))?,
            );
        }
        Ok(Some(set(element.polarity, patterns, &texts)))
    }

    fn resource(&self, text: &str) -> Result<ResourcePattern, (String, String)> {
        if text == "*" {
            return Ok(ResourcePattern::Everything);
        }
        if !text.starts_with("arn:") {
            return Err((format!("Resource {} must be in ARN format or \"*\".", shown(text)), String::new()));
        }
        if let Some(character) = text.chars().find(|c| c.is_control() || matches!(c, '"' | '\\' | '<' | '>')) {
            return Err(("Syntax errors in policy.".into(), format!("{character:?} cannot be in an ARN")));
        }
        let pattern = ArnPattern::parse(text, Syntax { wildcards: true, variables: self.variables })
            .map_err(|detail| ("Syntax errors in policy.".into(), detail))?
            .ok_or_else(|| {
                let detail = "an ARN has six parts: arn:partition:service:region:account:resource";
                ("The policy failed legacy parsing".into(), detail.into())
            })?;
        let [partition, service, region, account] = pattern.head() else {
            unreachable!("the head of an ARN has four parts");
        };
        if [partition, service, region, account].iter().any(|part| part.variables().next().is_some()) {
            let detail = "variables can only be in the resource part, after the fifth colon";
            return Err(("The policy failed legacy parsing".into(), detail.into()));
        }
        let written: Vec<&str> = text.split(':').collect();
        if !is_partition(written[1]) {
            let summary = format!("Partition \"{}\" is not valid for resource \"{}\".", shown(written[1]), shown(text));
            return Err((summary, "there are aws, aws-cn, aws-us-gov and *".into()));
        }
        let is_service = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if written[2].is_empty() || !written[2].chars().all(is_service) {
            return Err(("Resource vendor must be fully qualified and cannot contain regexes.".into(), String::new()));
        }
        Ok(ResourcePattern::Arn(pattern))
    }
}

/// `aws`, one of its siblings, or a wildcard for them.
fn is_partition(text: &str) -> bool {
    let tail = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '*' | '?');
    text == "*"
        || text.strip_prefix("aws").is_some_and(|rest| {
            rest.is_empty() || (rest.starts_with(['-', '*', '?']) && rest != "-" && rest.chars().all(tail))
        })
}

fn set<T>(polarity: Polarity, patterns: Vec<T>, texts: &[&str]) -> Set<T> {
    Set { polarity, patterns: patterns.into(), texts: texts.iter().map(|text| (*text).into()).collect() }
}

fn sid(json: &Json, path: &Path<'_>) -> Result<Box<str>, Fault> {
    const SUMMARY: &str = "Statement IDs (SID) must be alpha-numeric. \
        Check that your input satisfies the regular expression [0-9A-Za-z]*";
    let sid = json.string(path)?;
    match sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        true => Ok(sid.into()),
        false => Err(Fault::new(SUMMARY, path, "")),
    }
}

fn effect(json: Option<&Json>, path: &Path<'_>) -> Result<Effect, Fault> {
    match json.ok_or_else(|| Fault::syntax(path, "is missing"))?.string(path)? {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        other => Err(Fault::syntax(path, format!("must be \"Allow\" or \"Deny\", not \"{}\"", shown(other)))),
    }
}

/// `*`, or `service:Operation` with wildcards anywhere.
fn action(text: &str, kind: DocumentKind) -> Result<Pattern, (&'static str, String)> {
    let pattern = || {
        let pattern = Pattern::parse(&text.to_ascii_lowercase(), Syntax { wildcards: true, variables: false });
        pattern.expect("without variables every text is a pattern")
    };
    if text == "*" && kind != DocumentKind::Trust {
        return Ok(pattern());
    }
    let (service, operation) = text.split_once(':').ok_or_else(|| {
        let detail = format!("\"{}\" must be service:Operation, as in ssm:StartSession", shown(text));
        ("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.", detail)
    })?;
    if operation.contains(':') {
        return Err(("Actions/Condition can contain only one colon.", format!("\"{}\"", shown(text))));
    }
    let is_service = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '*' | '?');
    if service.is_empty() || !service.chars().all(is_service) {
        return Err(("Syntax errors in policy.", format!("Vendor {} is not valid", shown(service))));
    }
    let is_operation = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | '?' | '/');
    if operation.is_empty() || !operation.chars().all(is_operation) {
        let detail = format!("\"{}\" is no operation of a service: letters, digits, * and ?", shown(operation));
        return Err(("Syntax errors in policy.", detail));
    }
    if kind == DocumentKind::Trust && !service.eq_ignore_ascii_case("sts") {
        let detail = format!("\"{}\" is none of sts", shown(text));
        return Err(("AssumeRole policy may only specify STS AssumeRole actions.", detail));
    }
    Ok(pattern())
}
