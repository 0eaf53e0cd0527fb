//! What the operations on nodes take, what they refuse and in which words.

use postern_model::node::*;
use postern_model::{ApiRequest, decode};
use serde_json::json;

#[track_caller]
fn refuses<R: ApiRequest>(body: &str, expected: &str) {
    let refusal = decode::<R>(body.as_bytes()).err().map(|error| error.to_string());
    assert_eq!(refusal.as_deref(), Some(expected), "{body}");
}

/// One broken constraint, in AWS's sentence about it.
#[track_caller]
fn breaks<R: ApiRequest>(body: &str, value: &str, path: &str, constraint: &str) {
    let value = if value == "null" { value.to_owned() } else { format!("'{value}'") };
    refuses::<R>(
        body,
        &format!(
            "ValidationException: 1 validation error detected: Value {value} at '{path}' failed to satisfy \
             constraint: {constraint}"
        ),
    );
}

#[track_caller]
fn takes<R: ApiRequest>(body: &str) -> R {
    decode(body.as_bytes()).unwrap()
}

#[test]
fn the_older_filters_of_nodes_have_a_closed_set_of_keys() {
    type R = DescribeInstanceInformationRequest;
    for key in ["tag:env", "SourceIds", "DocumentName", "pingstatus"] {
        breaks::<R>(
            &json!({"InstanceInformationFilterList": [{"key": key, "valueSet": ["x"]}]}).to_string(),
            key,
            "instanceInformationFilterList.1.member.key",
            "Member must satisfy enum value set: [InstanceIds, AgentVersion, PingStatus, PlatformTypes, ActivationIds, \
             IamRole, ResourceType, AssociationStatus]",
        );
    }
    breaks::<R>(
        r#"{"InstanceInformationFilterList": [{"valueSet": ["x"]}]}"#,
        "null",
        "instanceInformationFilterList.1.member.key",
        "Member must not be null",
    );
    // A key that another operation has is none here.
    refuses::<R>(
        r#"{"Filters": [{"Key": "DocumentName", "Values": ["x"]}]}"#,
        "InvalidFilterKey: There is no node filter 'DocumentName'; the keys are ActivationIds, AgentVersion, \
         AssociationStatus, IamRole, InstanceIds, PingStatus, PlatformTypes, ResourceType, SourceIds, SourceTypes, \
         tag-key, tag:<key>.",
    );
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    let body = json!({"Filters": [{"Key": "IamRole", "Values": many}]}).to_string();
    breaks::<R>(
        &body,
        &format!("{}…", format!("[{}]", many.join(", ")).chars().take(256).collect::<String>()),
        "filters.1.member.values",
        "Member must have length less than or equal to 100",
    );
}

