//! Session tokens of temporary credentials: of users, and of roles that somebody acts as.
//!
//! A token carries everything that is so for as long as the credentials are good: whose they are, by ids that are never
//! given twice, since when and until when, how somebody proved itself, tags and session policies. It is sealed with a key
//! derived from the root key, and the access key id and the secret access key are derived from it, so that there is no
//! table of sessions. Whether the user or role is still there, and what its policies say by now, is asked every time.
//! Nothing in here is decided: a token only says what was so when it was issued.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use postern_iam::ids::ACCESS_KEY_ID_ENTROPY;
use postern_iam::{AccessKeyId, AccountId, Arn, SecretString, UniqueId};
use postern_store::UnixMillis;
use ring::aead::NONCE_LEN;
use ring::hmac;

use crate::keys::Keys;
use content::{Reader, Writer};

mod content;
#[cfg(test)]
mod tests;

/// The first byte. Tokens of nodes' roles begin with another one, and what begins with neither is read by nobody.
const VERSION: u8 = 2;
/// What is sealed cannot be taken for anything else that the service seals.
const CONTEXT: &str = "session token";
/// What session policies and tags may take together, in bytes. AWS has such a limit too, on its own packed form.
pub(crate) const MAX_PACKED_BYTES: usize = 4096;
/// What is sealed is never longer: the packed part, and names of bounded length.
const MAX_CONTENT_BYTES: usize = MAX_PACKED_BYTES + 2048;
/// Nothing longer is decoded. A request's headers have room for twice as much.
const MAX_TOKEN_BYTES: usize = (1 + NONCE_LEN + MAX_CONTENT_BYTES + 16).div_ceil(3) * 4;

/// What a session token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionToken {
    pub(crate) account: AccountId,
    pub(crate) holder: Holder,
    pub(crate) issued_at: UnixMillis,
    /// From then on it is good for nothing.
    pub(crate) expires_at: UnixMillis,
    /// When the second factor was shown, if it was.
    pub(crate) mfa_at: Option<UnixMillis>,
    /// Who is behind it, as whoever asked first said; it stays through every further role.
    pub(crate) source_identity: Option<String>,
    pub(crate) tags: Vec<SessionTag>,
    pub(crate) policies: SessionPolicies,
}

/// Whose credentials they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A user's own, for a while.
    User(UniqueId),
    /// Of somebody who acts as a role.
    Role { role: UniqueId, session_name: String, begun_by: BegunBy },
}

/// Who began to act as a role, however many roles ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BegunBy {
    /// A user of here.
    User(UniqueId),
    /// Somebody whom a provider of identities vouches for.
    Federated(Box<Federation>),
    /// That is not said: by earlier releases, and of a role that a federated session went on to.
    Unsaid,
}

/// What a provider of identities said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Federation {
    /// The provider's ARN.
    pub(crate) provider: Arn,
    /// Without `https://`: how condition keys begin.
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) audience: String,
    /// How the subject proved itself.
    pub(crate) methods: Vec<String>,
}

/// A tag of a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionTag {
    pub(crate) key: String,
    pub(crate) value: String,
    /// Whether it stays when the session goes on to another role.
    pub(crate) transitive: bool,
}

/// What narrows the session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SessionPolicies {
    /// A document of its own.
    pub(crate) inline: Option<String>,
    /// Managed policies, whose text is looked up at each request.
    pub(crate) managed: Vec<Arn>,
}

/// A complete set of credentials.
pub(crate) struct SessionCredentials {
    pub(crate) access_key_id: AccessKeyId,
    pub(crate) secret_access_key: SecretString,
    pub(crate) session_token: SecretString,
}

impl SessionToken {
    /// The credentials that belong to this token. `nonce` must be random; it makes every token different.
    ///
    /// Nothing if it would be longer than what is read back: [`SessionToken::packed_bytes`] tells before.
    pub(crate) fn issue(&self, keys: &Keys, nonce: [u8; NONCE_LEN]) -> Option<SessionCredentials> {
        let content = self.write();
        if content.len() > MAX_CONTENT_BYTES || self.packed_bytes() > MAX_PACKED_BYTES {
            return None;
        }
        let sealed = keys.session_token.seal(CONTEXT, &content, nonce);
        let token = SecretString::new(URL_SAFE_NO_PAD.encode([&[VERSION][..], &sealed].concat()));
        Some(derive(keys, &self.account, token))
    }

