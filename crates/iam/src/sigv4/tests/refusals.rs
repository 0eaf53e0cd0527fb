//! What must not be accepted, and in which words: one row, one way to be wrong.

use std::time::Duration;

use super::*;

const POLICY: VerifyPolicy<'_> = VerifyPolicy {
    region: "us-east-1",
    services: &["ssm"],
    max_skew: Duration::from_secs(300),
    allow_unsigned_payload: false,
};
const BODY: &[u8] = br#"{"Target":"mi-0c83012b7aac4ccda"}"#;

/// A good request, in the layout of the aws command line.
fn signed_headers(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut headers = owned(&[
        ("Host", "ssm.example.com"),
        ("Content-Type", "application/x-amz-json-1.1"),
        ("X-Amz-Target", "AmazonSSM.StartSession"),
    ]);
    headers.extend(owned(more));
    let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: BODY };
    let added = sign(&request, &example_credentials(), "us-east-1", "ssm", EXAMPLE_MILLIS);
    headers.extend(added);
    headers
}

fn replace(headers: &[(String, String)], name: &str, change: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let changed = |(found, value): &(String, String)| {
        let value = if found.eq_ignore_ascii_case(name) { change(value) } else { value.clone() };
        (found.clone(), value)
    };
    headers.iter().map(changed).collect()
}

fn without(headers: &[(String, String)], name: &str) -> Vec<(String, String)> {
    headers.iter().filter(|(found, _)| !found.eq_ignore_ascii_case(name)).cloned().collect()
}

fn outcome(uri: &str, headers: &[(String, String)], body: &[u8], now: u64) -> Result<(), SigV4Error> {
    let signed = parse("POST", uri, headers)?;
    verify(&signed, body, &example_credentials().secret_access_key, now, &POLICY)
}

fn refused(headers: &[(String, String)]) -> (&'static str, String) {
    let error = outcome("/", headers, BODY, EXAMPLE_MILLIS).unwrap_err();
    (error.code(), error.to_string())
}

/// By it a request that comes twice is recognised: another signature or another signer is another request.
#[test]
fn a_signature_has_a_digest_of_its_own() {
    let digest = |headers: &[(String, String)]| parse("POST", "/", headers).unwrap().signature_digest();
    let good = signed_headers(&[]);
    assert_eq!(digest(&good), digest(&signed_headers(&[])), "the same request");
    let other = signed_headers(&[("X-Other", "header")]);
    let signer = replace(&good, "Authorization", |value| value.replace("Credential=", "Credential=X"));
    let all = [digest(&good), digest(&other), digest(&signer)];
    assert!(all[0] != all[1] && all[0] != all[2] && all[1] != all[2]);
}

#[test]
fn the_good_request_is_good() {
    assert_eq!(outcome("/", &signed_headers(&[]), BODY, EXAMPLE_MILLIS), Ok(()));
    // Headers outside the signature may come and go.
    let mut more = signed_headers(&[]);
    more.push(("amz-sdk-request".to_owned(), "attempt=1".to_owned()));
    assert_eq!(outcome("/", &more, BODY, EXAMPLE_MILLIS), Ok(()));
}

