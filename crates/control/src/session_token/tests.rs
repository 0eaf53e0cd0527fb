#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

use super::*;

fn keys() -> Keys {
    Keys::derive(&[7; 32])
}

fn tokens() -> Vec<SessionToken> {
    let user = SessionToken {
        account: "123456789012".parse().unwrap(),
        holder: Holder::User("AIDAQQQQQQQQQQQQQQQQQ".parse().unwrap()),
        issued_at: 1_795_384_779_000,
        expires_at: 1_795_388_379_000,
        mfa_at: Some(1_795_384_779_000),
        source_identity: None,
        tags: Vec::new(),
        policies: SessionPolicies::default(),
    };
    let role: UniqueId = "AROAQQQQQQQQQQQQQQQQQ".parse().unwrap();
    let tag = |key: &str, transitive| SessionTag { key: key.to_owned(), value: "prod".to_owned(), transitive };
    let assumed = SessionToken {
        holder: Holder::Role {
            role: role.clone(),
            session_name: "jane".to_owned(),
            begun_by: BegunBy::User("AIDAQQQQQQQQQQQQQQQQQ".parse().unwrap()),
        },
        mfa_at: None,
        source_identity: Some("jane@example.org".to_owned()),
        tags: vec![tag("env", true), tag("team", false)],
        policies: SessionPolicies {
            inline: Some(r#"{"Statement":[]}"#.to_owned()),
            managed: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".parse().unwrap()],
        },
        ..user.clone()
    };
    let federation = Federation {
        provider: "arn:aws:iam::123456789012:oidc-provider/ci.example.org".parse().unwrap(),
        issuer: "ci.example.org".to_owned(),
        subject: "repo:x/y:ref:main".to_owned(),
        audience: "sts.example.org".to_owned(),
        methods: vec!["pwd".to_owned(), "mfa".to_owned()],
    };
    let federated = SessionToken {
        holder: Holder::Role {
            role: role.clone(),
            session_name: "ci".to_owned(),
            begun_by: BegunBy::Federated(Box::new(federation)),
        },
        ..assumed.clone()
    };
    let unsaid = SessionToken {
        holder: Holder::Role { role, session_name: "old".to_owned(), begun_by: BegunBy::Unsaid },
        ..assumed.clone()
    };
    vec![user, assumed, federated, unsaid]
}

#[test]
fn a_service_with_the_same_root_key_knows_the_credentials_again() {
    for token in tokens() {
        let issued = token.issue(&keys(), [9; NONCE_LEN]).unwrap();
        let (read, derived) = SessionToken::verify(&issued.session_token, &keys()).unwrap();
        assert_eq!(read, token);
        assert_eq!(derived.access_key_id, issued.access_key_id);
        assert_eq!(derived.secret_access_key, issued.secret_access_key);
        assert_eq!(issued.secret_access_key.len(), 40);
        assert!(SessionToken::verify(&issued.session_token, &Keys::derive(&[8; 32])).is_none());
    }
}

/// Tokens of the release before, and what it stored about sessions, say nothing about who began to act as the role.
#[test]
fn what_an_earlier_release_wrote_is_read() {
    let content = [
        &b"\x00\x0c123456789012"[..],
        &1_795_384_779_000_u64.to_be_bytes(),
        &1_795_388_379_000_u64.to_be_bytes(),
        b"\x00\x00\x02\x00\x15AROAQQQQQQQQQQQQQQQQQ\x00\x04jane\x00\x00\x00\x00",
    ]
    .concat();
    let read = SessionToken::from_text(&URL_SAFE_NO_PAD.encode(content)).unwrap();
    let Holder::Role { role, session_name, begun_by: BegunBy::Unsaid } = read.holder else { panic!("{read:?}") };
    assert_eq!((role.as_str(), session_name.as_str()), ("AROAQQQQQQQQQQQQQQQQQ", "jane"));
}

#[test]
fn no_changed_bit_and_no_shortened_token_is_accepted() {
    for token in tokens() {
        let issued = token.issue(&keys(), [9; NONCE_LEN]).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(issued.session_token.expose()).unwrap();
        let verify = |bytes: &[u8]| SessionToken::verify(&SecretString::new(URL_SAFE_NO_PAD.encode(bytes)), &keys());
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(verify(&changed).is_none(), "byte {at} bit {bit}");
            }
            assert!(verify(&bytes[..at]).is_none(), "cut at {at}");
        }
        assert!(verify(&[&bytes[..], &[0]].concat()).is_none());
    }
    for text in ["", "A", "====", "Ag", &"A".repeat(100_000)] {
        assert!(SessionToken::verify(&SecretString::new(text), &keys()).is_none());
    }
}

