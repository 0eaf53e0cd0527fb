//! Page tokens: opaque to clients, checked when they come back.
//!
//! A token says after which item the listing goes on. It is bound to its operation by a check value, which catches
//! mistakes (another operation's token, a token cut short by a shell); it is no proof of anything, because a page is
//! authorised like every other request, wherever it begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{ApiError, ErrorCode};
use crate::operation::Operation;

/// The longest cursor, in bytes.
pub const MAX_CURSOR_BYTES: usize = 512;

/// The token after which a listing goes on behind `cursor`, whatever that is to the store.
///
/// # Panics
/// When the cursor is longer than [`MAX_CURSOR_BYTES`]: it is made by us, of identifiers and times.
#[must_use]
pub fn token_after(operation: Operation, cursor: &str) -> String {
    assert!(cursor.len() <= MAX_CURSOR_BYTES, "a cursor is made of bounded identifiers");
    let mut bytes = checksum(operation, cursor).to_be_bytes().to_vec();
    bytes.extend_from_slice(cursor.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The cursor inside a token that a client sent back.
///
/// # Errors
/// `InvalidNextToken` for what is not a token of this operation.
pub fn cursor_of(operation: Operation, token: &str) -> Result<String, ApiError> {
    let read = || {
        if token.len() > (MAX_CURSOR_BYTES + 8) * 2 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (sum, cursor) = bytes.split_first_chunk()?;
        let cursor = String::from_utf8(cursor.to_vec()).ok()?;
        (u64::from_be_bytes(*sum) == checksum(operation, &cursor)).then_some(cursor)
    };
    read().ok_or_else(|| {
        let message = "The NextToken is not one that this operation gave out; start again without it.";
        ApiError::new(ErrorCode::InvalidNextToken, message)
    })
}

/// FNV-1a, 64 bits, over the operation's name and the cursor.
fn checksum(operation: Operation, cursor: &str) -> u64 {
    let bytes = operation.name().bytes().chain([0]).chain(cursor.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_cursor_and_only_for_its_operation() {
        let token = token_after(Operation::DescribeSessions, "1795384779144/tester-0886922a8af34e9a8");
        assert_eq!(
            cursor_of(Operation::DescribeSessions, &token).as_deref(),
            Ok("1795384779144/tester-0886922a8af34e9a8")
        );
        let refused = |operation, token: &str| cursor_of(operation, token).map_err(|error| error.code());
        assert_eq!(refused(Operation::DescribeActivations, &token), Err(ErrorCode::InvalidNextToken));
        for bad in ["", "x", "not base64!", &token[1..], &token[..token.len() - 2], &"A".repeat(5000)] {
            assert_eq!(refused(Operation::DescribeSessions, bad), Err(ErrorCode::InvalidNextToken), "{bad:?}");
        }
    }
}