    /// What a session token says, and the credentials it belongs to. Nothing if this service did not issue it.
    pub(crate) fn verify(session_token: &SecretString, keys: &Keys) -> Option<(Self, SessionCredentials)> {
        if session_token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(session_token.expose()).ok()?;
        let (version, sealed) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let content = keys.session_token.unseal(CONTEXT, sealed)?;
        // From here on it is our own writing, perhaps of another release.
        let token = Self::read(&content)?;
        let credentials = derive(keys, &token.account, session_token.clone());
        Some((token, credentials))
    }

    /// What it says, for the service's own store. It is no token any more: it proves nothing.
    pub(crate) fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.write())
    }

    /// Nothing for what another release has written and this one does not understand.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        Self::read(&URL_SAFE_NO_PAD.decode(text).ok()?)
    }

    /// Whether a text says that it is one: nodes have another kind. It proves nothing.
    pub(crate) fn is_one(session_token: &SecretString) -> bool {
        let first = session_token.expose().get(..4).and_then(|letters| URL_SAFE_NO_PAD.decode(letters).ok());
        first.is_some_and(|bytes| bytes.first() == Some(&VERSION))
    }

    /// What session policies and tags take of [`MAX_PACKED_BYTES`].
    pub(crate) fn packed_bytes(&self) -> usize {
        let mut packed = Writer::default();
        self.write_packed(&mut packed);
        packed.into_bytes().len()
    }

    fn write(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.text(self.account.as_str());
        to.number(self.issued_at);
        to.number(self.expires_at);
        to.optional(self.mfa_at.as_ref(), |to, at| to.number(*at));
        to.optional(self.source_identity.as_ref(), |to, name| to.text(name));
        match &self.holder {
            Holder::User(id) => {
                to.byte(1);
                to.text(id.as_str());
            }
            Holder::Role { role, session_name, begun_by } => {
                to.byte(if let BegunBy::User(_) = begun_by { 3 } else { 2 });
                to.text(role.as_str());
                to.text(session_name);
                match begun_by {
                    BegunBy::User(id) => to.text(id.as_str()),
                    BegunBy::Federated(federation) => to.optional(Some(federation), |to, it| it.write(to)),
                    BegunBy::Unsaid => to.optional(None::<&Federation>, |_, _| {}),
                }
            }
        }
        self.write_packed(&mut to);
        to.into_bytes()
    }

    fn write_packed(&self, to: &mut Writer) {
        to.list(&self.tags, |to, tag| {
            to.byte(u8::from(tag.transitive));
            to.text(&tag.key);
            to.text(&tag.value);
        });
        to.optional(self.policies.inline.as_ref(), |to, document| to.text(document));
        to.list(&self.policies.managed, |to, arn| to.text(&arn.to_string()));
    }

    fn read(content: &[u8]) -> Option<Self> {
        let mut from = Reader::new(content);
        let account = from.parsed()?;
        let issued_at = from.number()?;
        let expires_at = from.number()?;
        let mfa_at = from.optional(Reader::number)?;
        let source_identity = from.optional(Reader::text)?;
        let holder = match from.byte()? {
            1 => Holder::User(from.parsed()?),
            kind @ 2..=3 => {
                let (role, session_name) = (from.parsed()?, from.text()?);
                let begun_by = match kind {
                    3 => BegunBy::User(from.parsed()?),
                    _ => from.optional(Federation::read)?.map_or(BegunBy::Unsaid, BegunBy::Federated),
                };
                Holder::Role { role, session_name, begun_by }
            }
            _ => return None,
        };
        let tags = from.list(|from| {
            let transitive = from.truth()?;
            Some(SessionTag { key: from.text()?, value: from.text()?, transitive })
        })?;
        let inline = from.optional(Reader::text)?;
        let managed = from.list(Reader::parsed)?;
        let policies = SessionPolicies { inline, managed };
        from.ended().then_some(Self { account, holder, issued_at, expires_at, mfa_at, source_identity, tags, policies })
    }
}

