//! Roles by the word of a provider of identities, whose documents are ours here; a real one is in the tests of the whole.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use postern_iam::sigv4::Credentials;
use postern_model::ErrorCode;
use postern_model::sts::AssumeRoleWithWebIdentityResponse;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::sts::{ask, person};
use super::world::{World, code, origin};
use crate::caller::CredentialFacts;
use crate::{Upstreams, WebDocuments};

const ISSUER: &str = "https://ci.example.org/tenant";
const ARN: &str = "arn:aws:iam::123456789012:oidc-provider/ci.example.org/tenant";

struct Provider {
    key: Mutex<Ed25519KeyPair>,
    /// What it says of itself; nothing while it is away.
    discovery: Mutex<Option<Value>>,
    asked: AtomicUsize,
    /// Whoever asks waits for one of these, unless it answers at once.
    answers: Option<Semaphore>,
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Provider {
    fn new() -> Arc<Self> {
        let discovery = json!({"issuer": ISSUER, "jwks_uri": "https://keys.example.org/jwks"});
        let key = Mutex::new(Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap());
        Arc::new(Self { key, discovery: Mutex::new(Some(discovery)), asked: AtomicUsize::new(0), answers: None })
    }

    fn sign(&self, claims: &Value) -> String {
        let key = self.key.lock().unwrap();
        let header = json!({"alg": "EdDSA", "kid": text(&key.public_key().as_ref()[..4])});
        let signed = format!("{}.{}", text(header.to_string()), text(claims.to_string()));
        let signature = key.sign(signed.as_bytes());
        format!("{signed}.{}", text(signature))
    }
}

#[async_trait]
impl WebDocuments for Provider {
    async fn fetch(&self, url: &str) -> Result<Bytes, String> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if let Some(answers) = &self.answers {
            answers.acquire().await.unwrap().forget();
        }
        let discovery = self.discovery.lock().unwrap().clone().ok_or("it is away")?;
        let key = self.key.lock().unwrap();
        let public = key.public_key().as_ref();
        let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": text(&public[..4]), "x": text(public)});
        match url {
            "https://ci.example.org/tenant/.well-known/openid-configuration" => Ok(discovery.to_string().into()),
            "https://keys.example.org/jwks" => Ok(json!({ "keys": [key] }).to_string().into()),
            other => Err(format!("{other} was not to be asked")),
        }
    }
}

/// A service with this provider, and a role that trusts it about one subject.
async fn world(condition: &str) -> (World, Arc<Provider>) {
    let provider = Provider::new();
    (world_of(condition, &provider).await, provider)
}

async fn world_of(condition: &str, provider: &Arc<Provider>) -> World {
    let upstreams = Upstreams { providers: Some(Arc::clone(provider) as _), ..Upstreams::default() };
    let world = World::with(upstreams).await;
    let admin = world.as_admin().await;
    let request = ask(&[("Url", ISSUER), ("ClientIDList.member.1", "sts.example.org")]);
    assert_eq!(world.control.create_provider(&admin, request).await.unwrap().arn.to_string(), ARN);
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"{ARN}"}},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"],"Condition":{condition}}}]}}"#
    );
    let request = ask(&[("RoleName", "deploy"), ("AssumeRolePolicyDocument", trust.as_str())]);
    world.control.create_role(&admin, request).await.unwrap();
    world
}

const SUBJECT: &str = r#"{"StringEquals":{"ci.example.org/tenant:aud":"sts.example.org","ci.example.org/tenant:sub":"repo:x/y"},"ForAnyValue:StringEquals":{"ci.example.org/tenant:amr":"mfa"}}"#;

impl World {
    fn claims(&self) -> Value {
        let now = self.millis() / 1000;
        json!({
            "iss": ISSUER, "sub": "repo:x/y", "aud": "sts.example.org", "amr": ["mfa"], "iat": now, "exp": now + 600,
        })
    }

