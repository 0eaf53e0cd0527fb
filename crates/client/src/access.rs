//! What a running session needs of the service beside its socket: the right to come back, and to end the session.
//! A trait, so that the session is tested against a script and the command line gives it the real API.

use postern_iam::SecretBytes;
pub use postern_model::kms::EncryptionContext;
use postern_protocol::wire::open::Token;
use postern_transport::Endpoint;

/// The token and address for another connection to a session that lives.
pub struct Resumed {
    /// Opens the data channel once more.
    pub token: Token,
    /// Where, when the service named it again.
    pub stream_url: Option<String>,
}

/// A key as the key service makes it.
pub struct DataKey {
    /// For the other end: only the key service opens it.
    pub ciphertext: Vec<u8>,
    /// For this end.
    pub plaintext: SecretBytes,
}

/// Why a call did not bring an answer.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Trying again cannot help: the service knows no such session, or there is nothing to sign with.
    #[error("{0}")]
    Final(String),
    /// Anything else; it may heal.
    #[error("{0}")]
    Failed(String),
}

/// The service as a session sees it.
pub trait Access {
    /// Asks for another token. `None`: the session has ended (data-channel.md §8.1).
    fn resume(&self, session_id: &str) -> impl Future<Output = Result<Option<Resumed>, AccessError>>;

    /// Has a data key made for a session that is encrypted, under the key and bound to the context given (data-channel.md §7).
    fn generate_data_key(
        &self,
        key_id: &str,
        context: EncryptionContext,
    ) -> impl Future<Output = Result<DataKey, AccessError>>;

    /// Headers that sign the upgrade request to `endpoint`; none without credentials (client.md §1, data-channel.md §2.1).
    fn sign_upgrade(&self, endpoint: &Endpoint) -> impl Future<Output = Vec<(String, String)>>;
}
