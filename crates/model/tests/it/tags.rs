//! What the operations on tags take and refuse.

use postern_model::activation::Tag;
use postern_model::tag::*;
use postern_model::{ApiRequest, decode};
use serde_json::{Value, json};

const KINDS: &str = "Member must satisfy enum value set: [Document, ManagedInstance, MaintenanceWindow, Parameter, \
                     PatchBaseline, OpsItem, OpsMetadata, Automation, Association, CloudConnector]";
const LABEL: &str = r"Member must satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$";

#[track_caller]
fn refuses<R: ApiRequest>(body: &Value, broken: &[&str]) {
    let message = decode::<R>(body.to_string().as_bytes()).err().map(|error| error.to_string()).unwrap();
    let plural = if broken.len() == 1 { "" } else { "s" };
    let expected =
        format!("ValidationException: {} validation error{plural} detected: {}", broken.len(), broken.join("; "));
    assert_eq!(message, expected, "{body}");
}

#[test]
fn tags_on_resources() {
    let add = AddTagsToResourceRequest {
        resource_type: TaggedType::ManagedInstance,
        resource_id: "mi-0c83012b7aac4ccda".to_owned(),
        tags: vec![Tag { key: "Büro 3".to_owned(), value: String::new() }],
    };
    let wire = json!({"ResourceType": "ManagedInstance", "ResourceId": "mi-0c83012b7aac4ccda",
                      "Tags": [{"Key": "Büro 3", "Value": ""}]});
    assert_eq!(serde_json::to_value(&add).unwrap(), wire);
    assert_eq!(decode::<AddTagsToResourceRequest>(wire.to_string().as_bytes()).unwrap(), add);

    type R = AddTagsToResourceRequest;
    let with = |tags: Value| json!({"ResourceType": "Document", "ResourceId": "x", "Tags": tags});
    let kind = format!("Value 'Node' at 'resourceType' failed to satisfy constraint: {KINDS}");
    let no_id = "Value null at 'resourceId' failed to satisfy constraint: Member must not be null";
    let no_tags = "Value null at 'tags' failed to satisfy constraint: Member must not be null";
    refuses::<R>(&json!({"ResourceType": "Node"}), &[&kind, no_id, no_tags]);
    let value = format!("Value 'a;b' at 'tags.1.member.value' failed to satisfy constraint: {LABEL}");
    refuses::<R>(&with(json!([{"Key": "a", "Value": "a;b"}])), &[&value]);
    let key = "Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or \
               equal to 1";
    let no_value = "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null";
    refuses::<R>(&with(json!([{"Key": ""}])), &[key, no_value]);
    for (tag, path, max) in [
        (json!({"Key": "k".repeat(129), "Value": ""}), "key", 128),
        (json!({"Key": "k", "Value": "k".repeat(257)}), "value", 256),
    ] {
        let shown = if max == 128 { "k".repeat(129) } else { format!("{}…", "k".repeat(256)) };
        let broken = format!(
            "Value '{shown}' at 'tags.1.member.{path}' failed to satisfy constraint: Member must have length less than \
             or equal to {max}"
        );
        refuses::<R>(&with(json!([tag])), &[&broken]);
    }
    let many = with(json!(vec![json!({"Key": "k", "Value": ""}); 1001]));
    let error = decode::<R>(many.to_string().as_bytes()).unwrap_err();
    assert!(error.message().ends_with("Member must have length less than or equal to 1000"), "{error}");
}

#[test]
fn tags_are_listed_and_removed_by_key() {
    let list: ListTagsForResourceRequest =
        decode(br#"{"ResourceType": "Document", "ResourceId": "arn:aws:ssm:eu-west-1::document/x"}"#).unwrap();
    assert_eq!(list.resource_type.as_str(), "Document");
    let no_kind = "Value null at 'resourceType' failed to satisfy constraint: Member must not be null";
    let no_id = "Value null at 'resourceId' failed to satisfy constraint: Member must not be null";
    refuses::<ListTagsForResourceRequest>(&json!({}), &[no_kind, no_id]);

    type R = RemoveTagsFromResourceRequest;
    let request: R = decode(br#"{"ResourceType": "Parameter", "ResourceId": "x", "TagKeys": ["a", "b"]}"#).unwrap();
    assert_eq!(request.tag_keys, ["a", "b"]);
    let no_keys = "Value null at 'tagKeys' failed to satisfy constraint: Member must not be null";
    refuses::<R>(&json!({"ResourceType": "Document", "ResourceId": "x"}), &[no_keys]);
    let label = format!("Value 'a;b' at 'tagKeys.2.member' failed to satisfy constraint: {LABEL}");
    refuses::<R>(&json!({"ResourceType": "Document", "ResourceId": "x", "TagKeys": ["a", "a;b"]}), &[&label]);
}

#[test]
fn a_list_of_tags_on_the_wire() {
    let response = ListTagsForResourceResponse { tag_list: vec![Tag { key: "env".to_owned(), value: "a".to_owned() }] };
    assert_eq!(serde_json::to_value(&response).unwrap(), json!({"TagList": [{"Key": "env", "Value": "a"}]}));
    let none = ListTagsForResourceResponse::default();
    assert_eq!(serde_json::to_value(&none).unwrap(), json!({"TagList": []}));
}