#[test]
fn what_was_sealed_for_another_purpose_is_no_token() {
    let token = &tokens()[0];
    for sealed in [
        keys().session_token.seal("another", &token.write(), [1; NONCE_LEN]),
        keys().key_material.seal(CONTEXT, &token.write(), [1; NONCE_LEN]),
    ] {
        let text = SecretString::new(URL_SAFE_NO_PAD.encode([&[VERSION][..], &sealed].concat()));
        assert!(SessionToken::verify(&text, &keys()).is_none());
    }
}

#[test]
fn nothing_of_it_can_be_read_by_whoever_holds_it() {
    let issued = tokens()[2].issue(&keys(), [9; NONCE_LEN]).unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(issued.session_token.expose()).unwrap();
    for word in ["123456789012", "AROAQ", "jane", "env", "Statement"] {
        assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word}");
    }
}

#[test]
fn every_nonce_makes_other_credentials() {
    let [one, two] = [[1; NONCE_LEN], [2; NONCE_LEN]].map(|nonce| tokens()[0].issue(&keys(), nonce).unwrap());
    assert_ne!(one.access_key_id, two.access_key_id);
    assert_ne!(one.secret_access_key, two.secret_access_key);
}

#[test]
fn the_longest_token_is_read_and_a_longer_one_is_not_issued() {
    let mut token = tokens()[2].clone();
    let Holder::Role { session_name, begun_by: BegunBy::Federated(federation), .. } = &mut token.holder else {
        panic!("the third one is federated")
    };
    *session_name = "s".repeat(64);
    federation.issuer = "i".repeat(255);
    federation.subject = "s".repeat(255);
    federation.audience = "a".repeat(255);
    federation.methods = vec!["m".repeat(64); 10];
    federation.provider.resource = format!("oidc-provider/{}", "i".repeat(255));
    token.source_identity = Some("x".repeat(64));
    token.policies = SessionPolicies::default();
    token.tags = Vec::new();
    let room = MAX_PACKED_BYTES - token.packed_bytes() - 2;
    token.policies.inline = Some("p".repeat(room));
    assert_eq!(token.packed_bytes(), MAX_PACKED_BYTES);
    let issued = token.issue(&keys(), [9; NONCE_LEN]).unwrap();
    assert!(issued.session_token.len() <= MAX_TOKEN_BYTES);
    assert!(SessionToken::verify(&issued.session_token, &keys()).is_some());
    token.policies.inline = Some("p".repeat(room + 1));
    assert!(token.issue(&keys(), [9; NONCE_LEN]).is_none());
    token.policies.inline = Some("p".repeat(100_000));
    assert!(token.issue(&keys(), [9; NONCE_LEN]).is_none());
}

#[test]
fn a_key_id_says_whether_it_was_issued_here() {
    let issued = tokens()[0].issue(&keys(), [9; NONCE_LEN]).unwrap();
    let (ours, other) = ("123456789012".parse().unwrap(), "210987654321".parse().unwrap());
    assert!(was_issued_for(&issued.access_key_id, &ours, &keys()));
    assert!(!was_issued_for(&issued.access_key_id, &other, &keys()));
    assert!(!was_issued_for(&issued.access_key_id, &ours, &Keys::derive(&[8; 32])));
    for made_up in
        [AccessKeyId::temporary(&[3; 10]), AccessKeyId::long_lived(&[3; 10]), "PSIA_0000000000000".parse().unwrap()]
    {
        assert!(!was_issued_for(&made_up, &ours, &keys()));
    }
}
