//! Identity and Access Management, and who somebody is: users, groups, roles, access keys, policies.
//!
//! Requests are forms and answers XML ([`crate::query`]). Names of members are AWS's; what each takes is as in its model.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::activation::Tag;
use crate::constraint::{Pattern, Text};
use crate::decode::Input;
use crate::error::ApiError;
use crate::query::{percent_decode, percent_encode};
use crate::timestamp::Timestamp;

mod access_key;
mod group;
mod mfa;
mod policy;
mod provider;
mod role;
mod simulation;
mod user;

pub use access_key::*;
pub use group::*;
pub use mfa::*;
pub use policy::*;
pub use provider::*;
pub use role::*;
pub use simulation::*;
pub use user::*;

/// A moment as XML has it: `2026-11-26T20:47:28Z`, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

impl Moment {
    /// From milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Timestamp::from_millis(millis))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = i64::try_from(self.0.millis() / 1000).map_err(serde::ser::Error::custom)?;
        let moment = OffsetDateTime::from_unix_timestamp(seconds).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&moment.format(&Rfc3339).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment = OffsetDateTime::parse(&text, &Rfc3339).map_err(serde::de::Error::custom)?;
        let seconds = u64::try_from(moment.unix_timestamp()).map_err(serde::de::Error::custom)?;
        Ok(Self::from_millis(seconds.saturating_mul(1000)))
    }
}

/// A policy document as answers have it: written with percent signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document(pub String);

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&percent_encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        percent_decode(&text).map(Self).ok_or_else(|| serde::de::Error::custom("not written with percent signs"))
    }
}

const NAME: Pattern = Pattern {
    text: r"[\w+=,.@-]+",
    matches: |text| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
    },
};
const PATH: Text = Text::length(1, 512).matching(Pattern {
    text: r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)",
    matches: |text| text == "/" || (text.len() > 2 && is_path(text) && text.ends_with('/')),
});
const PATH_PREFIX: Text = Text::length(1, 512).matching(Pattern { text: r"\u002F[\u0021-\u007F]*", matches: is_path });
const POLICY_PATH: Text = Text::length(1, 512).matching(Pattern {
    text: r"((/[A-Za-z0-9\.,\+@=_-]+)*)/",
    matches: |text| {
        let inner =
            text.strip_suffix('/').and_then(|text| if text.is_empty() { Some("") } else { text.strip_prefix('/') });
        inner.is_some_and(|inner| inner.is_empty() && text == "/" || inner.split('/').all(|part| (NAME.matches)(part)))
    },
});
const ARN: Text = Text::length(20, 2048);
const DOCUMENT: Text = Text::length(1, 131_072)
    .matching(Pattern {
        text: r"[\u0009\u000A\u000D\u0020-\u00FF]+",
        matches: |text| !text.is_empty() && text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}')),
    })
    .sensitive();
const DESCRIPTION: Text = Text::length(0, 1000).matching(Pattern {
    text: r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*",
    matches: |text| text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{7e}' | '\u{a1}'..='\u{ff}')),
});
/// AWS's are at most 320 characters; ours hold a whole ARN, sealed.
const MARKER: Text = Text::length(1, 4096).matching(Pattern {
    text: r"[\u0020-\u00FF]+",
    matches: |text| !text.is_empty() && text.chars().all(|c| ('\u{20}'..='\u{ff}').contains(&c)),
});
const VERSION_ID: Text = Text::length(0, 64).matching(Pattern {
    text: r"v[1-9][0-9]*(\.[A-Za-z0-9-]*)?",
    matches: |text| {
        let Some(rest) = text.strip_prefix('v') else { return false };
        let (number, suffix) = rest.split_once('.').unwrap_or((rest, ""));
        !number.is_empty()
            && !number.starts_with('0')
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    },
});
const KEY_ID: Text = Text::length(16, 128).matching(Pattern {
    text: r"[\w]+",
    matches: |text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
});
const TAG_KEY: Text = Text::length(1, 128).matching(crate::constraint::LABEL);

/// A name of at most so many letters.
const fn name(max: usize) -> Text {
    Text::length(1, max).matching(NAME)
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|byte| (0x21..=0x7f).contains(&byte))
}

