//! The Query protocol of the older services: a form asks, XML answers.
//!
//! Members within members have names with dots, and items of lists have numbers: `Tags.member.1.Key=env`. How many there
//! are, and how deep, is bounded before anything is made of them.

use serde_json::{Map, Value};

use crate::error::{ApiError, ErrorCode};
use crate::operation::{Operation, Protocol};

/// The members of a form. A user with fifty tags needs a hundred and a few more.
const MAX_MEMBERS: usize = 512;
/// The longest name of a member, in bytes.
const MAX_NAME_BYTES: usize = 256;
/// How deep a name may go: `Tags.member.1.Key` is four.
const MAX_DEPTH: usize = 8;
/// A list's items are found under this name.
const ITEM: &str = "member";
/// A map's entries are found under this name.
const ENTRY: &str = "entry";

/// A form, as a tree of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form(Map<String, Value>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// `MalformedInput` for what is no form, has too many members, or says something twice.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let mut members = Map::new();
        let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        for (count, pair) in pairs.enumerate() {
            if count >= MAX_MEMBERS {
                return Err(malformed("The form has more members than any operation takes."));
            }
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            if name.len() > MAX_NAME_BYTES {
                return Err(malformed("A member's name is longer than any that there is."));
            }
            insert(&mut members, &text(name)?, text(value)?)?;
        }
        Ok(Self(members.into_iter().map(|(name, value)| (name, with_lists(value))).collect()))
    }

    /// The operation that it asks for, by `Action` and `Version`.
    ///
    /// # Errors
    /// `MissingAction`, `InvalidAction`.
    pub fn operation(&self) -> Result<Operation, ApiError> {
        let Some(action) = self.text("Action").filter(|action| !action.is_empty()) else {
            let message = "The form names no operation: send Action and Version, for example Action=ListUsers and \
                           Version=2010-05-08.";
            return Err(ApiError::new(ErrorCode::MissingAction, message));
        };
        Operation::from_action(action, self.version())
    }

    /// The version that it names; empty if none.
    #[must_use]
    pub fn version(&self) -> &str {
        self.text("Version").unwrap_or_default()
    }

    pub(crate) fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }
}

fn malformed(message: &str) -> ApiError {
    ApiError::new(ErrorCode::MalformedInput, message)
}

fn text(encoded: &[u8]) -> Result<String, ApiError> {
    let wrong = || malformed("The form is not in UTF-8 with percent signs as in application/x-www-form-urlencoded.");
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter();
    while let Some(&byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(*digit).to_digit(16));
                let (high, low) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
                u8::try_from(high * 16 + low).map_err(|_| wrong())?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// Puts a value where its name says. A name that was there already, whole or as a beginning, is refused.
fn insert(members: &mut Map<String, Value>, name: &str, value: String) -> Result<(), ApiError> {
    let mut at = members;
    let mut steps = name.split('.').peekable();
    let mut depth = 0;
    while let Some(step) = steps.next() {
        depth += 1;
        if depth > MAX_DEPTH {
            return Err(malformed("A member's name goes deeper than any that there is."));
        }
        if steps.peek().is_none() {
            return match at.insert(step.to_owned(), Value::String(value)) {
                None => Ok(()),
                Some(_) => Err(malformed("The form has one member twice.")),
            };
        }
        match at.entry(step).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(inner) => at = inner,
            _ => return Err(malformed("The form has one member both as a value and with members of its own.")),
        }
    }
    Ok(())
}

/// The same with lists where there are numbered items. Only their order counts.
fn with_lists(value: Value) -> Value {
    let Value::Object(mut members) = value else { return value };
    match members.remove(ITEM) {
        Some(Value::Object(items)) if members.is_empty() && items.keys().all(|at| at.parse::<u32>().is_ok()) => {
            let mut items: Vec<(u32, Value)> =
                items.into_iter().map(|(at, item)| (at.parse().unwrap_or(u32::MAX), with_lists(item))).collect();
            items.sort_by_key(|(at, _)| *at);
            Value::Array(items.into_iter().map(|(_, item)| item).collect())
        }
        item => {
            members.extend(item.map(|item| (ITEM.to_owned(), item)));
            Value::Object(members.into_iter().map(|(name, value)| (name, with_lists(value))).collect())
        }
    }
}

/// An answer, from its members: `null` is absence.
#[must_use]
pub fn answer(operation: Operation, result: &Value, request_id: &str) -> String {
    let name = operation.name();
    let mut xml = format!("<{name}Response xmlns=\"{}\">", namespace(operation));
    // This one has a result that has no members, and clients look for it.
    let has_result =
        operation == Operation::UpdateRole || result.as_object().is_some_and(|members| !members.is_empty());
    if has_result {
        element(&mut xml, &format!("{name}Result"), result);
    }
    xml.push_str("<ResponseMetadata>");
    element(&mut xml, "RequestId", &Value::from(request_id));
    xml.push_str(&format!("</ResponseMetadata></{name}Response>"));
    xml
}

/// A failure.
#[must_use]
pub fn failure(error: &ApiError, version: &str, request_id: &str) -> String {
    let namespace = namespace_of(version);
    let kind = if error.status() < 500 { "Sender" } else { "Receiver" };
    let mut xml = format!("<ErrorResponse xmlns=\"{namespace}\"><Error>");
    for (name, value) in [("Type", kind), ("Code", error.name()), ("Message", error.message())] {
        element(&mut xml, name, &Value::from(value));
    }
    xml.push_str("</Error>");
    element(&mut xml, "RequestId", &Value::from(request_id));
    xml.push_str("</ErrorResponse>");
    xml
}