    async fn vouch(
        &self,
        token: &str,
        address: &str,
        more: &[(&str, &str)],
    ) -> Result<AssumeRoleWithWebIdentityResponse, postern_model::ApiError> {
        let role = [("RoleArn", "arn:aws:iam::123456789012:role/deploy"), ("RoleSessionName", "build-7")];
        let members = [&role[..], &[("WebIdentityToken", token)], more].concat();
        let address: IpAddr = address.parse().unwrap();
        let stranger = self.control.stranger(origin(Some(address)));
        self.control.assume_role_with_web_identity(&stranger, ask(&members)).await
    }
}

#[tokio::test]
async fn a_providers_word_is_taken_as_far_as_the_role_trusts_it() {
    let (world, provider) = world(SUBJECT).await;
    let mut claims = world.claims();
    claims["https://aws.amazon.com/tags"] =
        json!({"principal_tags": {"project": ["web"]}, "transitive_tag_keys": ["project"]});
    claims["https://aws.amazon.com/source_identity"] = json!("jane@example.org");
    let got = world.vouch(&provider.sign(&claims), "192.0.2.1", &[("DurationSeconds", "900")]).await.unwrap();
    assert_eq!(got.subject_from_web_identity_token, "repo:x/y");
    assert_eq!((got.provider.as_str(), got.audience.as_str()), (ARN, "sts.example.org"));
    assert_eq!(got.credentials.expiration.0.millis(), world.millis() + 900_000);
    let credentials = Credentials {
        access_key_id: got.credentials.access_key_id,
        secret_access_key: got.credentials.secret_access_key.0,
        session_token: Some(got.credentials.session_token.0),
    };
    let caller = world.sign_as(&credentials, "ssm", "/").await.unwrap();
    let session = person(&caller);
    assert_eq!(session.arn.to_string(), "arn:aws:sts::123456789012:assumed-role/deploy/build-7");
    assert_eq!(session.tags.iter().map(|tag| tag.value.as_str()).collect::<Vec<_>>(), ["web"]);
    let CredentialFacts::Temporary(facts) = &session.credentials else { panic!("{session:?}") };
    assert_eq!(facts.federated_provider.as_deref(), Some(ARN));
    assert_eq!(facts.source_identity.as_deref(), Some("jane@example.org"));
    assert!(facts.provider_keys.contains(&("ci.example.org/tenant:sub".to_owned(), vec!["repo:x/y".to_owned()])));

    for (claim, value, expected) in [
        ("sub", json!("repo:x/z"), ErrorCode::AccessDeniedException),
        ("amr", json!(["pwd"]), ErrorCode::AccessDeniedException),
        ("aud", json!("another"), ErrorCode::InvalidIdentityToken),
        ("iss", json!("https://ci.example.org/tenant/"), ErrorCode::InvalidIdentityToken),
        ("iss", json!("https://ci.example.org"), ErrorCode::InvalidIdentityToken),
        ("exp", json!(world.millis() / 1000 - 301), ErrorCode::ExpiredIdentityToken),
        ("nbf", json!(world.millis() / 1000 + 301), ErrorCode::InvalidIdentityToken),
        ("https://aws.amazon.com/tags", json!({"principal_tags": 7}), ErrorCode::IDPRejectedClaim),
    ] {
        let mut claims = world.claims();
        claims[claim] = value;
        let refused = world.vouch(&provider.sign(&claims), "192.0.2.1", &[]).await;
        assert_eq!(code(refused), expected, "{claim} {}", claims[claim]);
    }
    let elsewhere = [("RoleArn", "arn:aws:iam::123456789012:role/none"), ("RoleSessionName", "build")];
    let token = provider.sign(&world.claims());
    let members = [&elsewhere[..], &[("WebIdentityToken", token.as_str())]].concat();
    let stranger = world.control.stranger(origin(None));
    let none = world.control.assume_role_with_web_identity(&stranger, ask(&members)).await.unwrap_err();
    assert_eq!(none.message(), "Not authorized to perform sts:AssumeRoleWithWebIdentity");
}

