//! AWS's own signer as the other implementation: what it signs we verify, and we sign as it does.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials as AwsCredentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest as AwsRequest, SignatureLocation, SigningSettings, sign as aws_sign,
};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use proptest::prelude::*;

use super::*;

type Pairs = Vec<(String, String)>;

const HOST: &str = "ssm.example.com";

#[derive(Clone, Debug)]
struct Drawn {
    method: &'static str,
    uri: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    token: Option<String>,
    secret: String,
    seconds: u64,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let method = prop::sample::select(vec!["GET", "POST", "PUT", "DELETE"]);
    let path = "(/([A-Za-z0-9._~:@!$&'()*,;=-]|%[0-9A-F]{2}){0,6}){1,4}/?";
    let query = "(([A-Za-z0-9._~/:@-]|%[0-9a-fA-F]{2}|\\+){0,5}=?([A-Za-z0-9._=-]|%[0-9A-F]{2}){0,5}&?){0,4}";
    let headers = prop::collection::vec(("x-[a-z]{1,3}", " {0,2}[!-~]{0,4} {0,3}[!-~]{0,4} {0,2}"), 0..5);
    let body = prop::collection::vec(any::<u8>(), 0..200);
    let token = prop::option::of("[A-Za-z0-9+/]{1,80}={0,2}");
    (method, path, query, headers, body, token, "[ -~]{1,60}", 0_u64..4_000_000_000)
        .prop_map(|(method, path, query, headers, body, token, secret, seconds)| {
            let uri = if query.is_empty() { path } else { format!("{path}?{query}") };
            Drawn { method, uri, headers, body, token, secret, seconds }
        })
        // Their query parser replaces what is not UTF-8; ours keeps the bytes. No client sends such a query.
        .prop_filter("decodes to UTF-8", |drawn| {
            let query = drawn.uri.split_once('?').map_or("", |(_, query)| query);
            String::from_utf8(super::super::canonical::percent_decode(query)).is_ok()
        })
}

impl Drawn {
    fn credentials(&self) -> Credentials {
        Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: self.secret.as_str().into(),
            session_token: self.token.as_deref().map(Into::into),
        }
    }

    fn headers(&self) -> Vec<(String, String)> {
        let mut headers = owned(&[("host", HOST)]);
        headers.extend(self.headers.iter().cloned());
        headers
    }

    /// What AWS's signer adds: headers, or query parameters.
    fn signed_by_aws(&self, location: SignatureLocation) -> (Pairs, Pairs) {
        let token = self.token.clone();
        let identity: Identity = AwsCredentials::new("AKIDEXAMPLE", &self.secret, token, None, "test").into();
        let mut settings = SigningSettings::default();
        settings.signature_location = location;
        settings.expires_in = Some(Duration::from_secs(600));
        let time: SystemTime = UNIX_EPOCH + Duration::from_secs(self.seconds);
        let params = SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("ssm")
            .time(time)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let uri = format!("https://{HOST}{}", self.uri);
        let request = AwsRequest::new(self.method, uri, headers, SignableBody::Bytes(&self.body)).unwrap();
        let (instructions, _) = aws_sign(request, &params).unwrap().into_parts();
        let pairs = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let params =
            instructions.params().iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
        (pairs, params)
    }
}

proptest! {
    #[test]
    fn header_signatures_agree(drawn in drawn()) {
        let (theirs, _) = drawn.signed_by_aws(SignatureLocation::Headers);
        let headers = drawn.headers();
        let request = SignableRequest { method: drawn.method, uri: &drawn.uri, headers: &headers, body: &drawn.body };
        let ours = sign(&request, &drawn.credentials(), "us-east-1", "ssm", drawn.seconds * 1000);
        let authorization = |added: &[(String, String)]| {
            added.iter().find(|(name, _)| name == "authorization").map(|(_, value)| value.clone())
        };
        prop_assert_eq!(authorization(&ours), authorization(&theirs));

        let sent: Vec<_> = headers.into_iter().chain(theirs).collect();
        let signed = parse(drawn.method, &drawn.uri, &sent).unwrap();
        let policy = VerifyPolicy::new("us-east-1", &["ssm"]);
        let now = drawn.seconds * 1000;
        prop_assert_eq!(verify(&signed, &drawn.body, &drawn.secret.as_str().into(), now, &policy), Ok(()));
        let other = format!("{}x", drawn.secret);
        prop_assert_eq!(verify(&signed, &drawn.body, &other.into(), now, &policy), Err(SigV4Error::Mismatch));
    }

    #[test]
    fn presigned_queries_agree(drawn in drawn()) {
        let (_, theirs) = drawn.signed_by_aws(SignatureLocation::QueryParams);
        let mut sent = drawn.uri.clone();
        for (name, value) in &theirs {
            let mut encoded = Vec::new();
            super::super::canonical::percent_encode(value.as_bytes(), false, &mut encoded);
            sent.push(if sent.contains('?') { '&' } else { '?' });
            sent.push_str(&format!("{name}={}", String::from_utf8(encoded).unwrap()));
        }
        let headers = drawn.headers();
        let policy = VerifyPolicy::new("us-east-1", &["ssm"]);
        let now = drawn.seconds * 1000;
        let secret = drawn.secret.as_str().into();
        let signed = parse(drawn.method, &sent, &headers).unwrap();
        prop_assert_eq!(verify(&signed, &drawn.body, &secret, now, &policy), Ok(()));

        let request = SignableRequest { method: drawn.method, uri: &drawn.uri, headers: &headers, body: &drawn.body };
        let ours = presign(&request, &drawn.credentials(), "us-east-1", "ssm", now, Duration::from_secs(600));
        let signed = parse(drawn.method, &ours, &headers).unwrap();
        prop_assert_eq!(verify(&signed, &drawn.body, &secret, now, &policy), Ok(()));
    }
}