fn namespace(operation: Operation) -> &'static str {
    match operation.service().protocol() {
        Protocol::Query(version) => namespace_of(version),
        Protocol::Json(_) => "",
    }
}

fn namespace_of(version: &str) -> &'static str {
    match version {
        "2011-06-15" => "https://sts.amazonaws.com/doc/2011-06-15/",
        _ => "https://iam.amazonaws.com/doc/2010-05-08/",
    }
}

fn element(xml: &mut String, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    xml.push_str(&format!("<{name}>"));
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| match value {
            // A map: its entries stand in no list.
            Value::Array(entries) if name == ENTRY => entries.iter().for_each(|entry| element(xml, ENTRY, entry)),
            value => element(xml, name, value),
        }),
        Value::Array(items) => items.iter().for_each(|item| element(xml, ITEM, item)),
        Value::String(text) => escape(xml, text),
        other => xml.push_str(&other.to_string()),
    }
    xml.push_str(&format!("</{name}>"));
}

fn escape(xml: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '&' => xml.push_str("&amp;"),
            '"' => xml.push_str("&quot;"),
            // Parsers make other line ends of it.
            '\r' => xml.push_str("&#xD;"),
            // XML 1.0 has no way to write other control characters, nor these two.
            c if (c.is_control() && !matches!(c, '\t' | '\n')) || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                xml.push('\u{fffd}');
            }
            c => xml.push(c),
        }
    }
}

/// A text with everything but letters, digits and `-._~` written with percent signs: how policies travel in answers.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

/// The text that [`percent_encode`] was given. Nothing for what it cannot have made.
#[must_use]
pub fn percent_decode(encoded: &str) -> Option<String> {
    text(encoded.replace('+', "%2B").as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parse(body: &str) -> Result<Value, ErrorCode> {
        Form::parse(body.as_bytes()).map(|form| Value::Object(form.0)).map_err(|error| error.code())
    }

    #[test]
    fn names_with_dots_become_members_and_numbers_items() {
        assert_eq!(
            parse(
                "Action=X&Tags.member.2.Key=b&Tags.member.1.Key=a+%C3%A9%26&Tags.member.1.Value=&Keys.member.7=k&Empty="
            ),
            Ok(json!({
                "Action": "X",
                "Tags": [{"Key": "a é&", "Value": ""}, {"Key": "b"}],
                "Keys": ["k"],
                "Empty": "",
            }))
        );
        assert_eq!(parse(""), Ok(json!({})));
        assert_eq!(parse("A.member.x=1"), Ok(json!({"A": {"member": {"x": "1"}}})), "no number, no list");
    }

    #[test]
    fn a_form_that_says_two_things_is_refused() {
        for body in ["A=1&A=2", "A=1&A.B=2", "A.B=1&A=2", "A=%", "A=%4", "A=%zz", "A=%FF", "A.B.C.D.E.F.G.H.I=1"] {
            assert_eq!(parse(body), Err(ErrorCode::MalformedInput), "{body}");
        }
        let many: String = (0..513).map(|n| format!("A{n}=&")).collect();
        assert_eq!(parse(&many), Err(ErrorCode::MalformedInput));
        assert_eq!(parse(&format!("{}=1", "a".repeat(257))), Err(ErrorCode::MalformedInput));
        // An item's number costs nothing, however large.
        assert_eq!(parse("A.member.4294967295=x"), Ok(json!({"A": ["x"]})));
    }

    #[test]
    fn an_operation_is_an_action_of_a_version() {
        let operation = |body: &str| Form::parse(body.as_bytes()).unwrap().operation().map_err(|error| error.code());
        assert_eq!(operation("Action=CreateUser&Version=2010-05-08"), Ok(Operation::CreateUser));
        assert_eq!(operation("Action=CreateUser"), Err(ErrorCode::InvalidAction));
        assert_eq!(operation("Action=StartSession&Version=2010-05-08"), Err(ErrorCode::InvalidAction));
        assert_eq!(operation("Version=2010-05-08"), Err(ErrorCode::MissingAction));
    }

    #[test]
    fn answers_are_xml_that_cannot_be_broken_out_of() {
        let result = json!({ "User": { "Path": "/<&>\"\u{1}", "Tags": [{"Key": "a"}], "Groups": [], "Note": null } });
        assert_eq!(
            answer(Operation::GetUser, &result, "id"),
            "<GetUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetUserResult><User>\
             <Groups></Groups><Path>/&lt;&amp;&gt;&quot;\u{fffd}</Path><Tags><member><Key>a</Key></member></Tags></User>\
             </GetUserResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GetUserResponse>"
        );
        assert_eq!(
            answer(Operation::DeleteUser, &json!({}), "id"),
            "<DeleteUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ResponseMetadata><RequestId>id\
             </RequestId></ResponseMetadata></DeleteUserResponse>"
        );
        assert!(answer(Operation::UpdateRole, &json!({}), "id").contains("<UpdateRoleResult></UpdateRoleResult>"));
        let error = ApiError::new(ErrorCode::NoSuchEntity, "no <user>");
        assert_eq!(
            failure(&error, "2010-05-08", "id"),
            "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>\
             <Code>NoSuchEntity</Code><Message>no &lt;user&gt;</Message></Error><RequestId>id</RequestId></ErrorResponse>"
        );
    }

    proptest! {
        #[test]
        fn no_body_makes_the_reader_panic(body in prop::collection::vec(any::<u8>(), 0..2000)) {
            let _ = Form::parse(&body);
        }

        #[test]
        fn what_is_percent_encoded_comes_back(text in "\\PC*") {
            prop_assert_eq!(percent_decode(&percent_encode(&text)), Some(text));
        }
    }
}
