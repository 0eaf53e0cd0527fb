//! The client's half of a session that is encrypted from end to end (spec data-channel §7): the key service makes a
//! data key for this session, the agent has its encrypted form opened there, and both prove that they hold it.

use std::pin::Pin;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern_protocol::Entropy as _;
use postern_protocol::channel::cipher::{CipherError, SessionCipher};
use postern_protocol::channel::data_channel::{DataChannel, Role};
use postern_protocol::wire::payload::{EncChallenge, HandshakeRequest, JsonPayload as _, RequestedAction};
use postern_transport::SystemEntropy;

use crate::access::{Access, DataKey, EncryptionContext};
use crate::handshake::SealedKey;

/// A data key on its way from the key service. The reason of a failure is for the user.
type Fetching = Pin<Box<dyn Future<Output = Result<DataKey, String>>>>;

/// A handshake that waits for the key service.
pub(crate) struct Encryption {
    pub(crate) request: HandshakeRequest,
    fetching: Fetching,
    /// The agent's challenge went into the encryption context.
    acknowledges: bool,
}

impl Encryption {
    /// Asks for a data key, if the agent wants the session encrypted.
    pub(crate) fn begin<A: Access + 'static>(
        request: &HandshakeRequest,
        access: &Rc<A>,
        session_id: &str,
        target: &str,
    ) -> Option<Encryption> {
        let (key_id, challenge) = request.requested_client_actions.iter().find_map(|action| match action {
            RequestedAction::KmsEncryption { kms_key_id, challenge } => Some((kms_key_id.clone(), challenge.clone())),
            _ => None,
        })?;
        let challenge = challenge.filter(|challenge| !challenge.is_empty());
        let acknowledges = challenge.is_some();
        let mut context = EncryptionContext::from([
            ("aws:ssm:SessionId".to_owned(), session_id.to_owned()),
            ("aws:ssm:TargetId".to_owned(), target.to_owned()),
        ]);
        context.extend(challenge.map(|challenge| ("aws:ssm:RandomChallenge".to_owned(), challenge)));
        let access = Rc::clone(access);
        let fetching = async move {
            let key = access.generate_data_key(&key_id, context).await;
            key.map_err(|error| format!("Fetching a data key failed: {error}"))
        };
        Some(Encryption { request: request.clone(), fetching: Box::pin(fetching), acknowledges })
    }

    /// Waits for the key of a handshake that waits for one; else for ever. Cancel-safe.
    pub(crate) async fn key(waiting: &mut Option<Encryption>) -> Result<DataKey, String> {
        match waiting {
            Some(encryption) => encryption.fetching.as_mut().await,
            None => std::future::pending().await,
        }
    }

    /// What the agent gets of the key. From here on the channel encrypts.
    pub(crate) fn establish(&self, key: DataKey, channel: &mut DataChannel) -> Result<SealedKey, String> {
        let mut first_nonce = [0; 12];
        SystemEntropy.fill(&mut first_nonce);
        let cipher = SessionCipher::new(Role::Client, key.plaintext.expose(), first_nonce);
        channel.encrypt(cipher.map_err(|error| error.to_string())?);
        Ok(SealedKey { ciphertext: STANDARD.encode(key.ciphertext), acknowledges: self.acknowledges })
    }
}

/// Proves to the agent that both ends hold the same keys: its text comes back, encrypted with ours.
pub(crate) fn answer_challenge(payload: &[u8], channel: &mut DataChannel) -> Result<bytes::Bytes, CipherError> {
    let challenge = EncChallenge::decode(payload).ok().and_then(|payload| STANDARD.decode(payload.challenge).ok());
    let (Some(challenge), Some(cipher)) = (challenge, channel.cipher()) else { return Err(CipherError::Payload) };
    let text = cipher.open(&challenge)?;
    Ok(EncChallenge { challenge: STANDARD.encode(cipher.seal(&text)) }.encode())
}
