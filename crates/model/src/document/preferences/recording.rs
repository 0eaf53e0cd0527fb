//! How sessions are recorded, as a document says it: `inputs.postern.recording`.
//!
//! What the account's own preferences say holds. Another document may ask for more than that, and never for less: who may
//! write documents is not who decides what is recorded.

use serde_json::{Map, Value};

use super::super::DocumentError;
use super::own::object;
use super::truth;

/// Its name in `inputs.postern`.
pub(super) const MEMBER: &str = "recording";
const PATH: &str = "inputs.postern.recording";
const NAMES: [&str; 3] = ["mode", "input", "encrypted"];

/// What happens to a session that cannot be recorded. Later is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordingMode {
    /// It is not recorded at all.
    Off,
    /// It goes on, and the recording says what is missing.
    BestEffort,
    /// It does not begin, or ends.
    Required,
}

/// What happens to a session that must be recorded and that its ends would encrypt. Later is stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum EncryptedSessions {
    /// It begins without a recording: the node's agent logs it.
    AgentLogged,
    /// It does not begin.
    #[default]
    Refused,
}

/// What a document says about recording. Nothing is said where the account's word, or the service's default, holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordingPreferences {
    /// Whether sessions are recorded.
    pub mode: Option<RecordingMode>,
    /// Whether what was typed is recorded, too.
    pub input: Option<bool>,
    /// About sessions that cannot be recorded because they are encrypted.
    pub encrypted: Option<EncryptedSessions>,
}

/// What holds for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingRules {
    /// Whether it is recorded.
    pub mode: RecordingMode,
    /// Whether what was typed is recorded, too.
    pub input: bool,
    /// Whether it may begin encrypted although it must be recorded.
    pub encrypted: EncryptedSessions,
}

impl RecordingMode {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::BestEffort => "best-effort",
            Self::Off => "off",
        }
    }

    /// Reads that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Required, Self::BestEffort, Self::Off].into_iter().find(|mode| mode.as_str() == name)
    }
}

impl RecordingPreferences {
    pub(super) fn parse(members: &Map<String, Value>) -> Result<Self, DocumentError> {
        let mode = word(members, "mode", "required, best-effort or off", RecordingMode::from_name)?;
        let encrypted = word(members, "encrypted", "refused or agent-logged", |name| match name {
            "refused" => Some(EncryptedSessions::Refused),
            "agent-logged" => Some(EncryptedSessions::AgentLogged),
            _ => None,
        })?;
        let input = match members.get("input") {
            None | Some(Value::Null) => None,
            Some(value) => {
                let input = truth(value);
                Some(input.ok_or_else(|| DocumentError::member(format!("{PATH}.input"), "true or false"))?)
            }
        };
        Ok(Self { mode, input, encrypted })
    }

    /// What the account's preferences come to, where sessions are recorded like this if they say nothing.
    #[must_use]
    pub fn rules(self, default: RecordingMode) -> RecordingRules {
        RecordingRules {
            mode: self.mode.unwrap_or(default),
            input: self.input.unwrap_or_default(),
            encrypted: self.encrypted.unwrap_or_default(),
        }
    }
}

impl RecordingRules {
    /// What holds for a session of a document that says `document`: the stricter of each.
    #[must_use]
    pub fn and(self, document: RecordingPreferences) -> Self {
        Self {
            mode: document.mode.map_or(self.mode, |mode| mode.max(self.mode)),
            input: self.input || document.input == Some(true),
            encrypted: document.encrypted.map_or(self.encrypted, |encrypted| encrypted.max(self.encrypted)),
        }
    }
}

/// Refuses what nobody knows.
pub(super) fn check_names(own: &Map<String, Value>) -> Result<(), DocumentError> {
    let members = object(own, MEMBER, "inputs.postern")?;
    match members.and_then(|members| members.keys().find(|name| !NAMES.contains(&name.as_str()))) {
        Some(name) => Err(DocumentError::UnknownMember(format!("{PATH}.{name}"))),
        None => Ok(()),
    }
}

fn word<T>(
    members: &Map<String, Value>,
    name: &str,
    expected: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, DocumentError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_str().and_then(read) {
            Some(found) => Ok(Some(found)),
            None => Err(DocumentError::member(format!("{PATH}.{name}"), expected)),
        },
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;
    use serde_json::json;

    use super::EncryptedSessions::{AgentLogged, Refused};
    use super::RecordingMode::{BestEffort, Off, Required};
    use super::*;

    fn parse(value: &Value) -> Result<RecordingPreferences, DocumentError> {
        RecordingPreferences::parse(value.as_object().unwrap())
    }

    #[test]
    fn each_word_is_read_and_others_are_named() {
        let all = json!({"mode": "best-effort", "input": "true", "encrypted": "agent-logged"});
        let read = RecordingPreferences { mode: Some(BestEffort), input: Some(true), encrypted: Some(AgentLogged) };
        assert_eq!(parse(&all).unwrap(), read);
        assert_eq!(parse(&json!({"mode": null})).unwrap(), RecordingPreferences::default());
        for (wrong, path) in [
            (json!({"mode": "Required"}), "inputs.postern.recording.mode"),
            (json!({"mode": true}), "inputs.postern.recording.mode"),
            (json!({"input": "maybe"}), "inputs.postern.recording.input"),
            (json!({"encrypted": ""}), "inputs.postern.recording.encrypted"),
        ] {
            let error = parse(&wrong).unwrap_err().to_string();
            assert!(error.contains(path), "{wrong}: {error}");
        }
    }

    fn words() -> impl Strategy<Value = RecordingPreferences> {
        let mode = prop::sample::select(vec![None, Some(Off), Some(BestEffort), Some(Required)]);
        let encrypted = prop::sample::select(vec![None, Some(AgentLogged), Some(Refused)]);
        (mode, any::<Option<bool>>(), encrypted).prop_map(|(mode, input, encrypted)| RecordingPreferences {
            mode,
            input,
            encrypted,
        })
    }

    proptest! {
        #[test]
        fn no_document_takes_away_what_the_account_says(
            account in words(),
            document in words(),
            default in prop::sample::select(vec![Off, BestEffort, Required]),
        ) {
            let rules = account.rules(default);
            let both = rules.and(document);
            prop_assert!(both.mode >= account.mode.unwrap_or(default));
            prop_assert!(both.input >= rules.input && both.encrypted >= rules.encrypted);
            prop_assert!(document.mode.is_none_or(|mode| both.mode >= mode));
            // The account's own document is a document, too.
            prop_assert_eq!(rules.and(account), rules);
        }
    }
}
