//! Reading who claims to have signed a request. Total: any method, URI and headers give a claim or an error, and every
//! length is bounded before anything is copied.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::canonical::{CanonicalHeader, CanonicalParts, PathStyle, percent_decode, split_query};
use super::claim::{ClaimedBody, CredentialScope, Scheme, Signature, SignedRequest};
use super::error::SigV4Error;
use super::timestamp::Timestamp;
use super::{ALGORITHM, MAX_PRESIGN_SECONDS, TERMINATOR, UNSIGNED_PAYLOAD};
use crate::secret::SecretString;

/// An `Authorization` header with an RSA-4096 signature and sixty long header names stays below this.
const MAX_AUTHORIZATION_BYTES: usize = 4096;
const MAX_SESSION_TOKEN_BYTES: usize = 8192;
const MAX_URI_BYTES: usize = 16 * 1024;
const MAX_SIGNED_HEADERS: usize = 64;
/// All signed header values together.
const MAX_SIGNED_VALUE_BYTES: usize = 64 * 1024;
/// RSA-4096 makes 512 bytes, Ed25519 makes 64.
const NODE_SIGNATURE_BYTES: std::ops::RangeInclusive<usize> = 64..=512;

/// Reads the signature of a request, in whichever form it is.
///
/// `uri` is the request target as it was sent: path and query, not decoded. `headers` are all headers in order of
/// arrival, any case, duplicates included.
///
/// # Errors
/// [`SigV4Error`], always the caller's fault: not signed, incomplete, malformed, too large, or a header that has to be
/// signed is not.
pub fn parse<N: AsRef<str>, V: AsRef<[u8]>>(
    method: &str,
    uri: &str,
    headers: &[(N, V)],
) -> Result<SignedRequest, SigV4Error> {
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
    parse_with(method, uri, &headers, PathStyle::Normalized)
}

pub(super) fn parse_with(
    method: &str,
    uri: &str,
    headers: &[(&str, &[u8])],
    style: PathStyle,
) -> Result<SignedRequest, SigV4Error> {
    if uri.len() > MAX_URI_BYTES {
        return Err(SigV4Error::TooLarge { what: "the request's URI", max_bytes: MAX_URI_BYTES });
    }
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let headers = Headers(headers);
    let authorization = headers.once("authorization", "the Authorization header")?;
    let is_presigned = split_query(query).any(|(name, _)| matches!(name, "X-Amz-Algorithm" | "X-Amz-Signature"));
    let claim = match (authorization, is_presigned) {
        (None, false) => return Err(SigV4Error::NotSigned),
        (Some(_), true) => return Err(SigV4Error::Repeated("a signature (Authorization header and presigned query)")),
        (Some(authorization), false) => read_header_form(authorization, headers)?,
        (None, true) => read_presigned_form(query, headers)?,
    };

    let Credential { access_key_id, scope } = claim.credential;
    if scope.date != claim.signed_at.date() {
        return Err(SigV4Error::ScopeDate { scope_date: scope.date, signed_at: claim.signed_at });
    }
    let signed_values = headers.signed(&claim.signed_headers)?;
    let signed_query: Vec<_> = split_query(query)
        .filter(|(name, _)| claim.scheme != Scheme::Presigned || *name != "X-Amz-Signature")
        .collect();
    let parts = CanonicalParts {
        method,
        path,
        style,
        query: &signed_query,
        headers: &signed_values,
        signed_headers: &claim.signed_headers,
    };
    Ok(SignedRequest {
        access_key_id,
        session_token: claim.session_token,
        scope,
        signed_at: claim.signed_at,
        scheme: claim.scheme,
        expires_seconds: claim.expires_seconds,
        signature: claim.signature,
        claimed_body: claim.claimed_body,
        canonical_head: parts.head(),
    })
}

/// What either form says, before the rest of the request is looked at.
struct Claim {
    credential: Credential,
    signed_headers: String,
    signature: Signature,
    scheme: Scheme,
    signed_at: Timestamp,
    expires_seconds: Option<u64>,
    session_token: Option<SecretString>,
    claimed_body: ClaimedBody,
}

