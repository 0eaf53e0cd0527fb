//! Tags: from activations to nodes, added, listed and removed there, and refused without a trace.

use postern_model::activation::{CreateActivationRequest, Tag};
use postern_model::agent::RegisterManagedInstanceRequest;
use postern_model::document::CreateDocumentRequest;
use postern_model::node::{DescribeInstanceInformationRequest, NodeFilter, NodeFilterKey};
use postern_model::tag::*;
use postern_model::{ApiError, Empty, ErrorCode, decode};
use serde_json::json;

use super::world::{World, code, origin};

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

impl World {
    async fn add(&self, kind: TaggedType, id: &str, tags: Vec<Tag>) -> Result<Empty, ApiError> {
        let request = AddTagsToResourceRequest { resource_type: kind, resource_id: id.to_owned(), tags };
        self.control.add_tags_to_resource(&self.as_admin().await, request).await
    }

    async fn list(&self, kind: TaggedType, id: &str) -> Result<Vec<Tag>, ApiError> {
        let request = ListTagsForResourceRequest { resource_type: kind, resource_id: id.to_owned() };
        let listed = self.control.list_tags_for_resource(&self.as_admin().await, request).await?;
        Ok(listed.tag_list)
    }

    async fn remove(&self, kind: TaggedType, id: &str, keys: &[&str]) -> Result<Empty, ApiError> {
        let tag_keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let request = RemoveTagsFromResourceRequest { resource_type: kind, resource_id: id.to_owned(), tag_keys };
        self.control.remove_tags_from_resource(&self.as_admin().await, request).await
    }
}

const NODE: TaggedType = TaggedType::ManagedInstance;

#[tokio::test]
async fn tags_of_an_activation_are_those_of_its_nodes_until_they_are_changed_there() {
    let world = World::new().await;
    let request = CreateActivationRequest {
        iam_role: "PosternNode".to_owned(),
        tags: vec![tag("env", "prod"), tag("Owner", "jane")],
        ..CreateActivationRequest::default()
    };
    let activation = world.control.create_activation(&world.as_admin().await, request).await.unwrap();
    let request = RegisterManagedInstanceRequest {
        activation_code: activation.activation_code,
        activation_id: activation.activation_id,
        fingerprint: "f".to_owned(),
        public_key: postern_iam::NodeKeyPair::from_seed([1; 32]).public_key().to_registration(),
        public_key_type: "Ed25519".to_owned(),
    };
    let stranger = world.control.stranger(origin(None));
    let node = world.control.register_managed_instance(&stranger, request).await.unwrap().instance_id;
    assert_eq!(world.list(NODE, node.as_str()).await.unwrap(), [tag("Owner", "jane"), tag("env", "prod")]);

    world.add(NODE, node.as_str(), vec![tag("env", "test"), tag("Büro", "3")]).await.unwrap();
    world.remove(NODE, node.as_str(), &["Owner", "never there"]).await.unwrap();
    assert_eq!(world.list(NODE, node.as_str()).await.unwrap(), [tag("Büro", "3"), tag("env", "test")]);
    let found = async |value: &str| {
        let filter = NodeFilter { key: NodeFilterKey::Tag("env".to_owned()), values: vec![value.to_owned()] };
        let request = DescribeInstanceInformationRequest { filters: vec![filter], ..Default::default() };
        let listed = world.control.describe_instance_information(&world.as_admin().await, request).await.unwrap();
        listed.instance_information_list.len()
    };
    assert_eq!((found("test").await, found("prod").await), (1, 0));
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let world = World::new().await;
    let node = world.register(1).await.node_id;
    let node = node.as_str();
    let many = |count: usize| (0..count).map(|number| tag(&format!("key-{number:02}"), "")).collect::<Vec<_>>();
    world.add(NODE, node, many(49)).await.unwrap();
    let before = world.list(NODE, node).await.unwrap();
    for (tags, expected) in [
        (vec![tag("one", ""), tag("two", "")], ErrorCode::TooManyTagsError),
        (vec![tag("aws:owner", "x")], ErrorCode::ValidationException),
        (vec![tag("AWS:owner", "x")], ErrorCode::ValidationException),
        (vec![tag("one", ""), tag("One", "")], ErrorCode::ValidationException),
        (vec![tag("one", "a"), tag("one", "b")], ErrorCode::ValidationException),
        (vec![tag("Key-00", "")], ErrorCode::ValidationException),
    ] {
        assert_eq!(code(world.add(NODE, node, tags.clone()).await), expected, "{tags:?}");
        assert_eq!(world.list(NODE, node).await.unwrap(), before);
    }
    world.add(NODE, node, vec![tag("one", "")]).await.unwrap();
    world.add(NODE, node, many(49)).await.unwrap();
    assert_eq!(world.list(NODE, node).await.unwrap().len(), 50, "new values are no new tags");
}

