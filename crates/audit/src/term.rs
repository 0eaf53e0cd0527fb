//! What events are found by: the attributes of `LookupEvents`.

use serde_json::Value;

/// An attribute of `LookupEvents`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// Of one event.
    EventId,
    /// What was asked for.
    EventName,
    /// `true` or `false`.
    ReadOnly,
    /// Who: see [`username`].
    Username,
    /// What kind of thing it is about.
    ResourceType,
    /// Which.
    ResourceName,
    /// Of which service.
    EventSource,
    /// What it was signed with.
    AccessKeyId,
}

impl Term {
    /// Every one.
    pub const ALL: &[Self] = &[
        Self::EventId,
        Self::EventName,
        Self::ReadOnly,
        Self::Username,
        Self::ResourceType,
        Self::ResourceName,
        Self::EventSource,
        Self::AccessKeyId,
    ];

    /// Its name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EventId => "EventId",
            Self::EventName => "EventName",
            Self::ReadOnly => "ReadOnly",
            Self::Username => "Username",
            Self::ResourceType => "ResourceType",
            Self::ResourceName => "ResourceName",
            Self::EventSource => "EventSource",
            Self::AccessKeyId => "AccessKeyId",
        }
    }

    /// Its number where events are stored; never given to another one.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::EventId => 1,
            Self::EventName => 2,
            Self::ReadOnly => 3,
            Self::Username => 4,
            Self::ResourceType => 5,
            Self::ResourceName => 6,
            Self::EventSource => 7,
            Self::AccessKeyId => 8,
        }
    }
}

/// A thing that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// As CloudFormation calls such things.
    pub kind: &'static str,
    /// Its name, id or ARN, as the request or the answer has it.
    pub name: String,
}

/// Members that name things.
const NAMED_BY: &[(&str, &str)] = &[
    ("target", "AWS::SSM::ManagedInstance"),
    ("instanceId", "AWS::SSM::ManagedInstance"),
    ("nodeId", "AWS::SSM::ManagedInstance"),
    ("sessionId", "AWS::SSM::Session"),
    ("documentName", "AWS::SSM::Document"),
    ("activationId", "AWS::SSM::Activation"),
    ("userName", "AWS::IAM::User"),
    ("groupName", "AWS::IAM::Group"),
    ("roleName", "AWS::IAM::Role"),
    ("roleArn", "AWS::IAM::Role"),
    ("policyArn", "AWS::IAM::Policy"),
    ("accessKeyId", "AWS::IAM::AccessKey"),
    ("openIDConnectProviderArn", "AWS::IAM::OIDCProvider"),
    ("serialNumber", "AWS::IAM::VirtualMFADevice"),
    ("keyId", "AWS::KMS::Key"),
    ("targetKeyId", "AWS::KMS::Key"),
    ("aliasName", "AWS::KMS::Alias"),
    ("logGroupName", "AWS::Logs::LogGroup"),
    ("logStreamName", "AWS::Logs::LogStream"),
];

/// One event is about no more things than these.
const MAX_RESOURCES: usize = 8;
/// No thing has a longer name.
const MAX_NAME: usize = 512;

/// The things that an event is about, in order of their kinds.
#[must_use]
pub fn resources(event: &Value) -> Vec<Resource> {
    let mut found = Vec::new();
    for member in ["requestParameters", "responseElements", "serviceEventDetails"] {
        collect(&event[member], 2, &mut found);
    }
    if event["eventName"].as_str().is_some_and(|name| name.contains("Document"))
        && let Some(name) = event["requestParameters"]["name"].as_str()
    {
        found.push(Resource { kind: "AWS::SSM::Document", name: name.to_owned() });
    }
    found.retain(|resource| resource.name.len() <= MAX_NAME);
    found.sort();
    found.dedup();
    found.truncate(MAX_RESOURCES);
    found
}

fn collect(value: &Value, depth: usize, found: &mut Vec<Resource>) {
    let Value::Object(members) = value else { return };
    for (name, value) in members {
        let kind = NAMED_BY.iter().find(|(known, _)| known == name);
        match (kind, value) {
            (Some((_, kind)), Value::String(name)) => found.push(Resource { kind, name: name.clone() }),
            (_, Value::Object(_)) if depth > 0 => collect(value, depth - 1, found),
            _ => {}
        }
    }
}

/// Who an event is by: a user's name, the name of a role's session, a managed node's id; and for what the service did by
/// itself, whose session it is about.
#[must_use]
pub fn username(event: &Value) -> Option<&str> {
    let identity = &event["userIdentity"];
    let owner = &event["serviceEventDetails"]["owner"];
    identity["userName"].as_str().or_else(|| last_part(&identity["arn"])).or_else(|| last_part(owner))
}

fn last_part(arn: &Value) -> Option<&str> {
    arn.as_str()?.rsplit('/').next()
}

/// Everything that an event is found by.
#[must_use]
pub fn terms(event: &Value) -> Vec<(Term, String)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut terms: Vec<(Term, String)> = [
        (Term::EventId, text(&event["eventID"])),
        (Term::EventName, text(&event["eventName"])),
        (Term::ReadOnly, event["readOnly"].as_bool().map(|is| is.to_string())),
        (Term::Username, username(event).map(str::to_owned)),
        (Term::EventSource, text(&event["eventSource"])),
        (Term::AccessKeyId, text(&event["userIdentity"]["accessKeyId"])),
    ]
    .into_iter()
    .filter_map(|(term, value)| Some((term, value.filter(|value| value.len() <= MAX_NAME)?)))
    .collect();
    for Resource { kind, name } in resources(event) {
        terms.push((Term::ResourceType, kind.to_owned()));
        terms.push((Term::ResourceName, name));
    }
    terms.sort();
    terms.dedup();
    terms
}