#[test]
fn malformed_signatures_are_incomplete_and_say_what_is_missing() {
    let good = signed_headers(&[]);
    let authorization = |change: &dyn Fn(&str) -> String| refused(&replace(&good, "authorization", change));
    for (change, sentence) in [
        (("Credential=", "Credentials="), "the Authorization header of the signature is malformed"),
        ((", Signature=", ", Signed="), "the Authorization header of the signature is malformed"),
        (("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA512 "), "the signature's algorithm is not accepted"),
        (("AWS4-HMAC-SHA256 ", "Bearer "), "the signature's algorithm is not accepted"),
        (("/aws4_request", "/aws5_request"), "the Credential of the signature is malformed"),
        (("/aws4_request", "/x/aws4_request"), "the Credential of the signature is malformed"),
        (("AKIDEXAMPLE", ""), "the Credential of the signature is malformed"),
        (("AKIDEXAMPLE", "AKID EXAMPLE"), "the Credential of the signature is malformed"),
        (("content-type;host", "Content-Type;host"), "the SignedHeaders of the signature is malformed"),
        (("content-type;host", "content-type;host;host"), "the SignedHeaders of the signature is malformed"),
        (("content-type;host", ";host"), "the SignedHeaders of the signature is malformed"),
    ] {
        let (code, text) = authorization(&|value| value.replace(change.0, change.1));
        assert_eq!(code, "IncompleteSignatureException", "{change:?}");
        assert!(text.starts_with(sentence), "{change:?}: {text}");
    }
    for (parameter, sentence) in [
        ("Credential", "the signature lacks 'Credential'"),
        ("SignedHeaders", "the signature lacks 'SignedHeaders'"),
        ("Signature", "the signature lacks 'Signature'"),
    ] {
        let (code, text) = authorization(&|value| {
            let parts = value.strip_prefix("AWS4-HMAC-SHA256 ").unwrap().split(", ");
            let rest: Vec<_> = parts.filter(|part| !part.starts_with(&format!("{parameter}="))).collect();
            format!("AWS4-HMAC-SHA256 {}", rest.join(", "))
        });
        assert_eq!(code, "IncompleteSignatureException");
        assert!(text.starts_with(sentence), "{text}");
    }
    let upper = authorization(&|value| {
        let (rest, signature) = value.rsplit_once('=').unwrap();
        format!("{rest}={}", signature.to_uppercase())
    });
    assert_eq!(upper.0, "IncompleteSignatureException");
    let long = authorization(&|value| format!("{value}{}", "0".repeat(5000)));
    assert_eq!(long.1, "the Authorization header is larger than the 4096 bytes accepted");
}

#[test]
fn a_request_without_signature_says_so() {
    let (code, text) = refused(&without(&signed_headers(&[]), "authorization"));
    assert_eq!(code, "MissingAuthenticationTokenException");
    assert_eq!(
        text,
        "the request carries no signature; sign it with AWS Signature Version 4, in the Authorization header or as a \
         presigned query"
    );
}

#[test]
fn what_comes_twice_is_refused_because_only_one_could_count() {
    for name in ["authorization", "x-amz-date", "X-Amz-Security-Token", "X-Amz-Content-Sha256"] {
        let mut headers = signed_headers(&[]);
        let value = headers.iter().find(|(found, _)| found == name).map_or("x".to_owned(), |(_, value)| value.clone());
        headers.extend([(name.to_owned(), value.clone()), (name.to_uppercase(), value)]);
        let (code, text) = refused(&headers);
        assert_eq!(code, "IncompleteSignatureException", "{name}");
        assert!(text.ends_with("more than once; send it once"), "{text}");
    }
    let both = outcome("/?X-Amz-Signature=00", &signed_headers(&[]), BODY, EXAMPLE_MILLIS).unwrap_err();
    assert!(matches!(both, SigV4Error::Repeated(_)));
    let twice = outcome("/?X-Amz-Algorithm=a&X-Amz-Algorithm=a", &[], BODY, EXAMPLE_MILLIS).unwrap_err();
    assert!(matches!(twice, SigV4Error::Repeated("X-Amz-Algorithm")));
}

#[test]
fn host_and_target_have_to_be_signed() {
    let good = signed_headers(&[]);
    for (list, name) in
        [("content-type;x-amz-date;x-amz-target", "Host"), ("content-type;host;x-amz-date", "X-Amz-Target")]
    {
        let headers =
            replace(&good, "authorization", |value| value.replace("content-type;host;x-amz-date;x-amz-target", list));
        let (code, text) = refused(&headers);
        assert_eq!(code, "InvalidSignatureException");
        assert_eq!(text, format!("'{name}' must be a 'SignedHeader' in the AWS Authorization; sign this header too"));
    }
    let (_, text) = refused(&without(&good, "content-type"));
    assert!(text.starts_with("the header 'content-type' is listed in SignedHeaders but did not arrive"), "{text}");
}

