//! One thing of each kind that acts are about: what belongs to [`OWN`], as far as a node can own anything.

use postern_iam::{Arn, UniqueId};
use postern_model::document::DocumentType;
use postern_model::kms::KeyName;
use postern_policy::Context;
use postern_store::{IdentityKind, IdentityRecord, RoleTerms, Scope, Tag};

use crate::authz::Subject;
use crate::authz::act::{
    AllGroups, Attachment, Bounded, Channel, Creation, DocumentCheck, InContext, Inventory, Itself, KeyAndAlias,
    NewActivation, NewBoundary, NewIdentity, NodeAndRole, OnCiphertext, OnDevice, OnDocument, OnExplained, OnGroup,
    OnIdentity, OnKey, OnNode, OnPolicy, OnProvider, OnRole, OnSession, OnSetting, OnStream, OnTagged, Renamed, Start,
    StreamsOfGroup, Tagging, TagsAsked, Target, Vouched,
};
use crate::authz::trust::Trust;

/// The node that things belong to.
pub(super) const OWN: &str = "mi-0000000000000000a";
/// Another one.
pub(super) const OTHER: &str = "mi-0000000000000000b";

/// A kind of thing that acts are about, of which there is a sample. A new kind needs one before its acts compile here.
pub(in crate::authz) trait Sample: Subject + Clone {
    fn sample() -> Self;
}

