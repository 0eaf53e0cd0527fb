//! A stored node as the listings show it. Strict clients check answers against AWS's model, so what a node says about
//! itself is shown only where it has the form that the model demands.

use postern_model::Timestamp;
use postern_model::node::{
    InstanceInfo, InstanceInformation, InstanceProperty, Node, NodeOwnerInfo, NodeType, PingStatus, PlatformType,
    ResourceType,
};
use postern_store::{NodeRecord, Scope};

pub(super) const SOURCE_TYPE: &str = "AWS::SSM::ManagedInstance";
/// Every node that is listed is.
pub(super) const MANAGED: &str = "Managed";

pub(super) fn ping_status(record: &NodeRecord) -> PingStatus {
    if record.connection.is_some() { PingStatus::Online } else { PingStatus::ConnectionLost }
}

/// For `DescribeInstanceInformation`.
pub(super) fn information(record: NodeRecord, conflict: Option<String>) -> InstanceInformation {
    InstanceInformation {
        is_latest_version: None,
        postern_identity_conflict: conflict,
        postern_locked: record.lock.is_some().then_some(true),
        instance: instance(record),
    }
}

/// For `DescribeInstanceProperties`.
pub(super) fn property(record: NodeRecord) -> InstanceProperty {
    let instance = instance(record);
    InstanceProperty {
        platform_name: instance.platform_name.map(|name| cut(&name)),
        platform_version: instance.platform_version.map(|version| cut(&version)),
        ..instance
    }
}

fn instance(record: NodeRecord) -> InstanceProperty {
    InstanceProperty {
        ping_status: ping_status(&record),
        name: Some(record.name).filter(|name| !name.is_empty()),
        ip_address: record.report.ip_address,
        last_ping_date_time: record.last_seen_at.map(Timestamp::from_millis),
        agent_version: record.report.agent_version.filter(|version| is_version(version)),
        platform_type: record.report.platform_type.as_deref().and_then(PlatformType::from_name),
        platform_name: record.report.platform_name,
        platform_version: record.report.platform_version,
        activation_id: Some(record.activation_id.to_string()),
        iam_role: Some(record.iam_role),
        registration_date: Some(Timestamp::from_millis(record.registered_at)),
        resource_type: ResourceType::ManagedInstance,
        computer_name: record.report.computer_name,
        source_id: Some(record.node_id.to_string()),
        source_type: Some(SOURCE_TYPE.to_owned()),
        instance_id: record.node_id,
    }
}

/// For `ListNodes`.
pub(super) fn inventory(record: NodeRecord, scope: &Scope) -> Node {
    let agent_type = record.report.agent_name.clone();
    let known = property(record);
    Node {
        capture_time: known.last_ping_date_time,
        id: known.instance_id.clone(),
        owner: NodeOwnerInfo { account_id: scope.account.to_string() },
        region: scope.region.to_string(),
        node_type: NodeType::Instance(InstanceInfo {
            agent_type,
            agent_version: known.agent_version,
            computer_name: known.computer_name,
            instance_status: known.ping_status.as_str().to_owned(),
            ip_address: known.ip_address,
            managed_status: MANAGED.to_owned(),
            name: known.name,
            platform_type: known.platform_type,
            platform_name: known.platform_name,
            platform_version: known.platform_version,
            resource_type: known.resource_type,
            source_id: known.instance_id.to_string(),
            source_type: SOURCE_TYPE.to_owned(),
        }),
    }
}

/// These two views allow 120 characters where the other has no limit.
fn cut(text: &str) -> String {
    text.chars().take(120).collect()
}

/// `^[0-9]{1,6}(\.[0-9]{1,6}){2,3}$`.
fn is_version(text: &str) -> bool {
    let number = |part: &str| (1..=6).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    (3..=4).contains(&text.split('.').count()) && text.split('.').all(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_three_or_four_numbers() {
        for version in ["3.3.0.0", "0.1.0", "999999.0.0"] {
            assert!(is_version(version), "{version}");
        }
        for other in ["", "3", "3.3", "3.3.0.0.0", "3..0", "3.3.x", "v3.3.0", "1000000.0.0", "3.3.0-beta"] {
            assert!(!is_version(other), "{other}");
        }
    }
}