#[test]
fn whatever_is_signed_cannot_change() {
    let good = signed_headers(&[]);
    for name in ["Host", "Content-Type", "X-Amz-Target"] {
        assert_eq!(
            refused(&replace(&good, name, |value| format!("{value}x"))).0,
            "InvalidSignatureException",
            "{name}"
        );
    }
    assert_eq!(outcome("/", &good, b"{}", EXAMPLE_MILLIS), Err(SigV4Error::Mismatch));
    assert_eq!(outcome("/x", &good, BODY, EXAMPLE_MILLIS), Err(SigV4Error::Mismatch));
    assert_eq!(outcome("/?x", &good, BODY, EXAMPLE_MILLIS), Err(SigV4Error::Mismatch));
    let signed = parse("PUT", "/", &good).unwrap();
    let secret = example_credentials().secret_access_key;
    assert_eq!(verify(&signed, BODY, &secret, EXAMPLE_MILLIS, &POLICY), Err(SigV4Error::Mismatch));
    let signed = parse("POST", "/", &good).unwrap();
    assert_eq!(verify(&signed, BODY, &"another".into(), EXAMPLE_MILLIS, &POLICY), Err(SigV4Error::Mismatch));
    // The second of several values, and their order, count like the first.
    let twice = signed_headers(&[("x-more", "a"), ("x-more", "b")]);
    assert_eq!(outcome("/", &twice, BODY, EXAMPLE_MILLIS), Ok(()));
    let swapped = replace(&twice, "x-more", |value| if value == "a" { "b".to_owned() } else { "a".to_owned() });
    assert_eq!(outcome("/", &swapped, BODY, EXAMPLE_MILLIS), Err(SigV4Error::Mismatch));
}

#[test]
fn the_clock_window_is_closed_at_both_ends_and_names_both_times() {
    let good = signed_headers(&[]);
    let at = |seconds: i64| outcome("/", &good, BODY, EXAMPLE_MILLIS.checked_add_signed(seconds * 1000).unwrap());
    for seconds in [-300, -1, 0, 1, 300] {
        assert_eq!(at(seconds), Ok(()), "{seconds}");
    }
    assert_eq!(
        at(301).unwrap_err().to_string(),
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z by this service's \
         clock, less 5 min); set the clock of the machine that signs"
    );
    assert_eq!(
        at(-301).unwrap_err().to_string(),
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z by this \
         service's clock, plus 5 min); set the clock of the machine that signs"
    );
    assert_eq!(at(301).unwrap_err().code(), "InvalidSignatureException");
    assert_eq!(outcome("/", &good, BODY, 0).unwrap_err().code(), "InvalidSignatureException");
    assert_eq!(outcome("/", &good, BODY, u64::MAX).unwrap_err().code(), "InvalidSignatureException");
}

#[test]
fn the_scope_has_to_fit() {
    let good = signed_headers(&[]);
    let signed = parse("POST", "/", &good).unwrap();
    let secret = example_credentials().secret_access_key;
    let at = |region, services| {
        let policy = VerifyPolicy::new(region, services);
        verify(&signed, BODY, &secret, EXAMPLE_MILLIS, &policy).unwrap_err().to_string()
    };
    assert_eq!(
        at("eu-west-1", &["ssm"]),
        "Credential should be scoped to the region 'eu-west-1', not 'us-east-1'; set the client's region to 'eu-west-1'"
    );
    assert_eq!(
        at("us-east-1", &["ssmmessages", "logs"]),
        "Credential should be scoped to the service 'ssmmessages' or 'logs', not 'ssm'; check the client's endpoint"
    );
    let (code, text) = refused(&replace(&good, "authorization", |value| value.replace("20150830", "20150829")));
    assert_eq!(code, "InvalidSignatureException");
    assert_eq!(
        text,
        "the date in the Credential scope does not match the signing time: '20150829' against '20150830T123600Z'; sign \
         again with one clock reading"
    );
}

#[test]
fn the_body_hash_is_optional_and_checked_when_present() {
    let hash = hex::encode(super::super::crypto::sha256(BODY));
    for name in ["X-Amz-Content-Sha256", "x-amz-content-sha256"] {
        assert_eq!(outcome("/", &signed_headers(&[(name, &hash)]), BODY, EXAMPLE_MILLIS), Ok(()));
    }
    let other = hex::encode([0; 32]);
    let wrong = signed_headers(&[("X-Amz-Content-Sha256", &other)]);
    assert_eq!(outcome("/", &wrong, BODY, EXAMPLE_MILLIS), Err(SigV4Error::BodyHashMismatch));
    let streaming = signed_headers(&[("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")]);
    assert_eq!(refused(&streaming).0, "IncompleteSignatureException");
}

