//! Tags and boundaries of users and roles, and tags of policies.

use postern_iam::Arn;
use postern_model::activation::Tag as ShownTag;
use postern_model::iam::{
    ListPolicyTagsRequest, ListRoleTagsRequest, ListTagsResponse, ListUserTagsRequest, TagPolicyRequest,
    UntagPolicyRequest,
};
use postern_model::{ApiError, ApiRequest, Empty};
use postern_store::{ChangeTags, IdentityChange, IdentityKind, Tag, TagChange};

use super::{MAX_TAGS, Page, log, new_tags, on_identity, over_quota, shown_tags};
use crate::authz::act::{self, Bounded, NewBoundary, OnIdentity, Tagging, TagsAsked};
use crate::authz::{Act, Authorized, authorize};
use crate::caller::Caller;
use crate::tag::asked_tags;
use crate::{Control, failure};

on_identity! {
    /// `TagUser`.
    tag_user(TagUserRequest: TagUser) on User user_name
        as |on, asked| adding(on, &asked.tags) => add_identity_tags(tags);
    /// `TagRole`.
    tag_role(TagRoleRequest: TagRole) on Role role_name
        as |on, asked| adding(on, &asked.tags) => add_identity_tags(tags);
    /// `UntagUser`.
    untag_user(UntagUserRequest: UntagUser) on User user_name
        as |on, asked| removing(on, &asked.tag_keys) => remove_identity_tags(tag_keys);
    /// `UntagRole`.
    untag_role(UntagRoleRequest: UntagRole) on Role role_name
        as |on, asked| removing(on, &asked.tag_keys) => remove_identity_tags(tag_keys);
    /// `PutUserPermissionsBoundary`.
    put_user_permissions_boundary(PutUserPermissionsBoundaryRequest: PutUserPermissionsBoundary) on User user_name
        as |on, asked| NewBoundary { identity: on, boundary: asked.permissions_boundary.clone() } => put_boundary();
    /// `PutRolePermissionsBoundary`.
    put_role_permissions_boundary(PutRolePermissionsBoundaryRequest: PutRolePermissionsBoundary) on Role role_name
        as |on, asked| NewBoundary { identity: on, boundary: asked.permissions_boundary.clone() } => put_boundary();
    /// `DeleteUserPermissionsBoundary`.
    delete_user_permissions_boundary(DeleteUserPermissionsBoundaryRequest: DeleteUserPermissionsBoundary) on User user_name
        as |on, _asked| Bounded(on) => lift_boundary();
    /// `DeleteRolePermissionsBoundary`.
    delete_role_permissions_boundary(DeleteRolePermissionsBoundaryRequest: DeleteRolePermissionsBoundary) on Role role_name
        as |on, _asked| Bounded(on) => lift_boundary();
}

impl Control {
    async fn add_identity_tags<A: Act<On = Tagging<OnIdentity>>>(
        &self,
        allowed: Authorized<A>,
        tags: Vec<ShownTag>,
    ) -> Result<Empty, ApiError> {
        let change = IdentityChange::AddTags { tags: new_tags(tags)?, limit: MAX_TAGS };
        self.alter(&allowed, &allowed.on().on, change).await?;
        Ok(Empty {})
    }

    async fn remove_identity_tags<A: Act<On = Tagging<OnIdentity>>>(
        &self,
        allowed: Authorized<A>,
        keys: Vec<String>,
    ) -> Result<Empty, ApiError> {
        self.alter(&allowed, &allowed.on().on, IdentityChange::RemoveTags(keys)).await?;
        Ok(Empty {})
    }

    async fn put_boundary<A: Act<On = NewBoundary>>(&self, allowed: Authorized<A>) -> Result<Empty, ApiError> {
        let NewBoundary { identity, boundary } = allowed.on();
        let boundary = self.boundary(boundary)?;
        self.alter(&allowed, identity, IdentityChange::Boundary(Some(boundary))).await?;
        Ok(Empty {})
    }

    async fn lift_boundary<A: Act<On = Bounded>>(&self, allowed: Authorized<A>) -> Result<Empty, ApiError> {
        self.alter(&allowed, &allowed.on().0, IdentityChange::Boundary(None)).await?;
        Ok(Empty {})
    }