#[test]
fn properties_are_filtered_in_two_styles() {
    type R = DescribeInstancePropertiesRequest;
    let newer: R = takes(
        r#"{"FiltersWithOperator": [{"Key": "tag:env", "Values": ["a"], "Operator": "NotEqual"},
                                    {"Key": "AgentVersion", "Values": ["3.3"], "Operator": "LessThan"},
                                    {"Key": "DocumentName", "Values": ["AWS-RunShellScript"]}],
            "MaxResults": 1000, "NextToken": "t"}"#,
    );
    assert_eq!(newer.filters[0].key, NodeFilterKey::Tag("env".to_owned()));
    assert_eq!(
        newer.filters.iter().map(|filter| filter.comparison).collect::<Vec<_>>(),
        [Comparison::NotEqual, Comparison::LessThan, Comparison::Equal]
    );
    let wire = serde_json::to_value(&newer).unwrap();
    assert_eq!(takes::<R>(&wire.to_string()), newer, "what we send is what we read");
    let older: R = takes(r#"{"InstancePropertyFilterList": [{"key": "PingStatus", "valueSet": ["Online"]}]}"#);
    let same: R = takes(r#"{"FiltersWithOperator": [{"Key": "PingStatus", "Values": ["Online"]}]}"#);
    assert_eq!(older, same);
    assert_eq!(takes::<R>("{}"), R::default());

    refuses::<R>(
        r#"{"FiltersWithOperator": [{"Key": "IamRole", "Values": ["x"]}],
            "InstancePropertyFilterList": [{"key": "IamRole", "valueSet": ["x"]}]}"#,
        "ValidationException: FiltersWithOperator and InstancePropertyFilterList can not be used together; use \
         FiltersWithOperator.",
    );
    for (filter, refusal) in [
        (
            json!({"Key": "InstanceIds", "Values": ["web"]}),
            "InvalidInstanceId: A value of the filter InstanceIds is not the id of a node (mi-… or i-…).",
        ),
        (
            json!({"Key": "ActivationIds", "Values": ["web"]}),
            "InvalidActivationId: A value of the filter ActivationIds is not a UUID in lower-case hexadecimal digits.",
        ),
        (
            json!({"Key": "DocumentName", "Values": ["a b"]}),
            "InvalidDocument: A value of the filter DocumentName is not the name of a document.",
        ),
        (
            json!({"Key": "PingStatus", "Values": ["online"]}),
            "InvalidInstancePropertyFilterValue: 'online' is not a value of the filter PingStatus; the values are Online, ConnectionLost, Inactive.",
        ),
        (
            json!({"Key": "PlatformTypes", "Values": ["linux"], "Operator": "NotEqual"}),
            "InvalidInstancePropertyFilterValue: 'linux' is not a value of the filter PlatformTypes; the values are Windows, Linux, MacOS.",
        ),
        (
            json!({"Key": "Platform", "Values": ["Linux"]}),
            "InvalidFilterKey: There is no node filter 'Platform'; the keys are ActivationIds, AgentVersion, AssociationStatus, DocumentName, IamRole, InstanceIds, PingStatus, PlatformTypes, ResourceType, SourceIds, SourceTypes, tag-key, tag:<key>.",
        ),
    ] {
        refuses::<R>(&json!({"FiltersWithOperator": [filter]}).to_string(), refusal);
    }
    // A beginning is no id and has not to be one.
    takes::<R>(r#"{"FiltersWithOperator": [{"Key": "InstanceIds", "Values": ["mi-0"], "Operator": "BeginWith"}]}"#);
}

#[test]
fn constraints_of_properties() {
    type R = DescribeInstancePropertiesRequest;
    let filters = "filtersWithOperator";
    for (body, value, path, constraint) in [
        (json!({"MaxResults": 4}), "4", "maxResults", "Member must have value greater than or equal to 5"),
        (json!({"MaxResults": 1001}), "1001", "maxResults", "Member must have value less than or equal to 1000"),
        (json!({"FiltersWithOperator": []}), "[]", filters, "Member must have length greater than or equal to 1"),
        (
            json!({"InstancePropertyFilterList": []}),
            "[]",
            "instancePropertyFilterList",
            "Member must have length greater than or equal to 1",
        ),
        (
            json!({"FiltersWithOperator": [{"Key": "IamRole", "Values": ["x"], "Operator": "Like"}]}),
            "Like",
            "filtersWithOperator.1.member.operator",
            "Member must satisfy enum value set: [Equal, NotEqual, BeginWith, LessThan, GreaterThan]",
        ),
        (
            json!({"FiltersWithOperator": [{"Key": "IamRole", "Values": ["a\nb"]}]}),
            "a\nb",
            "filtersWithOperator.1.member.values.1.member",
            "Member must satisfy regular expression pattern: ^.{1,100000}$",
        ),
        (
            json!({"FiltersWithOperator": [{"Key": "IamRole", "Values": []}]}),
            "[]",
            "filtersWithOperator.1.member.values",
            "Member must have length greater than or equal to 1",
        ),
        (
            json!({"FiltersWithOperator": [{"Values": ["x"]}]}),
            "null",
            "filtersWithOperator.1.member.key",
            "Member must not be null",
        ),
        (
            json!({"InstancePropertyFilterList": [{"key": "tag:x", "valueSet": ["x"]}]}),
            "tag:x",
            "instancePropertyFilterList.1.member.key",
            "Member must satisfy enum value set: [InstanceIds, AgentVersion, PingStatus, PlatformTypes, DocumentName, \
             ActivationIds, IamRole, ResourceType, AssociationStatus]",
        ),
    ] {
        breaks::<R>(&body.to_string(), value, path, constraint);
    }
    let long = json!({"FiltersWithOperator": [{"Key": "IamRole", "Values": ["x".repeat(100_001)]}]}).to_string();
    let error = decode::<R>(long.as_bytes()).unwrap_err();
    assert!(error.message().contains("Member must have length less than or equal to 100000"), "{error}");
    let values: Vec<String> = (0..41).map(|number| number.to_string()).collect();
    let many = json!({"FiltersWithOperator": [{"Key": "IamRole", "Values": values}]}).to_string();
    let error = decode::<R>(many.as_bytes()).unwrap_err();
    assert!(error.message().ends_with("Member must have length less than or equal to 40"), "{error}");
}

#[test]
fn constraints_of_the_inventory() {
    type R = ListNodesRequest;
    let all: R = takes(
        r#"{"SyncName": "AWS-QuickSetup-ManagedNode", "MaxResults": 50, "NextToken": "t",
            "Filters": [{"Key": "ComputerName", "Values": ["web", ""], "Type": "BeginWith"},
                        {"Key": "Region", "Values": ["eu-west-1"]}]}"#,
    );
    assert_eq!((all.filters[0].comparison, all.filters[1].comparison), (Comparison::BeginWith, Comparison::Equal));
    for (body, value, path, constraint) in [
        (json!({"MaxResults": 0}), "0", "maxResults", "Member must have value greater than or equal to 1"),
        (json!({"MaxResults": 51}), "51", "maxResults", "Member must have value less than or equal to 50"),
        (json!({"SyncName": ""}), "", "syncName", "Member must have length greater than or equal to 1"),
        (json!({"Filters": []}), "[]", "filters", "Member must have length greater than or equal to 1"),
        (
            json!({"Filters": [{"Key": "Name", "Values": ["x"]}]}),
            "Name",
            "filters.1.member.key",
            "Member must satisfy enum value set: [AgentType, AgentVersion, ComputerName, InstanceId, InstanceStatus, \
             IpAddress, ManagedStatus, PlatformName, PlatformType, PlatformVersion, ResourceType, \
             OrganizationalUnitId, OrganizationalUnitPath, Region, AccountId, SourceType, SourceId, SourceLocation, \
             AvailabilityZone, AvailabilityZoneId]",
        ),
        (
            json!({"Filters": [{"Key": "Region", "Values": ["x"], "Type": "LessThan"}]}),
            "LessThan",
            "filters.1.member.type",
            "Member must satisfy enum value set: [Equal, NotEqual, BeginWith]",
        ),
        (
            json!({"Filters": [{"Key": "Region", "Values": ["a;b"]}]}),
            "a;b",
            "filters.1.member.values.1.member",
            r"Member must satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$",
        ),
    ] {
        breaks::<R>(&body.to_string(), value, path, constraint);
    }
}

