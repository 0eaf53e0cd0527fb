//! Why a signature is not accepted: one enum, AWS's code for each case, and a sentence with the cause and the fix.
//!
//! Every case is the caller's fault. The texts reach the caller; they hold no secret, and of what the caller sent only
//! times, scopes and header names, all checked to be short and printable first.

use super::timestamp::Timestamp;

/// Why a request's signature is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigV4Error {
    /// Neither an `Authorization` header nor a presigned query.
    #[error(
        "the request carries no signature; sign it with AWS Signature Version 4, in the Authorization header or as a \
         presigned query"
    )]
    NotSigned,
    /// Both forms at once, or one of them twice: it would not be clear which one counts.
    #[error("the request carries {0} more than once; send it once")]
    Repeated(&'static str),
    /// Another scheme, another algorithm.
    #[error("the signature's algorithm is not accepted; sign with {}", super::ALGORITHM)]
    UnsupportedAlgorithm,
    /// A part of the signature is not there.
    #[error("the signature lacks {0}; use an AWS SDK or the complete AWS Signature Version 4")]
    Incomplete(&'static str),
    /// A part of the signature is there and makes no sense.
    #[error("{what} of the signature is malformed; it must be {expected}")]
    Malformed {
        /// The part.
        what: &'static str,
        /// Its form.
        expected: &'static str,
    },
    /// Something is larger than any honest client makes it.
    #[error("{what} is larger than the {max_bytes} bytes accepted")]
    TooLarge {
        /// The part.
        what: &'static str,
        /// The bound.
        max_bytes: usize,
    },
    /// A header whose meaning depends on being signed is not.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization; sign this header too")]
    HeaderNotSigned(&'static str),
    /// The signature covers a header that did not arrive.
    #[error(
        "the header '{0}' is listed in SignedHeaders but did not arrive; a proxy on the way may remove it, or the \
         client signs what it does not send"
    )]
    SignedHeaderMissing(String),
    /// The scope's date is not the date of the signing time.
    #[error(
        "the date in the Credential scope does not match the signing time: '{scope_date}' against '{signed_at}'; sign \
         again with one clock reading"
    )]
    ScopeDate {
        /// As in the credential scope.
        scope_date: String,
        /// As in `X-Amz-Date`.
        signed_at: Timestamp,
    },
    /// Signed for another region.
    #[error(
        "Credential should be scoped to the region '{expected}', not '{found}'; set the client's region to '{expected}'"
    )]
    ScopeRegion {
        /// The region asked for by the service.
        expected: String,
        /// The region signed for.
        found: String,
    },
    /// Signed for another service.
    #[error("Credential should be scoped to the service '{expected}', not '{found}'; check the client's endpoint")]
    ScopeService {
        /// The service or services that are accepted.
        expected: String,
        /// The service signed for.
        found: String,
    },
    /// Signed too long ago, or the signer's clock is slow.
    #[error(
        "Signature expired: {signed_at} is now earlier than {oldest} ({now} by this service's clock, less {} min); set \
         the clock of the machine that signs",
        skew_seconds / 60
    )]
    Expired {
        /// As in `X-Amz-Date`.
        signed_at: Timestamp,
        /// The oldest signing time accepted now.
        oldest: Timestamp,
        /// The service's time.
        now: Timestamp,
        /// The tolerated difference.
        skew_seconds: u64,
    },
    /// The signer's clock is fast.
    #[error(
        "Signature not yet current: {signed_at} is still later than {newest} ({now} by this service's clock, plus {} \
         min); set the clock of the machine that signs",
        skew_seconds / 60
    )]
    NotYetCurrent {
        /// As in `X-Amz-Date`.
        signed_at: Timestamp,
        /// The newest signing time accepted now.
        newest: Timestamp,
        /// The service's time.
        now: Timestamp,
        /// The tolerated difference.
        skew_seconds: u64,
    },
    /// A presigned request whose own life is over.
    #[error(
        "Signature expired: the presigned request was valid until {expires_at}, and it is {now} by this service's \
         clock; presign a new one"
    )]
    PresignExpired {
        /// Signing time plus `X-Amz-Expires`.
        expires_at: Timestamp,
        /// The service's time.
        now: Timestamp,
    },
    /// The body is not the one whose hash was announced.
    #[error("X-Amz-Content-Sha256 is not the hash of the body that arrived; the body was changed on the way")]
    BodyHashMismatch,
    /// The body was explicitly left out of the signature where that is not accepted.
    #[error("this operation does not accept an unsigned payload; sign the body")]
    UnsignedPayload,
    /// The other verification function is the one for this signature.
    #[error("the credentials do not fit the signature: {0}")]
    WrongScheme(&'static str),
    /// The signature was not made with this secret over this request.
    #[error(
        "The request signature we calculated does not match the signature you provided; check the secret access key, \
         and that nothing on the way changes the request"
    )]
    Mismatch,
}

impl SigV4Error {
    /// The error name AWS's clients know (public-api, "Error replies").
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotSigned => "MissingAuthenticationTokenException",
            Self::Repeated(_)
            | Self::UnsupportedAlgorithm
            | Self::Incomplete(_)
            | Self::Malformed { .. }
            | Self::TooLarge { .. } => "IncompleteSignatureException",
            Self::HeaderNotSigned(_)
            | Self::SignedHeaderMissing(_)
            | Self::ScopeDate { .. }
            | Self::ScopeRegion { .. }
            | Self::ScopeService { .. }
            | Self::Expired { .. }
            | Self::NotYetCurrent { .. }
            | Self::PresignExpired { .. }
            | Self::BodyHashMismatch
            | Self::UnsignedPayload
            | Self::WrongScheme(_)
            | Self::Mismatch => "InvalidSignatureException",
        }
    }
}