    /// `ListUserTags`.
    ///
    /// # Errors
    /// `NoSuchEntity`, `ValidationError`; `AccessDeniedException`.
    pub async fn list_user_tags(
        &self,
        caller: &Caller,
        request: ListUserTagsRequest,
    ) -> Result<ListTagsResponse, ApiError> {
        let on = self.on_identity(IdentityKind::User, &request.user_name).await?;
        let allowed = authorize::<act::ListUserTags>(caller, on)?;
        let tags = self.allowed_identity(&allowed).await?.tags;
        self.page_of_tags(&request, request.marker.as_deref(), request.max_items, tags)
    }

    /// `ListRoleTags`.
    ///
    /// # Errors
    /// `NoSuchEntity`, `ValidationError`; `AccessDeniedException`.
    pub async fn list_role_tags(
        &self,
        caller: &Caller,
        request: ListRoleTagsRequest,
    ) -> Result<ListTagsResponse, ApiError> {
        let on = self.on_identity(IdentityKind::Role, &request.role_name).await?;
        let allowed = authorize::<act::ListRoleTags>(caller, on)?;
        let tags = self.allowed_identity(&allowed).await?.tags;
        self.page_of_tags(&request, request.marker.as_deref(), request.max_items, tags)
    }

    /// `TagPolicy`.
    ///
    /// # Errors
    /// `NoSuchEntity`, `LimitExceeded`, `InvalidInput`; `AccessDeniedException`.
    pub async fn tag_policy(&self, caller: &Caller, request: TagPolicyRequest) -> Result<Empty, ApiError> {
        let on = adding(self.on_policy(&request.policy_arn).await?, &request.tags);
        let allowed = authorize::<act::TagPolicy>(caller, on)?;
        let change = TagChange::Add { tags: new_tags(request.tags)?, limit: MAX_TAGS };
        self.alter_policy_tags(&allowed, &allowed.on().on.arn, change).await
    }

    /// `UntagPolicy`.
    ///
    /// # Errors
    /// `NoSuchEntity`, `InvalidInput`; `AccessDeniedException`.
    pub async fn untag_policy(&self, caller: &Caller, request: UntagPolicyRequest) -> Result<Empty, ApiError> {
        let on = removing(self.on_policy(&request.policy_arn).await?, &request.tag_keys);
        let allowed = authorize::<act::UntagPolicy>(caller, on)?;
        self.alter_policy_tags(&allowed, &allowed.on().on.arn, TagChange::Remove(request.tag_keys)).await
    }

    async fn alter_policy_tags<A: Act>(
        &self,
        allowed: &Authorized<A>,
        arn: &Arn,
        change: TagChange,
    ) -> Result<Empty, ApiError> {
        super::policy::own(arn)?;
        match self.store.change_policy_tags(self.account(), arn, change).await.map_err(failure::store)? {
            ChangeTags::Changed => {
                log(allowed, arn, None::<&str>);
                Ok(Empty {})
            }
            ChangeTags::Unknown => Err(super::policy::unknown(arn)),
            ChangeTags::TooMany => Err(over_quota("TagsPerResource", MAX_TAGS)),
        }
    }

    /// `ListPolicyTags`.
    ///
    /// # Errors
    /// `NoSuchEntity`, `ValidationError`, `InvalidInput`; `AccessDeniedException`.
    pub async fn list_policy_tags(
        &self,
        caller: &Caller,
        request: ListPolicyTagsRequest,
    ) -> Result<ListTagsResponse, ApiError> {
        let allowed = authorize::<act::ListPolicyTags>(caller, self.on_policy(&request.policy_arn).await?)?;
        let tags = match super::find_managed(&allowed.on().arn) {
            Some(_) => Vec::new(),
            None => self.find_policy(&allowed.on().arn).await?.tags,
        };
        self.page_of_tags(&request, request.marker.as_deref(), request.max_items, tags)
    }

    fn page_of_tags<R: ApiRequest>(
        &self,
        request: &R,
        marker: Option<&str>,
        limit: Option<u32>,
        tags: Vec<Tag>,
    ) -> Result<ListTagsResponse, ApiError> {
        let page = Page::of(self, request, marker, limit)?;
        let (tags, marker) = page.of_all(tags, |tag| tag.key.clone());
        Ok(ListTagsResponse { tags: shown_tags(&tags), is_truncated: marker.is_some(), marker })
    }
}

fn adding<T>(on: T, tags: &[ShownTag]) -> Tagging<T> {
    Tagging { on, change: TagsAsked::Added(asked_tags(tags)) }
}

fn removing<T>(on: T, keys: &[String]) -> Tagging<T> {
    Tagging { on, change: TagsAsked::Removed(keys.to_vec()) }
}
