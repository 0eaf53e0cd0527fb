//! Identifiers, each its own type with a closed alphabet and a bounded length.
//!
//! Identifiers become folder names, URL segments, ARN parts and log fields. A value of one of these types is fit for
//! all of them, because nothing else can be parsed. Nothing here draws randomness: the `generate` constructors are
//! handed the random bytes. What an identifier *refers to* is not known here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is not an identifier of the wanted kind. It never repeats the text, which may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must be {expected}")]
pub struct IdError {
    /// The kind of identifier, as an operator would name it.
    pub kind: &'static str,
    /// What a well-formed one looks like.
    pub expected: &'static str,
}

macro_rules! id {
    (
        $(#[$meta:meta])*
        $name:ident, $kind:literal, $expected:literal, $accepts:expr
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text of the identifier.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            fn accepts(text: &str) -> bool {
                let accepts: fn(&str) -> bool = $accepts;
                accepts(text)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if Self::accepts(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError { kind: $kind, expected: $expected })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id! {
    /// A session: the caller's short name, `-`, a unique suffix. Also the name of its data channel and, on the node, of
    /// its folder. The alphabet is that of IAM user and role session names, because policies match on that prefix.
    SessionId, "a session id",
    "1 to 96 letters, digits or any of _ + = , . @ - and begin with neither . nor -",
    |text| within(text, 1, 96, is_principal_name_byte) && !text.starts_with(['.', '-'])
}

id! {
    /// A managed node registered with an activation: `mi-` and 17 lower-case hexadecimal digits.
    NodeId, "a node id", "mi- followed by 17 lower-case hexadecimal digits",
    |text| text.strip_prefix("mi-").is_some_and(|digits| within(digits, 17, 17, is_lower_hex))
}

id! {
    /// An activation: a UUID in lower-case hexadecimal.
    ActivationId, "an activation id", "a UUID in lower-case hexadecimal digits", is_lower_uuid
}

id! {
    /// An account, the unit of tenancy: 12 decimal digits, as clients, policies and ARNs show it.
    AccountId, "an account id", "12 decimal digits",
    |text| within(text, 12, 12, |byte| byte.is_ascii_digit())
}

id! {
    /// A region. AWS's names are accepted, and so is any short name an operator likes.
    Region, "a region", "1 to 32 lower-case letters, digits or hyphens, and begin with a letter",
    |text| {
        within(text, 1, 32, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-')
    }
}

id! {
    /// The public half of a key pair for signing requests.
    AccessKeyId, "an access key id", "16 to 128 letters, digits or underscores",
    |text| within(text, 16, 128, |byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

id! {
    /// What a client calls itself on a data channel; stock clients send a UUID.
    ClientId, "a client id", "1 to 64 letters, digits or hyphens",
    |text| within(text, 1, 64, |byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

id! {
    /// A session document's name, or its ARN where AWS accepts one.
    DocumentName, "a document name", "3 to 128 letters, digits or any of _ - . : /",
    |text| within(text, 3, 128, |byte| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte))
}

id! {
    /// A key of the key service: a UUID in lower-case hexadecimal.
    KeyId, "a key id", "a UUID in lower-case hexadecimal digits", is_lower_uuid
}

id! {
    /// A user, group, role or policy, for good: names can be given again, this is never. AWS's form: four letters that
    /// say what it is, and letters and digits.
    UniqueId, "a unique id", "16 to 128 upper-case letters or digits",
    |text| within(text, 16, 128, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

id! {
    /// An account of a node's operating system: the portable alphabet of POSIX, and `@` for accounts of directories. It is
    /// no number, no option and no path, and means nothing to a shell: stock agents hand it to one, as root (spec
    /// agent-sessions §2).
    OsUserName, "a user name", "1 to 64 letters, digits or any of _ . - @ and begin with a letter or _",
    |text| {
        within(text, 1, 64, |byte| byte.is_ascii_alphanumeric() || b"_.-@".contains(&byte))
            && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
    }
}

id! {
    /// A group of a node's operating system.
    OsGroupName, "a group name", "1 to 32 letters, digits or any of _ . - and begin with a letter or _",
    |text| {
        within(text, 1, 32, |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
            && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
    }
}

/// The number of random bytes behind a generated [`UniqueId`].
pub const UNIQUE_ID_ENTROPY: usize = 11;
/// The number of random bytes behind a generated [`SessionId`].
pub const SESSION_ID_ENTROPY: usize = 16;
/// The number of random bytes behind a generated [`NodeId`].
pub const NODE_ID_ENTROPY: usize = 9;
/// The number of random bytes behind a generated [`ActivationId`].
pub const ACTIVATION_ID_ENTROPY: usize = 16;
/// The bytes that are a [`KeyId`], all of them random but for six bits.
pub const KEY_ID_BYTES: usize = 16;
/// Random bytes in a made-up client id.
pub const CLIENT_ID_ENTROPY: usize = 16;
/// The number of random bytes behind a generated [`AccessKeyId`].
pub const ACCESS_KEY_ID_ENTROPY: usize = 10;

impl SessionId {
    /// A new id for a session of the principal with this short name (user name or role session name).
    ///
    /// The suffix is 26 lower-case letters and digits, the form AWS issues today. Characters that no principal name
    /// has become `-`; a name too long for the id is cut, never the suffix.
    #[must_use]
    pub fn generate(short_name: &str, random: &[u8; SESSION_ID_ENTROPY]) -> Self {
        const SUFFIX: usize = 26;
        const NAME_MAX: usize = 96 - 1 - SUFFIX;
        let safe = |c: char| if u8::try_from(c).is_ok_and(is_principal_name_byte) { c } else { '-' };
        let name: String = short_name.chars().map(safe).skip_while(|c| matches!(c, '.' | '-')).take(NAME_MAX).collect();
        let name = if name.is_empty() { "session" } else { &name };
        let suffix = base32(random, b"abcdefghijklmnopqrstuvwxyz234567");
        Self(format!("{name}-{suffix}").into())
    }
}

impl OsUserName {
    /// The name that root has everywhere; other accounts may have its rights, which only their node knows.
    pub const ROOT: &str = "root";

    /// Whether this is root by its own name.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.as_str() == Self::ROOT
    }
}

impl NodeId {
    /// A new node id. 68 of the 72 random bits are used.
    #[must_use]
    pub fn generate(random: &[u8; NODE_ID_ENTROPY]) -> Self {
        let mut text = format!("mi-{}", hex::encode(random));
        text.truncate("mi-".len() + 17);
        Self(text.into())
    }
}

impl ActivationId {
    /// A new activation id: a version 4 UUID.
    #[must_use]
    pub fn generate(random: &[u8; ACTIVATION_ID_ENTROPY]) -> Self {
        Self(uuid(&version_4(random)).into())
    }
}

impl KeyId {
    /// A new key id: a version 4 UUID.
    #[must_use]
    pub fn generate(random: &[u8; KEY_ID_BYTES]) -> Self {
        Self::from_bytes(&version_4(random))
    }

    /// The id whose digits are these bytes, as it travels inside ciphertexts.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; KEY_ID_BYTES]) -> Self {
        Self(uuid(bytes).into())
    }

    /// The bytes that are its digits.
    ///
    /// # Panics
    /// Never: only UUIDs parse.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; KEY_ID_BYTES] {
        let mut bytes = [0; KEY_ID_BYTES];
        hex::decode_to_slice(self.0.replace('-', ""), &mut bytes).expect("a UUID is 32 hexadecimal digits");
        bytes
    }
}

/// Marks random bytes as the random kind of UUID.
fn version_4(random: &[u8; 16]) -> [u8; 16] {
    let mut bytes = *random;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    bytes
}

fn uuid(bytes: &[u8; 16]) -> String {
    let digits = hex::encode(bytes);
    let (a, rest) = digits.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, e) = rest.split_at(4);
    format!("{a}-{b}-{c}-{d}-{e}")
}

impl ClientId {
    /// An id for a client that named none.
    #[must_use]
    pub fn generate(random: &[u8; CLIENT_ID_ENTROPY]) -> Self {
        Self(hex::encode(random).into())
    }
}

impl AccessKeyId {
    /// A new id for a long-lived key of a user. It does not begin like AWS's own keys, so that scanners for leaked AWS
    /// keys do not mistake it for one and people can see whose it is.
    #[must_use]
    pub fn long_lived(random: &[u8; ACCESS_KEY_ID_ENTROPY]) -> Self {
        Self::with_prefix("PKIA", random)
    }

    /// A new id for temporary credentials, which are only valid together with a session token.
    #[must_use]
    pub fn temporary(random: &[u8; ACCESS_KEY_ID_ENTROPY]) -> Self {
        Self::with_prefix("PSIA", random)
    }

    /// The random bytes behind an id that [`AccessKeyId::temporary`] made; nothing for any other.
    #[must_use]
    pub fn temporary_entropy(&self) -> Option<[u8; ACCESS_KEY_ID_ENTROPY]> {
        let mut bytes = [0; ACCESS_KEY_ID_ENTROPY];
        let (mut pending, mut bits, mut filled) = (0_u32, 0_u32, bytes.iter_mut());
        for symbol in self.0.strip_prefix("PSIA")?.bytes() {
            let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == symbol)?;
            pending = (pending << 5) | u32::try_from(value).ok()?;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                *filled.next()? = u8::try_from((pending >> bits) & 0xff).ok()?;
            }
        }
        (bits == 0 && filled.next().is_none()).then_some(bytes)
    }

    fn with_prefix(prefix: &str, random: &[u8; ACCESS_KEY_ID_ENTROPY]) -> Self {
        Self(format!("{prefix}{}", base32(random, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")).into())
    }
}

impl UniqueId {
    /// A new id of a user.
    #[must_use]
    pub fn of_user(random: &[u8; UNIQUE_ID_ENTROPY]) -> Self {
        Self::with_prefix("AIDA", random)
    }

    /// A new id of a group.
    #[must_use]
    pub fn of_group(random: &[u8; UNIQUE_ID_ENTROPY]) -> Self {
        Self::with_prefix("AGPA", random)
    }

    /// A new id of a role.
    #[must_use]
    pub fn of_role(random: &[u8; UNIQUE_ID_ENTROPY]) -> Self {
        Self::with_prefix("AROA", random)
    }

    /// A new id of a policy.
    #[must_use]
    pub fn of_policy(random: &[u8; UNIQUE_ID_ENTROPY]) -> Self {
        Self::with_prefix("ANPA", random)
    }

    /// AWS's have 17 characters behind the prefix.
    fn with_prefix(prefix: &str, random: &[u8; UNIQUE_ID_ENTROPY]) -> Self {
        let mut text = format!("{prefix}{}", base32(random, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"));
        text.truncate(prefix.len() + 17);
        Self(text.into())
    }
}

impl DocumentName {
    /// Whether the name is reserved for documents the service itself owns (`AWS-…` and its kin, `Postern-…`).
    #[must_use]
    pub fn is_service_owned(&self) -> bool {
        let name = self.short_name();
        ["aws", "amazon", "amzn", "postern-"]
            .iter()
            .any(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
    }

    /// The name without the ARN in front of it, if there is one.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

fn within(text: &str, min: usize, max: usize, accepts: fn(u8) -> bool) -> bool {
    (min..=max).contains(&text.len()) && text.bytes().all(accepts)
}

fn is_principal_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_lower_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => is_lower_hex(byte),
        })
}

/// Five bits a symbol, no padding; the last symbol carries the bits that are left, filled with zeroes.
pub(crate) fn base32(bytes: &[u8], alphabet: &[u8; 32]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut pending, mut bits) = (0_u32, 0_u32);
    for &byte in bytes {
        pending = (pending << 8) | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(alphabet[(pending >> bits) as usize & 31]));
        }
    }
    if bits > 0 {
        text.push(char::from(alphabet[(pending << (5 - bits)) as usize & 31]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parses<T: FromStr>(text: &str) -> bool {
        text.parse::<T>().is_ok()
    }

    #[test]
    fn alphabets_are_closed_and_lengths_bounded() {
        assert!(parses::<SessionId>("tester-0886922a8af34e9a8"));
        assert!(parses::<SessionId>("jane.doe@example.com-0123456789abcdefghijklmnop"));
        for bad in ["", ".", "..", "-x", "a/b", "a b", "a\n", "ä", &"a".repeat(97)] {
            assert!(!parses::<SessionId>(bad), "{bad:?}");
        }
        assert!(parses::<NodeId>("mi-0c83012b7aac4ccda"));
        for bad in
            ["mi-", "mi-0C83012b7aac4ccda", "mi-0c83012b7aac4ccd", "mi-0c83012b7aac4ccda0", "i-0c83012b7aac4ccda"]
        {
            assert!(!parses::<NodeId>(bad), "{bad:?}");
        }
        assert!(parses::<ActivationId>("11111111-2222-4333-8444-555555555555"));
        assert!(!parses::<ActivationId>("11111111-2222-4333-8444-55555555555G"));
        assert!(!parses::<ActivationId>("111111112-222-4333-8444-555555555555"));
        assert!(parses::<AccountId>("000000000000") && !parses::<AccountId>("12345678901"));
        assert!(parses::<Region>("eu-west-1") && parses::<Region>("local"));
        for bad in ["", "1a", "EU", "eu_west", "eu-", &"a".repeat(33)] {
            assert!(!parses::<Region>(bad), "{bad:?}");
        }
        assert!(parses::<AccessKeyId>("AKIDEXAMPLE00000") && !parses::<AccessKeyId>("short"));
        assert!(parses::<ClientId>("c40c506f-465c-40aa-ba72-2294e8c5ac6e") && !parses::<ClientId>(""));
        assert!(parses::<DocumentName>("AWS-StartSSHSession") && !parses::<DocumentName>("ab"));
    }

    #[test]
    fn names_of_users_and_groups_are_no_options_numbers_or_paths() {
        for name in ["root", "_apt", "ssm-user", "a.b", "u1", "Jane@corp.example", &"x".repeat(64)] {
            assert!(parses::<OsUserName>(name), "{name:?}");
        }
        for name in ["", "-f", "1u", "0", "a b", "a\n", "a/b", "..", "ü", "$(id)", "@a", "a:b", &"x".repeat(65)] {
            assert!(!parses::<OsUserName>(name), "{name:?}");
            assert!(!parses::<OsGroupName>(name), "{name:?}");
        }
        assert!(parses::<OsGroupName>("docker") && !parses::<OsGroupName>("a@b") && !parses::<OsGroupName>("a,b"));
        assert!("root".parse::<OsUserName>().is_ok_and(|name| name.is_root()));
    }

    #[test]
    fn generated_ids_are_ids() {
        for byte in [0x00, 0x5a, 0xff] {
            let session = SessionId::generate("jane", &[byte; 16]);
            assert!(session.as_str().starts_with("jane-") && session.as_str().len() == "jane-".len() + 26);
            assert!(parses::<SessionId>(session.as_str()));
            assert!(parses::<NodeId>(NodeId::generate(&[byte; 9]).as_str()));
            assert!(parses::<ActivationId>(ActivationId::generate(&[byte; 16]).as_str()));
            let key = KeyId::generate(&[byte; 16]);
            assert!(parses::<KeyId>(key.as_str()));
            assert_eq!(KeyId::from_bytes(&key.to_bytes()), key);
            assert!(parses::<AccessKeyId>(AccessKeyId::long_lived(&[byte; 10]).as_str()));
            assert_eq!(AccessKeyId::temporary(&[byte; 10]).as_str().len(), 20);
            assert_eq!(AccessKeyId::temporary(&[byte; 10]).temporary_entropy(), Some([byte; 10]));
            assert_eq!(AccessKeyId::long_lived(&[byte; 10]).temporary_entropy(), None);
            for id in [UniqueId::of_user(&[byte; 11]), UniqueId::of_policy(&[byte; 11])] {
                assert!(parses::<UniqueId>(id.as_str()) && id.as_str().len() == 21, "{id}");
            }
        }
    }

    #[test]
    fn a_session_id_keeps_the_principals_name_and_its_own_suffix() {
        let long = SessionId::generate(&"n".repeat(200), &[7; 16]);
        assert_eq!(long.as_str().len(), 96);
        assert!(parses::<SessionId>(long.as_str()));
        assert!(SessionId::generate("../étc", &[7; 16]).as_str().starts_with("tc-"));
        assert!(SessionId::generate("", &[7; 16]).as_str().starts_with("session-"));
    }

    #[test]
    fn service_owned_documents_are_recognised() {
        for (name, owned) in [
            ("AWS-StartSSHSession", true),
            ("arn:aws:ssm:eu-west-1::document/AWS-StartSSHSession", true),
            ("amazon-thing", true),
            ("Postern-CopyFiles", true),
            ("posternfan", false),
            ("SSM-SessionManagerRunShell", false),
            ("Backups", false),
        ] {
            let name: DocumentName = name.parse().expect("a well-formed name");
            assert_eq!(name.is_service_owned(), owned, "{name}");
        }
    }
}
