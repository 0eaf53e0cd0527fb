//! JSON Web Tokens that a provider of identities has signed (RFC 7515, 7517, 7519).
//!
//! Signatures are by public keys only, with four algorithms: RS256, PS256, ES256 and EdDSA with Ed25519. The token's
//! header chooses among the keys that the provider publishes and nothing else: keys and addresses in it are not looked
//! at, what it calls critical is refused, and `none` and secrets shared with a provider are no algorithms here.
//!
//! Pure: the keys and the time are arguments. Who is believed is decided elsewhere, by what [`Unverified::issuer`] names.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

mod key;
#[cfg(test)]
mod tests;

pub use key::{KeySet, KeySetError};

/// The longest token that is read, in bytes. AWS's own limit.
pub const MAX_TOKEN_BYTES: usize = 20_000;
/// The longest subject, client and issuer, in characters.
const MAX_NAME: usize = 255;
/// As many audiences and methods as are read.
const MAX_LIST: usize = 16;

/// Why a token proves nothing. The texts name the fix and repeat nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// It is not in the form of a signed token.
    #[error("the token is not a signed JSON Web Token: {0}")]
    Malformed(&'static str),
    /// It is signed in a way that is not believed.
    #[error("the token's algorithm must be one of RS256, PS256, ES256 and EdDSA")]
    Algorithm,
    /// None of the provider's keys is meant.
    #[error("the token is signed with a key that the provider does not publish")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the token's signature does not match")]
    Signature,
    /// It is over.
    #[error("the token is expired")]
    Expired,
    /// It is for later.
    #[error("the token is not valid yet; check the clocks of the provider and of this service")]
    TooEarly,
    /// A claim is missing or is not of its kind.
    #[error("the token's claim {0} is missing or malformed")]
    Claim(&'static str),
}

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Rs256,
    Ps256,
    Es256,
    EdDsa,
}

impl Algorithm {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "PS256" => Self::Ps256,
            "ES256" => Self::Es256,
            "EdDSA" => Self::EdDsa,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// A token that was taken apart, of which nothing is proven yet.
pub struct Unverified<'a> {
    /// Header and claims, as they were signed.
    signed: &'a [u8],
    signature: Vec<u8>,
    algorithm: Algorithm,
    key_id: Option<String>,
    issuer: String,
    claims: Map<String, Value>,
}

/// What a provider has said about somebody, once its signature has been verified.
#[derive(Clone, PartialEq)]
pub struct Claims {
    /// Who said it.
    pub issuer: String,
    /// About whom.
    pub subject: String,
    /// For whom it was said. The party that asked for the token, if the token names one.
    pub audiences: Vec<String>,
    /// How the subject proved itself.
    pub methods: Vec<String>,
    all: Map<String, Value>,
}

/// What a provider says about people is theirs.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Claims {
    /// Any claim, by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.all.get(name)
    }

    /// All claims.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.all.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// It is too long, not in the compact form, signed in a way that is not believed, or names no issuer.
    pub fn parse(token: &'a str) -> Result<Self, JwtError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JwtError::Malformed("it is too long"));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed("it has no three parts"))?;
        let (header, claims) = signed.split_once('.').ok_or(JwtError::Malformed("it has no three parts"))?;
        let header = object(header)?;
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::named);
        let algorithm = algorithm.ok_or(JwtError::Algorithm)?;
        if header.contains_key("crit") {
            return Err(JwtError::Malformed("its header has critical parts that nobody here understands"));
        }
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(JwtError::Malformed("its kid is no text")),
        };
        let claims = object(claims)?;
        let issuer = claims.get("iss").and_then(name).ok_or(JwtError::Claim("iss"))?;
        Ok(Self { signed: signed.as_bytes(), signature: decode(signature)?, algorithm, key_id, issuer, claims })
    }

    /// Who says to have signed it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether one of these keys may be the one that it was signed with.
    #[must_use]
    pub fn names_a_key_of(&self, keys: &KeySet) -> bool {
        keys.candidates(self.algorithm, self.key_id.as_deref()).next().is_some()
    }

    /// Verifies the signature with the provider's keys, and that the token is good now. Clocks may differ by `skew_seconds`.
    ///
    /// # Errors
    /// Anything about it is not as it must be.
    pub fn verify(self, keys: &KeySet, unix_millis: u64, skew_seconds: u64) -> Result<Claims, JwtError> {
        let mut candidates = keys.candidates(self.algorithm, self.key_id.as_deref()).peekable();
        if candidates.peek().is_none() {
            return Err(JwtError::UnknownKey);
        }
        if !candidates.any(|key| key.verifies(self.algorithm, self.signed, &self.signature)) {
            return Err(JwtError::Signature);
        }
        let (now, skew) = (unix_millis / 1000, skew_seconds);
        let claims = &self.claims;
        if moment(claims, "exp")?.ok_or(JwtError::Claim("exp"))?.saturating_add(skew) <= now {
            return Err(JwtError::Expired);
        }
        let issued = moment(claims, "iat")?.ok_or(JwtError::Claim("iat"))?;
        let begins = moment(claims, "nbf")?.unwrap_or(0);
        if issued.max(begins) > now.saturating_add(skew) {
            return Err(JwtError::TooEarly);
        }
        let subject = claims.get("sub").and_then(name).ok_or(JwtError::Claim("sub"))?;
        let audiences = match (claims.get("azp"), names(claims, "aud")?) {
            (None, Some(audiences)) => audiences,
            (Some(party), Some(_)) => vec![name(party).ok_or(JwtError::Claim("azp"))?],
            (_, None) => return Err(JwtError::Claim("aud")),
        };
        let methods = names(claims, "amr")?.unwrap_or_default();
        Ok(Claims { issuer: self.issuer, subject, audiences, methods, all: self.claims })
    }
}

fn decode(part: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Malformed("a part is not in base64url"))
}

fn object(part: &str) -> Result<Map<String, Value>, JwtError> {
    serde_json::from_slice(&decode(part)?).map_err(|_| JwtError::Malformed("a part is no JSON object"))
}

/// A text of a length that a condition or a log can have.
fn name(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let fits = !text.is_empty() && text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// One text, or a list of them.
fn names(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<Vec<String>>, JwtError> {
    let wrong = JwtError::Claim(claim);
    match claims.get(claim) {
        None => Ok(None),
        Some(Value::Array(items)) if (1..=MAX_LIST).contains(&items.len()) => {
            items.iter().map(|item| name(item).ok_or(wrong)).collect::<Result<_, _>>().map(Some)
        }
        Some(Value::Array(items)) if items.is_empty() && claim == "amr" => Ok(None),
        Some(item) => Ok(Some(vec![name(item).ok_or(wrong)?])),
    }
}

/// Seconds since 1970. A fraction is allowed and dropped.
fn moment(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<u64>, JwtError> {
    const END: f64 = 253_402_300_800.0;
    match claims.get(claim) {
        None => Ok(None),
        Some(Value::Number(number)) => match (number.as_u64(), number.as_f64()) {
            (Some(seconds), _) => Ok(Some(seconds)),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the range was looked at, and the fraction does not count"
            )]
            (None, Some(seconds)) if (0.0..END).contains(&seconds) => Ok(Some(seconds as u64)),
            _ => Err(JwtError::Claim(claim)),
        },
        Some(_) => Err(JwtError::Claim(claim)),
    }
}
