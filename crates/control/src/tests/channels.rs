//! Who may open which channel.

use std::time::Duration;

use postern_iam::SecretString;
use postern_model::ErrorCode;
use postern_model::node::DeregisterManagedInstanceRequest;
use postern_model::session::{ResumeSessionRequest, TerminateSessionRequest};
use postern_protocol::channel::relay::Side;
use postern_protocol::wire::open::{ClientOpen, ControlOpen, DataOpen};

use super::world::{World, code};
use crate::command::NodeCommand;
use crate::{Admission, Refusal};

#[tokio::test]
async fn a_control_token_opens_its_own_nodes_channel_for_two_minutes() {
    let world = World::new().await;
    let (one, two) = (world.register(1).await, world.register(2).await);
    let caller = world.with_role(&one).await;
    let token = world.control.create_control_channel(&caller, one.node_id.as_str()).await.unwrap();
    for other in [two.node_id.as_str(), "mi-", "../.."] {
        let refused = world.control.create_control_channel(&caller, other).await;
        assert_eq!(code(refused), ErrorCode::AccessDeniedException, "{other:?}");
    }
    assert_eq!(world.attach(&two, &token).await.unwrap_err(), Refusal::OtherChannel);
    assert_eq!(world.attach(&one, &SecretString::new("made up")).await.unwrap_err(), Refusal::TokenForged);
    assert!(world.attach(&one, &token).await.is_ok());
    world.clock.advance(Duration::from_millis(120_001));
    assert_eq!(world.attach(&one, &token).await.unwrap_err(), Refusal::TokenExpired);

    // A signed upgrade must be signed by the same node.
    let token = world.control.create_control_channel(&caller, one.node_id.as_str()).await.unwrap();
    let open = ControlOpen { token_value: token.expose().into(), ..ControlOpen::default() };
    let other = world.with_role(&two).await;
    let refused = world.control.attach_control_channel(one.node_id.as_str(), &open, Some(&other)).await;
    assert!(matches!(refused, Err(Refusal::Denied(_))), "{refused:?}");
    assert!(world.control.attach_control_channel(one.node_id.as_str(), &open, Some(&caller)).await.is_ok());
}

#[tokio::test]
async fn the_newest_control_channel_displaces_the_older_and_says_why() {
    let world = World::new().await;
    let (machine, mut first) = world.online(1).await;
    let mut leases = Vec::new();
    let mut reasons = Vec::new();
    for _ in 0..5 {
        let second = world.connect(&machine).await;
        let Some(NodeCommand::Displaced { reason, .. }) = first.next_command().await else { panic!("not displaced") };
        reasons.push(reason);
        leases.push(std::mem::replace(&mut first, second));
        world.clock.advance(Duration::from_secs(3));
    }
    assert_eq!(reasons[0], "a newer control channel of the same node took its place");
    assert_eq!(reasons[4], "another machine uses the same identity; register one of the two again");
    let listed =
        world.control.describe_instance_information(&world.as_admin().await, Default::default()).await.unwrap();
    let conflict = listed.instance_information_list[0].postern_identity_conflict.as_deref();
    assert_eq!(conflict, Some("several machines use this identity; register all but one of them again"));
    // A late goodbye of the displaced does not disconnect the node.
    for lease in leases {
        world.control.detach_control_channel(lease, "it was displaced").await.unwrap();
    }
    world.start(&machine).await;
    assert_eq!(first.next_command().await, Some(NodeCommand::WorkPending));
}

#[tokio::test]
async fn a_session_belongs_to_the_client_that_opened_it_first() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let started = world.start(&machine).await;
    let other = world.start(&machine).await;
    let (id, token) = (started.session_id.as_str(), &started.token_value);
    assert_eq!(world.open_client(&other.session_id, token, "c1").await.unwrap_err(), Refusal::OtherChannel);
    assert_eq!(world.open_client(id, token, "a blank").await.unwrap_err(), Refusal::ClientIdMalformed);
    match world.open_client(id, token, "c1").await.unwrap() {
        Admission::Open(admission) => {
            assert_eq!(admission.side, Side::Client);
            assert_eq!(admission.session.session_id.as_str(), id);
            assert_eq!(admission.session.node_id, machine.node_id);
        }
        ended @ Admission::Ended(_) => panic!("{ended:?}"),
    }
    assert_eq!(world.open_client(id, token, "c2").await.unwrap_err(), Refusal::OtherClient);
    world.clock.advance(Duration::from_secs(60));
    assert!(world.open_client(id, token, "c1").await.is_ok(), "the stock plugin dials again with the same token");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.open_client(id, token, "c1").await.unwrap_err(), Refusal::TokenUsed);

    // Whoever replays a captured ResumeSession gets a token that is of no use without being this very client.
    let resume = ResumeSessionRequest { session_id: id.to_owned() };
    let resumed = world.control.resume_session(&world.as_admin().await, resume).await.unwrap();
    let token = resumed.token_value.unwrap();
    assert_eq!(world.open_client(id, &token, "c2").await.unwrap_err(), Refusal::OtherClient);
    assert!(world.open_client(id, &token, "c1").await.is_ok());
}

