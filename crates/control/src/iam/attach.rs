//! Managed policies of users, groups and roles.

use postern_iam::Arn;
use postern_model::iam::{
    AttachedPolicy, ListAttachedGroupPoliciesRequest, ListAttachedPoliciesResponse, ListAttachedRolePoliciesRequest,
    ListAttachedUserPoliciesRequest,
};
use postern_model::{ApiError, Empty};
use postern_store::{AttachPolicy, IdentityKind, RemovePolicy};

use super::policy::unknown;
use super::{Page, log, no_such, no_such_policy, on_identity, over_quota, policy_arn};
use crate::authz::act::{self, Attachment, Bounded, OnIdentity};
use crate::authz::{Act, Authorized, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

/// AWS's quota.
const MAX_ATTACHED: u32 = 10;

on_identity! {
    /// `AttachUserPolicy`.
    attach_user_policy(AttachUserPolicyRequest: AttachUserPolicy) on User user_name
        as |on, asked| attachment(on, &asked.policy_arn) => attach();
    /// `DetachUserPolicy`.
    detach_user_policy(DetachUserPolicyRequest: DetachUserPolicy) on User user_name
        as |on, asked| attachment(on, &asked.policy_arn) => detach();
    /// `AttachGroupPolicy`.
    attach_group_policy(AttachGroupPolicyRequest: AttachGroupPolicy) on Group group_name
        as |on, asked| attachment(on, &asked.policy_arn) => attach();
    /// `DetachGroupPolicy`.
    detach_group_policy(DetachGroupPolicyRequest: DetachGroupPolicy) on Group group_name
        as |on, asked| attachment(on, &asked.policy_arn) => detach();
    /// `AttachRolePolicy`.
    attach_role_policy(AttachRolePolicyRequest: AttachRolePolicy) on Role role_name
        as |on, asked| attachment(on, &asked.policy_arn) => attach();
    /// `DetachRolePolicy`.
    detach_role_policy(DetachRolePolicyRequest: DetachRolePolicy) on Role role_name
        as |on, asked| attachment(on, &asked.policy_arn) => detach();
}

macro_rules! lists {
    ($($name:ident($request:ident: $act:ident) on $kind:ident $named:ident;)+) => {
        impl Control { $(
            /// Lists what is attached.
            ///
            /// # Errors
            /// `NoSuchEntity`, `ValidationError`; `AccessDeniedException`.
            pub async fn $name(
                &self,
                caller: &Caller,
                request: $request,
            ) -> Result<ListAttachedPoliciesResponse, ApiError> {
                let on = self.on_identity(IdentityKind::$kind, &request.$named).await?;
                let allowed = authorize::<act::$act>(caller, on)?;
                let page = Page::of(self, &request, request.marker.as_deref(), request.max_items)?;
                self.page_of_attached(&allowed, page, request.path_prefix.as_deref().unwrap_or("/")).await
            }
        )+ }
    };
}

lists! {
    list_attached_user_policies(ListAttachedUserPoliciesRequest: ListAttachedUserPolicies) on User user_name;
    list_attached_group_policies(ListAttachedGroupPoliciesRequest: ListAttachedGroupPolicies) on Group group_name;
    list_attached_role_policies(ListAttachedRolePoliciesRequest: ListAttachedRolePolicies) on Role role_name;
}

impl Control {
    async fn attach<A: Act<On = Attachment>>(&self, allowed: Authorized<A>) -> Result<Empty, ApiError> {
        let Attachment { identity: Bounded(OnIdentity { kind, name, arn, .. }), policy } = allowed.on();
        let policy = policy_arn(policy)?;
        self.known_if_managed(&policy)?;
        let attached = self.store.attach_policy(self.account(), *kind, name, &policy, MAX_ATTACHED).await;
        match attached.map_err(failure::store)? {
            AttachPolicy::Attached => {
                log(&allowed, arn, Some(&policy));
                Ok(Empty {})
            }
            AttachPolicy::IdentityUnknown => Err(no_such(*kind, name)),
            AttachPolicy::PolicyUnknown => Err(no_such_policy(Some(&policy))),
            AttachPolicy::LimitReached => {
                let quota = match kind {
                    IdentityKind::User => "PoliciesPerUser",
                    IdentityKind::Group => "PoliciesPerGroup",
                    IdentityKind::Role => "PoliciesPerRole",
                };
                Err(over_quota(quota, MAX_ATTACHED))
            }
        }
    }

    async fn detach<A: Act<On = Attachment>>(&self, allowed: Authorized<A>) -> Result<Empty, ApiError> {
        let Attachment { identity: Bounded(OnIdentity { kind, name, arn, .. }), policy } = allowed.on();
        let policy = policy_arn(policy)?;
        let detached = self.store.detach_policy(self.account(), *kind, name, &policy).await;
        match detached.map_err(failure::store)? {
            RemovePolicy::Removed => {
                log(&allowed, arn, Some(&policy));
                Ok(Empty {})
            }
            RemovePolicy::IdentityUnknown => Err(no_such(*kind, name)),
            RemovePolicy::PolicyUnknown => Err(unknown(&policy)),
        }
    }

    async fn page_of_attached<A: Act<On = OnIdentity>>(
        &self,
        allowed: &Authorized<A>,
        page: Page<'_>,
        path_prefix: &str,
    ) -> Result<ListAttachedPoliciesResponse, ApiError> {
        let OnIdentity { kind, name, .. } = allowed.on();
        let found = self.store.attached_policies(self.account(), *kind, name).await.map_err(failure::store)?;
        let mut arns = found.ok_or_else(|| no_such(*kind, name))?;
        arns.retain(|arn| arn.resource.strip_prefix("policy").is_some_and(|path| path.starts_with(path_prefix)));
        let (arns, marker) = page.of_all(arns, Arn::to_string);
        let shown = |arn: Arn| AttachedPolicy { policy_name: arn.short_name().to_owned(), policy_arn: arn };
        let attached_policies = arns.into_iter().map(shown).collect();
        Ok(ListAttachedPoliciesResponse { attached_policies, is_truncated: marker.is_some(), marker })
    }
}

fn attachment(identity: OnIdentity, policy: &str) -> Attachment {
    Attachment { identity: Bounded(identity), policy: policy.to_owned() }
}