#[test]
fn an_unsigned_payload_is_accepted_only_where_allowed_and_only_when_said() {
    let head = owned(&[("Host", "ssm.example.com"), ("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")]);
    // Signed by hand: our signer never leaves the body out.
    let mut headers = head.clone();
    headers.push(("x-amz-date".to_owned(), "20150830T123600Z".to_owned()));
    let list = "host;x-amz-content-sha256;x-amz-date";
    let canonical = format!(
        "POST\n/\n\nhost:ssm.example.com\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:20150830T123600Z\n\n{list}\n"
    );
    let scope = CredentialScope { date: "20150830".into(), region: "us-east-1".into(), service: "ssm".into() };
    let at = Timestamp::from_millis(EXAMPLE_MILLIS);
    let to_sign = super::super::crypto::string_to_sign(at, &scope, canonical.as_bytes(), UNSIGNED_PAYLOAD);
    let secret = example_credentials().secret_access_key;
    let signature = hex::encode(super::super::crypto::hmac_signature(&secret, &scope, &to_sign));
    let value = format!("{ALGORITHM} Credential=AKIDEXAMPLE/{scope}, SignedHeaders={list}, Signature={signature}");
    headers.push(("Authorization".to_owned(), value));

    let signed = parse("POST", "/", &headers).unwrap();
    assert_eq!(verify(&signed, BODY, &secret, EXAMPLE_MILLIS, &POLICY), Err(SigV4Error::UnsignedPayload));
    let lenient = VerifyPolicy { allow_unsigned_payload: true, ..POLICY };
    assert_eq!(verify(&signed, BODY, &secret, EXAMPLE_MILLIS, &lenient), Ok(()));
    // Where it is allowed but not said, the body counts as ever.
    let signed = parse("POST", "/", &signed_headers(&[])).unwrap();
    assert_eq!(verify(&signed, b"{}", &secret, EXAMPLE_MILLIS, &lenient), Err(SigV4Error::Mismatch));
}

#[test]
fn a_presigned_request_lives_as_long_as_it_says() {
    let headers = owned(&[("Host", "ssm.example.com")]);
    let request = SignableRequest { method: "GET", uri: "/v1/x?role=a%20b", headers: &headers, body: b"" };
    let token = Some("token+/=".into());
    let credentials = Credentials { session_token: token, ..example_credentials() };
    let life = Duration::from_secs(3600);
    let uri = presign(&request, &credentials, "us-east-1", "ssm", EXAMPLE_MILLIS, life);
    let signed = parse("GET", &uri, &headers).unwrap();
    assert_eq!(signed.scheme(), Scheme::Presigned);
    assert_eq!(signed.session_token().unwrap().expose(), "token+/=");
    let at = |signed: &SignedRequest, seconds: u64| {
        verify(signed, b"", &credentials.secret_access_key, EXAMPLE_MILLIS + seconds * 1000, &POLICY)
    };
    assert_eq!(at(&signed, 0), Ok(()));
    assert_eq!(at(&signed, 3600), Ok(()));
    assert_eq!(
        at(&signed, 3601).unwrap_err().to_string(),
        "Signature expired: the presigned request was valid until 20150830T133600Z, and it is 20150830T133601Z by this \
         service's clock; presign a new one"
    );
    // Neither its life nor anything else in the query can be changed.
    for (from, to) in [("Expires=3600", "Expires=3601"), ("role=a", "role=b"), ("Token=token", "Token=taken")] {
        let changed = parse("GET", &uri.replace(from, to), &headers).unwrap();
        assert_eq!(at(&changed, 0), Err(SigV4Error::Mismatch), "{from}");
    }
    for expires in ["0", "604801", "-1", "x", ""] {
        let changed = uri.replace("Expires=3600", &format!("Expires={expires}"));
        assert!(matches!(parse("GET", &changed, &headers), Err(SigV4Error::Malformed { what: "X-Amz-Expires", .. })));
    }
    for name in ["X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"] {
        let changed = uri.replace(&format!("{name}="), "gone=");
        assert_eq!(parse("GET", &changed, &headers), Err(SigV4Error::Incomplete(name)));
    }
}

#[test]
fn a_date_header_will_do_where_x_amz_date_is_absent() {
    let headers = owned(&[("Host", "ssm.example.com"), ("Date", "Sun, 30 Aug 2015 12:36:00 GMT")]);
    let scope = "AKIDEXAMPLE/20150830/us-east-1/ssm/aws4_request";
    let value = format!("{ALGORITHM} Credential={scope}, SignedHeaders=date;host, Signature={}", "0".repeat(64));
    let mut signed = headers.clone();
    signed.push(("Authorization".to_owned(), value));
    assert_eq!(parse("GET", "/", &signed).unwrap().signed_at_millis(), EXAMPLE_MILLIS);
    assert_eq!(parse("GET", "/", &without(&signed, "date")).unwrap_err().code(), "IncompleteSignatureException");
}

