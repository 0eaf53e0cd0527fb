//! Session tags and a source identity out of a provider's claims, as AWS reads them.

use postern_iam::jwt::Claims;
use postern_model::{ApiError, ErrorCode};
use serde_json::Value;

use crate::session_token::SessionTag;

const TAGS: &str = "https://aws.amazon.com/tags";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";
/// AWS's quota.
const MAX_TAGS: usize = 50;

/// What the claims say about the session.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Asserted {
    pub(super) tags: Vec<SessionTag>,
    pub(super) source_identity: Option<String>,
}

pub(super) fn asserted(claims: &Claims) -> Result<Asserted, ApiError> {
    read(|name| claims.get(name), claims.iter())
}

fn read<'a>(
    get: impl Fn(&str) -> Option<&'a Value>,
    all: impl Iterator<Item = (&'a str, &'a Value)>,
) -> Result<Asserted, ApiError> {
    let nested = |member: &str| get(TAGS).and_then(|tags| tags.get(member));
    // Providers that cannot nest write the same with longer names.
    let flat_keys = format!("{TAGS}/transitive_tag_keys");
    let flat_tag = format!("{TAGS}/principal_tags/");
    let transitive =
        nested("transitive_tag_keys").or_else(|| get(&flat_keys)).map(texts).transpose()?.unwrap_or_default();
    let mut found: Vec<(&str, &Value)> = Vec::new();
    if let Some(tags) = nested("principal_tags") {
        found.extend(tags.as_object().ok_or_else(rejected)?.iter().map(|(key, value)| (key.as_str(), value)));
    }
    found.extend(all.filter_map(|(name, value)| Some((name.strip_prefix(&flat_tag)?, value))));
    if found.len() > MAX_TAGS {
        return Err(rejected());
    }
    let mut tags: Vec<SessionTag> = Vec::new();
    for (key, value) in found {
        let values = texts(value)?;
        let [value] = &values[..] else { return Err(rejected()) };
        if tags.iter().any(|tag| tag.key.eq_ignore_ascii_case(key)) || !fits(key, 1, 128) || !fits(value, 0, 256) {
            return Err(rejected());
        }
        let transitive = transitive.iter().any(|transitive| transitive.eq_ignore_ascii_case(key));
        tags.push(SessionTag { key: key.to_owned(), value: value.clone(), transitive });
    }
    tags.sort();
    let source_identity = match get(SOURCE_IDENTITY) {
        None => None,
        Some(Value::String(name)) if is_name(name) => Some(name.clone()),
        Some(_) => return Err(rejected()),
    };
    Ok(Asserted { tags, source_identity })
}

/// One text, or a list of them.
fn texts(value: &Value) -> Result<Vec<String>, ApiError> {
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(rejected);
    match value {
        Value::Array(items) if items.len() <= MAX_TAGS => items.iter().map(text).collect(),
        other => Ok(vec![text(other)?]),
    }
}

fn fits(text: &str, min: usize, max: usize) -> bool {
    let is_of_tags = |c: char| c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c);
    (min..=max).contains(&text.chars().count()) && text.chars().all(is_of_tags)
}

fn is_name(name: &str) -> bool {
    (2..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

fn rejected() -> ApiError {
    let message = format!(
        "The token's claims {TAGS} or {SOURCE_IDENTITY} are not in AWS's form: principal_tags with one text each, at most \
         {MAX_TAGS}, and transitive_tag_keys with some of their keys."
    );
    ApiError::new(ErrorCode::IDPRejectedClaim, message)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use serde_json::json;

    use super::*;

    fn of(claims: &Value) -> Result<Asserted, ApiError> {
        let all = claims.as_object().unwrap();
        read(|name| all.get(name), all.iter().map(|(name, value)| (name.as_str(), value)))
    }

    #[test]
    fn both_forms_say_the_same() {
        let nested = json!({
            TAGS: {"principal_tags": {"env": ["prod"], "team": "web"}, "transitive_tag_keys": ["ENV"]},
            SOURCE_IDENTITY: "jane@example.org",
        });
        let flat = json!({
            format!("{TAGS}/principal_tags/env"): ["prod"],
            format!("{TAGS}/principal_tags/team"): "web",
            format!("{TAGS}/transitive_tag_keys"): ["ENV"],
            SOURCE_IDENTITY: "jane@example.org",
        });
        let tag = |key: &str, value: &str, transitive| SessionTag {
            key: key.to_owned(),
            value: value.to_owned(),
            transitive,
        };
        let expected = Asserted {
            tags: vec![tag("env", "prod", true), tag("team", "web", false)],
            source_identity: Some("jane@example.org".to_owned()),
        };
        assert_eq!(of(&nested).unwrap(), expected);
        assert_eq!(of(&flat).unwrap(), expected);
        assert_eq!(of(&json!({})).unwrap(), Asserted::default());
    }

    #[test]
    fn what_cannot_be_a_tag_is_rejected() {
        let many: serde_json::Map<String, Value> = (0..51).map(|at| (format!("k{at}"), json!("v"))).collect();
        for claims in [
            json!({ TAGS: {"principal_tags": []} }),
            json!({ TAGS: {"principal_tags": {"env": ["a", "b"]}} }),
            json!({ TAGS: {"principal_tags": {"env": []}} }),
            json!({ TAGS: {"principal_tags": {"env": 1}} }),
            json!({ TAGS: {"principal_tags": {"env": "a", "ENV": "b"}} }),
            json!({ TAGS: {"principal_tags": {"a*": "b"}} }),
            json!({ TAGS: {"principal_tags": {"a": "x".repeat(257)}} }),
            json!({ TAGS: {"principal_tags": many} }),
            json!({ TAGS: {"transitive_tag_keys": {"a": 1}} }),
            json!({ SOURCE_IDENTITY: "a b" }),
            json!({ SOURCE_IDENTITY: ["jane"] }),
        ] {
            assert_eq!(of(&claims).unwrap_err().code(), ErrorCode::IDPRejectedClaim, "{claims}");
        }
    }
}
