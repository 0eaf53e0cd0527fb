//! What fuzzing asks of everything here that reads what strangers send: signatures, names and keys. Shared by the
//! libFuzzer programs in `fuzz/` and by the seeded mutator in `tests/fuzz_seeds.rs`.
//!
//! Every target takes any bytes and must neither panic nor break the property it states.

#![allow(dead_code, reason = "every includer uses its own part")]

use std::fmt::Debug;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postern_iam::jwt::{KeySet, Unverified};
use postern_iam::sigv4::{Credentials, SigV4Error, SignableRequest, VerifyPolicy, parse, presign, sign, verify};
use postern_iam::{
    AccessKeyId, AccountId, ActivationId, Arn, ClientId, DocumentName, NodeId, NodeKeyPair, NodePublicKey, Region,
    SessionId, sigv4,
};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

/// A reader under test.
pub(crate) type Target = fn(&[u8]);

/// All targets by name. The name is that of the program in `fuzz/` and of the corpus folder.
pub(crate) const TARGETS: &[(&str, Target)] = &[
    ("arn", arn),
    ("ids", ids),
    ("jwt", jwt),
    ("node_key", node_key),
    ("sigv4_claim", sigv4_claim),
    ("sigv4_round_trip", sigv4_round_trip),
];

/// Runs the target of this name.
pub(crate) fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("the target is in the table");
    target(data);
}

