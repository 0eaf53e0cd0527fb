//! The agent's half of a session that is encrypted from end to end (spec data-channel §7): the client gets a data key
//! from the key service and sends it encrypted; we have it opened there, and both ends prove that they hold it.

use std::future::Future;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern_iam::SecretBytes;
use postern_model::kms::{DecryptRequest, EncryptionContext, KeyName};
use postern_protocol::Entropy as _;
use postern_protocol::channel::cipher::SessionCipher;
use postern_protocol::channel::data_channel::{Event, Role};
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::{EncChallenge, HandshakeResponse, JsonPayload as _, RequestedAction};
use postern_transport::SystemEntropy;

use super::End;
use super::channel::SessionChannel;
use crate::link::Connect;

/// What the client is told at the beginning, as by the stock agent.
pub(super) const CUSTOMER_MESSAGE: &str = "This session is encrypted using AWS KMS.";
const KMS_ENCRYPTION: &str = "KMSEncryption";
/// As many bytes as the stock agent's challenges have.
const CONTEXT_CHALLENGE_BYTES: usize = 16;
const KEY_CHALLENGE_BYTES: usize = 64;

/// The key service, as a session needs it.
pub(crate) trait DataKeys {
    /// Opens a data key. The reason of a failure is for the user.
    fn decrypt(&self, request: DecryptRequest) -> impl Future<Output = Result<SecretBytes, String>> + Send;
}

/// The key service of sessions that need none.
pub(super) enum NoKeys {}

impl DataKeys for NoKeys {
    async fn decrypt(&self, _: DecryptRequest) -> Result<SecretBytes, String> {
        match *self {}
    }
}

/// For session types that are never encrypted.
pub(super) const fn none() -> Option<Encryption<'static, NoKeys>> {
    None
}

/// What encrypts one session.
pub(super) struct Encryption<'a, K> {
    keys: &'a K,
    key_id: &'a str,
    session_id: &'a str,
    node_id: &'a str,
    /// Goes into the encryption context of a client that knows how.
    challenge: String,
}

impl<'a, K: DataKeys> Encryption<'a, K> {
    pub(super) fn new(keys: &'a K, key_id: &'a str, session_id: &'a str, node_id: &'a str) -> Self {
        let challenge = STANDARD.encode(random::<CONTEXT_CHALLENGE_BYTES>());
        Self { keys, key_id, session_id, node_id, challenge }
    }

    /// What the client is asked to do.
    pub(super) fn action(&self) -> RequestedAction {
        RequestedAction::KmsEncryption { kms_key_id: self.key_id.to_owned(), challenge: Some(self.challenge.clone()) }
    }

    /// Goes on from the client's answer until both ends have proved their keys; from then on the channel is encrypted.
    pub(super) async fn establish<C: Connect>(
        &self,
        channel: &mut SessionChannel<C>,
        response: &HandshakeResponse,
    ) -> Result<(), End> {
        let failed = |reason: &str| End::Failed(format!("Encrypting the session failed: {reason}"));
        let data_key = self.data_key(response).await.map_err(|reason| failed(&reason))?;
        let cipher =
            SessionCipher::new(Role::Agent, data_key.expose(), random()).map_err(|error| failed(&error.to_string()))?;
        let challenge = random::<KEY_CHALLENGE_BYTES>();
        channel.encrypt(cipher, &challenge);
        loop {
            while let Some(event) = channel.poll_event() {
                match event {
                    Event::Data { payload_type: PayloadType::ENC_CHALLENGE_RESPONSE, payload } => {
                        let answer = EncChallenge::decode(&payload).ok();
                        let answer = answer.and_then(|answer| STANDARD.decode(answer.challenge).ok());
                        let answer = answer.and_then(|answer| channel.decipher(&answer).ok());
                        let is_right = answer.is_some_and(|answer| answer == challenge.as_slice());
                        return is_right.then_some(()).ok_or_else(|| failed("the client holds another key"));
                    }
                    Event::ChannelClosed(_) => return Err(End::Terminated),
                    _ => {}
                }
            }
            channel.drive().await?;
        }
    }

    async fn data_key(&self, response: &HandshakeResponse) -> Result<SecretBytes, String> {
        let action = response.processed_client_actions.iter().find(|action| action.action_type == KMS_ENCRYPTION);
        let result = action.ok_or("the client did not answer KMSEncryption")?.kms_encryption();
        let result = result.map_err(|error| error.to_string())?;
        let ciphertext_blob =
            STANDARD.decode(&result.kms_cipher_text_key).map_err(|_| "KMSCipherTextKey is not base64")?;
        let mut encryption_context = EncryptionContext::from([
            ("aws:ssm:SessionId".to_owned(), self.session_id.to_owned()),
            ("aws:ssm:TargetId".to_owned(), self.node_id.to_owned()),
        ]);
        if result.challenge_acknowledgement {
            encryption_context.insert("aws:ssm:RandomChallenge".to_owned(), self.challenge.clone());
        }
        let request = DecryptRequest {
            ciphertext_blob,
            encryption_context,
            key_id: Some(KeyName::new(self.key_id)),
            grant_tokens: Vec::new(),
            dry_run: false,
        };
        self.keys.decrypt(request).await
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes);
    bytes
}
