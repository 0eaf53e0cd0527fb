//! Which of the policies that decided whoever asks may read.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use postern_model::ApiError;
use postern_policy::{Attached, Layer, Layers};
use postern_store::IdentityKind;

use crate::Control;
use crate::authz::trust::TRUST_POLICY;
use crate::authz::{Explained, Need, Reasons, act, is_allowed};
use crate::caller::Caller;

/// The policies of an explanation, and whether each may be read.
pub(super) struct Readable(BTreeMap<(Layer, Arc<str>, Option<String>), bool>);

impl Readable {
    pub(super) fn may_read(&self, reasons: &Reasons, layer: Layer, policy: &Arc<str>) -> bool {
        self.0.get(&key(reasons, layer, policy)).copied().unwrap_or(false)
    }

    /// Whether there is one that may not be read.
    pub(super) fn is_partial(&self) -> bool {
        self.0.values().any(|may| !may)
    }
}

/// A trust policy is the role's that the question is about.
fn key(reasons: &Reasons, layer: Layer, policy: &Arc<str>) -> (Layer, Arc<str>, Option<String>) {
    (layer, Arc::clone(policy), (layer == Layer::Resource).then(|| reasons.resource.clone()))
}

impl Control {
    pub(super) async fn readable(&self, caller: &Caller, explained: &Explained) -> Result<Readable, ApiError> {
        let mut known = BTreeMap::new();
        for answered in &explained.answered {
            let Some(reasons) = &answered.reasons else { continue };
            let mut names: BTreeSet<(Layer, Arc<str>)> =
                policies(&reasons.layers).map(|(layer, attached)| (layer, Arc::clone(&attached.name))).collect();
            if answered.needs == Need::Trust {
                // Also of a role that is not there: whether it is, is not for everybody.
                names.insert((Layer::Resource, TRUST_POLICY.into()));
            }
            for (layer, name) in names {
                if let Entry::Vacant(entry) = known.entry(key(reasons, layer, &name)) {
                    let may = match layer {
                        Layer::Resource => self.may_read_trust(caller, &reasons.resource).await?,
                        _ => self.may_read(caller, &name).await?,
                    };
                    entry.insert(may);
                }
            }
        }
        Ok(Readable(known))
    }

    async fn may_read_trust(&self, caller: &Caller, role: &str) -> Result<bool, ApiError> {
        let on = self.on_identity(IdentityKind::Role, role.rsplit('/').next().unwrap_or(role)).await?;
        Ok(is_allowed::<act::GetRole>(caller, &on).is_ok())
    }

    async fn may_read(&self, caller: &Caller, policy: &str) -> Result<bool, ApiError> {
        if policy.starts_with("arn:") {
            return Ok(is_allowed::<act::GetPolicyVersion>(caller, &self.on_policy(policy).await?).is_ok());
        }
        let mut parts = policy.split('/');
        let (Some(kind), Some(name), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
            // What narrows a session is in its token and nobody's to read.
            return Ok(false);
        };
        Ok(match kind {
            "user" => {
                let on = self.on_identity(IdentityKind::User, name).await?;
                is_allowed::<act::GetUserPolicy>(caller, &on).is_ok()
            }
            "group" => {
                let on = self.on_identity(IdentityKind::Group, name).await?;
                is_allowed::<act::GetGroupPolicy>(caller, &on).is_ok()
            }
            "role" => {
                let on = self.on_identity(IdentityKind::Role, name).await?;
                is_allowed::<act::GetRolePolicy>(caller, &on).is_ok()
            }
            _ => false,
        })
    }
}

/// Every policy, with the kind of say that it has.
pub(super) fn policies(layers: &Layers) -> impl Iterator<Item = (Layer, &Attached)> {
    let Layers { organisation, resource, resource_must_allow: _, identity, boundary, session } = layers;
    let all = [
        (Layer::Organisation, organisation.as_deref().unwrap_or_default()),
        (Layer::Resource, resource),
        (Layer::Identity, identity),
        (Layer::Boundary, boundary.as_deref().unwrap_or_default()),
        (Layer::Session, session.as_deref().unwrap_or_default()),
    ];
    all.into_iter().flat_map(|(layer, policies)| policies.iter().map(move |policy| (layer, policy)))
}