pub(super) fn scope() -> Scope {
    Scope { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
}

fn arn(text: &str) -> Arn {
    text.parse().unwrap()
}

pub(super) fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

impl Sample for () {
    fn sample() {}
}

impl<T: Sample> Sample for Creation<T> {
    fn sample() -> Self {
        Self { of: T::sample(), tags: vec![tag("team", "web")] }
    }
}

impl<T: Sample> Sample for Tagging<T> {
    fn sample() -> Self {
        Self { on: T::sample(), change: TagsAsked::Added(vec![tag("team", "web")]) }
    }
}

impl Sample for OnNode {
    fn sample() -> Self {
        Self { id: OWN.parse().unwrap(), tags: vec![tag("env", "prod")], is_locked: false }
    }
}

impl Sample for Itself {
    fn sample() -> Self {
        Self(OWN.parse().unwrap())
    }
}

impl Sample for Target {
    fn sample() -> Self {
        Self::Node(OnNode::sample())
    }
}

impl Sample for Inventory {
    fn sample() -> Self {
        Self
    }
}

impl Sample for NodeAndRole {
    fn sample() -> Self {
        Self { node: OnNode::sample(), role: Arn::role(&scope().account, "PosternNode") }
    }
}

impl Sample for NewActivation {
    fn sample() -> Self {
        Self { role: Arn::role(&scope().account, "PosternNode") }
    }
}

impl Sample for OnDocument {
    fn sample() -> Self {
        let arn = arn("arn:aws:ssm:eu-west-1:123456789012:document/SSM-SessionManagerRunShell");
        Self { arn, document_type: Some(DocumentType::Session), tags: Vec::new() }
    }
}

impl Sample for OnTagged {
    fn sample() -> Self {
        Self::Node(OnNode::sample())
    }
}

impl Sample for OnSetting {
    fn sample() -> Self {
        let path = "/ssm/managed-instance/activation-tier";
        Self::Known { path, arn: Arn::service_setting(&scope().region, &scope().account, path) }
    }
}

impl Sample for Start {
    fn sample() -> Self {
        Self {
            target: Target::sample(),
            document: OnDocument::sample(),
            document_check: DocumentCheck::Always,
            destination: None,
            run_as_user: None,
        }
    }
}

impl Sample for OnSession {
    fn sample() -> Self {
        let owner_id = Some("AIDAJANEJANEJANEJANE".to_owned());
        Self { id: "jane-1".parse().unwrap(), node: Some(OWN.parse().unwrap()), owner_id }
    }
}

impl Sample for Channel {
    fn sample() -> Self {
        Self(OnSession::sample())
    }
}

impl Sample for OnKey {
    fn sample() -> Self {
        Self { named: KeyName::new("alias/aws/ssm"), id: None, tags: Vec::new() }
    }
}

impl Sample for KeyAndAlias {
    fn sample() -> Self {
        Self { key: OnKey::sample(), alias: KeyName::new("alias/mine") }
    }
}

impl Sample for OnCiphertext {
    fn sample() -> Self {
        let OnSession { id, node, .. } = OnSession::sample();
        Self { key: None, named: None, tags: Vec::new(), session: Some(id), node }
    }
}

impl<T: Sample> Sample for InContext<T> {
    fn sample() -> Self {
        Self { on: T::sample(), context: [("purpose".to_owned(), "test".to_owned())].into() }
    }
}

impl Sample for AllGroups {
    fn sample() -> Self {
        Self
    }
}

impl Sample for OnGroup {
    fn sample() -> Self {
        let name = "/ssm/sessions";
        Self { name: name.to_owned(), arn: Arn::log_group(&scope().region, &scope().account, name), tags: Vec::new() }
    }
}

impl Sample for OnStream {
    fn sample() -> Self {
        let OnSession { id, node, .. } = OnSession::sample();
        let OnGroup { name: group, arn: group_arn, .. } = OnGroup::sample();
        Self { group, group_arn, stream: id.to_string(), node }
    }
}

impl Sample for StreamsOfGroup {
    fn sample() -> Self {
        Self(OnStream::sample())
    }
}

impl Sample for OnIdentity {
    fn sample() -> Self {
        let arn = Arn::user(&scope().account, "jane");
        let kind = IdentityKind::User;
        Self { kind, name: "jane".to_owned(), asked: arn.clone(), arn, tags: Vec::new(), boundary: None }
    }
}

impl Sample for NewIdentity {
    fn sample() -> Self {
        Self { identity: Creation::sample(), boundary: None }
    }
}

impl Sample for NewBoundary {
    fn sample() -> Self {
        Self { identity: OnIdentity::sample(), boundary: "arn:aws:iam::123456789012:policy/bound".to_owned() }
    }
}

impl Sample for Bounded {
    fn sample() -> Self {
        Self(OnIdentity::sample())
    }
}

impl Sample for Attachment {
    fn sample() -> Self {
        Self { identity: Bounded::sample(), policy: "arn:aws:iam::123456789012:policy/web".to_owned() }
    }
}

impl Sample for Renamed {
    fn sample() -> Self {
        Self { from: OnIdentity::sample(), to: Arn::user(&scope().account, "june") }
    }
}

impl Sample for OnDevice {
    fn sample() -> Self {
        Self { serial: Arn::mfa_device(&scope().account, "jane"), tags: Vec::new() }
    }
}

/// A role that trusts the account: its users' policies decide.
impl Sample for OnRole {
    fn sample() -> Self {
        let trust_policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:*"}]}"#;
        let terms =
            RoleTerms { trust_policy: trust_policy.to_owned(), description: String::new(), max_session_seconds: 3600 };
        let role = IdentityRecord {
            kind: IdentityKind::Role,
            id: UniqueId::of_role(&[1; 11]),
            name: "web".to_owned(),
            path: "/".to_owned(),
            created_at: 0,
            boundary: None,
            tags: Vec::new(),
            role: Some(terms),
            lock: None,
        };
        Self {
            asked: Arn::role(&scope().account, "web"),
            trust: Trust::of(Some(&role)),
            found: Some(role),
            keys: Context::EMPTY,
            with_tags: false,
            with_source_identity: false,
        }
    }
}

/// A role that trusts the word of a provider, which was given.
impl Sample for Vouched {
    fn sample() -> Self {
        let mut on = OnRole::sample();
        let provider = Arn::oidc_provider(&scope().account, "ci.example.org");
        let trust_policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"{provider}"}},"Action":"sts:AssumeRoleWithWebIdentity"}}]}}"#
        );
        on.found.as_mut().unwrap().role.as_mut().unwrap().trust_policy = trust_policy;
        on.trust = Trust::of(on.found.as_ref()).in_word_of(provider);
        Self(on)
    }
}

impl Sample for OnProvider {
    fn sample() -> Self {
        Self { arn: Arn::oidc_provider(&scope().account, "ci.example.org"), tags: Vec::new() }
    }
}

impl Sample for OnPolicy {
    fn sample() -> Self {
        Self { arn: Arn::policy(&scope().account, "web"), tags: Vec::new() }
    }
}

impl Sample for OnExplained {
    fn sample() -> Self {
        Self { identity: OnIdentity::sample(), user_id: None }
    }
}