#[tokio::test]
async fn what_has_no_tags_says_so() {
    let world = World::new().await;
    let gone = "mi-00000000000000000";
    for (kind, id, expected) in [
        (NODE, gone, ErrorCode::InvalidResourceId),
        (NODE, "i-0123456789abcdef0", ErrorCode::ValidationException),
        (NODE, "", ErrorCode::ValidationException),
        (TaggedType::Document, "No-Such-Document", ErrorCode::InvalidResourceId),
        (TaggedType::Parameter, "name", ErrorCode::InvalidResourceId),
        (TaggedType::MaintenanceWindow, "mw-0123456789abcdef0", ErrorCode::InvalidResourceId),
    ] {
        assert_eq!(code(world.add(kind, id, vec![tag("a", "")]).await), expected, "{kind:?} {id}");
        assert_eq!(code(world.list(kind, id).await), expected, "{kind:?} {id}");
        assert_eq!(code(world.remove(kind, id, &["a"]).await), expected, "{kind:?} {id}");
    }
    let refused = world.list(NODE, "i-0123456789abcdef0").await.unwrap_err();
    assert_eq!(
        refused.message(),
        "resourceId i-0123456789abcdef0 should be in format mi-[0-9a-f]{17} for resource type ManagedInstance",
        "in AWS's words"
    );
}

#[tokio::test]
async fn a_document_is_tagged_by_name_or_arn() {
    const KIND: TaggedType = TaggedType::Document;
    let world = World::new().await;
    let content = r#"{"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {}}"#;
    let request = json!({"Name": "Hello", "DocumentType": "Session", "Content": content}).to_string();
    let request = decode::<CreateDocumentRequest>(request.as_bytes()).unwrap();
    world.control.create_document(&world.as_admin().await, request).await.unwrap();
    world.add(KIND, "Hello", vec![tag("env", "prod")]).await.unwrap();
    let arn = "arn:aws:ssm:eu-west-1:123456789012:document/Hello";
    world.add(KIND, arn, vec![tag("team", "web")]).await.unwrap();
    assert_eq!(world.list(KIND, "Hello").await.unwrap(), [tag("env", "prod"), tag("team", "web")]);
    world.remove(KIND, arn, &["env"]).await.unwrap();
    assert_eq!(world.list(KIND, arn).await.unwrap(), [tag("team", "web")]);
    for other in [
        "AWS-StartSSHSession",
        "arn:aws:ssm:eu-west-1::document/AWS-StartSSHSession",
        "arn:aws:ssm:eu-west-1:210987654321:document/Hello",
        "arn:aws:ssm:eu-west-2:123456789012:document/Hello",
        "Hallo",
        "a b",
    ] {
        assert_eq!(code(world.add(KIND, other, vec![tag("a", "")]).await), ErrorCode::InvalidResourceId, "{other}");
        assert_eq!(code(world.list(KIND, other).await), ErrorCode::InvalidResourceId, "{other}");
    }
}

/// A node must not give itself the tags by which policies let people in.
#[tokio::test]
async fn a_node_cannot_tag_itself() {
    let world = World::new().await;
    let machine = world.register(1).await;
    let caller = world.with_role(&machine).await;
    let request = AddTagsToResourceRequest {
        resource_type: NODE,
        resource_id: machine.node_id.to_string(),
        tags: vec![tag("env", "prod")],
    };
    assert_eq!(code(world.control.add_tags_to_resource(&caller, request).await), ErrorCode::AccessDeniedException);
    assert_eq!(world.list(NODE, machine.node_id.as_str()).await.unwrap(), []);
}
