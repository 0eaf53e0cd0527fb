//! Roles by the word of a provider of identities: a real one from npm.

use std::path::Path;

use postern_model::Operation;
use postern_testkit::{Background, PythonEnvironment, Scheme, Service, npm_folder, run};

use crate::{PATIENCE, expect_shown, script};

const PROVIDER: &str = "oidc-provider@9.13.3";

/// The operations that this script calls.
pub(crate) const OPERATIONS: [Operation; 11] = [
    Operation::AssumeRoleWithWebIdentity,
    Operation::CreateOpenIDConnectProvider,
    Operation::GetOpenIDConnectProvider,
    Operation::ListOpenIDConnectProviders,
    Operation::DeleteOpenIDConnectProvider,
    Operation::UpdateOpenIDConnectProviderThumbprint,
    Operation::AddClientIDToOpenIDConnectProvider,
    Operation::RemoveClientIDFromOpenIDConnectProvider,
    Operation::TagOpenIDConnectProvider,
    Operation::UntagOpenIDConnectProvider,
    Operation::ListOpenIDConnectProviderTags,
];

/// The provider, with a certificate of another service's authority. Its address.
fn provider(npm: &Path, authority: &Service) -> (Background, String) {
    let certificate = authority.folder().join("keys/server.json");
    let script = script("oidc_provider.mjs");
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let words = ["-C".to_owned(), text(npm), "node".to_owned(), text(&script), text(&certificate)];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let provider = Background::start(Path::new("/usr/bin/env"), &words, &[]);
    let issuer = provider.expect("issuer\t", PATIENCE).trim_start_matches("issuer\t").trim().to_owned();
    (provider, issuer)
}

#[test]
fn a_providers_word_is_taken_and_nobody_elses() {
    let (Some(python), Some(npm)) = (PythonEnvironment::get(), npm_folder("oidc-provider", &[PROVIDER])) else {
        return;
    };
    let authority = Service::start(Scheme::Https);
    let ca = authority.ca_file().expect("it speaks TLS");
    let ca = ca.to_str().expect("UTF-8");
    let (_provider, issuer) = provider(&npm, &authority);
    let private = ("POSTERN_IDENTITY_PROVIDER_PRIVATE_ADDRESSES", "true");
    let service = Service::start_with(Scheme::Http, &[private, ("POSTERN_IDENTITY_PROVIDER_CA_FILE", ca)]);
    let behaviours = ["a role is acted as by the word of an OpenID Connect provider"];
    expect_shown(&behaviours, ("boto3", python.version("boto3")), || {
        let operations = OPERATIONS.map(Operation::name).join(",");
        let (script, aws) = (script("web_identity.py"), python.aws());
        let words = [script.as_os_str(), issuer.as_ref(), ca.as_ref(), aws.as_os_str(), operations.as_ref()];
        run(&python.python(), words, &service.environment(), PATIENCE * 3)
    });
    let log = service.log();
    assert!(log.contains("a token of a provider was not accepted"), "it is written down");
    assert!(!log.contains("eyJ"), "no token reached the log");

    // Without the setting, this machine is nobody's to ask.
    let closed = Service::start_with(Scheme::Http, &[("POSTERN_IDENTITY_PROVIDER_CA_FILE", ca)]);
    let aws = |words: &[&str]| run(&python.aws(), words, &closed.environment(), PATIENCE);
    aws(&["iam", "create-open-id-connect-provider", "--url", &issuer, "--client-id-list", "x"])
        .expect_success("a provider can be made all the same");
    let token = format!("eyJhbGciOiJFUzI1NiJ9.{}.AA", base64_url(&format!(r#"{{"iss":"{issuer}"}}"#)));
    let role = "arn:aws:iam::000000000000:role/deploy";
    let mut words = vec!["sts", "assume-role-with-web-identity", "--role-session-name", "build", "--role-arn", role];
    words.extend(["--web-identity-token", &token]);
    let refused = aws(&words);
    assert!(refused.stderr.contains("(IDPCommunicationError)"), "{refused:?}");
    let log = closed.log();
    assert!(log.contains("localhost has an address that is not of the public internet"), "{log}");
}

fn base64_url(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}
