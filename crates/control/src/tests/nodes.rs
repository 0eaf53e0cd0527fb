//! Nodes as consoles ask for them, and the roles they have.

use std::slice;

use postern_model::agent::UpdateInstanceInformationRequest;
use postern_model::node::*;
use postern_model::{ApiError, ErrorCode};

use super::world::{Machine, World, code};

impl World {
    async fn report(&self, machine: &Machine, agent_version: &str, computer_name: &str) {
        let request = UpdateInstanceInformationRequest {
            instance_id: machine.node_id.to_string(),
            agent_version: Some(agent_version.to_owned()),
            computer_name: Some(computer_name.to_owned()),
            platform_type: Some(PlatformType::Linux),
            platform_name: Some("p".repeat(255)),
            ..UpdateInstanceInformationRequest::default()
        };
        self.control.update_instance_information(&self.with_role(machine).await, request).await.unwrap();
    }

    async fn properties(
        &self,
        request: DescribeInstancePropertiesRequest,
    ) -> Result<DescribeInstancePropertiesResponse, ApiError> {
        self.control.describe_instance_properties(&self.as_admin().await, request).await
    }
}

#[tokio::test]
async fn properties_are_compared_in_five_ways() {
    let world = World::new().await;
    let (one, two) = (world.register(1).await, world.register(2).await);
    let (three, _lease) = world.online(3).await;
    world.report(&one, "3.9.0.0", "web1").await;
    world.report(&two, "3.10.0.0", "web2").await;
    world.report(&three, "10.0.0", "db1").await;

    let found = async |key, comparison, values: &[&str]| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let filters = vec![PropertyFilter { key, values, comparison }];
        let request = DescribeInstancePropertiesRequest { filters, ..DescribeInstancePropertiesRequest::default() };
        let nodes = world.properties(request).await.unwrap().instance_properties;
        nodes.into_iter().map(|node| node.instance_id).collect::<Vec<_>>()
    };
    let version = || NodeFilterKey::AgentVersion;
    let sorted = |mut ids: Vec<postern_iam::NodeId>| {
        ids.sort();
        ids
    };
    assert_eq!(found(version(), Comparison::Equal, &["3.9.0.0"]).await, slice::from_ref(&one.node_id));
    assert_eq!(found(version(), Comparison::LessThan, &["3.10.0.0"]).await, slice::from_ref(&one.node_id));
    assert_eq!(
        found(version(), Comparison::GreaterThan, &["3.9.0.0"]).await,
        sorted(vec![two.node_id.clone(), three.node_id.clone()]),
        "numbers, not texts"
    );
    let not_online = found(NodeFilterKey::PingStatus, Comparison::NotEqual, &["Online"]).await;
    assert_eq!(not_online, sorted(vec![one.node_id.clone(), two.node_id.clone()]));
    assert_eq!(found(NodeFilterKey::PingStatus, Comparison::Equal, &["Online"]).await, slice::from_ref(&three.node_id));
    assert_eq!(found(NodeFilterKey::InstanceIds, Comparison::BeginWith, &["mi-", "i-"]).await.len(), 3);
    assert_eq!(found(NodeFilterKey::DocumentName, Comparison::Equal, &["AWS-RunShellScript"]).await, []);
    assert_eq!(found(NodeFilterKey::DocumentName, Comparison::NotEqual, &["AWS-RunShellScript"]).await.len(), 3);
}

#[tokio::test]
async fn a_page_is_full_however_many_nodes_do_not_meet_the_filter() {
    let world = World::new().await;
    let mut machines = Vec::new();
    for seed in 1..=12 {
        machines.push(world.register(seed).await);
    }
    machines.sort_by(|one, other| one.node_id.cmp(&other.node_id));
    for machine in machines.iter().skip(5) {
        world.report(machine, "3.3.0.0", "web").await;
    }
    let request = |next_token| DescribeInstancePropertiesRequest {
        filters: vec![PropertyFilter {
            key: NodeFilterKey::AgentVersion,
            values: vec!["3.".to_owned()],
            comparison: Comparison::BeginWith,
        }],
        max_results: Some(5),
        next_token,
    };
    let first = world.properties(request(None)).await.unwrap();
    let second = world.properties(request(first.next_token.clone())).await.unwrap();
    let seen = first.instance_properties.iter().chain(&second.instance_properties);
    let seen: Vec<_> = seen.map(|node| node.instance_id.clone()).collect();
    let expected: Vec<_> = machines[5..].iter().map(|machine| machine.node_id.clone()).collect();
    assert_eq!((first.instance_properties.len(), seen), (5, expected));
    assert_eq!(second.next_token, None);

    let of_information =
        DescribeInstanceInformationRequest { filters: Vec::new(), max_results: Some(5), next_token: first.next_token };
    let refused = world.control.describe_instance_information(&world.as_admin().await, of_information).await;
    assert_eq!(code(refused), ErrorCode::InvalidNextToken);
}

