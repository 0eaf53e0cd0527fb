//! Sessions as users ask for them.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_iam::SessionId;
use postern_iam::sigv4::Credentials;
use postern_model::ErrorCode;
use postern_model::agent::UpdateInstanceInformationRequest;
use postern_model::session::{
    ConnectionStatus, DescribeSessionsRequest, EndReason, GetConnectionStatusRequest, ResumeSessionRequest,
    SessionState, SessionStatus, StartSessionRequest, TerminateSessionRequest,
};
use postern_store::{SessionQuota, StartRequest};

use super::world::{World, code, start_request};
use crate::command::NodeCommand;
use crate::lifecycle::End;

async fn status(world: &World, target: &str) -> ConnectionStatus {
    let request = GetConnectionStatusRequest { target: target.to_owned() };
    world.control.get_connection_status(&world.as_admin().await, request).await.unwrap().status
}

#[tokio::test]
async fn a_session_starts_on_a_connected_node() {
    let world = World::new().await;
    let (machine, mut lease) = world.online(1).await;
    assert_eq!(status(&world, machine.node_id.as_str()).await, ConnectionStatus::Connected);
    let started = world.start(&machine).await;
    assert!(started.session_id.starts_with("admin-"), "policies rely on the prefix");
    assert_eq!(
        started.stream_url,
        format!("wss://ssm.example.org:8443/v1/data-channel/{}?role=publish_subscribe", started.session_id)
    );
    assert!(started.token_value.len() <= 300);

    assert_eq!(lease.next_command().await, Some(NodeCommand::WorkPending));
    let work = world.control.pending_work(&lease).await.unwrap();
    assert_eq!((work.starts.len(), work.ends.len(), work.more), (1, 0, false));
    let start = work.starts[0].session_start().unwrap();
    assert_eq!(start.session_id, started.session_id);
    assert_eq!(start.document_name, "SSM-SessionManagerRunShell");
    assert_eq!(start.document_content.session_type, "Standard_Stream");
    assert_eq!(start.session_owner, "arn:aws:iam::123456789012:user/admin");
}

#[tokio::test]
async fn a_target_that_is_not_there_is_said_with_the_reason() {
    let world = World::new().await;
    let machine = world.register(1).await;
    let target = machine.node_id.as_str();
    let refused = async |target: &str| {
        let caller = world.as_admin().await;
        let error = world.control.start_session(&caller, start_request(target)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::TargetNotConnected);
        error.message().to_owned()
    };
    world.clock.advance(Duration::from_secs(7200));
    let text = refused(target).await;
    let begin = format!("{target} is not connected. It was registered 2 hours ago and its agent has never connected");
    assert!(text.starts_with(&begin), "{text}");
    let credentials = world.role_credentials(&machine).await.unwrap();
    let wrong = Credentials { secret_access_key: "wrong".into(), ..credentials };
    assert!(world.sign_as(&wrong, "ssmmessages", "/").await.is_err());
    world.clock.advance(Duration::from_secs(5));
    let text = refused(target).await;
    assert!(text.contains("Its agent came 5 seconds ago and was refused: The request signature"), "{text}");
    let lease = world.connect(&machine).await;
    world.control.detach_control_channel(lease, "its control channel was closed").await.unwrap();
    world.clock.advance(Duration::from_secs(180));
    let text = refused(target).await;
    let begin = "Its agent lost its connection 3 minutes ago (its control channel was closed): check";
    assert!(text.contains(begin), "{text}");
    for unknown in ["mi-0123456789abcdef0", "i-0123456789abcdef0", "no such thing\n"] {
        let text = refused(unknown).await;
        assert!(text.contains("There is no managed node of this id"), "{text}");
        assert_eq!(status(&world, unknown).await, ConnectionStatus::NotConnected);
    }
}