#[test]
fn roles_are_changed_on_registered_nodes_only() {
    type R = UpdateManagedInstanceRoleRequest;
    let request: R = takes(r#"{"InstanceId": "mi-0c83012b7aac4ccda", "IamRole": "service-role/Nodes"}"#);
    assert_eq!(
        (request.instance_id.as_str(), request.iam_role.as_str()),
        ("mi-0c83012b7aac4ccda", "service-role/Nodes")
    );
    let wire = serde_json::to_value(&request).unwrap();
    assert_eq!(wire, json!({"InstanceId": "mi-0c83012b7aac4ccda", "IamRole": "service-role/Nodes"}));
    breaks::<R>(r#"{"InstanceId": "mi-0c83012b7aac4ccda"}"#, "null", "iamRole", "Member must not be null");
    breaks::<R>(
        &json!({"InstanceId": "mi-0c83012b7aac4ccda", "IamRole": "r".repeat(65)}).to_string(),
        &"r".repeat(65),
        "iamRole",
        "Member must have length less than or equal to 64",
    );
    breaks::<R>(
        r#"{"InstanceId": "i-0c83012b7aac4ccda00", "IamRole": "Nodes"}"#,
        "i-0c83012b7aac4ccda00",
        "instanceId",
        r"Member must satisfy regular expression pattern: (^mi-[0-9a-f]{17}$)|(^eks_c:[0-9A-Za-z][A-Za-z0-9\-_]{0,99}_\w{17}$)",
    );
    refuses::<R>(
        r#"{"InstanceId": "eks_c:my-cluster_0123456789abcdefg", "IamRole": "Nodes"}"#,
        "InvalidInstanceId: There are no nodes of this kind here; a managed node's id begins with mi-.",
    );
    for name in ["Nodes", "service-role/Nodes", "a+=,.@-_9"] {
        takes::<R>(&json!({"InstanceId": "mi-0c83012b7aac4ccda", "IamRole": name}).to_string());
    }
    for other in ["", "service-role/", "a b", "ä", "arn:aws:iam::1:role/Nodes"] {
        refuses::<R>(
            &json!({"InstanceId": "mi-0c83012b7aac4ccda", "IamRole": other}).to_string(),
            "ValidationException: IamRole must be the name of a role (letters, digits and any of _+=,.@-), for example \
             PosternNode or service-role/PosternNode.",
        );
    }
}
