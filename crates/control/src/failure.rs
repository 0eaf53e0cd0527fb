//! From what went wrong to what the other side is told. Faults of our own are logged here, once.

use postern_bus::BusError;
use postern_model::{ApiError, ErrorCode};
use postern_store::StoreError;

/// The store failed: whoever operates the service learns why, the caller only that it may try again. It is a 5xx on
/// purpose: to a stock agent every 4xx at the wrong moment means to stay away for half an hour
/// (spec agent-registration §4.1).
pub(crate) fn store(error: StoreError) -> ApiError {
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    tracing::error!(error = %error, cause, "the store failed");
    ApiError::internal()
}

/// The bus failed.
pub(crate) fn bus(error: BusError) -> ApiError {
    tracing::error!(error = %error, "the bus failed");
    ApiError::internal()
}

/// Why a channel is not opened. The texts go into the peer's close frame and into the log; they hold no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a token of this service, or changed.
    #[error("the token was not issued by this service; ask for a new one")]
    TokenForged,
    /// Too old.
    #[error("the token has expired; ask for a new one")]
    TokenExpired,
    /// A good token for another channel.
    #[error("the token is for another channel")]
    OtherChannel,
    /// A newer token was issued since.
    #[error("a newer token was issued for this session; use that one")]
    TokenSuperseded,
    /// It was used, and may not be used again.
    #[error("the token was used before; call ResumeSession for a new one")]
    TokenUsed,
    /// Somebody else opened the session first.
    #[error("the session belongs to another client, which opened it first")]
    OtherClient,
    /// The opening message lacks a usable client id.
    #[error("the ClientId must be 1 to 64 letters, digits or hyphens")]
    ClientIdMalformed,
    /// The node in the opening message is not the one of the session.
    #[error("the session is for another node")]
    OtherNode,
    /// No such session.
    #[error("there is no such session")]
    SessionUnknown,
    /// Stock agents stop trying when they read these words (spec data-channel §8.2).
    #[error("Session is already terminated")]
    SessionEnded,
    /// No such node.
    #[error("the node is not registered; register it again")]
    NodeUnknown,
    /// The upgrade was not signed, and the operator wants it to be.
    #[error(
        "data channels must be signed here (require_signed_data_channels in the service's settings); use a newer client"
    )]
    Unsigned,
    /// The upgrade was signed by somebody who may not.
    #[error("{}", .0.message())]
    Denied(ApiError),
    /// Our own fault; worth another try.
    #[error("the service cannot answer now; try again")]
    Unavailable,
}

impl Refusal {
    /// Whether somebody may be trying what is not theirs to try, so that it is worth a warning.
    #[must_use]
    pub fn is_suspicious(&self) -> bool {
        matches!(self, Self::TokenForged | Self::OtherChannel | Self::OtherClient | Self::OtherNode | Self::Denied(_))
    }
}

/// A decision against the peer stays one; everything else is ours.
impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        if error.code() == ErrorCode::AccessDeniedException { Self::Denied(error) } else { Self::Unavailable }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        store(error).into()
    }
}