#[test]
fn a_scope_has_a_date_of_eight_digits() {
    for date in ["2015083x", "201508300"] {
        let good = signed_headers(&[]);
        let changed = replace(&good, "Authorization", |value| value.replace("/20150830/", &format!("/{date}/")));
        let refused = parse("POST", "/", &changed).unwrap_err();
        assert!(matches!(refused, SigV4Error::Malformed { what: "the Credential", .. }), "{date}: {refused}");
    }
}

#[test]
fn everything_is_bounded() {
    let good = signed_headers(&[]);
    let long = |what: &str| matches!(what, "the request's URI" | "X-Amz-Security-Token" | "the signed headers");
    let uri = format!("/{}", "a".repeat(20_000));
    let token = "t".repeat(9000);
    let value = "v".repeat(70_000);
    for error in [
        outcome(&uri, &good, BODY, EXAMPLE_MILLIS).unwrap_err(),
        outcome("/", &signed_headers(&[("X-Amz-Security-Token", &token)]), BODY, EXAMPLE_MILLIS).unwrap_err(),
        outcome("/", &signed_headers(&[("X-Value", &value)]), BODY, EXAMPLE_MILLIS).unwrap_err(),
    ] {
        assert!(matches!(error, SigV4Error::TooLarge { what, .. } if long(what)), "{error}");
    }
    let (uri, token) = (format!("/{}", "a".repeat(16 * 1024 - 1)), "t".repeat(8192));
    assert!(parse("POST", &uri, &good).is_ok(), "as long as it may be");
    assert!(parse("POST", "/", &signed_headers(&[("X-Amz-Security-Token", &token)])).is_ok());
    let many: Vec<_> = (0..70).map(|at| (format!("x-{at:02}"), String::new())).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(refused(&signed_headers(&many)).0, "IncompleteSignatureException");
}

#[test]
fn our_nodes_signature_verifies_with_its_key_alone() {
    let pair = crate::node_key::NodeKeyPair::from_seed([3; 32]);
    let node = "mi-0c83012b7aac4ccda".parse().unwrap();
    let mut headers =
        owned(&[("Host", "ssm.example.com"), ("X-Amz-Target", "AmazonSSM.RequestManagedInstanceRoleToken")]);
    let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: BODY };
    let added = sign_with_node_key(&request, &node, &pair, "us-east-1", "ssm", EXAMPLE_MILLIS);
    headers.extend(added);
    let signed = parse("POST", "/", &headers).unwrap();
    assert_eq!(signed.scheme(), Scheme::NodeKey);
    let (ours, other) = (pair.public_key(), crate::node_key::NodeKeyPair::from_seed([4; 32]).public_key());
    let check = |body, key| verify_with_node_key(&signed, body, key, EXAMPLE_MILLIS, &POLICY);
    assert_eq!(check(BODY, &ours), Ok(()));
    assert_eq!(check(b"{}", &ours), Err(SigV4Error::BodyHashMismatch));
    assert_eq!(check(BODY, &other), Err(SigV4Error::Mismatch));
    // With a secret key's signature, a node's key is the wrong one.
    let hmac = parse("POST", "/", &signed_headers(&[])).unwrap();
    let error = verify_with_node_key(&hmac, BODY, &other, EXAMPLE_MILLIS, &POLICY).unwrap_err();
    assert!(matches!(error, SigV4Error::WrongScheme(_)));
}

#[test]
fn neither_claims_nor_credentials_print_what_is_secret() {
    let credentials = Credentials { session_token: Some("sesame-token".into()), ..example_credentials() };
    let mut headers = owned(&[("Host", "ssm.example.com")]);
    let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: BODY };
    let added = sign(&request, &credentials, "us-east-1", "ssm", EXAMPLE_MILLIS);
    let signature = added.last().unwrap().1.rsplit_once('=').unwrap().1.to_owned();
    headers.extend(added);
    let signed = parse("POST", "/", &headers).unwrap();
    let printed = format!("{signed:?} {credentials:?}");
    for secret in ["sesame", "wJalr", &signature] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
