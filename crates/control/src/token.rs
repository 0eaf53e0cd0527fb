//! Channel tokens: capabilities minted after a decision, each opening one side of one channel.
//!
//! A token carries what it opens, signed with a key derived from the root key. Nothing about it is stored, so a
//! restarted service honours the tokens of its predecessor; what must be stored (which generation of a client's token
//! is the newest, and who used it) is stored with the session. Verification takes the same time wherever a token is
//! wrong. The longest token has 251 characters; the API's model allows 300.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postern_iam::{AccountId, NodeId, Region, SecretString, SessionId};
use postern_store::{Scope, UnixMillis};
use ring::hmac;

/// Bumped when the layout changes; a service refuses versions it does not know.
const VERSION: u8 = 1;
const TAG_BYTES: usize = 32;
const ACCOUNT_BYTES: usize = 12;
/// Nothing longer is decoded.
const MAX_TOKEN_BYTES: usize = 300;

/// What a token opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    /// The control channel of this node.
    Control(NodeId),
    /// The client's side of this session's data channel; only the newest generation counts.
    DataClient(SessionId, u32),
    /// The agent's side of this session's data channel.
    DataAgent(SessionId),
}

/// A token's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChannelToken {
    pub(crate) scope: Scope,
    pub(crate) grant: Grant,
    /// After this it is good for nothing.
    pub(crate) expires_at: UnixMillis,
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenFault {
    /// Not made by this service, or changed.
    Forged,
    /// Made by this service, and over.
    Expired,
}

impl ChannelToken {
    pub(crate) fn mint(&self, key: &hmac::Key) -> SecretString {
        let (kind, generation, subject) = match &self.grant {
            Grant::Control(node) => (1, 0, node.as_str()),
            Grant::DataClient(session, generation) => (2, *generation, session.as_str()),
            Grant::DataAgent(session) => (3, 0, session.as_str()),
        };
        let mut bytes = vec![VERSION, kind];
        bytes.extend(generation.to_be_bytes());
        bytes.extend(self.expires_at.to_be_bytes());
        bytes.extend(self.scope.account.as_str().as_bytes());
        push(&mut bytes, self.scope.region.as_str());
        push(&mut bytes, subject);
        let tag = hmac::sign(key, &bytes);
        bytes.extend(tag.as_ref());
        SecretString::new(URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(crate) fn verify(token: &str, key: &hmac::Key, now: UnixMillis) -> Result<Self, TokenFault> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenFault::Forged);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenFault::Forged)?;
        let (content, tag) = bytes.split_last_chunk::<TAG_BYTES>().ok_or(TokenFault::Forged)?;
        hmac::verify(key, content, tag).map_err(|_| TokenFault::Forged)?;
        // From here on it is our own writing, perhaps of another release.
        let token = Self::read(content).ok_or(TokenFault::Forged)?;
        if now > token.expires_at { Err(TokenFault::Expired) } else { Ok(token) }
    }

    fn read(content: &[u8]) -> Option<Self> {
        let ([version, kind], rest) = content.split_first_chunk()?;
        let (generation, rest) = rest.split_first_chunk()?;
        let (expires_at, rest) = rest.split_first_chunk()?;
        let (account, rest) = rest.split_at_checked(ACCOUNT_BYTES)?;
        let (region, rest) = take(rest)?;
        let (subject, rest) = take(rest)?;
        if *version != VERSION || !rest.is_empty() {
            return None;
        }
        let account: AccountId = std::str::from_utf8(account).ok()?.parse().ok()?;
        let region: Region = region.parse().ok()?;
        // Only clients' tokens have generations.
        let grant = match (kind, u32::from_be_bytes(*generation)) {
            (1, 0) => Grant::Control(subject.parse().ok()?),
            (2, generation) => Grant::DataClient(subject.parse().ok()?, generation),
            (3, 0) => Grant::DataAgent(subject.parse().ok()?),
            _ => return None,
        };
        Some(Self { scope: Scope { account, region }, grant, expires_at: u64::from_be_bytes(*expires_at) })
    }
}

/// A text of at most 255 bytes, its length first. All texts in tokens are identifiers with bounded length.
fn push(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(u8::try_from(text.len()).expect("identifiers are shorter than 256 bytes"));
    bytes.extend(text.as_bytes());
}

fn take(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(length))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    fn key() -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &[7; 32])
    }

    fn tokens() -> Vec<ChannelToken> {
        let scope = Scope { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
        let session: SessionId = "jane-0886922a8af34e9a8".parse().unwrap();
        [
            Grant::Control("mi-0c83012b7aac4ccda".parse().unwrap()),
            Grant::DataClient(session.clone(), 7),
            Grant::DataAgent(session),
        ]
        .map(|grant| ChannelToken { scope: scope.clone(), grant, expires_at: 1000 })
        .to_vec()
    }

    #[test]
    fn a_token_says_what_it_was_minted_for_until_it_expires() {
        for token in tokens() {
            let text = token.mint(&key());
            assert_eq!(ChannelToken::verify(text.expose(), &key(), 1000), Ok(token));
            assert_eq!(ChannelToken::verify(text.expose(), &key(), 1001), Err(TokenFault::Expired));
        }
    }

    #[test]
    fn no_changed_token_and_no_token_of_another_key_is_accepted() {
        let other = hmac::Key::new(hmac::HMAC_SHA256, &[8; 32]);
        for token in tokens() {
            let text = token.mint(&key());
            assert_eq!(ChannelToken::verify(text.expose(), &other, 0), Err(TokenFault::Forged));
            let bytes = URL_SAFE_NO_PAD.decode(text.expose()).unwrap();
            for at in 0..bytes.len() {
                for bit in 0..8 {
                    let mut changed = bytes.clone();
                    changed[at] ^= 1 << bit;
                    let changed = URL_SAFE_NO_PAD.encode(changed);
                    assert_eq!(ChannelToken::verify(&changed, &key(), 0), Err(TokenFault::Forged), "byte {at}");
                }
                let cut = URL_SAFE_NO_PAD.encode(&bytes[..at]);
                assert_eq!(ChannelToken::verify(&cut, &key(), 0), Err(TokenFault::Forged), "cut at {at}");
            }
        }
        for text in ["", "A", "====", &"A".repeat(100_000)] {
            assert_eq!(ChannelToken::verify(text, &key(), 0), Err(TokenFault::Forged));
        }
    }

    #[test]
    fn the_longest_token_fits_the_model() {
        let scope = Scope { account: "123456789012".parse().unwrap(), region: "r".repeat(32).parse().unwrap() };
        let grant = Grant::DataClient("s".repeat(96).parse().unwrap(), u32::MAX);
        let token = ChannelToken { scope, grant, expires_at: u64::MAX };
        assert_eq!(token.mint(&key()).len(), 251);
    }
}