/// An issuer that nobody here knows, a key of somebody else's and a changed signature are refused in the same words.
#[tokio::test]
async fn a_refusal_does_not_tell_which_providers_there_are() {
    let (world, provider) = world("{}").await;
    let other = Provider::new();
    *other.key.lock().unwrap() = Ed25519KeyPair::from_seed_unchecked(&[2; 32]).unwrap();
    let mut unknown = world.claims();
    unknown["iss"] = json!("https://elsewhere.example.org");
    let good = provider.sign(&world.claims());
    let changed = format!("{}{}", &good[..good.len() - 2], if good.ends_with("AA") { "BA" } else { "AA" });
    let mut messages = Vec::new();
    for token in [provider.sign(&unknown), other.sign(&world.claims()), changed] {
        let error = world.vouch(&token, "192.0.2.1", &[]).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidIdentityToken);
        messages.push(error.message().to_owned());
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "{messages:?}");
    world.vouch(&good, "192.0.2.1", &[]).await.unwrap();
}

#[tokio::test]
async fn keys_are_asked_for_when_needed_and_not_by_every_token() {
    let (world, provider) = world("{}").await;
    let asked = || provider.asked.swap(0, Ordering::Relaxed);
    let vouch = async || world.vouch(&provider.sign(&world.claims()), "192.0.2.1", &[]).await;
    vouch().await.unwrap();
    assert_eq!(asked(), 2);
    for _ in 0..3 {
        vouch().await.unwrap();
    }
    assert_eq!(asked(), 0, "they are fresh");

    // It has another key: the first token that names it has the keys asked for, though not at once again.
    world.clock.advance(Duration::from_secs(9));
    *provider.key.lock().unwrap() = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
    assert_eq!((code(vouch().await), asked()), (ErrorCode::InvalidIdentityToken, 0));
    world.clock.advance(Duration::from_secs(1));
    vouch().await.unwrap();
    assert_eq!(asked(), 2);

    // It is away: what it said counts for an hour, and it is not asked by everybody.
    *provider.discovery.lock().unwrap() = None;
    world.clock.advance(Duration::from_secs(11 * 60));
    vouch().await.unwrap();
    vouch().await.unwrap();
    assert_eq!(asked(), 1);
    world.clock.advance(Duration::from_secs(50 * 60));
    assert_eq!(code(vouch().await), ErrorCode::IDPCommunicationError);

    // It is back, as somebody else.
    *provider.discovery.lock().unwrap() =
        Some(json!({"issuer": "https://evil.example.org", "jwks_uri": "https://keys.example.org/jwks"}));
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(code(vouch().await), ErrorCode::IDPCommunicationError);
    *provider.discovery.lock().unwrap() = Some(json!({"issuer": ISSUER, "jwks_uri": "http://keys.example.org/jwks"}));
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(code(vouch().await), ErrorCode::IDPCommunicationError);
    *provider.discovery.lock().unwrap() = Some(json!({"issuer": ISSUER, "jwks_uri": "https://keys.example.org/jwks"}));
    world.clock.advance(Duration::from_secs(10));
    vouch().await.unwrap();
}

/// Anybody can make up a token that names a key which nobody knows, and a provider may take its time.
#[tokio::test]
async fn nobody_waits_for_keys_that_somebody_elses_token_names() {
    let provider = Arc::into_inner(Provider::new()).unwrap();
    let provider = Arc::new(Provider { answers: Some(Semaphore::new(2)), ..provider });
    let world = world_of("{}", &provider).await;
    let good = provider.sign(&world.claims());
    world.vouch(&good, "192.0.2.1", &[]).await.unwrap();
    world.clock.advance(Duration::from_secs(10));
    let other = Provider::new();
    *other.key.lock().unwrap() = Ed25519KeyPair::from_seed_unchecked(&[2; 32]).unwrap();
    let made_up = other.sign(&world.claims());
    let others = async {
        while provider.asked.load(Ordering::Relaxed) < 3 {
            tokio::task::yield_now().await;
        }
        world.vouch(&good, "192.0.2.1", &[]).await.unwrap();
        provider.answers.as_ref().unwrap().add_permits(2);
    };
    let (refused, ()) = tokio::join!(world.vouch(&made_up, "192.0.2.9", &[]), others);
    assert_eq!(code(refused), ErrorCode::InvalidIdentityToken);
}

