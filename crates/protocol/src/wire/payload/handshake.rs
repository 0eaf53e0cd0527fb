//! The three handshake messages and the encryption challenge, payload types 5 to 9.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::extension::{AgentOffer, ClientOffer, offer};
use super::json::null_is_default;
use super::{JsonPayload, PayloadError};

/// Session documents may have large properties; nothing else in a handshake is.
const MAX_HANDSHAKE_BYTES: usize = 128 * 1024;

/// What the agent asks of the client (spec messages 6.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HandshakeRequest {
    /// Four dotted decimal numbers.
    #[serde(deserialize_with = "null_is_default")]
    pub agent_version: String,
    /// In order: the session type first, encryption second if at all.
    #[serde(deserialize_with = "null_is_default")]
    pub requested_client_actions: Vec<RequestedAction>,
    /// What our agent offers beyond AWS's protocol.
    #[serde(deserialize_with = "offer", skip_serializing_if = "Option::is_none")]
    pub postern: Option<AgentOffer>,
}

impl JsonPayload for HandshakeRequest {
    const NAME: &'static str = "HandshakeRequest";
    const MAX_BYTES: usize = MAX_HANDSHAKE_BYTES;
}

/// One thing the client is to do before the session begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawAction", into = "RawAction")]
pub enum RequestedAction {
    /// Learn what kind of session this is.
    SessionType {
        /// `Standard_Stream`, `InteractiveCommands`, `NonInteractiveCommands` or `Port`.
        session_type: String,
        /// The resolved properties of the session document for `Port`; else null.
        properties: Value,
    },
    /// Fetch a data key.
    KmsEncryption {
        /// Key id, alias or ARN.
        kms_key_id: String,
        /// Base64 of 16 random bytes; only from agents since 3.3.808.0.
        challenge: Option<String>,
    },
    /// Unknown here; to be answered as unsupported.
    Other {
        /// Its name.
        action_type: String,
        /// Its parameters, whatever they are.
        parameters: Value,
    },
}

impl RequestedAction {
    const SESSION_TYPE: &'static str = "SessionType";
    const KMS_ENCRYPTION: &'static str = "KMSEncryption";

    /// The name, which the response echoes.
    pub fn action_type(&self) -> &str {
        match self {
            Self::SessionType { .. } => Self::SESSION_TYPE,
            Self::KmsEncryption { .. } => Self::KMS_ENCRYPTION,
            Self::Other { action_type, .. } => action_type,
        }
    }
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawAction {
    #[serde(deserialize_with = "null_is_default")]
    action_type: String,
    action_parameters: Value,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawSessionType {
    #[serde(deserialize_with = "null_is_default")]
    session_type: String,
    properties: Value,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct RawKmsEncryption {
    #[serde(rename = "KMSKeyId", deserialize_with = "null_is_default")]
    kms_key_id: String,
    #[serde(rename = "Challenge", skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
}

impl TryFrom<RawAction> for RequestedAction {
    type Error = serde_json::Error;

    fn try_from(raw: RawAction) -> Result<Self, serde_json::Error> {
        Ok(match raw.action_type.as_str() {
            Self::SESSION_TYPE => {
                let RawSessionType { session_type, properties } = parameters(raw.action_parameters)?;
                Self::SessionType { session_type, properties }
            }
            Self::KMS_ENCRYPTION => {
                let RawKmsEncryption { kms_key_id, challenge } = parameters(raw.action_parameters)?;
                Self::KmsEncryption { kms_key_id, challenge }
            }
            _ => Self::Other { action_type: raw.action_type, parameters: raw.action_parameters },
        })
    }
}

impl From<RequestedAction> for RawAction {
    fn from(action: RequestedAction) -> Self {
        let action_type = action.action_type().to_owned();
        let action_parameters = match action {
            RequestedAction::SessionType { session_type, properties } => {
                to_value(&RawSessionType { session_type, properties })
            }
            RequestedAction::KmsEncryption { kms_key_id, challenge } => {
                to_value(&RawKmsEncryption { kms_key_id, challenge })
            }
            RequestedAction::Other { parameters, .. } => parameters,
        };
        Self { action_type, action_parameters }
    }
}

fn parameters<T: Default + serde::de::DeserializeOwned>(value: Value) -> Result<T, serde_json::Error> {
    Ok(serde_json::from_value::<Option<T>>(value)?.unwrap_or_default())
}

fn to_value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("payload types have string keys only")
}

/// What the client answers (spec messages 6.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HandshakeResponse {
    /// Version of the client; four parts, or some features are off.
    #[serde(deserialize_with = "null_is_default")]
    pub client_version: String,
    /// One for each requested action, in the same order.
    #[serde(deserialize_with = "null_is_default")]
    pub processed_client_actions: Vec<ProcessedAction>,
    /// The bare error texts. Empty is `null` on the wire.
    #[serde(deserialize_with = "null_is_default", serialize_with = "empty_is_null")]
    pub errors: Vec<String>,
    /// What our client offers beyond AWS's protocol.
    #[serde(deserialize_with = "offer", skip_serializing_if = "Option::is_none")]
    pub postern: Option<ClientOffer>,
}

fn empty_is_null<S: serde::Serializer>(errors: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    (!errors.is_empty()).then_some(errors).serialize(serializer)
}

impl JsonPayload for HandshakeResponse {
    const NAME: &'static str = "HandshakeResponse";
    const MAX_BYTES: usize = MAX_HANDSHAKE_BYTES;
}

/// How one requested action went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ProcessedAction {
    /// Echo of the request.
    #[serde(deserialize_with = "null_is_default")]
    pub action_type: String,
    /// The agent fails the handshake on anything but success.
    #[serde(deserialize_with = "null_is_default")]
    pub action_status: ActionStatus,
    /// Null, or by type: see [`ProcessedAction::kms_encryption`]. For actions it does not know the
    /// stock client puts the status number here.
    pub action_result: Value,
    /// Empty on success, else `Failed to process action <ActionType>: <detail>`.
    #[serde(deserialize_with = "null_is_default")]
    pub error: String,
}

