#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

use ring::rand::SystemRandom;
use ring::rsa::{KeyPair as RsaKeyPair, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
};
use serde_json::json;

use super::*;

const NOW: u64 = 1_795_384_779;

/// A provider with a key of each kind.
struct Provider {
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Provider {
    fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self {
            rsa: RsaKeyPair::from_pkcs8(include_bytes!("tests/rsa.pk8")).unwrap(),
            p256: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap(),
            ed25519: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap(),
        }
    }

    fn keys(&self) -> Value {
        let PublicKeyComponents { n: modulus, e: exponent } = PublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        let point = self.p256.public_key().as_ref();
        json!({"keys": [
            {"kty": "RSA", "kid": "rsa", "n": text([&[0][..], &modulus].concat()), "e": text(exponent)},
            {"kty": "EC", "crv": "P-256", "kid": "ec", "alg": "ES256", "use": "sig", "x": text(&point[1..33]), "y": text(&point[33..])},
            {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "key_ops": ["verify"], "x": text(self.ed25519.public_key())},
            {"kty": "oct", "kid": "shared", "k": text(b"secret")},
        ]})
    }

    fn set(&self) -> KeySet {
        KeySet::parse(self.keys().to_string().as_bytes()).unwrap()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", text(header.to_string()), text(claims.to_string()));
        let random = SystemRandom::new();
        let rsa = |padding| {
            let mut signature = vec![0; self.rsa.public().modulus_len()];
            self.rsa.sign(padding, &random, signed.as_bytes(), &mut signature).unwrap();
            signature
        };
        let signature = match header["alg"].as_str() {
            Some("RS256") => rsa(&RSA_PKCS1_SHA256),
            Some("PS256") => rsa(&RSA_PSS_SHA256),
            Some("ES256") => self.p256.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            Some("EdDSA") => self.ed25519.sign(signed.as_bytes()).as_ref().to_vec(),
            Some("HS256") => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.keys().to_string().as_bytes());
                ring::hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
            }
            _ => Vec::new(),
        };
        format!("{signed}.{}", text(signature))
    }

    fn verify(&self, token: &str) -> Result<Claims, JwtError> {
        Unverified::parse(token)?.verify(&self.set(), NOW * 1000, 60)
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://ci.example.org", "sub": "repo:x/y", "aud": "sts.example.org", "amr": ["pwd", "mfa"],
        "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 300, "extra": {"a": [1]},
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

#[test]
fn a_token_of_each_kind_says_who_somebody_is() {
    let provider = Provider::new();
    for (algorithm, key) in [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "ec"), ("EdDSA", "ed")] {
        for header in [json!({"alg": algorithm, "kid": key}), json!({"alg": algorithm})] {
            let token = provider.sign(&header, &claims());
            let read = provider.verify(&token).unwrap();
            assert_eq!((read.issuer.as_str(), read.subject.as_str()), ("https://ci.example.org", "repo:x/y"));
            assert_eq!((read.audiences.as_slice(), read.methods.len()), (&["sts.example.org".to_owned()][..], 2));
            assert_eq!(read.get("extra"), Some(&json!({"a": [1]})));
            assert!(!format!("{read:?}").contains("repo"), "it does not print what it says about people");
        }
    }
}

#[test]
fn no_changed_bit_and_no_other_key_is_believed() {
    let (provider, other) = (Provider::new(), Provider::new());
    for algorithm in ["ES256", "EdDSA"] {
        let token = provider.sign(&json!({ "alg": algorithm }), &claims());
        for (at, letter) in token.char_indices() {
            let mut changed = token.clone();
            changed.replace_range(at..=at, if letter == 'A' { "B" } else { "A" });
            assert!(provider.verify(&changed).is_err(), "{algorithm} letter {at}");
        }
    }
    assert_eq!(provider.verify(&other.sign(&json!({"alg": "ES256"}), &claims())), Err(JwtError::Signature));
    let unknown = provider.sign(&json!({"alg": "ES256", "kid": "none"}), &claims());
    assert_eq!(provider.verify(&unknown), Err(JwtError::UnknownKey));
    // A key is good for its own algorithm only, whatever the header says.
    let crossed = provider.sign(&json!({"alg": "ES256", "kid": "ed"}), &claims());
    assert_eq!(provider.verify(&crossed), Err(JwtError::UnknownKey));
}