#[tokio::test]
async fn documents_and_parameters_are_checked_before_anybody_is_bothered() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let start = async |document: &str, parameters: &[(&str, &str)]| {
        let parameters: BTreeMap<_, _> =
            parameters.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect();
        let request = StartSessionRequest {
            document_name: Some(document.parse().unwrap()),
            parameters,
            ..start_request(machine.node_id.as_str())
        };
        world.control.start_session(&world.as_admin().await, request).await
    };
    assert_eq!(code(start("No-Such-Document", &[]).await), ErrorCode::InvalidDocument);
    let port = "AWS-StartPortForwardingSession";
    assert_eq!(code(start(port, &[("portNumber", "not a port")]).await), ErrorCode::InvalidParameters);
    assert_eq!(code(start(port, &[("nothing", "80")]).await), ErrorCode::InvalidParameters);
    assert!(start(port, &[("portNumber", "80")]).await.is_ok());
    let arn = "arn:aws:ssm:eu-west-1::document/AWS-StartSSHSession";
    assert!(start(arn, &[]).await.is_ok(), "by its ARN");
    let long = "x".repeat(200_000);
    let too_long = start("AWS-StartNonInteractiveCommand", &[("command", &long)]).await;
    assert_eq!(code(too_long), ErrorCode::InvalidParameters);
}

#[tokio::test]
async fn files_are_copied_by_our_own_agent_only() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let start = async || {
        let name = Some("Postern-CopyFiles".parse().unwrap());
        let request = StartSessionRequest { document_name: name, ..start_request(machine.node_id.as_str()) };
        world.control.start_session(&world.as_admin().await, request).await
    };
    let says = async |agent: &str| {
        let request = UpdateInstanceInformationRequest {
            instance_id: machine.node_id.to_string(),
            agent_name: Some(agent.to_owned()),
            ..UpdateInstanceInformationRequest::default()
        };
        world.control.update_instance_information(&world.with_role(&machine).await, request).await.unwrap();
    };
    assert!(start().await.is_ok(), "one that has not said yet what it is");
    says("amazon-ssm-agent").await;
    let error = start().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidDocument);
    let expected = format!(
        "Document Postern-CopyFiles needs postern-agent on the node; {} runs amazon-ssm-agent.",
        machine.node_id
    );
    assert_eq!(error.message(), expected);
    says("postern-agent").await;
    assert!(start().await.is_ok());
}

#[tokio::test]
async fn the_same_signed_request_gets_the_same_answer() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let caller = world.sign_as(&world.admin, "ssm", "/").await.unwrap();
    let request = || start_request(machine.node_id.as_str());
    let first = world.control.start_session(&caller, request()).await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    let mut replayed = caller.clone();
    assert_eq!(world.control.start_session(&replayed, request()).await.unwrap(), first);
    // An SDK calling twice in one second makes the same signature and says that it is another call.
    let signature = caller.request.clone().unwrap().signature;
    replayed.request = Some(StartRequest { signature, invocation: Some("another".to_owned()) });
    let second = world.control.start_session(&replayed, request()).await;
    let refused = second.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ThrottlingException, "SDKs sign again after it");
    assert!(refused.retry_after().is_some_and(|wait| wait >= Duration::from_millis(500)), "in another second");
    assert_eq!(world.control.active_sessions().await.unwrap().len(), 1);
}

#[tokio::test]
async fn resuming_makes_a_new_token_and_an_ended_session_has_none() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let started = world.start(&machine).await;
    let resume = async |id: &str| {
        let request = ResumeSessionRequest { session_id: id.to_owned() };
        world.control.resume_session(&world.as_admin().await, request).await
    };
    let resumed = resume(&started.session_id).await.unwrap();
    assert_ne!(resumed.token_value.as_ref(), Some(&started.token_value));
    assert_eq!(resumed.stream_url.as_deref(), Some(started.stream_url.as_str()));
    let old = world.open_client(&started.session_id, &started.token_value, "c1").await;
    assert_eq!(old.unwrap_err(), crate::Refusal::TokenSuperseded);
    assert!(world.open_client(&started.session_id, &resumed.token_value.unwrap(), "c1").await.is_ok());

    let terminate = TerminateSessionRequest { session_id: started.session_id.clone() };
    world.control.terminate_session(&world.as_admin().await, terminate).await.unwrap();
    let ended = resume(&started.session_id).await.unwrap();
    assert_eq!((ended.session_id, ended.token_value, ended.stream_url), (started.session_id, None, None));
    for unknown in ["jane-0123456789abcdef0", "../..", "no such\nsession"] {
        assert_eq!(code(resume(unknown).await), ErrorCode::DoesNotExistException);
    }
}

