//! Simulations: what policies would say to requests that nobody makes. Nothing is looked up about the resources; whoever
//! asks says what is so.

mod inputs;
mod results;

use postern_iam::Arn;
use postern_model::iam::{
    GetContextKeysForCustomPolicyRequest, GetContextKeysForPrincipalPolicyRequest, GetContextKeysResponse,
    SimulateCustomPolicyRequest, SimulatePolicyResponse, SimulatePrincipalPolicyRequest, Simulated,
};
use postern_model::{ApiError, ErrorCode};
use postern_store::IdentityKind;

use super::Page;
use crate::Control;
use crate::authz::act::{self, OnIdentity};
use crate::authz::{Act, Authorized, authorize};
use crate::caller::Caller;
use inputs::{Inputs, Who};
use results::Simulation;

impl Control {
    /// `SimulatePrincipalPolicy`: requests under the policies of a user, group or role.
    ///
    /// # Errors
    /// `NoSuchEntity`; `InvalidInput` for a policy that is none and for what is not simulated here; `AccessDenied`.
    pub async fn simulate_principal_policy(
        &self,
        caller: &Caller,
        request: SimulatePrincipalPolicyRequest,
    ) -> Result<SimulatePolicyResponse, ApiError> {
        let on = self.on_source(&request.policy_source_arn).await?;
        let allowed = authorize::<act::SimulatePrincipalPolicy>(caller, on)?;
        let (mut inputs, who) = self.inputs_of(&allowed).await?;
        inputs.add_policies(&request.policy_input_list)?;
        let page = Page::of(self, &request, request.marker.as_deref(), request.max_items)?;
        simulate(inputs, Some(who), &request.simulated, &page)
    }

    /// `SimulateCustomPolicy`: requests under policies that nobody has.
    ///
    /// # Errors
    /// `InvalidInput` for a policy that is none and for what is not simulated here; `AccessDenied`.
    pub async fn simulate_custom_policy(
        &self,
        caller: &Caller,
        request: SimulateCustomPolicyRequest,
    ) -> Result<SimulatePolicyResponse, ApiError> {
        let allowed = authorize::<act::SimulateCustomPolicy>(caller, ())?;
        let inputs = custom(&allowed, &request.policy_input_list)?;
        let page = Page::of(self, &request, request.marker.as_deref(), request.max_items)?;
        simulate(inputs, None, &request.simulated, &page)
    }

    /// `GetContextKeysForPrincipalPolicy`.
    ///
    /// # Errors
    /// `NoSuchEntity`; `InvalidInput` for a policy that is none; `AccessDenied`.
    pub async fn get_context_keys_for_principal_policy(
        &self,
        caller: &Caller,
        request: GetContextKeysForPrincipalPolicyRequest,
    ) -> Result<GetContextKeysResponse, ApiError> {
        let on = self.on_source(&request.policy_source_arn).await?;
        let allowed = authorize::<act::GetContextKeysForPrincipalPolicy>(caller, on)?;
        let (mut inputs, _) = self.inputs_of(&allowed).await?;
        inputs.add_policies(&request.policy_input_list)?;
        Ok(GetContextKeysResponse { context_key_names: inputs.context_keys() })
    }

    /// `GetContextKeysForCustomPolicy`.
    ///
    /// # Errors
    /// `InvalidInput` for a policy that is none; `AccessDenied`.
    pub async fn get_context_keys_for_custom_policy(
        &self,
        caller: &Caller,
        request: GetContextKeysForCustomPolicyRequest,
    ) -> Result<GetContextKeysResponse, ApiError> {
        let allowed = authorize::<act::GetContextKeysForCustomPolicy>(caller, ())?;
        let inputs = custom(&allowed, &request.policy_input_list)?;
        Ok(GetContextKeysResponse { context_key_names: inputs.context_keys() })
    }

    /// Whose policies are meant; it need not exist.
    async fn on_source(&self, named: &str) -> Result<OnIdentity, ApiError> {
        let arn = named.parse::<Arn>().ok().filter(|arn| arn.is_in_our_partition() && arn.service == "iam");
        let resource = arn.as_ref().filter(|arn| arn.account == self.account().as_str()).map(|arn| &*arn.resource);
        let (kind, name) = match resource.and_then(|resource| resource.split_once('/')) {
            Some(("user", name)) => (IdentityKind::User, name),
            Some(("group", name)) => (IdentityKind::Group, name),
            Some(("role", name)) => (IdentityKind::Role, name),
            _ => {
                let shown = super::shown(named);
                let message = format!(
                    "Invalid Entity Arn: {shown} does not clearly define entity type and name of this account."
                );
                return Err(invalid(message));
            }
        };
        self.on_identity(kind, name.rsplit('/').next().unwrap_or(name)).await
    }

    /// The policies of somebody, and who that is in a simulation.
    async fn inputs_of<A: Act<On = OnIdentity>>(&self, allowed: &Authorized<A>) -> Result<(Inputs, Who), ApiError> {
        let identity = self.allowed_identity(allowed).await?;
        let in_effect = self.store.policies_in_effect(self.account(), &identity.id).await;
        let inputs = Inputs::of(&in_effect.map_err(crate::failure::store)?)?;
        Ok((inputs, Who::of(&identity, self.account())))
    }
}

/// Policies that nobody has.
fn custom<A: Act<On = ()>>(_allowed: &Authorized<A>, documents: &[String]) -> Result<Inputs, ApiError> {
    let mut inputs = Inputs::default();
    inputs.add_policies(documents)?;
    Ok(inputs)
}

fn simulate(
    mut inputs: Inputs,
    who: Option<Who>,
    simulated: &Simulated,
    page: &Page<'_>,
) -> Result<SimulatePolicyResponse, ApiError> {
    if let Some(name) = simulated.refused.first() {
        return Err(invalid(format!("{name} is not simulated here; leave it out.")));
    }
    inputs.replace_boundary(&simulated.permissions_boundary_policy_input_list)?;
    if let Some(document) = &simulated.resource_policy {
        inputs.set_resource_policy(document)?;
    }
    let simulation = Simulation::of(inputs, who, simulated)?;
    let actions = simulated.action_names.iter().enumerate().collect();
    let (actions, marker) = page.of_all(actions, |(at, _)| format!("{at:06}"));
    Ok(SimulatePolicyResponse {
        evaluation_results: actions.iter().map(|(_, action)| simulation.result(action)).collect(),
        is_truncated: marker.is_some(),
        marker,
    })
}

fn invalid(message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, message)
}
