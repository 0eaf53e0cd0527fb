//! Policies that belong to one user, group or role.

use postern_model::iam::{
    Document, GetGroupPolicyRequest, GetGroupPolicyResponse, GetRolePolicyRequest, GetRolePolicyResponse,
    GetUserPolicyRequest, GetUserPolicyResponse, ListGroupPoliciesRequest, ListInlinePoliciesResponse,
    ListRolePoliciesRequest, ListUserPoliciesRequest,
};
use postern_model::{ApiError, ApiRequest, Empty};
use postern_policy::Limits;
use postern_store::{IdentityKind, InlinePolicy, PutInlinePolicy, RemovePolicy};

use super::{Page, check, kind_name, log, no_entity, no_such, on_identity};
use crate::authz::act::{self, Bounded, OnIdentity};
use crate::authz::{Act, Authorized, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

on_identity! {
    /// `PutUserPolicy`.
    put_user_policy(PutUserPolicyRequest: PutUserPolicy) on User user_name
        as |on, _asked| Bounded(on) => put_inline(policy_name, policy_document);
    /// `DeleteUserPolicy`.
    delete_user_policy(DeleteUserPolicyRequest: DeleteUserPolicy) on User user_name
        as |on, _asked| Bounded(on) => delete_inline(policy_name);
    /// `PutGroupPolicy`.
    put_group_policy(PutGroupPolicyRequest: PutGroupPolicy) on Group group_name => put_inline(policy_name, policy_document);
    /// `DeleteGroupPolicy`.
    delete_group_policy(DeleteGroupPolicyRequest: DeleteGroupPolicy) on Group group_name => delete_inline(policy_name);
    /// `PutRolePolicy`.
    put_role_policy(PutRolePolicyRequest: PutRolePolicy) on Role role_name
        as |on, _asked| Bounded(on) => put_inline(policy_name, policy_document);
    /// `DeleteRolePolicy`.
    delete_role_policy(DeleteRolePolicyRequest: DeleteRolePolicy) on Role role_name
        as |on, _asked| Bounded(on) => delete_inline(policy_name);
}

/// Reading one policy and listing their names, for each kind of identity.
macro_rules! readers {
    ($($kind:ident $named:ident: $get:ident($get_request:ident: $get_act:ident) -> $response:ident,
        $list:ident($list_request:ident: $list_act:ident);)+) => {
        impl Control { $(
            /// Reads one policy of its own.
            ///
            /// # Errors
            /// `NoSuchEntity`; `AccessDeniedException`.
            pub async fn $get(&self, caller: &Caller, request: $get_request) -> Result<$response, ApiError> {
                let on = self.on_identity(IdentityKind::$kind, &request.$named).await?;
                let allowed = authorize::<act::$get_act>(caller, on)?;
                let policy = self.inline_policy(&allowed, &request.policy_name).await?;
                Ok($response {
                    $named: allowed.on().name.clone(),
                    policy_name: policy.name,
                    policy_document: Document(policy.document),
                })
            }

            /// Lists the names of its own policies.
            ///
            /// # Errors
            /// `NoSuchEntity`, `ValidationError`; `AccessDeniedException`.
            pub async fn $list(
                &self,
                caller: &Caller,
                request: $list_request,
            ) -> Result<ListInlinePoliciesResponse, ApiError> {
                let on = self.on_identity(IdentityKind::$kind, &request.$named).await?;
                let allowed = authorize::<act::$list_act>(caller, on)?;
                self.page_of_inline(&allowed, &request, request.marker.as_deref(), request.max_items).await
            }
        )+ }
    };
}

readers! {
    User user_name: get_user_policy(GetUserPolicyRequest: GetUserPolicy) -> GetUserPolicyResponse,
        list_user_policies(ListUserPoliciesRequest: ListUserPolicies);
    Group group_name: get_group_policy(GetGroupPolicyRequest: GetGroupPolicy) -> GetGroupPolicyResponse,
        list_group_policies(ListGroupPoliciesRequest: ListGroupPolicies);
    Role role_name: get_role_policy(GetRolePolicyRequest: GetRolePolicy) -> GetRolePolicyResponse,
        list_role_policies(ListRolePoliciesRequest: ListRolePolicies);
}

impl Control {
    async fn put_inline<A: Act<On: AsRef<OnIdentity>>>(
        &self,
        allowed: Authorized<A>,
        policy_name: String,
        document: String,
    ) -> Result<Empty, ApiError> {
        let OnIdentity { kind, name, arn, .. } = allowed.on().as_ref();
        let limits = match kind {
            IdentityKind::User => Limits::USER_INLINE,
            IdentityKind::Group => Limits::GROUP_INLINE,
            IdentityKind::Role => Limits::ROLE_INLINE,
        };
        check(&document, limits, arn)?;
        let policy = InlinePolicy { name: policy_name.clone(), document };
        let put = self.store.put_inline_policy(self.account(), *kind, name, policy, limits.max_characters).await;
        match put.map_err(failure::store)? {
            PutInlinePolicy::Put => {
                log(&allowed, arn, Some(&policy_name));
                Ok(Empty {})
            }
            PutInlinePolicy::IdentityUnknown => Err(no_such(*kind, name)),
            PutInlinePolicy::LimitReached => {
                let (kind, max) = (kind_name(*kind), limits.max_characters);
                let message = format!("Maximum policy size of {max} bytes exceeded for {kind} {name}");
                Err(ApiError::new(postern_model::ErrorCode::LimitExceeded, message))
            }
        }
    }

    async fn delete_inline<A: Act<On: AsRef<OnIdentity>>>(
        &self,
        allowed: Authorized<A>,
        policy: String,
    ) -> Result<Empty, ApiError> {
        let OnIdentity { kind, name, arn, .. } = allowed.on().as_ref();
        let deleted = self.store.delete_inline_policy(self.account(), *kind, name, &policy).await;
        match deleted.map_err(failure::store)? {
            RemovePolicy::Removed => {
                log(&allowed, arn, Some(&policy));
                Ok(Empty {})
            }
            RemovePolicy::IdentityUnknown => Err(no_such(*kind, name)),
            RemovePolicy::PolicyUnknown => Err(no_such_inline(*kind, &policy)),
        }
    }

    async fn inline_policies_of<A: Act<On = OnIdentity>>(
        &self,
        allowed: &Authorized<A>,
    ) -> Result<Vec<InlinePolicy>, ApiError> {
        let OnIdentity { kind, name, .. } = allowed.on();
        let found = self.store.inline_policies(self.account(), *kind, name).await.map_err(failure::store)?;
        found.ok_or_else(|| no_such(*kind, name))
    }

    async fn inline_policy<A: Act<On = OnIdentity>>(
        &self,
        allowed: &Authorized<A>,
        policy: &str,
    ) -> Result<InlinePolicy, ApiError> {
        let mut all = self.inline_policies_of(allowed).await?.into_iter();
        all.find(|known| known.name == policy).ok_or_else(|| no_such_inline(allowed.on().kind, policy))
    }

    async fn page_of_inline<A: Act<On = OnIdentity>, R: ApiRequest>(
        &self,
        allowed: &Authorized<A>,
        request: &R,
        marker: Option<&str>,
        limit: Option<u32>,
    ) -> Result<ListInlinePoliciesResponse, ApiError> {
        let page = Page::of(self, request, marker, limit)?;
        let names = self.inline_policies_of(allowed).await?.into_iter().map(|policy| policy.name).collect();
        let (policy_names, marker) = page.of_all(names, String::clone);
        Ok(ListInlinePoliciesResponse { policy_names, is_truncated: marker.is_some(), marker })
    }
}

fn no_such_inline(kind: IdentityKind, policy: &str) -> ApiError {
    no_entity(format!("The {} policy with name {policy} cannot be found.", kind_name(kind)))
}
