//! Security Token Service: temporary credentials, and what they are good for.
//!
//! Whoever gets some is decided elsewhere: a role's trust policy in `authz::trust`, a second factor in `code`. Here is
//! what goes into a token, and who somebody is who comes back with one.

mod assume;
mod claims;
mod code;
mod holder;
mod session_policy;
mod user;
mod web_identity;

use postern_iam::SecretString;
use postern_model::iam::{Moment, ShownOnce};
use postern_model::sts::Credentials;
use postern_model::{ApiError, ErrorCode};

pub(crate) use web_identity::address;

use crate::Control;
use crate::session_token::{MAX_PACKED_BYTES, SessionToken};

impl Control {
    /// Seals a token, and counts how much of the room for policies and tags it takes, in percent.
    fn issue(&self, token: &SessionToken) -> Result<(Credentials, u32), ApiError> {
        let packed = token.packed_bytes();
        let percent = u32::try_from(packed.saturating_mul(100) / MAX_PACKED_BYTES).unwrap_or(u32::MAX);
        let issued = token.issue(&self.keys, self.random()).ok_or_else(|| {
            let message = format!(
                "Packed size of session policies and session tags consumes {percent}% of the allotted space: {packed} \
                 of {MAX_PACKED_BYTES} bytes. Send fewer or shorter ones."
            );
            ApiError::new(ErrorCode::PackedPolicyTooLarge, message)
        })?;
        let credentials = Credentials {
            access_key_id: issued.access_key_id.to_string(),
            secret_access_key: shown(issued.secret_access_key),
            session_token: shown(issued.session_token),
            expiration: Moment::from_millis(token.expires_at),
        };
        Ok((credentials, percent))
    }
}

fn shown(secret: SecretString) -> ShownOnce {
    ShownOnce(secret)
}

fn seconds(seconds: u32) -> u64 {
    u64::from(seconds) * 1000
}

fn refused(message: &str) -> ApiError {
    ApiError::new(ErrorCode::AccessDeniedException, message)
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::ValidationError, message)
}
