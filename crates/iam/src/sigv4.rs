//! AWS Signature Version 4: signing requests, reading who signed one, and verifying that they did.
//!
//! Verifying takes two steps, because the key to verify with depends on who claims to have signed. [`parse`] reads the
//! claim, bounded and total, and keeps what was signed in canonical form; [`verify`] checks it with the secret that the
//! caller looked up, against the body, the clock and the expected scope. A request that was only parsed proves nothing.
//!
//! Three forms are understood: the `Authorization` header, the presigned query, and the variant made with a node's own
//! key ([`Scheme::NodeKey`]), which looks like the first but carries a public-key signature over the same string.
//!
//! Refused on purpose: Signature Version 2 and 4a, streaming payload signatures, and unsigned payloads unless the
//! caller's [`VerifyPolicy`] says otherwise. Which access keys exist is not known here.

mod canonical;
mod claim;
mod crypto;
mod error;
mod parse;
mod sign;
mod timestamp;
mod verify;

#[cfg(test)]
mod tests;

pub use claim::{CredentialScope, Scheme, SignedRequest};
pub use error::SigV4Error;
pub use parse::parse;
pub use sign::{Credentials, SignableRequest, presign, sign, sign_with_node_key};
pub use timestamp::Timestamp;
pub use verify::{VerifyPolicy, verify, verify_with_node_key};

/// The one algorithm word. The node-key variant uses it too (capture 01).
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The last element of every credential scope.
const TERMINATOR: &str = "aws4_request";
/// The value of `X-Amz-Content-Sha256` that says the body is not covered.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// The longest life of a presigned request, in seconds: seven days, AWS's own limit.
const MAX_PRESIGN_SECONDS: u64 = 7 * 24 * 60 * 60;