#[tokio::test]
async fn what_does_not_fit_awss_model_is_not_shown() {
    let world = World::new().await;
    let machine = world.register(1).await;
    world.report(&machine, "not a version", "web1.example.org").await;
    let request = DescribeInstancePropertiesRequest::default();
    let property = world.properties(request).await.unwrap().instance_properties.remove(0);
    assert_eq!(property.agent_version, None);
    assert_eq!(property.computer_name.as_deref(), Some("web1.example.org"));
    assert_eq!(property.platform_name.unwrap().len(), 120);
    assert_eq!((property.name.as_deref(), property.ping_status), (Some("web"), PingStatus::ConnectionLost));
    let request = DescribeInstanceInformationRequest::default();
    let listed = world.control.describe_instance_information(&world.as_admin().await, request).await.unwrap();
    assert_eq!(listed.instance_information_list[0].instance.agent_version, None);
}

#[tokio::test]
async fn the_inventory_knows_owner_region_and_state() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    world.register(2).await;
    world.report(&machine, "3.3.0.0", "web1").await;
    let list = async |filters, max_results, next_token| {
        let request = ListNodesRequest { filters, max_results, next_token };
        world.control.list_nodes(&world.as_admin().await, request).await.unwrap()
    };
    let first = list(Vec::new(), Some(1), None).await;
    assert_eq!(first.nodes.len(), 1);
    let second = list(Vec::new(), Some(1), first.next_token).await;
    assert_eq!((second.nodes.len(), second.next_token), (1, None));

    let found = async |key, comparison, value: &str| {
        list(vec![InventoryFilter { key, values: vec![value.to_owned()], comparison }], None, None).await.nodes
    };
    let online = found(InventoryKey::InstanceStatus, Comparison::Equal, "Online").await;
    assert_eq!(online.len(), 1);
    assert_eq!((&online[0].id, online[0].region.as_str()), (&machine.node_id, "eu-west-1"));
    assert_eq!(online[0].owner.account_id, "123456789012");
    let NodeType::Instance(info) = &online[0].node_type;
    assert_eq!((info.managed_status.as_str(), info.computer_name.as_deref()), ("Managed", Some("web1")));
    for (key, comparison, value, count) in [
        (InventoryKey::Region, Comparison::Equal, "eu-west-1", 2),
        (InventoryKey::Region, Comparison::NotEqual, "eu-west-1", 0),
        (InventoryKey::ManagedStatus, Comparison::Equal, "Managed", 2),
        (InventoryKey::ComputerName, Comparison::BeginWith, "web", 1),
        (InventoryKey::ComputerName, Comparison::NotEqual, "web1", 1),
        (InventoryKey::OrganizationalUnitId, Comparison::Equal, "ou-ab12-cdefghij", 0),
        (InventoryKey::InstanceId, Comparison::Equal, machine.node_id.as_str(), 1),
    ] {
        assert_eq!(found(key, comparison, value).await.len(), count, "{key:?} {comparison:?} {value}");
    }
}

#[tokio::test]
async fn a_node_is_given_another_role_or_nothing_changes() {
    let world = World::new().await;
    let machine = world.register(1).await;
    let update = async |instance_id: &str, iam_role: &str| {
        let request = UpdateManagedInstanceRoleRequest {
            instance_id: instance_id.parse().unwrap(),
            iam_role: iam_role.to_owned(),
        };
        world.control.update_managed_instance_role(&world.as_admin().await, request).await
    };
    let role = async || {
        let request = DescribeInstanceInformationRequest::default();
        let listed = world.control.describe_instance_information(&world.as_admin().await, request).await.unwrap();
        listed.instance_information_list[0].instance.iam_role.clone().unwrap()
    };
    assert_eq!(role().await, "PosternNode");
    assert_eq!(code(update("mi-00000000000000000", "Other").await), ErrorCode::InvalidInstanceId);
    assert_eq!(role().await, "PosternNode");
    update(machine.node_id.as_str(), "service-role/Other").await.unwrap();
    assert_eq!(role().await, "service-role/Other");
}
