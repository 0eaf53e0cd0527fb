//! Temporary credentials of managed nodes, verifiable without stored state.
//!
//! The session token says which node it belongs to and until when, signed; the access key id and the secret access key
//! are derived from it. So a service that lost its memory locks no node out (spec agent-api-calls §5: a stock agent
//! cannot mend credentials that are voided early). Whether the node is still registered is asked elsewhere, every time.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use postern_iam::ids::ACCESS_KEY_ID_ENTROPY;
use postern_iam::{AccessKeyId, AccountId, NodeId, Region, SecretString};
use postern_store::{Scope, UnixMillis};
use ring::hmac;

use crate::keys::Keys;

const VERSION: u8 = 1;
const TAG_BYTES: usize = 32;
const ACCOUNT_BYTES: usize = 12;
const MAX_TOKEN_BYTES: usize = 512;

/// What a session token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoleToken {
    pub(crate) scope: Scope,
    pub(crate) node_id: NodeId,
    pub(crate) expires_at: UnixMillis,
    /// Makes every token different.
    pub(crate) salt: [u8; 8],
}

/// A complete set of credentials.
pub(crate) struct RoleCredentials {
    pub(crate) access_key_id: AccessKeyId,
    pub(crate) secret_access_key: SecretString,
    pub(crate) session_token: SecretString,
}

impl RoleToken {
    /// The credentials that belong to this token.
    pub(crate) fn issue(&self, keys: &Keys) -> RoleCredentials {
        let mut bytes = vec![VERSION];
        bytes.extend(self.expires_at.to_be_bytes());
        bytes.extend(self.salt);
        bytes.extend(self.scope.account.as_str().as_bytes());
        bytes.extend(self.node_id.as_str().as_bytes());
        bytes.extend(self.scope.region.as_str().as_bytes());
        let tag = hmac::sign(&keys.role_token, &bytes);
        bytes.extend(tag.as_ref());
        let session_token = SecretString::new(URL_SAFE_NO_PAD.encode(bytes));
        derive(keys, session_token)
    }

    /// What a session token says, and the credentials it belongs to. Nothing if this service did not issue it.
    pub(crate) fn verify(session_token: &SecretString, keys: &Keys) -> Option<(Self, RoleCredentials)> {
        if session_token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(session_token.expose()).ok()?;
        let (content, tag) = bytes.split_last_chunk::<TAG_BYTES>()?;
        hmac::verify(&keys.role_token, content, tag).ok()?;
        Some((Self::read(content)?, derive(keys, session_token.clone())))
    }

    fn read(content: &[u8]) -> Option<Self> {
        const NODE_BYTES: usize = "mi-".len() + 17;
        let ([version], rest) = content.split_first_chunk()?;
        let (expires_at, rest) = rest.split_first_chunk()?;
        let (salt, rest) = rest.split_first_chunk()?;
        let (account, rest) = rest.split_at_checked(ACCOUNT_BYTES)?;
        let (node_id, region) = rest.split_at_checked(NODE_BYTES)?;
        if *version != VERSION {
            return None;
        }
        let account: AccountId = std::str::from_utf8(account).ok()?.parse().ok()?;
        let region: Region = std::str::from_utf8(region).ok()?.parse().ok()?;
        Some(Self {
            scope: Scope { account, region },
            node_id: std::str::from_utf8(node_id).ok()?.parse().ok()?,
            expires_at: u64::from_be_bytes(*expires_at),
            salt: *salt,
        })
    }
}

fn derive(keys: &Keys, session_token: SecretString) -> RoleCredentials {
    let derived = hmac::sign(&keys.role_secret, session_token.expose().as_bytes());
    let id = hmac::sign(&keys.role_token, derived.as_ref());
    let (id, _) = id.as_ref().split_first_chunk::<ACCESS_KEY_ID_ENTROPY>().expect("a SHA-256 tag has 32 bytes");
    // 30 bytes are the 40 characters that secret access keys have at AWS.
    let secret = derived.as_ref().split_at(30).0;
    RoleCredentials {
        access_key_id: AccessKeyId::temporary(id),
        secret_access_key: SecretString::new(STANDARD.encode(secret)),
        session_token,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    fn token() -> RoleToken {
        RoleToken {
            scope: Scope { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() },
            node_id: "mi-0c83012b7aac4ccda".parse().unwrap(),
            expires_at: 1_795_384_779_000,
            salt: *b"saltsalt",
        }
    }

    #[test]
    fn a_service_with_the_same_root_key_knows_the_credentials_again() {
        let issued = token().issue(&Keys::derive(&[7; 32]));
        let (read, derived) = RoleToken::verify(&issued.session_token, &Keys::derive(&[7; 32])).unwrap();
        assert_eq!(read, token());
        assert_eq!(derived.access_key_id, issued.access_key_id);
        assert_eq!(derived.secret_access_key, issued.secret_access_key);
        assert_eq!(issued.secret_access_key.len(), 40);
        assert!(RoleToken::verify(&issued.session_token, &Keys::derive(&[8; 32])).is_none());
    }

    #[test]
    fn no_changed_token_is_accepted() {
        let keys = Keys::derive(&[7; 32]);
        let issued = token().issue(&keys);
        let bytes = URL_SAFE_NO_PAD.decode(issued.session_token.expose()).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = SecretString::new(URL_SAFE_NO_PAD.encode(changed));
            assert!(RoleToken::verify(&changed, &keys).is_none(), "byte {at}");
        }
        assert!(RoleToken::verify(&SecretString::new("A".repeat(9000)), &keys).is_none());
    }

    #[test]
    fn every_salt_makes_other_credentials() {
        let keys = Keys::derive(&[7; 32]);
        let (one, two) = (token().issue(&keys), RoleToken { salt: *b"pepper!!", ..token() }.issue(&keys));
        assert_ne!(one.access_key_id, two.access_key_id);
        assert_ne!(one.secret_access_key, two.secret_access_key);
    }
}