fn read_header_form(authorization: &[u8], headers: Headers<'_>) -> Result<Claim, SigV4Error> {
    if authorization.len() > MAX_AUTHORIZATION_BYTES {
        return Err(SigV4Error::TooLarge { what: "the Authorization header", max_bytes: MAX_AUTHORIZATION_BYTES });
    }
    let text = printable(authorization).ok_or(MALFORMED_AUTHORIZATION)?;
    let (algorithm, parameters) = text.split_once(' ').unwrap_or((text, ""));
    if algorithm != ALGORITHM {
        return Err(SigV4Error::UnsupportedAlgorithm);
    }

    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for parameter in parameters.split(',') {
        // Only the first '=' separates: a node's signature is base64 and may end in more of them.
        let (name, value) = parameter.trim().split_once('=').ok_or(MALFORMED_AUTHORIZATION)?;
        let slot = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => return Err(MALFORMED_AUTHORIZATION),
        };
        if slot.replace(value).is_some() {
            return Err(SigV4Error::Repeated("a parameter of the Authorization header"));
        }
    }
    let credential = Credential::parse(credential.ok_or(SigV4Error::Incomplete("'Credential'"))?)?;
    let signed_headers = signed_headers.ok_or(SigV4Error::Incomplete("'SignedHeaders'"))?;
    let signature = signature.ok_or(SigV4Error::Incomplete("'Signature'"))?;

    let (scheme, signature) = if credential.access_key_id.starts_with("mi-") {
        (Scheme::NodeKey, node_key_signature(signature)?)
    } else {
        (Scheme::Header, hmac_signature(signature)?)
    };
    let token = headers.once("x-amz-security-token", "X-Amz-Security-Token")?;
    let body = headers.once("x-amz-content-sha256", "X-Amz-Content-Sha256")?;
    Ok(Claim {
        credential,
        signed_headers: signed_headers.to_owned(),
        signature,
        scheme,
        signed_at: signed_at(headers)?,
        expires_seconds: None,
        session_token: token.map(session_token).transpose()?,
        claimed_body: body.map_or(Ok(ClaimedBody::Unsaid), claimed_body)?,
    })
}

fn read_presigned_form(query: &str, headers: Headers<'_>) -> Result<Claim, SigV4Error> {
    let parameter = |name: &'static str| -> Result<Option<String>, SigV4Error> {
        let mut values = split_query(query).filter(|(found, _)| *found == name).map(|(_, value)| value);
        let value = values.next();
        if values.next().is_some() {
            return Err(SigV4Error::Repeated(name));
        }
        let malformed = SigV4Error::Malformed { what: "a query parameter", expected: "percent-encoded ASCII" };
        value.map(|value| String::from_utf8(percent_decode(value)).map_err(|_| malformed)).transpose()
    };
    let required = |name: &'static str| parameter(name)?.ok_or(SigV4Error::Incomplete(name));

    if required("X-Amz-Algorithm")? != ALGORITHM {
        return Err(SigV4Error::UnsupportedAlgorithm);
    }
    let credential = Credential::parse(&required("X-Amz-Credential")?)?;
    let signed_at = Timestamp::parse_basic(&required("X-Amz-Date")?).ok_or(MALFORMED_DATE)?;
    let expires = required("X-Amz-Expires")?.parse().ok().filter(|life| (1..=MAX_PRESIGN_SECONDS).contains(life));
    let expires_seconds =
        Some(expires.ok_or(SigV4Error::Malformed {
            what: "X-Amz-Expires",
            expected: "a number of seconds from 1 to 604800",
        })?);
    let token = parameter("X-Amz-Security-Token")?;
    let body = match parameter("X-Amz-Content-Sha256")? {
        Some(body) => Some(claimed_body(body.as_bytes())?),
        None => headers.once("x-amz-content-sha256", "X-Amz-Content-Sha256")?.map(claimed_body).transpose()?,
    };
    Ok(Claim {
        credential,
        signed_headers: required("X-Amz-SignedHeaders")?,
        signature: hmac_signature(&required("X-Amz-Signature")?)?,
        scheme: Scheme::Presigned,
        signed_at,
        expires_seconds,
        session_token: token.map(|token| session_token(token.as_bytes())).transpose()?,
        claimed_body: body.unwrap_or(ClaimedBody::Unsaid),
    })
}

const MALFORMED_AUTHORIZATION: SigV4Error = SigV4Error::Malformed {
    what: "the Authorization header",
    expected: "'AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…'",
};
const MALFORMED_DATE: SigV4Error =
    SigV4Error::Malformed { what: "X-Amz-Date", expected: "a UTC time written as YYYYMMDDThhmmssZ" };
const MALFORMED_SIGNED_HEADERS: SigV4Error = SigV4Error::Malformed {
    what: "the SignedHeaders",
    expected: "at most 64 different lower-case header names separated by semicolons",
};

struct Credential {
    access_key_id: String,
    scope: CredentialScope,
}

