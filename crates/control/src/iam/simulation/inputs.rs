//! What a simulation is made of: policies, each with its name in results, and who would ask.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use postern_iam::{AccountId, Arn};
use postern_model::ApiError;
use postern_policy::managed::by_arn;
use postern_policy::{Attached, Context, DocumentKind, Layer, Layers, Limits, Policy, Span, statement_spans};
use postern_store::{IdentityKind, IdentityRecord, PoliciesInEffect, PolicyInEffect};

use super::invalid;

/// How AWS's answers call the policies of identities, whatever its service model says.
const IAM: &str = "IAM Policy";
const BOUNDARY: &str = "Permissions Boundary Policy";
pub(super) const RESOURCE: &str = "Resource Policy";

/// Policies, and where in which text each of their statements stands.
#[derive(Default)]
pub(super) struct Inputs {
    pub(super) layers: Layers,
    sources: BTreeMap<(Layer, Arc<str>), Source>,
}

/// A policy as results name it.
pub(super) struct Source {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) spans: Vec<Span>,
}

impl Inputs {
    /// Everything that counts for somebody.
    pub(super) fn of(in_effect: &PoliciesInEffect) -> Result<Self, ApiError> {
        let mut inputs = Self::default();
        for policy in &in_effect.identity {
            inputs.add_kept(Layer::Identity, IAM, policy)?;
        }
        if let Some(boundary) = &in_effect.boundary {
            inputs.add_kept(Layer::Boundary, BOUNDARY, boundary)?;
        }
        Ok(inputs)
    }

    pub(super) fn add_policies(&mut self, documents: &[String]) -> Result<(), ApiError> {
        for (at, document) in documents.iter().enumerate() {
            let id = format!("PolicyInputList.{}", at + 1);
            self.add(Layer::Identity, IAM, id.as_str(), id.clone(), document, Limits::ROLE_INLINE)?;
        }
        Ok(())
    }

    /// A boundary that is given counts in the place of the one that there is.
    pub(super) fn replace_boundary(&mut self, documents: &[String]) -> Result<(), ApiError> {
        let document = match documents {
            [] => return Ok(()),
            [one] => one,
            _ => {
                return Err(invalid("PermissionsBoundaryPolicyInputList takes one policy: nobody has two.".to_owned()));
            }
        };
        self.layers.boundary = None;
        let id = "PermissionsBoundaryPolicyInputList.1";
        self.add(Layer::Boundary, BOUNDARY, id, id.to_owned(), document, Limits::MANAGED)
    }

    pub(super) fn set_resource_policy(&mut self, document: &str) -> Result<(), ApiError> {
        // A role's trust policy is one, too.
        let is_trust = Policy::parse(document, Limits::TRUST).is_ok();
        let limits = if is_trust { Limits::TRUST } else { Limits::RESOURCE };
        self.add(Layer::Resource, RESOURCE, "ResourcePolicy", "ResourcePolicy".to_owned(), document, limits)
    }

    /// The condition keys that all of them ask for, each once, as it is first written.
    pub(super) fn context_keys(&self) -> Vec<String> {
        self.distinct_keys(|_| true, |_| true)
    }

    /// The keys that statements about an action ask for and a request does not have.
    pub(super) fn missing_keys(&self, action: &str, given: &Context) -> Vec<String> {
        self.distinct_keys(|statement| statement.is_about(action), |key| given.get(key).is_empty())
    }

    fn distinct_keys(
        &self,
        is_meant: impl Fn(&postern_policy::Statement) -> bool,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let mut known = BTreeSet::new();
        let statements = self.policies().flat_map(|attached| attached.policy.statements());
        let keys = statements.filter(|statement| is_meant(statement)).flat_map(postern_policy::Statement::context_keys);
        keys.filter(|key| is_wanted(key) && known.insert(key.to_ascii_lowercase())).map(str::to_owned).collect()
    }

    /// How many statements there are.
    pub(super) fn statements(&self) -> usize {
        self.policies().map(|attached| attached.policy.statements().len()).sum()
    }

    fn policies(&self) -> impl Iterator<Item = &Attached> {
        let Layers { organisation: _, resource, resource_must_allow: _, identity, boundary, session: _ } = &self.layers;
        identity.iter().chain(boundary.iter().flatten()).chain(resource)
    }

    pub(super) fn source(&self, layer: Layer, name: &Arc<str>) -> Option<&Source> {
        self.sources.get(&(layer, Arc::clone(name)))
    }

    /// A policy of the store, or of the service's own.
    fn add_kept(&mut self, layer: Layer, kind: &'static str, kept: &PolicyInEffect) -> Result<(), ApiError> {
        let PolicyInEffect { name, document } = kept;
        // A user can have a policy by several groups; it is one policy.
        if self.sources.contains_key(&(layer, Arc::from(name.as_str()))) {
            return Ok(());
        }
        let managed = || by_arn(name).map(|managed| managed.document.to_owned());
        let Some(document) = document.clone().or_else(managed) else {
            return Err(invalid(format!("The policy {name} is not there any more; detach it.")));
        };
        // A managed policy is known by its name, one of somebody's own by whose it is as well.
        let id = match name.strip_prefix("arn:") {
            Some(arn) => arn.rsplit('/').next().unwrap_or(arn).to_owned(),
            None => name.replace('/', "_"),
        };
        self.add(layer, kind, name, id, &document, Limits::stored(DocumentKind::Identity))
    }

    fn add(
        &mut self,
        layer: Layer,
        kind: &'static str,
        name: &str,
        id: String,
        document: &str,
        limits: Limits,
    ) -> Result<(), ApiError> {
        let policy = Policy::parse(document, limits).map_err(|fault| invalid(format!("{id}: {fault}")))?;
        let attached = Attached { name: name.into(), policy: Arc::new(policy) };
        let source = Source { id, kind, spans: statement_spans(document) };
        self.sources.insert((layer, Arc::clone(&attached.name)), source);
        match layer {
            Layer::Boundary => self.layers.boundary.get_or_insert_default().push(attached),
            Layer::Resource => self.layers.resource.push(attached),
            _ => self.layers.identity.push(attached),
        }
        Ok(())
    }
}

/// Who would ask.
pub(super) struct Who {
    /// None for a group, which asks for nothing.
    pub(super) arn: Option<Arn>,
    /// What policies can ask about it.
    pub(super) keys: Context,
}

impl Who {
    /// Somebody that there is, with its tags.
    pub(super) fn of(identity: &IdentityRecord, account: &AccountId) -> Self {
        if identity.kind == IdentityKind::Group {
            return Self { arn: None, keys: Context::new() };
        }
        let mut who = Self::named(identity.arn(account));
        if identity.kind == IdentityKind::User {
            who.keys.set("aws:userid", identity.id.to_string());
        }
        for tag in &identity.tags {
            who.keys.set(&format!("aws:PrincipalTag/{}", tag.key), tag.value.as_str());
        }
        who
    }

    /// Somebody, by its ARN alone: nothing is looked up about whom the caller may know nothing of.
    pub(super) fn named(arn: Arn) -> Self {
        let mut keys = Context::new().with("aws:PrincipalArn", arn.to_string());
        keys.set("aws:PrincipalAccount", arn.account.as_str());
        match arn.resource.starts_with("user/") {
            true => {
                keys.set("aws:PrincipalType", "User");
                keys.set("aws:username", arn.short_name());
            }
            false => keys.set("aws:PrincipalType", "AssumedRole"),
        }
        Self { arn: Some(arn), keys }
    }
}