/// Members that several operations of IAM have.
impl Input<'_> {
    fn tags(&mut self) -> Result<Vec<Tag>, ApiError> {
        self.objects("Tags", 0..=50, Tag::read)
    }

    fn required_tags(&mut self) -> Result<Vec<Tag>, ApiError> {
        if !self.has("Tags") {
            self.report_missing("Tags");
        }
        self.tags()
    }

    fn tag_keys(&mut self) -> Result<Vec<String>, ApiError> {
        Ok(self.required_texts("TagKeys", 0..=50, TAG_KEY)?.unwrap_or_default())
    }

    fn max_items(&mut self) -> Result<Option<u32>, ApiError> {
        Ok(self.integer("MaxItems", 1, 1000)?.and_then(|count| u32::try_from(count).ok()))
    }

    fn marker(&mut self) -> Result<Option<String>, ApiError> {
        self.text("Marker", MARKER)
    }

    /// A choice that is kept as its name.
    fn named(&mut self, member: &str, names: &[&'static str]) -> Result<Option<&'static str>, ApiError> {
        let choices: Vec<(&str, &'static str)> = names.iter().map(|name| (*name, *name)).collect();
        self.choice(member, &choices)
    }

    fn required_named(&mut self, member: &str, names: &[&'static str]) -> Result<&'static str, ApiError> {
        let choices: Vec<(&str, &'static str)> = names.iter().map(|name| (*name, *name)).collect();
        Ok(self.required_choice(member, &choices)?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;
    use crate::query::Form;
    use crate::{ErrorCode, decode_form};

    fn decode<R: crate::ApiRequest>(body: &str) -> Result<R, ApiError> {
        decode_form(&Form::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn a_form_becomes_a_request_or_awss_sentence() {
        let made: CreateUserRequest =
            decode("UserName=jane&Path=/ops/&Tags.member.1.Key=a&Tags.member.1.Value=b").unwrap();
        assert_eq!((made.user_name.as_str(), made.path.as_deref(), made.tags.len()), ("jane", Some("/ops/"), 1));
        let none: TagUserRequest = decode("UserName=jane&Tags=").unwrap();
        assert!(none.tags.is_empty(), "a list without items is an empty text");
        let listed: ListUsersRequest = decode("MaxItems=7").unwrap();
        assert_eq!(listed.max_items, Some(7));
        let error = decode::<CreateUserRequest>("UserName=a/b&Path=x").unwrap_err();
        assert_eq!(error.code(), ErrorCode::ValidationError);
        assert_eq!(
            error.message(),
            "2 validation errors detected: Value 'x' at 'path' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: (\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F); Value 'a/b' at 'userName' failed \
             to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+"
        );
        for body in ["MaxItems=x", "MaxItems.member.1=1", "Marker.x=1"] {
            assert_eq!(decode::<ListUsersRequest>(body).unwrap_err().code(), ErrorCode::SerializationException);
        }
        let error = decode::<UpdateAccessKeyRequest>("AccessKeyId=PKIA000000000000001&Status=Perhaps").unwrap_err();
        assert_eq!(error.code(), ErrorCode::ValidationError);
    }

    #[test]
    fn paths_are_what_the_pattern_says() {
        for (text, path, policy) in [
            ("/", true, true),
            ("/a/", true, true),
            ("/a/b-c/", true, true),
            ("//", false, false),
            ("/a", false, false),
            ("a/", false, false),
            ("/a!/", true, false),
            ("/a b/", false, false),
            ("///", true, false),
            ("", false, false),
        ] {
            assert_eq!((PATH.accepts(text), POLICY_PATH.accepts(text)), (path, policy), "{text:?}");
        }
        for (text, is_id) in
            [("v1", true), ("v12.a-b", true), ("v0", false), ("1", false), ("v", false), ("v1.!", false)]
        {
            assert_eq!(VERSION_ID.accepts(text), is_id, "{text:?}");
        }
    }

    #[test]
    fn moments_and_documents_are_written_as_xml_has_them() {
        let moment = Moment::from_millis(1_795_384_779_144);
        assert_eq!(serde_json::to_string(&moment).unwrap(), "\"2026-11-22T21:59:39Z\"");
        let document = Document("{\"a\": 1}".to_owned());
        assert_eq!(serde_json::to_string(&document).unwrap(), "\"%7B%22a%22%3A%201%7D\"");
        assert_eq!(serde_json::from_str::<Document>("\"%7B%22a%22%3A%201%7D\"").unwrap(), document);
    }
}