impl ProcessedAction {
    /// The answer to an action that worked and has no result.
    pub fn success(action: &RequestedAction) -> Self {
        Self { action_type: action.action_type().to_owned(), action_status: ActionStatus::SUCCESS, ..Self::default() }
    }

    /// The answer to an action that failed; `detail` goes into [`HandshakeResponse::errors`] too.
    pub fn failed(action: &RequestedAction, detail: &str) -> Self {
        let action_type = action.action_type().to_owned();
        Self {
            error: format!("Failed to process action {action_type}: {detail}"),
            action_type,
            action_status: ActionStatus::FAILED,
            action_result: Value::Null,
        }
    }

    /// The answer to an action that is unknown here. The status is where it belongs, unlike the
    /// stock client's; agents treat everything but success alike.
    pub fn unsupported(action: &RequestedAction) -> Self {
        let action_type = action.action_type().to_owned();
        Self {
            error: format!("Unsupported action {action_type}"),
            action_type,
            action_status: ActionStatus::UNSUPPORTED,
            action_result: Value::Null,
        }
    }

    /// The result of a `KMSEncryption` action.
    ///
    /// # Errors
    /// If the result is of another shape.
    pub fn kms_encryption(&self) -> Result<KmsEncryptionResult, PayloadError> {
        KmsEncryptionResult::deserialize(&self.action_result)
            .map_err(|_| PayloadError::Form { payload: "ActionResult", expected: "the result of KMSEncryption" })
    }
}

/// Status of a processed action; unknown numbers are carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionStatus(pub i64);

impl ActionStatus {
    /// It was done.
    pub const SUCCESS: Self = Self(1);
    /// It was tried.
    pub const FAILED: Self = Self(2);
    /// It was not understood.
    pub const UNSUPPORTED: Self = Self(3);
}

/// What the client brings back from KMS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KmsEncryptionResult {
    /// Base64 of the encrypted data key.
    #[serde(rename = "KMSCipherTextKey", deserialize_with = "null_is_default")]
    pub kms_cipher_text_key: String,
    /// Null from the stock client; ignored by agents.
    #[serde(rename = "KMSCipherTextHash")]
    pub kms_cipher_text_hash: Option<String>,
    /// The challenge went into the encryption context. Absent means no.
    #[serde(
        rename = "ChallengeAcknowledgement",
        deserialize_with = "null_is_default",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub challenge_acknowledgement: bool,
}