#[tokio::test]
async fn a_token_that_nobody_used_expires() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let started = world.start(&machine).await;
    world.clock.advance(Duration::from_millis(120_001));
    let late = world.open_client(&started.session_id, &started.token_value, "c1").await;
    assert_eq!(late.unwrap_err(), Refusal::TokenExpired);
}

#[tokio::test]
async fn the_token_of_a_client_without_an_id_opens_once() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let started = world.start(&machine).await;
    assert!(world.open_client(&started.session_id, &started.token_value, "").await.is_ok());
    for thief in ["", "c1"] {
        let again = world.open_client(&started.session_id, &started.token_value, thief).await;
        assert_eq!(again.unwrap_err(), Refusal::OtherClient, "{thief:?}");
    }
}

#[tokio::test]
async fn the_sides_of_a_session_are_not_interchangeable() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let (other, _other_lease) = world.online(2).await;
    let started = world.start(&machine).await;
    let id = started.session_id.as_str();
    let agent = world.with_role(&machine).await;
    let agent_token = world.control.create_data_channel(&agent, id).await.unwrap();

    let stolen = world.with_role(&other).await;
    let unknown = "admin-0123456789abcdef0";
    let [error, of_unknown] = [id, unknown].map(|id| world.control.create_data_channel(&stolen, id));
    let (error, of_unknown) = (error.await.unwrap_err(), of_unknown.await.unwrap_err());
    assert_eq!(of_unknown.message().replace(unknown, id), error.message(), "no difference");
    assert!(error.message().contains("Session is already terminated"), "an agent is not to try again: {error}");
    let error = error.code();
    assert_eq!((error, of_unknown.code()), (ErrorCode::AccessDeniedException, ErrorCode::AccessDeniedException));
    assert_eq!(code(world.control.create_data_channel(&world.as_admin().await, id).await), error);

    assert_eq!(world.open_agent(id, &started.token_value, &machine.node_id).await.unwrap_err(), Refusal::OtherChannel);
    assert_eq!(world.open_client(id, &agent_token, "c1").await.unwrap_err(), Refusal::OtherChannel);
    assert_eq!(world.open_agent(id, &agent_token, &other.node_id).await.unwrap_err(), Refusal::OtherNode);
    let admitted = world.open_agent(id, &agent_token, &machine.node_id).await.unwrap();
    assert!(matches!(admitted, Admission::Open(admission) if admission.side == Side::Agent));
    // Again and again: the agent reconnects as it likes.
    assert!(world.open_agent(id, &agent_token, &machine.node_id).await.is_ok());

    // A client may sign its upgrade; then it must be somebody who may.
    let open = ClientOpen {
        token_value: started.token_value.expose().into(),
        client_id: "c1".to_owned(),
        ..ClientOpen::default()
    };
    let refused = world.control.admit_data_channel(id, &DataOpen::Client(open.clone()), Some(&stolen)).await;
    assert!(matches!(refused, Err(Refusal::Denied(_))), "{refused:?}");
    let admin = world.as_admin().await;
    assert!(world.control.admit_data_channel(id, &DataOpen::Client(open), Some(&admin)).await.is_ok());
}

#[tokio::test]
async fn the_end_of_a_session_is_the_end_of_its_tokens() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let started = world.start(&machine).await;
    let id = started.session_id.as_str();
    let agent = world.with_role(&machine).await;
    let agent_token = world.control.create_data_channel(&agent, id).await.unwrap();
    let terminate = TerminateSessionRequest { session_id: id.to_owned() };
    world.control.terminate_session(&world.as_admin().await, terminate).await.unwrap();
    let error = world.control.create_data_channel(&agent, id).await.unwrap_err();
    assert!(error.message().contains("Session is already terminated"), "the words stock agents look for: {error}");

    let reason = postern_model::session::EndReason::AgentFailed { output: "no such user".to_owned() };
    let end = crate::lifecycle::End { reason, output: "no such user".to_owned() };
    world.control.session_ended(&id.parse().unwrap(), &end, false).await.unwrap();
    let late = world.open_agent(id, &agent_token, &machine.node_id).await;
    assert_eq!(late.unwrap_err(), Refusal::SessionEnded);
    match world.open_client(id, &started.token_value, "c1").await.unwrap() {
        Admission::Ended(ended) => {
            assert_eq!((ended.session_id.as_str(), ended.output.as_str()), (id, "no such user"));
        }
        open @ Admission::Open(_) => panic!("{open:?}"),
    }
}

#[tokio::test]
async fn a_removed_node_is_told_and_cannot_come_back() {
    let world = World::new().await;
    let (machine, mut lease) = world.online(1).await;
    let caller = world.with_role(&machine).await;
    let token = world.control.create_control_channel(&caller, machine.node_id.as_str()).await.unwrap();
    let request = DeregisterManagedInstanceRequest { instance_id: machine.node_id.clone() };
    world.control.deregister_managed_instance(&world.as_admin().await, request).await.unwrap();
    assert_eq!(lease.next_command().await, Some(NodeCommand::Deregistered));
    assert_eq!(world.attach(&machine, &token).await.unwrap_err(), Refusal::NodeUnknown);
    world.control.detach_control_channel(lease, "the node was deregistered").await.unwrap();
}