/// The token of a provider of identities, or, if its first byte is odd, what one signs; then everything behind the
/// signature has to be total, too. What is believed can be named in a condition.
pub(crate) fn jwt(data: &[u8]) {
    const NOW: u64 = 1_795_384_779_000;
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("32 bytes are a seed");
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let keys = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{}"}}]}}"#, text(key.public_key().as_ref()));
    let keys = KeySet::parse(keys.as_bytes()).expect("it is a set");
    let Some((first, rest)) = data.split_first() else { return };
    let _ = KeySet::parse(rest);
    let token = if first & 1 == 0 {
        String::from_utf8_lossy(rest).into_owned()
    } else {
        let signed = format!("{}.{}", text(br#"{"alg":"EdDSA"}"#), text(rest));
        format!("{signed}.{}", text(key.sign(signed.as_bytes()).as_ref()))
    };
    let Ok(token) = Unverified::parse(&token) else { return };
    assert_eq!(token.issuer().trim_matches(char::is_control), token.issuer());
    if let Ok(claims) = token.verify(&keys, NOW, 60) {
        assert_eq!(first & 1, 1, "nobody else has the key");
        let names = [&claims.issuer, &claims.subject];
        for name in names.into_iter().chain(&claims.audiences).chain(&claims.methods) {
            assert!(!name.is_empty() && name.chars().count() <= 255 && !name.chars().any(char::is_control));
        }
        assert!(!claims.audiences.is_empty());
    }
}

/// An ARN is its text, in both directions, and the last part of its resource has no slash.
pub(crate) fn arn(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(arn) = text.parse::<Arn>() {
        assert_eq!(arn.to_string(), text);
        assert!(!arn.short_name().contains('/') && text.ends_with(arn.short_name()));
    }
}

/// What is an identifier of some kind is itself again as text, and fit for a path, a URL and a line of a log.
pub(crate) fn ids(data: &[u8]) {
    fn check<T: FromStr + AsRef<str> + Debug>(text: &str, more: &str) {
        let Ok(id) = text.parse::<T>() else { return };
        assert_eq!(id.as_ref(), text);
        assert!(text.len() <= 128 && !matches!(text, "" | "." | ".."));
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.as_bytes().contains(&byte)), "{id:?}");
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    check::<SessionId>(text, "_+=,.@-");
    check::<NodeId>(text, "-");
    check::<ActivationId>(text, "-");
    check::<AccountId>(text, "");
    check::<Region>(text, "-");
    check::<AccessKeyId>(text, "_");
    check::<ClientId>(text, "-");
    check::<DocumentName>(text, "_-.:/");
}

/// The first line is the type, the second the key, the rest a message: a key that is read is written as it was, and
/// nothing is its signature by chance.
pub(crate) fn node_key(data: &[u8]) {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let mut text = || lines.next().and_then(|line| std::str::from_utf8(line).ok());
    let (Some(key_type), Some(key)) = (text(), text()) else { return };
    match NodePublicKey::from_registration(key, key_type) {
        Ok(read) => {
            assert_eq!((read.key_type(), read.to_registration().as_str()), (key_type, key));
            let rest = lines.next().unwrap_or_default();
            let _ = read.verify(rest, rest);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    // The same bytes, as what our agent keeps on disk.
    if let Ok(pair) = NodeKeyPair::from_pkcs8(data) {
        assert!(pair.public_key().verify(b"x", &pair.sign(b"x")).is_ok());
    }
}

/// Reading a claim is total, what it says is bounded, and a secret that signed nothing proves nothing.
pub(crate) fn sigv4_claim(data: &[u8]) {
    let Some(request) = Request::read(data) else { return };
    match parse(request.method, request.uri, &request.headers) {
        Ok(signed) => {
            assert!((1..=128).contains(&signed.access_key_id().len()));
            let policy = policy();
            let now = signed.signed_at_millis();
            assert!(verify(&signed, request.body, &"no such secret".into(), now, &policy).is_err());
            let key = NodeKeyPair::from_seed([1; 32]).public_key();
            assert!(sigv4::verify_with_node_key(&signed, request.body, &key, now, &policy).is_err());
        }
        Err(error) => assert!(!error.to_string().is_empty() && !error.code().is_empty()),
    }
}

/// What our signer signs, in the header and in the presigned form, our verifier accepts, and not with another body: the
/// two agree on the canonical form of whatever goes between them.
pub(crate) fn sigv4_round_trip(data: &[u8]) {
    const NOW: u64 = 1_795_384_779_000;
    let Some(mut request) = Request::read(data) else { return };
    if request.uri.contains("X-Amz-") {
        return;
    }
    let ours = ["authorization", "date", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];
    request.headers.retain(|(name, _)| !ours.contains(&name.to_ascii_lowercase().as_str()));
    request.headers.push(("host".to_owned(), "ssm.example".to_owned()));
    let credentials = Credentials {
        access_key_id: "PKIA0123456789ABCDEF".to_owned(),
        secret_access_key: "the secret".into(),
        session_token: data.len().is_multiple_of(2).then(|| "the token".into()),
    };
    let Request { method, uri, headers, body } = &request;
    let signable = SignableRequest { method, uri, headers, body };

    let mut sent = headers.clone();
    sent.extend(sign(&signable, &credentials, "eu-west-1", "ssm", NOW));
    accepts(parse(method, uri, &sent), body, &credentials, NOW);

    let hash = SignableRequest { body: b"", ..signable };
    let uri = presign(&hash, &credentials, "eu-west-1", "ssm", NOW, Duration::from_secs(60));
    accepts(parse(method, &uri, headers), b"", &credentials, NOW);
}

fn accepts(claim: Result<sigv4::SignedRequest, SigV4Error>, body: &[u8], credentials: &Credentials, now: u64) {
    let signed = match claim {
        Ok(signed) => signed,
        // The rest of the request was not one that anybody may sign.
        Err(SigV4Error::TooLarge { .. } | SigV4Error::Repeated(_) | SigV4Error::Malformed { .. }) => return,
        Err(error) => panic!("our own signature is not found: {error}"),
    };
    assert_eq!(signed.access_key_id(), credentials.access_key_id);
    assert_eq!(signed.session_token(), credentials.session_token.as_ref());
    assert_eq!(verify(&signed, body, &credentials.secret_access_key, now, &policy()), Ok(()));
    let other = [body, b"!"].concat();
    assert!(verify(&signed, &other, &credentials.secret_access_key, now, &policy()).is_err());
}

fn policy() -> VerifyPolicy<'static> {
    VerifyPolicy::new("eu-west-1", &["ssm"])
}

/// A request as it would be written: request line, headers, an empty line, the body.
struct Request<'a> {
    method: &'a str,
    uri: &'a str,
    headers: Vec<(String, String)>,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let end = data.windows(2).position(|two| two == b"\n\n");
        let (head, body) = end.map_or((data, &[][..]), |end| (&data[..end], &data[end + 2..]));
        let head = std::str::from_utf8(head).ok()?;
        let mut lines = head.split('\n');
        let (method, uri) = lines.next()?.split_once(' ')?;
        // What is not a token cannot be sent as a header's name.
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let headers = lines.filter_map(|line| line.split_once(':').filter(|(name, _)| name.bytes().all(is_token)));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        Some(Self { method, uri, headers, body })
    }
}
