//! Entries for fuzzing the tokens that callers send back: none may panic, and whatever is accepted is exactly what would
//! be issued for what it says. Not part of the public interface.
//!
//! A token that was tampered with fails at its seal and is never read. So half of the inputs are sealed here first, as if
//! another release had issued them: then everything behind the seal has to be total, too.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postern_iam::{SecretString, SessionId};
use ring::hmac;

use crate::keys::Keys;
use crate::page;
use crate::role::RoleToken;
use crate::session_token;
use crate::token::ChannelToken;

/// The input as a token, or, if its first byte is odd, what our seal makes of the rest.
fn token(input: &[u8], key: &hmac::Key) -> Option<SecretString> {
    let (first, rest) = input.split_first()?;
    if first & 1 == 0 {
        return std::str::from_utf8(rest).ok().map(SecretString::new);
    }
    Some(SecretString::new(URL_SAFE_NO_PAD.encode([rest, hmac::sign(key, rest).as_ref()].concat())))
}

/// The token of a control or data channel.
///
/// # Panics
/// If a token is taken for something that would be another token.
pub fn channel_token(input: &[u8]) {
    let keys = Keys::derive(&[7; 32]);
    let Some(token) = token(input, &keys.channel_token) else { return };
    if let Ok(read) = ChannelToken::verify(token.expose(), &keys.channel_token, 0) {
        assert_eq!(read.mint(&keys.channel_token), token);
        let over = ChannelToken::verify(token.expose(), &keys.channel_token, u64::MAX);
        assert!(over.is_err() || read.expires_at == u64::MAX);
    }
}

/// The session token of a node's credentials.
///
/// # Panics
/// If a token is taken for something that would be another token.
pub fn role_token(input: &[u8]) {
    let keys = Keys::derive(&[7; 32]);
    let Some(token) = token(input, &keys.role_token) else { return };
    if let Some((read, credentials)) = RoleToken::verify(&token, &keys) {
        let issued = read.issue(&keys);
        assert_eq!(issued.session_token, token);
        assert_eq!(issued.access_key_id, credentials.access_key_id);
        assert_eq!(issued.secret_access_key, credentials.secret_access_key);
    }
}

/// The session token of temporary credentials. The input is a token, or, if its first byte is odd, what one seals.
///
/// # Panics
/// If a token is taken for something that would be another token.
pub fn session_token(input: &[u8]) {
    let keys = Keys::derive(&[7; 32]);
    let Some((first, rest)) = input.split_first() else { return };
    match first & 1 {
        0 => session_token::fuzz_text(rest, &keys),
        _ => session_token::fuzz_content(rest, &keys),
    }
}

/// The token with which a listing goes on. The input is a cursor, or a token that is none.
///
/// # Panics
/// If a token opens in another listing, or a cursor is not what was sealed.
pub fn page_token(input: &[u8]) {
    let keys = Keys::derive(&[7; 32]);
    let Ok(text) = std::str::from_utf8(input) else { return };
    assert_eq!(page::unseal(&keys.page_token, "this listing", text), None);
    let sealed = page::seal(&keys.page_token, "this listing", text, [0; 12]);
    if let Some(cursor) = page::unseal(&keys.page_token, "this listing", &sealed) {
        assert_eq!(cursor, text);
    }
    assert_eq!(page::unseal(&keys.page_token, "another", &sealed), None);
    if let Some((moment, id)) = page::split::<SessionId>(text) {
        assert_eq!(page::split(&format!("{moment}/{id}")), Some((moment, id)));
    }
}