#[tokio::test]
async fn bad_tokens_are_slow_for_whoever_sends_them() {
    let (world, provider) = world("{}").await;
    for _ in 0..50 {
        assert_eq!(code(world.vouch("a.b.c", "192.0.2.1", &[]).await), ErrorCode::InvalidIdentityToken);
    }
    let good = provider.sign(&world.claims());
    assert_eq!(code(world.vouch(&good, "192.0.2.1", &[]).await), ErrorCode::ThrottlingException);
    world.vouch(&good, "192.0.2.2", &[]).await.unwrap();

    *provider.discovery.lock().unwrap() = None;
    world.clock.advance(Duration::from_secs(3600));
    for _ in 0..51 {
        let away = world.vouch(&good, "192.0.2.2", &[]).await;
        assert_eq!(code(away), ErrorCode::IDPCommunicationError, "that is not held against who asks");
    }
}

#[tokio::test]
async fn a_provider_is_an_issuer_that_tokens_can_name() {
    let (world, _) = world("{}").await;
    let admin = world.as_admin().await;
    for url in [
        "http://ci.example.org",
        "https://",
        "https:///a",
        "https://user@ci.example.org",
        "https://ci.example.org?a=b",
        "https://ci.example.org#a",
        "https://ci example.org",
        "https://ci.example.org/*",
        "ftp://ci.example.org",
    ] {
        let refused = world.control.create_provider(&admin, ask(&[("Url", url)])).await;
        assert_eq!(code(refused), ErrorCode::InvalidInput, "{url}");
    }
    assert_eq!(
        code(world.control.create_provider(&admin, ask(&[("Url", ISSUER)])).await),
        ErrorCode::EntityAlreadyExists
    );
    let of = [("OpenIDConnectProviderArn", ARN)];
    let client = |name| [of[0], ("ClientID", name)];
    world.control.add_provider_client(&admin, ask(&client("cli"))).await.unwrap();
    world.control.remove_provider_client(&admin, ask(&client("sts.example.org"))).await.unwrap();
    let thumbprint = "0123456789abcdef0123456789abcdef01234567";
    let request = ask(&[of[0], ("ThumbprintList.member.1", thumbprint)]);
    world.control.update_provider_thumbprint(&admin, request).await.unwrap();
    let tag = [of[0], ("Tags.member.1.Key", "env"), ("Tags.member.1.Value", "prod")];
    world.control.tag_provider(&admin, ask(&tag)).await.unwrap();
    let known = world.control.get_provider(&admin, ask(&of)).await.unwrap();
    assert_eq!((known.url.as_str(), known.client_ids), ("ci.example.org/tenant", vec!["cli".to_owned()]));
    assert_eq!((known.thumbprint_list, known.tags.map(|tags| tags.len())), (vec![thumbprint.to_owned()], Some(1)));
    world.control.untag_provider(&admin, ask(&[of[0], ("TagKeys.member.1", "env")])).await.unwrap();
    assert!(world.control.list_provider_tags(&admin, ask(&of)).await.unwrap().tags.is_empty());
    world.control.delete_provider(&admin, ask(&of)).await.unwrap();
    world.control.delete_provider(&admin, ask(&of)).await.unwrap();
    assert_eq!(code(world.control.get_provider(&admin, ask(&of)).await), ErrorCode::NoSuchEntity);
    assert!(world.control.list_providers(&admin, ask(&[])).await.unwrap().providers.is_empty());
}
