//! Roles: what somebody or something can act as. Managed nodes have them.

use postern_iam::UniqueId;
use postern_model::iam::{
    CreateRoleRequest, Document, ListInstanceProfilesForRoleResponse, ListRolesRequest, ListRolesResponse, Role,
    RoleResponse, UpdateRoleResponse,
};
use postern_model::{ApiError, Empty};
use postern_policy::Limits;
use postern_store::{IdentityChange, IdentityKind, IdentityRecord, RoleTerms};

use super::{
    DEFAULT_SESSION_SECONDS, Page, arn, boundary_shape, check, moment, new_tags, on_identity, shown_tags, unmade,
};
use crate::authz::act::{self, Creation, NewIdentity};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

on_identity! {
    /// `GetRole`.
    get_role(GetRoleRequest: GetRole) on Role role_name => read_role();
    /// `UpdateRole`: another description, another longest session.
    update_role(UpdateRoleRequest: UpdateRole) on Role role_name => change_terms(description, max_session_duration);
    /// `UpdateAssumeRolePolicy`: others may act as it.
    update_assume_role_policy(UpdateAssumeRolePolicyRequest: UpdateAssumeRolePolicy) on Role role_name
        => change_trust(policy_document);
    /// `DeleteRole`: a role that has nothing left.
    delete_role(DeleteRoleRequest: DeleteRole) on Role role_name => remove_identity();
    /// `ListInstanceProfilesForRole`: there are none.
    list_instance_profiles_for_role(ListInstanceProfilesForRoleRequest: ListInstanceProfilesForRole) on Role role_name
        => no_instance_profiles();
}

impl Control {
    /// `CreateRole`.
    ///
    /// # Errors
    /// `EntityAlreadyExists`, `LimitExceeded`, `MalformedPolicyDocument`, `NoSuchEntity`, `InvalidInput`;
    /// `AccessDeniedException`.
    pub async fn create_role(&self, caller: &Caller, request: CreateRoleRequest) -> Result<RoleResponse, ApiError> {
        let path = request.path.unwrap_or_else(|| "/".to_owned());
        let tags = new_tags(request.tags)?;
        let arn = arn(self.account(), IdentityKind::Role, &path, &request.role_name);
        let name = request.role_name;
        let identity = Creation { of: unmade(IdentityKind::Role, name, arn), tags: tags.clone() };
        let on = NewIdentity { identity, boundary: request.permissions_boundary.clone() };
        let allowed = authorize::<act::CreateRole>(caller, on)?;
        check(&request.assume_role_policy_document, Limits::TRUST, &allowed.on().identity.of.arn)?;
        let role = IdentityRecord {
            kind: IdentityKind::Role,
            id: UniqueId::of_role(&self.random()),
            name: allowed.on().identity.of.name.clone(),
            path,
            created_at: self.unix_millis(),
            boundary: request.permissions_boundary.map(|arn| self.boundary(&arn)).transpose()?,
            tags,
            role: Some(RoleTerms {
                trust_policy: request.assume_role_policy_document,
                description: request.description.unwrap_or_default(),
                max_session_seconds: request.max_session_duration.unwrap_or(DEFAULT_SESSION_SECONDS),
            }),
            lock: None,
        };
        let made = self.make(&allowed, role).await?;
        Ok(RoleResponse { role: self.whole_role(&made) })
    }

    async fn read_role(&self, allowed: Authorized<act::GetRole>) -> Result<RoleResponse, ApiError> {
        Ok(RoleResponse { role: self.whole_role(&self.allowed_identity(&allowed).await?) })
    }

    /// `ListRoles`.
    ///
    /// # Errors
    /// `ValidationError`; `AccessDeniedException`.
    pub async fn list_roles(&self, caller: &Caller, request: ListRolesRequest) -> Result<ListRolesResponse, ApiError> {
        let allowed = authorize::<act::ListRoles>(caller, ())?;
        self.page_of_roles(allowed, request).await
    }

    async fn page_of_roles(
        &self,
        _allowed: Authorized<act::ListRoles>,
        request: ListRolesRequest,
    ) -> Result<ListRolesResponse, ApiError> {
        let page = Page::of(self, &request, request.marker.as_deref(), request.max_items)?;
        let prefix = request.path_prefix.as_deref().unwrap_or("/");
        let found =
            self.store.identities_page(self.account(), IdentityKind::Role, prefix, page.after(), page.reads()).await;
        let mut roles = found.map_err(failure::store)?;
        let marker = page.cut(&mut roles, |role| role.name.clone());
        let roles = roles.iter().map(|role| self.listed_role(role)).collect();
        Ok(ListRolesResponse { roles, is_truncated: marker.is_some(), marker })
    }

    async fn change_terms(
        &self,
        allowed: Authorized<act::UpdateRole>,
        description: Option<String>,
        max_session_seconds: Option<u32>,
    ) -> Result<UpdateRoleResponse, ApiError> {
        let change = IdentityChange::RoleTerms { description, max_session_seconds };
        self.alter(&allowed, allowed.on(), change).await?;
        Ok(UpdateRoleResponse {})
    }

    async fn change_trust(
        &self,
        allowed: Authorized<act::UpdateAssumeRolePolicy>,
        document: String,
    ) -> Result<Empty, ApiError> {
        check(&document, Limits::TRUST, &allowed.on().arn)?;
        self.alter(&allowed, allowed.on(), IdentityChange::TrustPolicy(document)).await?;
        Ok(Empty {})
    }

    async fn no_instance_profiles(
        &self,
        allowed: Authorized<act::ListInstanceProfilesForRole>,
    ) -> Result<ListInstanceProfilesForRoleResponse, ApiError> {
        self.allowed_identity(&allowed).await?;
        Ok(ListInstanceProfilesForRoleResponse { instance_profiles: Vec::new(), is_truncated: false })
    }

    fn whole_role(&self, role: &IdentityRecord) -> Role {
        let tags = (!role.tags.is_empty()).then(|| shown_tags(&role.tags));
        Role { permissions_boundary: boundary_shape(role.boundary.as_ref()), tags, ..self.listed_role(role) }
    }

    fn listed_role(&self, role: &IdentityRecord) -> Role {
        let terms = role.role.as_ref();
        let document = terms.map(|terms| terms.trust_policy.clone()).unwrap_or_default();
        let description = terms.map(|terms| terms.description.clone()).filter(|text| !text.is_empty());
        Role {
            path: role.path.clone(),
            role_name: role.name.clone(),
            role_id: role.id.to_string(),
            arn: role.arn(self.account()),
            create_date: moment(role.created_at),
            assume_role_policy_document: Document(document),
            description,
            max_session_duration: terms.map_or(DEFAULT_SESSION_SECONDS, |terms| terms.max_session_seconds),
            permissions_boundary: None,
            tags: None,
        }
    }
}