impl Federation {
    fn write(&self, to: &mut Writer) {
        to.text(&self.provider.to_string());
        to.text(&self.issuer);
        to.text(&self.subject);
        to.text(&self.audience);
        to.list(&self.methods, |to, method| to.text(method));
    }

    fn read(from: &mut Reader<'_>) -> Option<Box<Self>> {
        Some(Box::new(Self {
            provider: from.parsed()?,
            issuer: from.text()?,
            subject: from.text()?,
            audience: from.text()?,
            methods: from.list(Reader::text)?,
        }))
    }
}

/// The half of an access key id that is random; the other half proves that it was issued here, and for which account.
const RANDOM_HALF: usize = ACCESS_KEY_ID_ENTROPY / 2;

fn derive(keys: &Keys, account: &AccountId, session_token: SecretString) -> SessionCredentials {
    let derived = hmac::sign(&keys.session_secret, session_token.expose().as_bytes());
    // 30 bytes are the 40 characters that secret access keys have at AWS; the last two are for the id.
    let (secret, _) = derived.as_ref().split_at(30);
    let random = hmac::sign(&keys.session_key_id, session_token.expose().as_bytes());
    let mut half = [0; RANDOM_HALF];
    half.copy_from_slice(&random.as_ref()[..RANDOM_HALF]);
    SessionCredentials {
        access_key_id: key_id(keys, account, &half),
        secret_access_key: SecretString::new(STANDARD.encode(secret)),
        session_token,
    }
}

fn key_id(keys: &Keys, account: &AccountId, random: &[u8; RANDOM_HALF]) -> AccessKeyId {
    let proof = hmac::sign(&keys.session_key_id, &[&random[..], account.as_str().as_bytes()].concat());
    let mut bytes = [0; ACCESS_KEY_ID_ENTROPY];
    bytes[..RANDOM_HALF].copy_from_slice(random);
    bytes[RANDOM_HALF..].copy_from_slice(&proof.as_ref()[..ACCESS_KEY_ID_ENTROPY - RANDOM_HALF]);
    AccessKeyId::temporary(&bytes)
}

/// Whether temporary credentials with this access key id were issued here for this account. It tells what somebody wrote
/// into a log from what this service issued, and proves nothing about whoever names it.
pub(crate) fn was_issued_for(id: &AccessKeyId, account: &AccountId, keys: &Keys) -> bool {
    let Some(bytes) = id.temporary_entropy() else { return false };
    let mut half = [0; RANDOM_HALF];
    half.copy_from_slice(&bytes[..RANDOM_HALF]);
    key_id(keys, account, &half) == *id
}

/// A text that came back as a token: ours is what issuing what it says would give.
pub(crate) fn fuzz_text(text: &[u8], keys: &Keys) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let token = SecretString::new(text);
    let Some((read, credentials)) = SessionToken::verify(&token, keys) else { return };
    let bytes = URL_SAFE_NO_PAD.decode(text).expect("it was decoded before");
    let nonce = bytes[1..].first_chunk().expect("it was opened with its nonce");
    let issued = read.issue(keys, *nonce).expect("it fitted before");
    assert_eq!(issued.session_token, token);
    assert_eq!(issued.access_key_id, credentials.access_key_id);
    assert_eq!(issued.secret_access_key, credentials.secret_access_key);
}

/// What another release may have sealed: read in one way only, and sealed again it is a token.
pub(crate) fn fuzz_content(content: &[u8], keys: &Keys) {
    let Some(read) = SessionToken::read(content) else { return };
    assert_eq!(read.write(), content);
    if let Some(issued) = read.issue(keys, [0; NONCE_LEN]) {
        let (again, credentials) = SessionToken::verify(&issued.session_token, keys).expect("it was just issued");
        assert_eq!(again, read);
        assert_eq!(credentials.access_key_id, issued.access_key_id);
        assert!(was_issued_for(&issued.access_key_id, &read.account, keys));
    }
}
