//! What a question is about: its names, and the condition keys that belong to it.

use postern_iam::{Arn, KeyId, NodeId, SessionId};
use postern_model::document::DocumentType;
use postern_model::kms::{KeyName, KeyReference};
use postern_policy::Context;
use postern_store::{Scope, Tag};

/// The resource of one question, with everything that policies can ask about it.
#[derive(Clone, Copy, Debug)]
pub enum Resource<'a> {
    /// Nothing in particular: `*`.
    Any,
    /// A managed node, which need not exist.
    Node {
        /// Which.
        id: &'a NodeId,
        /// Its tags, if it is there.
        tags: &'a [Tag],
    },
    /// What was asked for in the place of a node, by a name that no node here can have.
    Target(&'a str),
    /// A document, which need not exist.
    Document {
        /// Its ARN.
        arn: &'a Arn,
        /// Its type, if it is there or about to be.
        document_type: Option<DocumentType>,
        /// Its tags, if it is there.
        tags: &'a [Tag],
    },
    /// Something that was asked for by a name that nothing here can have.
    Nothing(&'a str),
    /// A role, which need not exist.
    Role(&'a Arn),
    /// A user, group, role or policy, which need not exist.
    Identity {
        /// Its ARN.
        arn: &'a Arn,
        /// What the caller called it.
        asked: &'a Arn,
        /// Its tags, if it is there.
        tags: &'a [Tag],
    },
    /// A setting of the account.
    ServiceSetting(&'a Arn),
    /// The inventory of all nodes.
    Inventory,
    /// A session, which need not exist.
    Session {
        /// Which.
        id: &'a SessionId,
        /// On which node; none if there is no such session.
        node: Option<&'a NodeId>,
        /// The user id of its owner; none if there is no such session, or nobody knows.
        owner_id: Option<&'a str>,
    },
    /// A key of the key service, or an alias, which need not exist.
    Key {
        /// Which, as it was named.
        named: &'a KeyName,
        /// The key behind the name, if it is one of here or another name of one.
        id: Option<&'a KeyId>,
        /// Its tags, if it is there.
        tags: &'a [Tag],
    },
    /// A ciphertext, by the key that it was made with, and the session that it says it was made for.
    Ciphertext {
        /// The key, if it is one of here.
        key: Option<&'a KeyId>,
        /// The key as the request names it, if it does.
        named: Option<&'a KeyName>,
        /// Its tags, if it is there.
        tags: &'a [Tag],
        /// Which session; none if it names none.
        session: Option<&'a SessionId>,
        /// On which node; none if there is no such session, or it is another node's.
        node: Option<&'a NodeId>,
    },
    /// Every log group.
    LogGroups,
    /// A log group, which need not exist.
    LogGroup {
        /// Its ARN.
        arn: &'a Arn,
        /// Its tags, if it is there.
        tags: &'a [Tag],
    },
    /// A log stream, which need not exist.
    LogStream {
        /// The ARN of its group.
        group: &'a Arn,
        /// Its name.
        stream: &'a str,
        /// Whether the group is as good a name: for acts on streams that AWS's policies allow on groups.
        by_group: bool,
        /// The node of the session that it is the log of; none if it is no session's, or not its log group.
        node: Option<&'a NodeId>,
    },
}

/// The inventory that ListNodes reads where no other is named.
const INVENTORY: &str = "AWS-QuickSetup-ManagedNode";

impl Resource<'_> {
    /// As policies name it.
    #[must_use]
    pub fn name(&self, scope: &Scope) -> String {
        let Scope { account, region } = scope;
        match *self {
            Self::Any | Self::Ciphertext { key: None, named: None, .. } => "*".to_owned(),
            Self::Node { id, .. } => Arn::node(region, account, id).to_string(),
            Self::Target(target) => target_arn(scope, &shown(target, 64)),
            Self::Nothing(name) => shown(name, 64),
            Self::Document { arn, .. } | Self::Role(arn) | Self::ServiceSetting(arn) | Self::Identity { arn, .. } => {
                arn.to_string()
            }
            Self::Inventory => format!("arn:aws:ssm:{region}:{account}:resource-data-sync/{INVENTORY}"),
            Self::Session { id, .. } => Arn::session(region, account, id).to_string(),
            Self::LogGroups => format!("{}:log-stream:", Arn::log_group(region, account, "")),
            Self::LogGroup { arn, .. } => arn.to_string(),
            Self::LogStream { group, stream, .. } => format!("{group}:log-stream:{}", shown(stream, 512)),
            Self::Key { id: Some(id), .. } | Self::Ciphertext { key: Some(id), .. } => {
                Arn::key(region, account, id).to_string()
            }
            Self::Key { named, id: None, .. } | Self::Ciphertext { key: None, named: Some(named), .. } => {
                key_name(scope, named)
            }
        }
    }

    /// The name under which policies may know it as well. It must be derived from the resource alone, whoever asks.
    #[must_use]
    pub fn other_name(&self, scope: &Scope) -> Option<String> {
        match *self {
            // AWS's samples write `session/${aws:userid}-*`, but what is visible begins with the owner's name.
            Self::Session { id, owner_id: Some(owner_id), .. } => {
                let (_, suffix) = id.as_str().rsplit_once('-')?;
                Some(format!("arn:aws:ssm:{}:{}:session/{owner_id}-{suffix}", scope.region, scope.account))
            }
            // Policies name a group with and without the streams that are in it.
            Self::LogGroup { arn, .. } => Some(format!("{arn}:*")),
            Self::LogStream { group, by_group: true, .. } => Some(group.to_string()),
            _ => None,
        }
    }

    /// As a denial names it: what was found behind the name is nothing for who may not use it.
    pub(super) fn as_asked_for(&self, scope: &Scope) -> String {
        match *self {
            Self::Key { named, tags, .. } => Self::Key { named, id: None, tags }.name(scope),
            Self::Identity { asked, .. } => asked.to_string(),
            Self::Ciphertext { session: Some(id), .. } => Arn::session(&scope.region, &scope.account, id).to_string(),
            other => other.name(scope),
        }
    }

    /// The condition keys that belong to it.
    pub(super) fn keys(&self, scope: &Scope, keys: &mut Context) {
        match *self {
            Self::Node { tags, .. } => set_tags(keys, &["ssm:resourceTag/", "aws:ResourceTag/"], tags),
            Self::Document { document_type, tags, .. } => {
                set_tags(keys, &["ssm:resourceTag/", "aws:ResourceTag/"], tags);
                if let Some(document_type) = document_type {
                    keys.set("ssm:DocumentType", document_type.to_string());
                }
            }
            Self::Identity { tags, .. } => set_tags(keys, &["iam:ResourceTag/", "aws:ResourceTag/"], tags),
            Self::Session { node, owner_id, .. } => {
                for (tag, value) in [("session-id", owner_id), ("target-id", node.map(NodeId::as_str))] {
                    for prefix in ["ssm:resourceTag/", "aws:ResourceTag/"] {
                        if let Some(value) = value {
                            keys.set(&format!("{prefix}aws:ssmmessages:{tag}"), value);
                        }
                    }
                }
            }
            Self::Key { tags, .. } | Self::Ciphertext { tags, .. } | Self::LogGroup { tags, .. } => {
                set_tags(keys, &["aws:ResourceTag/"], tags);
            }
            Self::Any
            | Self::Target(_)
            | Self::Nothing(_)
            | Self::Role(_)
            | Self::ServiceSetting(_)
            | Self::Inventory
            | Self::LogGroups
            | Self::LogStream { .. } => {}
        }
        let account = match *self {
            Self::Any | Self::Nothing(_) => return,
            Self::Document { arn, .. }
            | Self::Identity { arn, .. }
            | Self::Role(arn)
            | Self::LogGroup { arn, .. }
            | Self::LogStream { group: arn, .. } => arn.account.as_str(),
            _ => scope.account.as_str(),
        };
        if !account.is_empty() {
            keys.set("aws:ResourceAccount", account);
        }
    }
}

fn set_tags(keys: &mut Context, prefixes: &[&str], tags: &[Tag]) {
    for tag in tags {
        for prefix in prefixes {
            keys.set(&format!("{prefix}{}", tag.key), tag.value.as_str());
        }
    }
}

/// The ARN that something would have that is no node here: a machine of EC2, a task of ECS, or a node with a strange id.
fn target_arn(Scope { account, region }: &Scope, target: &str) -> String {
    match target.split_once([':', '-']) {
        Some(("i", _)) => format!("arn:aws:ec2:{region}:{account}:instance/{target}"),
        Some(("ecs", task)) => format!("arn:aws:ecs:{region}:{account}:task/{}", task.replace('_', "/")),
        _ => format!("arn:aws:ssm:{region}:{account}:managed-instance/{target}"),
    }
}

fn key_name(Scope { account, region }: &Scope, named: &KeyName) -> String {
    match named.reference() {
        Ok(KeyReference::Key(id, None)) => Arn::key(region, account, &id).to_string(),
        Ok(KeyReference::Alias(alias, None)) => Arn::key_alias(region, account, alias.as_str()).to_string(),
        Ok(KeyReference::Key(_, Some(arn)) | KeyReference::Alias(_, Some(arn))) => arn.to_string(),
        Err(_) => named.shown(),
    }
}

fn shown(text: &str, characters: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(characters).collect()
}
