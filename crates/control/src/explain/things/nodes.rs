//! Nodes, documents, settings and sessions.

use postern_iam::{Arn, DocumentName, NodeId};
use postern_model::ApiError;
use postern_model::session::StartSessionRequest;
use postern_model::tag::TaggedType;

use super::{Named, Thing, Things};
use crate::authz::act::{
    Channel, Creation, Inventory, Itself, NewActivation, NodeAndRole, OnDocument, OnNode, OnSession, OnSetting,
    OnTagged, Start, Tagging, TagsAsked, Target,
};
use crate::session::on_session;

const NODE: &str = "a managed node, mi-…";
const DOCUMENT: &str = "a document, document/NAME";

impl Things<'_> {
    fn node(&mut self) -> Option<(Thing, String)> {
        match self.take_named(&["managed-instance/"]) {
            Some(found) => Some(found),
            None => self.take(|name| name.starts_with("mi-")).map(|thing| (thing.clone(), thing.text)),
        }
    }

    fn node_id(&mut self) -> Result<NodeId, ApiError> {
        let (thing, id) = self.node().ok_or_else(|| self.missing(NODE))?;
        id.parse().map_err(|_| self.no_name(&thing, NODE))
    }

    /// What a session is asked for with: a node, or something that is none here.
    fn target(&mut self) -> Result<String, ApiError> {
        if let Some((_, id)) = self.node() {
            return Ok(id);
        }
        let other = self.take(|name| name.starts_with("i-") || name.starts_with("ecs:"));
        other.map(|thing| thing.text).ok_or_else(|| self.missing(NODE))
    }

    /// The name of a document, as operations take it.
    fn document(&mut self) -> Result<Option<DocumentName>, ApiError> {
        let Some((thing, name)) = self.take_named(&["document/"]) else { return Ok(None) };
        let name = if thing.arn.is_some() { &thing.text } else { &name };
        name.parse().map(Some).map_err(|_| self.no_name(&thing, DOCUMENT))
    }

    /// The ARN of a role.
    async fn role_arn(&mut self) -> Result<Arn, ApiError> {
        let (thing, name) = self.take_named(&["role/"]).ok_or_else(|| self.missing("a role, role/NAME"))?;
        match thing.arn {
            Some(arn) => Ok(arn),
            None => self.control.role_arn(&name).await,
        }
    }
}

impl Named for OnNode {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let id = things.node_id()?;
        things.control.on_node(id).await
    }
}

impl Named for Itself {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(Self(things.node_id()?))
    }
}

impl Named for Target {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let name = things.target()?;
        things.control.target(&name).await
    }
}

impl Named for Inventory {
    async fn named(_: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

impl Named for NodeAndRole {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(Self { node: OnNode::named(things).await?, role: things.role_arn().await? })
    }
}

impl Named for NewActivation {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(Self { role: things.role_arn().await? })
    }
}

impl Named for OnDocument {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let name = things.document()?.ok_or_else(|| things.missing(DOCUMENT))?;
        things.control.on_document(&things.control.document_named(&name)).await
    }
}

impl Named for OnTagged {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        if let Some(name) = things.document()? {
            return things.control.tagged_named(TaggedType::Document, name.as_str().to_owned()).await;
        }
        let id = things.node_id()?;
        things.control.tagged_named(TaggedType::ManagedInstance, id.to_string()).await
    }
}

impl Named for OnSetting {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let what = "a service setting, servicesetting/ssm/…";
        let (thing, path) = things.take_named(&["servicesetting"]).ok_or_else(|| things.missing(what))?;
        let id = if thing.arn.is_some() { thing.text } else { path };
        Ok(crate::service_setting::named(things.control.scope(), id))
    }
}

impl Named for Start {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let request = StartSessionRequest {
            target: things.target()?,
            document_name: things.document()?,
            reason: None,
            parameters: std::collections::BTreeMap::new(),
        };
        things.control.subject_of_start(things.caller, &request).await
    }
}

impl Named for OnSession {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let what = "a session, session/ID";
        let (thing, id) = things.take_named(&["session/"]).ok_or_else(|| things.missing(what))?;
        let session = things.control.find_session(&id).await?;
        on_session(&id, session.as_ref()).map_err(|_| things.no_name(&thing, what))
    }
}

impl Named for Channel {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(Self(OnSession::named(things).await?))
    }
}

/// What would be tagged how is said by condition keys.
impl<T: Named> Named for Creation<T> {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(Self { of: T::named(things).await?, tags: Vec::new() })
    }
}

impl<T: Named> Named for Tagging<T> {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(Self { on: T::named(things).await?, change: TagsAsked::Removed(Vec::new()) })
    }
}