#[test]
fn secrets_and_no_signature_at_all_are_no_algorithms() {
    let provider = Provider::new();
    for algorithm in ["none", "None", "NONE", "HS256", "HS384", "RS1", "ES384", "", "rs256"] {
        let token = provider.sign(&json!({"alg": algorithm, "kid": "shared"}), &claims());
        assert_eq!(provider.verify(&token).unwrap_err(), JwtError::Algorithm, "{algorithm}");
    }
    let header = json!({"alg": "ES256", "crit": ["b64"], "b64": false});
    assert!(matches!(provider.verify(&provider.sign(&header, &claims())), Err(JwtError::Malformed(_))));
    let header = json!({"alg": "ES256", "kid": 7});
    assert!(matches!(provider.verify(&provider.sign(&header, &claims())), Err(JwtError::Malformed(_))));
    // A key that comes along is nobody's.
    let mine = Provider::new();
    let header = json!({"alg": "ES256", "jwk": mine.keys()["keys"][1], "jku": "https://evil.example.org/"});
    assert_eq!(provider.verify(&mine.sign(&header, &claims())), Err(JwtError::Signature));
}

#[test]
fn a_token_has_its_time() {
    let provider = Provider::new();
    for (claim, value, expected) in [
        ("exp", json!(NOW - 59), Ok(())),
        ("exp", json!(NOW - 60), Err(JwtError::Expired)),
        ("exp", json!(NOW + 1), Ok(())),
        ("exp", Value::Null, Err(JwtError::Claim("exp"))),
        ("exp", json!("soon"), Err(JwtError::Claim("exp"))),
        ("exp", json!(-1), Err(JwtError::Claim("exp"))),
        ("exp", json!(1e300), Err(JwtError::Claim("exp"))),
        ("exp", json!(1_795_384_790.5), Ok(())),
        ("nbf", json!(NOW + 60), Ok(())),
        ("nbf", json!(NOW + 61), Err(JwtError::TooEarly)),
        ("iat", json!(NOW + 61), Err(JwtError::TooEarly)),
        ("iat", json!(u64::MAX), Err(JwtError::TooEarly)),
    ] {
        let token = provider.sign(&json!({"alg": "EdDSA"}), &with(claim, value.clone()));
        assert_eq!(provider.verify(&token).map(drop), expected, "{claim} {value}");
    }
    for claim in ["exp", "iat", "iss", "sub", "aud"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(claim);
        let token = provider.sign(&json!({"alg": "EdDSA"}), &claims);
        assert_eq!(provider.verify(&token), Err(JwtError::Claim(claim)));
    }
}

#[test]
fn names_are_texts_that_conditions_can_have() {
    let provider = Provider::new();
    let long = "x".repeat(256);
    for (claim, value) in [
        ("iss", json!(["https://ci.example.org"])),
        ("sub", json!("")),
        ("sub", json!(long)),
        ("sub", json!("a\nb")),
        ("aud", json!([])),
        ("aud", json!([1])),
        ("aud", json!(vec!["a"; 17])),
        ("azp", json!(["a"])),
        ("amr", json!([1])),
    ] {
        let token = provider.sign(&json!({"alg": "EdDSA"}), &with(claim, value.clone()));
        assert_eq!(provider.verify(&token).unwrap_err(), JwtError::Claim(claim), "{claim} {value}");
    }
    let several = provider.verify(&provider.sign(&json!({"alg": "EdDSA"}), &with("aud", json!(["a", "b"])))).unwrap();
    assert_eq!(several.audiences, ["a", "b"]);
    let party = provider.verify(&provider.sign(&json!({"alg": "EdDSA"}), &with("azp", json!("cli")))).unwrap();
    assert_eq!(party.audiences, ["cli"]);
}

#[test]
fn what_is_no_token_is_refused() {
    for token in
        ["", ".", "..", "a.b", "a.b.c", "e30.e30.", "e30.e30.e30.e30", &"A".repeat(20_001), "bm8.e30.", "é.é.é"]
    {
        assert!(Unverified::parse(token).is_err(), "{token}");
    }
    for document in ["", "[]", "{}", r#"{"keys": {}}"#] {
        assert_eq!(KeySet::parse(document.as_bytes()).unwrap_err(), KeySetError::Malformed, "{document}");
    }
    let many = json!({ "keys": vec![json!({}); 101] }).to_string();
    assert_eq!(KeySet::parse(many.as_bytes()).unwrap_err(), KeySetError::TooMany);
    let provider = Provider::new();
    let mut keys = provider.keys();
    keys["keys"][1]["use"] = json!("enc");
    keys["keys"][2]["key_ops"] = json!(["sign"]);
    keys["keys"][0]["n"] = json!("!");
    assert!(KeySet::parse(keys.to_string().as_bytes()).unwrap().is_empty());
}
