//! What may be seen of requests and answers: no secrets, and not too much.

use serde_json::{Map, Value};

/// What stands for a secret, in CloudTrail's words.
pub const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// What stands for what there was no room for.
const OMITTED: &str = "OMITTED_DUE_TO_SIZE";

/// Members that hold secrets, session content or keys, whatever the operation, in small letters. A token that opens
/// nothing but the next page is no secret and as good as noise.
const SECRETS: &[&str] = &[
    "activationcode",
    "authenticationcode1",
    "authenticationcode2",
    "base32stringseed",
    "ciphertextblob",
    "fingerprint",
    "logevents",
    "marker",
    "newpassword",
    "nexttoken",
    "oldpassword",
    "password",
    "plaintext",
    "privatekey",
    "qrcodepng",
    "samlassertion",
    "secretaccesskey",
    "sessiontoken",
    "tokencode",
    "tokenvalue",
    "webidentitytoken",
];

/// Parameters of documents that say where a tunnel leads. Others may be commands with passwords in them.
const OPEN_PARAMETERS: &[&str] = &["host", "localPortNumber", "portNumber"];

/// The longest text that is kept, in characters.
const MAX_TEXT: usize = 4096;
/// Items of a list, and members of an object.
const MAX_ITEMS: usize = 64;
/// Lists and objects within each other.
const MAX_DEPTH: usize = 8;
/// All of it, in bytes of names and texts.
const MAX_BYTES: usize = 16 * 1024;

/// A request or an answer as an event shows it: names begin with small letters, secrets are [`HIDDEN`], and what is too
/// long is cut. Nothing if there is nothing in it.
#[must_use]
pub fn shown(value: &Value) -> Option<Value> {
    let mut room = MAX_BYTES;
    match value {
        Value::Object(members) if members.is_empty() => None,
        Value::Null => None,
        value => Some(within(value, MAX_DEPTH, &mut room)),
    }
}

fn within(value: &Value, depth: usize, room: &mut usize) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) => text_of(text, room),
        Value::Array(_) | Value::Object(_) if depth == 0 || *room == 0 => Value::from(OMITTED),
        Value::Array(items) => {
            let mut shown: Vec<Value> =
                items.iter().take(MAX_ITEMS).map(|item| within(item, depth - 1, room)).collect();
            if items.len() > MAX_ITEMS {
                shown.push(Value::from(OMITTED));
            }
            Value::Array(shown)
        }
        Value::Object(members) => {
            let mut shown = Map::new();
            for (name, value) in members.iter().filter(|(_, value)| !value.is_null()).take(MAX_ITEMS) {
                let value = match (name.as_str(), value) {
                    (name, _) if is_secret(name) => Value::from(HIDDEN),
                    ("Parameters", Value::Object(parameters)) => parameters_of(parameters, depth - 1, room),
                    (_, value) => within(value, depth - 1, room),
                };
                shown.insert(name_of(name, room), value);
            }
            Value::Object(shown)
        }
    }
}

fn is_secret(name: &str) -> bool {
    SECRETS.binary_search(&name.to_ascii_lowercase().as_str()).is_ok()
}

/// What a document is started with.
fn parameters_of(parameters: &Map<String, Value>, depth: usize, room: &mut usize) -> Value {
    let show = |(name, value): (&String, &Value)| {
        let is_open = OPEN_PARAMETERS.contains(&name.as_str());
        let value = if is_open && depth > 0 { within(value, depth - 1, room) } else { Value::from(HIDDEN) };
        (name_of(name, room), value)
    };
    Value::Object(parameters.iter().take(MAX_ITEMS).map(show).collect())
}

fn text_of(text: &str, room: &mut usize) -> Value {
    let kept = text.floor_char_boundary(MAX_TEXT.min(*room));
    *room -= kept;
    match kept == text.len() {
        true => Value::from(text),
        false => Value::from(format!("{}… ({OMITTED}: {} bytes)", &text[..kept], text.len())),
    }
}

/// CloudTrail's names begin with small letters where the API's begin with capitals.
fn name_of(name: &str, room: &mut usize) -> String {
    let name = &name[..name.floor_char_boundary(256)];
    *room = room.saturating_sub(name.len());
    let mut letters = name.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if first.is_ascii_uppercase() && second.is_ascii_lowercase() => {
            format!("{}{}", first.to_ascii_lowercase(), letters.as_str())
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use serde_json::json;

    #[test]
    fn names_of_secrets_are_sorted() {
        assert!(SECRETS.is_sorted());
    }

    #[test]
    fn secrets_are_hidden_wherever_they_are() {
        let value = json!({
            "ActivationCode": "s3cret", "Credentials": {"SecretAccessKey": "s3cret", "AccessKeyId": "AKIA"},
            "List": [{"tokenCode": "s3cret"}], "SerialNumber": null, "KMSKeyId": "k", "Target": "mi-1",
        });
        assert_eq!(
            shown(&value).unwrap(),
            json!({
                "activationCode": HIDDEN, "credentials": {"secretAccessKey": HIDDEN, "accessKeyId": "AKIA"},
                "list": [{"tokenCode": HIDDEN}], "KMSKeyId": "k", "target": "mi-1",
            })
        );
    }

    #[test]
    fn where_a_tunnel_leads_is_seen_and_commands_are_not() {
        let value = json!({"Parameters": {"portNumber": ["22"], "host": ["db"], "command": ["mysql -ps3cret"]}});
        let expected = json!({"parameters": {"portNumber": ["22"], "host": ["db"], "command": HIDDEN}});
        assert_eq!(shown(&value).unwrap(), expected);
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(shown(&json!({})), None);
        assert_eq!(shown(&Value::Null), None);
    }

    #[test]
    fn too_much_is_cut() {
        let deep = (0..100).fold(json!("x"), |inner, _| json!([inner]));
        let wide: Value = (0..1000).map(|n| (format!("n{n}"), json!("é".repeat(10_000)))).collect::<Map<_, _>>().into();
        for value in [json!({"a": deep}), json!({"a": "x".repeat(1_000_000)}), json!({"a": wide}), json!({"a": [wide]})]
        {
            let text = shown(&value).unwrap().to_string();
            assert!(text.len() < 2 * MAX_BYTES, "{}", text.len());
            assert!(text.contains(OMITTED), "{}", &text[..100]);
        }
    }
}