#[tokio::test]
async fn terminating_is_idempotent_and_shows() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let started = world.start(&machine).await;
    let terminate = async |id: &str| {
        let request = TerminateSessionRequest { session_id: id.to_owned() };
        world.control.terminate_session(&world.as_admin().await, request).await
    };
    for _ in 0..3 {
        assert_eq!(terminate(&started.session_id).await.unwrap().session_id, started.session_id);
    }
    let list = async |state| {
        let request = DescribeSessionsRequest { state, max_results: None, next_token: None, filters: Vec::new() };
        world.control.describe_sessions(&world.as_admin().await, request).await.unwrap().sessions
    };
    let active = list(SessionState::Active).await;
    assert_eq!(active[0].status, SessionStatus::Terminating);
    assert_eq!(active[0].details.as_deref(), Some("Terminated by arn:aws:iam::123456789012:user/admin."));

    let id: SessionId = started.session_id.parse().unwrap();
    let reason = world.control.find_session(id.as_str()).await.unwrap().unwrap().end_reason.unwrap();
    let end = crate::lifecycle::End { reason, output: String::new() };
    world.control.session_ended(&id, &end, false).await.unwrap();
    assert_eq!(terminate(&started.session_id).await.unwrap().session_id, started.session_id);
    assert_eq!(list(SessionState::Active).await, []);
    let history = list(SessionState::History).await;
    assert_eq!(history[0].status, SessionStatus::Terminated);
    assert_eq!(history[0].access_type.as_deref(), Some("Standard"));
    assert_eq!(code(terminate("jane-0123456789abcdef0").await), ErrorCode::DoesNotExistException);

    world.clock.advance(Duration::from_secs(30 * 24 * 3600));
    assert_eq!(world.control.keep_house().await.unwrap(), 0, "thirty days to the moment");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.control.keep_house().await.unwrap(), 1);
    assert_eq!(list(SessionState::History).await, []);
}

#[tokio::test]
async fn one_session_too_many_is_refused_with_the_limit_and_its_setting() {
    for (quota, who, setting) in [
        (SessionQuota { per_node: 2, per_owner: 9, total: 9 }, "mi-", "max_sessions_per_node"),
        (
            SessionQuota { per_node: 9, per_owner: 2, total: 9 },
            "arn:aws:iam::123456789012:user/admin",
            "max_sessions_per_user",
        ),
        (SessionQuota { per_node: 9, per_owner: 9, total: 2 }, "The service", "max_sessions"),
    ] {
        let mut world = World::new().await;
        world.configure(|settings| settings.session_quota = quota);
        let (machine, _lease) = world.online(1).await;
        let first = world.start(&machine).await;
        world.start(&machine).await;
        let start = async || {
            let caller = world.as_admin().await;
            world.control.start_session(&caller, start_request(machine.node_id.as_str())).await
        };
        let refused = start().await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::ServiceQuotaExceededException, "SDKs do not try it again");
        let text = refused.message();
        assert!(text.starts_with(who), "{text}");
        let said = format!("has 2 active sessions, and 2 are allowed ({setting} in the service's settings)");
        assert!(text.contains(&said), "{text}");
        let end = End { reason: EndReason::Completed { exit_status: None }, output: String::new() };
        world.control.session_ended(&first.session_id.parse().unwrap(), &end, true).await.unwrap();
        start().await.unwrap();
    }
}
