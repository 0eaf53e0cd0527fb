//! AWS's published signing test suite, all of its cases, both forms (`tests/vectors/README.md`).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::super::canonical::PathStyle;
use super::super::parse::parse_with;
use super::*;

struct Case {
    folder: PathBuf,
    context: Value,
}

impl Case {
    fn all() -> Vec<Self> {
        let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/aws-signing-test-suite/v4");
        let mut folders: Vec<_> = fs::read_dir(suite).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        let read = |folder: PathBuf| {
            let context = fs::read_to_string(folder.join("context.json")).unwrap();
            Self { folder, context: serde_json::from_str(&context).unwrap() }
        };
        folders.into_iter().map(read).collect()
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap()
    }

    fn flag(&self, name: &str) -> bool {
        self.context[name].as_bool().unwrap_or(false)
    }

    fn style(&self) -> PathStyle {
        if self.flag("normalize") { PathStyle::Normalized } else { PathStyle::AsSent }
    }

    fn credentials(&self) -> Credentials {
        let text = |name: &str| self.context["credentials"][name].as_str().map(str::to_owned);
        Credentials {
            access_key_id: text("access_key_id").unwrap(),
            secret_access_key: text("secret_access_key").unwrap().into(),
            session_token: text("token").filter(|_| !self.flag("omit_session_token")).map(Into::into),
        }
    }

    fn check_signed(&self, form: &str) {
        let request = Http::parse(&self.text(&format!("{form}-signed-request.txt")));
        let headers: Vec<_> = request.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        let signed = parse_with(&request.method, &request.uri, &headers, self.style()).unwrap();

        let canonical = self.text(&format!("{form}-canonical-request.txt"));
        let payload = hex::encode(super::super::crypto::sha256(request.body.as_bytes()));
        let ours = String::from_utf8(signed.canonical_head.clone()).unwrap() + &payload;
        assert_eq!(ours, canonical, "{form} form of {}", self.folder.display());

        let secret = self.credentials().secret_access_key;
        let policy = VerifyPolicy::new("us-east-1", &["service"]);
        let verified = verify(&signed, request.body.as_bytes(), &secret, EXAMPLE_MILLIS, &policy);
        assert_eq!(verified, Ok(()), "{form} form of {}", self.folder.display());
    }
}

/// A request as the suite writes it down: no carriage returns, folded header lines, a target with spaces in it.
struct Http {
    method: String,
    uri: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Http {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let (method, rest) = lines.next().unwrap().split_once(' ').unwrap();
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            match line.split_once(':') {
                Some((name, value)) if !line.starts_with(' ') => headers.push((name.to_owned(), value.to_owned())),
                _ => headers.last_mut().unwrap().1.push_str(line),
            }
        }
        Self {
            method: method.to_owned(),
            uri: rest.strip_suffix(" HTTP/1.1").unwrap().to_owned(),
            headers,
            body: body.trim_end_matches('\n').to_owned(),
        }
    }

    fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).unwrap().1
    }
}

#[test]
fn every_case_verifies_in_header_form() {
    let cases = Case::all();
    assert_eq!(cases.len(), 38);
    cases.iter().for_each(|case| case.check_signed("header"));
}

#[test]
fn every_case_verifies_in_presigned_form() {
    // A token added to the query after signing cannot be told from one that was signed; services do not accept it.
    let cases = Case::all().into_iter().filter(|case| !case.flag("omit_session_token"));
    cases.for_each(|case| case.check_signed("query"));
}

#[test]
fn our_signatures_are_the_published_ones() {
    // Our signer always normalises: no service that it talks to wants anything else.
    for case in Case::all().into_iter().filter(|case| case.flag("normalize")) {
        let request = Http::parse(&case.text("request.txt"));
        let signed = Http::parse(&case.text("header-signed-request.txt"));
        let mut headers = request.headers.clone();
        if case.flag("sign_body") {
            headers.push(("x-amz-content-sha256".to_owned(), signed.header("x-amz-content-sha256").to_owned()));
        }
        let signable = SignableRequest {
            method: &request.method,
            // As it is sent: one case has a space in its path which its unsigned request writes as %20.
            uri: &signed.uri,
            headers: &headers,
            body: request.body.as_bytes(),
        };
        let added = sign(&signable, &case.credentials(), "us-east-1", "service", EXAMPLE_MILLIS);
        let authorization = &added.iter().find(|(name, _)| name == "authorization").unwrap().1;
        assert_eq!(authorization, signed.header("authorization"), "{}", case.folder.display());

        let signable = SignableRequest { headers: &request.headers, ..signable };
        let life = Duration::from_secs(3600);
        let uri = presign(&signable, &case.credentials(), "us-east-1", "service", EXAMPLE_MILLIS, life);
        let signature = |uri: &str| uri.rsplit_once("X-Amz-Signature=").unwrap().1.to_owned();
        if !case.flag("omit_session_token") {
            let published = Http::parse(&case.text("query-signed-request.txt"));
            assert_eq!(signature(&uri), signature(&published.uri), "{}", case.folder.display());
        }
    }
}