/// The end of the handshake; the session begins behind it (spec messages 6.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HandshakeComplete {
    /// How long it took, in nanoseconds. Anything but an integer hangs the stock client.
    #[serde(deserialize_with = "null_is_default")]
    pub handshake_time_to_complete: i64,
    /// A line for the user, if not empty.
    #[serde(deserialize_with = "null_is_default")]
    pub customer_message: String,
}

impl JsonPayload for HandshakeComplete {
    const NAME: &'static str = "HandshakeComplete";
}

/// The encryption challenge, request and response alike (spec messages 6.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EncChallenge {
    /// Base64 with padding of nonce, ciphertext and tag.
    #[serde(deserialize_with = "null_is_default")]
    pub challenge: String,
}

impl JsonPayload for EncChallenge {
    const NAME: &'static str = "EncChallenge";
    const MAX_BYTES: usize = 4 * 1024;
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::wire::payload::ChannelOffer;

    #[test]
    fn null_and_missing_are_empty() {
        for json in ["{}", r#"{"AgentVersion":null,"RequestedClientActions":null,"Postern":null,"Unknown":[1]}"#] {
            let request = HandshakeRequest::decode(json.as_bytes()).unwrap();
            assert_eq!(request, HandshakeRequest::default(), "{json}");
        }
        let request = HandshakeRequest::decode(
            br#"{"RequestedClientActions":[{"ActionType":"KMSEncryption","ActionParameters":null}]}"#,
        );
        assert_eq!(
            request.unwrap().requested_client_actions,
            [RequestedAction::KmsEncryption { kms_key_id: String::new(), challenge: None }]
        );
    }

    #[test]
    fn unknown_actions_are_carried() {
        let json = br#"{"RequestedClientActions":[{"ActionType":"Frobnicate","ActionParameters":[1]}]}"#;
        let request = HandshakeRequest::decode(json).unwrap();
        let action = &request.requested_client_actions[0];
        assert_eq!(action.action_type(), "Frobnicate");
        let processed = ProcessedAction::unsupported(action);
        assert_eq!(processed.action_status, ActionStatus::UNSUPPORTED);
        assert_eq!(processed.error, "Unsupported action Frobnicate");
    }

    #[test]
    fn offers_travel_under_their_own_key_and_fall_back() {
        let request = HandshakeRequest {
            postern: Some(AgentOffer { version: 1, exit_status: true, multiplexer: 2, ..AgentOffer::default() }),
            ..HandshakeRequest::default()
        };
        let json: Value = serde_json::from_slice(&request.encode()).unwrap();
        assert_eq!(
            json["Postern"],
            serde_json::json!({"Version": 1, "ExitStatus": true, "Multiplexer": 2}),
            "what is not offered is absent"
        );
        assert_eq!(HandshakeRequest::decode(&request.encode()).unwrap(), request);

        let response = HandshakeResponse {
            postern: Some(ClientOffer {
                standard_input: true,
                version: 1,
                exit_status: true,
                multiplexer: 0,
                channel: ChannelOffer { cumulative_acknowledgements: true, digest_optional: true },
                terminal_size: Some(crate::wire::payload::Size { cols: 80, rows: 24 }),
                term: Some("xterm-256color".to_owned()),
            }),
            ..HandshakeResponse::default()
        };
        let json: Value = serde_json::from_slice(&response.encode()).unwrap();
        assert_eq!(json["Postern"]["Multiplexer"], Value::Null, "none is not worth a word");
        assert_eq!(json["Postern"]["CumulativeAcknowledgements"], true);
        assert_eq!(json["Postern"]["DigestOptional"], true);
        assert_eq!(json["Postern"]["TerminalSize"], serde_json::json!({"cols": 80, "rows": 24}));
        assert_eq!(HandshakeResponse::decode(&response.encode()).unwrap(), response);

        for fallback in [r#"{"ExitStatus":true}"#, r#"{"Version":"1"}"#, "7", r#"{"Version":0}"#] {
            let json = format!(r#"{{"ClientVersion":"1.2.3.4","Postern":{fallback}}}"#);
            let response = HandshakeResponse::decode(json.as_bytes()).unwrap();
            assert_eq!(response.postern, None, "{fallback}");
            assert_eq!(response.client_version, "1.2.3.4");
        }
    }
}
