//! What a restarted service still knows, and what has to come back to it.

use postern_iam::SessionId;
use postern_model::node::{DescribeInstanceInformationRequest, PingStatus};
use postern_model::session::SessionStatus;
use postern_protocol::Clock as _;
use postern_protocol::channel::relay::Side;

use super::supervision::carry_out;
use super::world::{World, start_request};
use crate::Refusal;
use crate::lifecycle::Action;

#[tokio::test]
async fn sessions_and_credentials_survive_and_nodes_come_back() {
    let mut world = World::new().await;
    let (machine, lease) = world.online(1).await;
    let started = world.start(&machine).await;
    let id: SessionId = started.session_id.parse().unwrap();
    let agent = world.with_role(&machine).await;
    let credentials = world.role_credentials(&machine).await.unwrap();
    let agent_token = world.control.create_data_channel(&agent, id.as_str()).await.unwrap();
    world.open_client(id.as_str(), &started.token_value, "c1").await.unwrap();
    world.control.session_connected(&id, &machine.node_id).await.unwrap();
    drop(lease);

    world.restart().await;
    assert_eq!(world.control.recover().await.unwrap(), std::slice::from_ref(&id));
    let nodes = DescribeInstanceInformationRequest::default();
    let nodes = world.control.describe_instance_information(&world.as_admin().await, nodes).await.unwrap();
    assert_eq!(nodes.instance_information_list[0].instance.ping_status, PingStatus::ConnectionLost);
    let start = start_request(machine.node_id.as_str());
    let error = world.control.start_session(&world.as_admin().await, start).await.unwrap_err();
    assert!(error.message().contains("just now (the service was restarted)"), "{error}");

    // Nothing was stored of these, and all are honoured.
    assert!(world.sign_as(&credentials, "ssm", "/").await.is_ok());
    let mut supervision = world.control.supervise(&id, false).await.unwrap().unwrap();
    assert!(supervision.resumed);
    assert!(matches!(carry_out(&world, &mut supervision).await[..], [Action::StoreDisconnected { .. }]));
    assert!(world.open_client(id.as_str(), &started.token_value, "c1").await.is_ok());
    let thief = world.open_client(id.as_str(), &started.token_value, "c2").await;
    assert_eq!(thief.unwrap_err(), Refusal::OtherClient, "the binding is remembered");
    assert!(world.open_agent(id.as_str(), &agent_token, &machine.node_id).await.is_ok());
    let now = world.clock.now();
    supervision.lifecycle.handle_attached(Side::Client, now);
    supervision.lifecycle.handle_attached(Side::Agent, now);
    assert_eq!(carry_out(&world, &mut supervision).await, [Action::StoreConnected]);
    assert_eq!(supervision.lifecycle.status(), SessionStatus::Connected);

    let lease = world.connect(&machine).await;
    assert_eq!(world.control.pending_work(&lease).await.unwrap(), crate::PendingWork::default(), "it runs already");
}