impl Credential {
    fn parse(text: &str) -> Result<Self, SigV4Error> {
        let malformed = SigV4Error::Malformed {
            what: "the Credential",
            expected: "five parts separated by slashes: key id, YYYYMMDD, region, service, aws4_request",
        };
        let parts: Vec<&str> = text.splitn(6, '/').collect();
        let [key, date, region, service, TERMINATOR] = parts[..] else { return Err(malformed) };
        let word = |text: &str, max: usize| {
            (1..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        let is_date = date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit());
        if !(word(key, 128) && is_date && word(region, 64) && word(service, 64)) {
            return Err(malformed);
        }
        let scope = CredentialScope { date: date.to_owned(), region: region.to_owned(), service: service.to_owned() };
        Ok(Self { access_key_id: key.to_owned(), scope })
    }
}

fn hmac_signature(text: &str) -> Result<Signature, SigV4Error> {
    let mut bytes = [0; 32];
    // Upper-case digits are refused, as AWS compares the text.
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    match hex::decode_to_slice(text, &mut bytes) {
        Ok(()) if is_lower => Ok(Signature::Hmac(bytes)),
        _ => Err(SigV4Error::Malformed { what: "the Signature", expected: "64 lower-case hexadecimal digits" }),
    }
}

fn node_key_signature(text: &str) -> Result<Signature, SigV4Error> {
    let bytes = STANDARD.decode(text).ok().filter(|bytes| NODE_SIGNATURE_BYTES.contains(&bytes.len()));
    bytes.map(|bytes| Signature::NodeKey(bytes.into())).ok_or(SigV4Error::Malformed {
        what: "the Signature",
        expected: "base64 of a signature made with the node's registered key",
    })
}

fn session_token(value: &[u8]) -> Result<SecretString, SigV4Error> {
    if value.len() > MAX_SESSION_TOKEN_BYTES {
        return Err(SigV4Error::TooLarge { what: "X-Amz-Security-Token", max_bytes: MAX_SESSION_TOKEN_BYTES });
    }
    let token = printable(value).map(str::trim).filter(|token| !token.is_empty());
    token.map(SecretString::from).ok_or(SigV4Error::Malformed {
        what: "X-Amz-Security-Token",
        expected: "the session token that came with the credentials",
    })
}

fn claimed_body(value: &[u8]) -> Result<ClaimedBody, SigV4Error> {
    let value = value.trim_ascii();
    if value == UNSIGNED_PAYLOAD.as_bytes() {
        return Ok(ClaimedBody::Unsigned);
    }
    let mut hash = [0; 32];
    match hex::decode_to_slice(value, &mut hash) {
        Ok(()) => Ok(ClaimedBody::Sha256(hash)),
        Err(_) => Err(SigV4Error::Malformed {
            what: "X-Amz-Content-Sha256",
            expected: "the body's SHA-256 in hexadecimal; streaming signatures are not accepted",
        }),
    }
}

/// `X-Amz-Date` or, as AWS allows where it is absent, `Date` in either spelling.
fn signed_at(headers: Headers<'_>) -> Result<Timestamp, SigV4Error> {
    if let Some(date) = headers.once("x-amz-date", "X-Amz-Date")? {
        return printable(date).map(str::trim).and_then(Timestamp::parse_basic).ok_or(MALFORMED_DATE);
    }
    let date = headers.once("date", "Date")?.ok_or(SigV4Error::Incomplete("a time ('X-Amz-Date')"))?;
    let date = printable(date).map(str::trim).ok_or(MALFORMED_DATE)?;
    Timestamp::parse_basic(date).or_else(|| Timestamp::parse_http(date)).ok_or(MALFORMED_DATE)
}

fn printable(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')))
}

/// All headers of the request, in order of arrival.
#[derive(Clone, Copy)]
struct Headers<'a>(&'a [(&'a str, &'a [u8])]);

impl<'a> Headers<'a> {
    fn values(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The value of a header that must not come twice.
    fn once(self, name: &str, called: &'static str) -> Result<Option<&'a [u8]>, SigV4Error> {
        let mut values = self.values(name);
        let value = values.next();
        if values.next().is_some() { Err(SigV4Error::Repeated(called)) } else { Ok(value) }
    }

    /// The listed headers with their values, whatever the list is, as long as it covers what must be covered: the host,
    /// or the signature would be good for another server, and the operation. The time need not be listed, because it is in
    /// the string to sign anyway, and neither need the session token, because it selects the secret.
    fn signed<'n>(self, list: &'n str) -> Result<Vec<CanonicalHeader<'n, 'a>>, SigV4Error> {
        let mut signed: Vec<CanonicalHeader<'n, 'a>> = Vec::new();
        let mut bytes = 0;
        for name in list.split(';') {
            let is_name = (1..=128).contains(&name.len()) && name.bytes().all(is_lower_token);
            if !is_name || signed.len() == MAX_SIGNED_HEADERS || signed.iter().any(|(other, _)| *other == name) {
                return Err(MALFORMED_SIGNED_HEADERS);
            }
            let values: Vec<_> = self.values(name).collect();
            if values.is_empty() {
                return Err(SigV4Error::SignedHeaderMissing(name.to_owned()));
            }
            bytes += values.iter().map(|value| value.len()).sum::<usize>();
            if bytes > MAX_SIGNED_VALUE_BYTES {
                return Err(SigV4Error::TooLarge { what: "the signed headers", max_bytes: MAX_SIGNED_VALUE_BYTES });
            }
            signed.push((name, values));
        }
        let is_signed = |name| signed.iter().any(|(found, _)| *found == name);
        if !is_signed("host") {
            return Err(SigV4Error::HeaderNotSigned("Host"));
        }
        if self.values("x-amz-target").next().is_some() && !is_signed("x-amz-target") {
            return Err(SigV4Error::HeaderNotSigned("X-Amz-Target"));
        }
        Ok(signed)
    }
}

fn is_lower_token(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
