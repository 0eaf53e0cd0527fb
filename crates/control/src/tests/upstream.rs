//! Requests that are passed on: who may have them passed on, what is sent, what comes of the answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use postern_model::kms::{CreateAliasRequest, DataKeyLength, DecryptRequest, GenerateDataKeyRequest, KeyName};
use postern_model::logs::{
    CreateLogGroupRequest, DescribeLogStreamsRequest, GroupReference, InputLogEvent, PutLogEventsRequest,
};
use postern_model::{ApiError, ErrorCode, Operation, Service, decode};
use serde_json::{Value, json};

use super::world::{World, code};
use crate::{Caller, Upstream, UpstreamError, Upstreams};

/// A service that says what it is told to, and remembers what it was asked.
#[derive(Default)]
struct Scripted {
    asked: Mutex<Vec<(Operation, Value)>>,
    says: Mutex<Option<Result<Bytes, UpstreamError>>>,
}

impl Scripted {
    fn says(&self, answer: Result<&str, UpstreamError>) {
        *self.says.lock().unwrap() = Some(answer.map(|text| Bytes::copy_from_slice(text.as_bytes())));
    }

    fn asked(&self) -> Vec<(Operation, Value)> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

#[async_trait]
impl Upstream for Scripted {
    async fn call(&self, operation: Operation, request: Bytes) -> Result<Bytes, UpstreamError> {
        self.asked.lock().unwrap().push((operation, serde_json::from_slice(&request).unwrap()));
        self.says.lock().unwrap().clone().expect("the test says what the service says")
    }
}

/// A world whose keys and logs are somebody else's.
async fn world() -> (World, Arc<Scripted>, Arc<Scripted>) {
    let (kms, logs) = (Arc::new(Scripted::default()), Arc::new(Scripted::default()));
    let upstreams = Upstreams { kms: Some(Arc::clone(&kms) as _), logs: Some(Arc::clone(&logs) as _), providers: None };
    (World::with(upstreams).await, kms, logs)
}

impl World {
    async fn admin_of(&self, service: &str) -> Caller {
        self.sign_as(&self.admin, service, "/").await.unwrap()
    }
}

fn decrypt(session: &str, target: &str) -> DecryptRequest {
    let context = [("aws:ssm:SessionId", session), ("aws:ssm:TargetId", target)];
    DecryptRequest {
        ciphertext_blob: b"opaque".to_vec(),
        encryption_context: context.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        key_id: None,
        grant_tokens: Vec::new(),
        dry_run: false,
    }
}

fn generate() -> GenerateDataKeyRequest {
    GenerateDataKeyRequest {
        key_id: KeyName::new("alias/theirs"),
        encryption_context: BTreeMap::new(),
        length: DataKeyLength::Bytes(64),
        grant_tokens: Vec::new(),
        dry_run: false,
    }
}

fn answered(name: Option<&str>, status: u16) -> UpstreamError {
    UpstreamError::Answered { name: name.map(str::to_owned), message: "in its words".to_owned(), status }
}

const OPENED: &str = r#"{"KeyId":"arn:aws:kms:us-east-1:999999999999:key/mrk-1","Plaintext":"AAAA","New":"member"}"#;

#[tokio::test]
async fn a_node_opens_with_another_kms_what_names_a_session_of_its_own_and_nothing_else() {
    let (world, kms, _) = world().await;
    let (machine, _lease) = world.online(1).await;
    let (other, _other_lease) = world.online(2).await;
    let session = world.start(&machine).await.session_id;
    kms.says(Ok(OPENED));
    let (own, stranger) = {
        let mut callers = Vec::new();
        for machine in [&machine, &other] {
            let credentials = world.role_credentials(machine).await.unwrap();
            callers.push(world.sign_as(&credentials, "kms", "/").await.unwrap());
        }
        (callers[0].clone(), callers[1].clone())
    };
    let opened = world.control.decrypt(&own, decrypt(&session, machine.node_id.as_str())).await.unwrap();
    assert_eq!(opened.plaintext.expose(), [0; 3]);
    let context = json!({"aws:ssm:SessionId": session, "aws:ssm:TargetId": machine.node_id.as_str()});
    let sent = json!({"CiphertextBlob": "b3BhcXVl", "EncryptionContext": context});
    assert_eq!(kms.asked(), [(Operation::Decrypt, sent)]);

    for (caller, session, target) in [
        (&stranger, session.as_str(), machine.node_id.as_str()),
        (&stranger, session.as_str(), other.node_id.as_str()),
        (&own, session.as_str(), other.node_id.as_str()),
        (&own, "jane-none", machine.node_id.as_str()),
    ] {
        let denied = world.control.decrypt(caller, decrypt(session, target)).await;
        assert_eq!(code(denied), ErrorCode::AccessDeniedException, "{session} {target}");
    }
    let loose = DecryptRequest { encryption_context: BTreeMap::new(), ..decrypt(&session, "") };
    assert_eq!(code(world.control.decrypt(&own, loose).await), ErrorCode::AccessDeniedException);
    assert_eq!(code(world.control.generate_data_key(&own, generate()).await), ErrorCode::AccessDeniedException);
    assert_eq!(kms.asked(), [], "what is denied goes nowhere");
}

#[tokio::test]
async fn a_node_writes_no_logs_of_others_and_names_no_group_elsewhere() {
    let (world, _, logs) = world().await;
    let (machine, _lease) = world.online(1).await;
    let session = world.start(&machine).await.session_id;
    let credentials = world.role_credentials(&machine).await.unwrap();
    let node = world.sign_as(&credentials, "logs", "/").await.unwrap();
    let put = PutLogEventsRequest {
        log_group_name: "/any".to_owned(),
        log_stream_name: session.clone(),
        log_events: vec![InputLogEvent { timestamp: 1, message: "hunter2".into() }],
        sequence_token: None,
    };
    // Its session's document names no group.
    assert_eq!(code(world.control.put_log_events(&node, put.clone()).await), ErrorCode::AccessDeniedException);
    let elsewhere = DescribeLogStreamsRequest {
        log_group: GroupReference::Identifier("arn:aws:logs:us-east-1:999999999999:log-group:/any".to_owned()),
        log_stream_name_prefix: Some(session),
        order_by: None,
        descending: false,
        limit: None,
        next_token: None,
    };
    let refused = world.control.describe_log_streams(&node, elsewhere.clone()).await;
    assert_eq!(code(refused), ErrorCode::ResourceNotFoundException);
    assert_eq!(logs.asked(), []);

    logs.says(Ok(r#"{"nextSequenceToken":"7"}"#));
    let admin = world.admin_of("logs").await;
    let done = world.control.put_log_events(&admin, put).await.unwrap();
    assert_eq!(done.next_sequence_token.as_deref(), Some("7"));
    logs.says(Ok(r#"{"logStreams":[]}"#));
    world.control.describe_log_streams(&admin, elsewhere).await.unwrap();
    let asked = logs.asked();
    assert_eq!(asked[0].1["logEvents"], json!([{"timestamp": 1, "message": "hunter2"}]));
    assert_eq!(asked[1].1["logGroupIdentifier"], "arn:aws:logs:us-east-1:999999999999:log-group:/any");
}

#[tokio::test]
async fn an_error_of_the_caller_s_goes_through_and_one_of_the_operator_s_does_not() {
    let (world, kms, logs) = world().await;
    let admin = world.admin_of("kms").await;
    let fails = async |error: UpstreamError| -> ApiError {
        kms.says(Err(error));
        world.control.generate_data_key(&admin, generate()).await.unwrap_err().told_by(Service::Kms)
    };
    for (name, status) in [("DisabledException", 400), ("KMSInvalidStateException", 409), ("SomethingNew", 418)] {
        let error = fails(answered(Some(name), status)).await;
        assert_eq!((error.name(), error.status(), error.message()), (name, status, "in its words"));
    }
    let denied = fails(answered(Some("AccessDeniedException"), 400)).await;
    assert_eq!((denied.name(), denied.message()), ("AccessDeniedException", "in its words"));

    let refused =
        "The KMS that requests are passed on to refuses the service's own credentials; tell the service's operator.";
    let unusable =
        "The KMS that requests are passed on to cannot be used now; try again, and tell the service's operator.";
    for (error, name, message) in [
        (answered(Some("UnrecognizedClientException"), 400), "KMSInternalException", refused),
        (answered(Some("ExpiredTokenException"), 400), "KMSInternalException", refused),
        (answered(None, 403), "KMSInternalException", refused),
        (UpstreamError::Credentials("no file".to_owned()), "KMSInternalException", refused),
        (answered(None, 502), "KMSInternalException", unusable),
        (answered(Some("no name"), 400), "KMSInternalException", unusable),
        (UpstreamError::Unusable("no route".to_owned()), "KMSInternalException", unusable),
        (
            UpstreamError::Late("slow".to_owned()),
            "DependencyTimeoutException",
            "The KMS that requests are passed on to did not answer in time; try again.",
        ),
        (
            UpstreamError::Busy,
            "ThrottlingException",
            "The KMS that requests are passed on to is slow, and too many requests wait for it.",
        ),
    ] {
        let told = fails(error.clone()).await;
        assert_eq!((told.name(), told.message()), (name, message), "{error:?}");
    }
    logs.says(Err(UpstreamError::Late("slow".to_owned())));
    let request = CreateLogGroupRequest { log_group_name: "/g".to_owned(), kms_key_id: None, tags: BTreeMap::new() };
    let told = world.control.create_log_group(&world.admin_of("logs").await, request).await.unwrap_err();
    assert_eq!(told.told_by(Service::Logs).name(), "ServiceUnavailableException");
}

#[tokio::test]
async fn an_answer_is_read_before_it_is_given_on() {
    let (world, kms, _) = world().await;
    let admin = world.admin_of("kms").await;
    let alias = CreateAliasRequest { alias_name: "alias/a".parse().unwrap(), target_key_id: KeyName::new("any") };
    for nothing in ["", " ", "{}", "null", r#"{"Something": "new"}"#] {
        kms.says(Ok(nothing));
        world.control.create_alias(&admin, alias.clone()).await.unwrap();
    }
    for wrong in ["", "{}", "[]", "<html>", r#"{"Plaintext":"hunter2!","KeyId":"x","CiphertextBlob":"AA=="}"#] {
        kms.says(Ok(wrong));
        let error = world.control.generate_data_key(&admin, generate()).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InternalServerError, "{wrong}");
        assert!(!error.to_string().contains("hunter"));
    }
}

#[tokio::test]
async fn embedded_logs_take_no_key_of_another_service() {
    let kms = Arc::new(Scripted::default());
    let world = World::with(Upstreams { kms: Some(Arc::clone(&kms) as _), logs: None, providers: None }).await;
    world.clock.advance(Duration::from_secs(1));
    let admin = world.admin_of("logs").await;
    let group = |key: Option<&str>| CreateLogGroupRequest {
        log_group_name: "/g".to_owned(),
        kms_key_id: key.map(KeyName::new),
        tags: BTreeMap::new(),
    };
    let error = world.control.create_log_group(&admin, group(Some("alias/theirs"))).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidParameterException);
    assert_eq!(error.message(), "kmsKeyId cannot be used: keys are another service's, and logs are kept here.");
    world.control.create_log_group(&admin, group(None)).await.unwrap();
    assert_eq!(kms.asked(), []);
}

#[tokio::test]
async fn no_operation_on_keys_or_logs_is_answered_here_by_mistake() {
    let (world, kms, logs) = world().await;
    let (kms_admin, logs_admin) = (world.admin_of("kms").await, world.admin_of("logs").await);
    for upstream in [&kms, &logs] {
        upstream.says(Err(answered(Some("FromThere"), 400)));
    }
    let mut tried = Vec::new();
    macro_rules! each {
        ($admin:ident, $body:literal: $($act:ident)+) => {
            $(tried.push({
                let request = decode($body).unwrap();
                let failed = world.control.$act(&$admin, request).await.map(drop).unwrap_err();
                assert_eq!(failed.name(), "FromThere", stringify!($act));
                failed
            });)+
        };
    }
    each!(kms_admin, br#"{"KeyId":"a","Plaintext":"AA==","CiphertextBlob":"AA==","NumberOfBytes":1}"#:
        generate_data_key encrypt decrypt create_key describe_key list_keys enable_key disable_key list_aliases);
    each!(kms_admin, br#"{"AliasName":"alias/a","TargetKeyId":"a"}"#: create_alias);
    each!(logs_admin, br#"{"logGroupName":"g","logStreamName":"s","retentionInDays":1,"logEvents":[{"timestamp":1,"message":"m"}]}"#:
        create_log_group delete_log_group describe_log_groups put_retention_policy delete_retention_policy
        create_log_stream delete_log_stream describe_log_streams put_log_events get_log_events filter_log_events);
    let mut asked: Vec<Operation> =
        kms.asked().into_iter().chain(logs.asked()).map(|(operation, _)| operation).collect();
    asked.sort_unstable();
    let all: Vec<Operation> =
        Operation::ALL.iter().copied().filter(|of| matches!(of.service(), Service::Kms | Service::Logs)).collect();
    assert_eq!(asked, all);
    assert_eq!(tried.len(), all.len());
}
