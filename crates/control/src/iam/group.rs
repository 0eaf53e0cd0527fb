//! Groups and who is in them.

use postern_iam::UniqueId;
use postern_model::iam::{
    AddUserToGroupRequest, CreateGroupRequest, GetGroupRequest, GetGroupResponse, Group, GroupResponse,
    ListGroupsForUserRequest, ListGroupsRequest, ListGroupsResponse, RemoveUserFromGroupRequest, UpdateGroupRequest,
};
use postern_model::{ApiError, Empty};
use postern_store::{IdentityChange, IdentityKind, IdentityRecord, Membership};

use super::{Page, arn, log, moment, no_such, on_identity, over_quota, unmade};
use crate::authz::act::{self, OnIdentity};
use crate::authz::{Act, Authorized, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

/// AWS's quota.
const MAX_GROUPS_PER_USER: u32 = 10;

on_identity! {
    /// `DeleteGroup`: a group that has nothing left.
    delete_group(DeleteGroupRequest: DeleteGroup) on Group group_name => remove_identity();
}

impl Control {
    /// `CreateGroup`.
    ///
    /// # Errors
    /// `EntityAlreadyExists`, `LimitExceeded`; `AccessDeniedException`.
    pub async fn create_group(&self, caller: &Caller, request: CreateGroupRequest) -> Result<GroupResponse, ApiError> {
        let path = request.path.unwrap_or_else(|| "/".to_owned());
        let arn = arn(self.account(), IdentityKind::Group, &path, &request.group_name);
        let name = request.group_name;
        let on = unmade(IdentityKind::Group, name, arn);
        let allowed = authorize::<act::CreateGroup>(caller, on)?;
        let group = IdentityRecord {
            kind: IdentityKind::Group,
            id: UniqueId::of_group(&self.random()),
            name: allowed.on().name.clone(),
            path,
            created_at: self.unix_millis(),
            boundary: None,
            tags: Vec::new(),
            role: None,
            lock: None,
        };
        Ok(GroupResponse { group: self.shown_group(&self.make(&allowed, group).await?) })
    }

    /// `GetGroup`: the group and a page of its users.
    ///
    /// # Errors
    /// `NoSuchEntity`, `ValidationError`; `AccessDeniedException`.
    pub async fn get_group(&self, caller: &Caller, request: GetGroupRequest) -> Result<GetGroupResponse, ApiError> {
        let on = self.on_identity(IdentityKind::Group, &request.group_name).await?;
        let allowed = authorize::<act::GetGroup>(caller, on)?;
        let page = Page::of(self, &request, request.marker.as_deref(), request.max_items)?;
        let group = self.allowed_identity(&allowed).await?;
        let found = self.store.users_of_group(self.account(), &group.id, page.after(), page.reads()).await;
        let mut users = found.map_err(failure::store)?;
        let marker = page.cut(&mut users, |user| user.name.clone());
        let users = users.iter().map(|user| self.listed_user(user)).collect();
        Ok(GetGroupResponse { group: self.shown_group(&group), users, is_truncated: marker.is_some(), marker })
    }

    /// `ListGroups`.
    ///
    /// # Errors
    /// `ValidationError`; `AccessDeniedException`.
    pub async fn list_groups(
        &self,
        caller: &Caller,
        request: ListGroupsRequest,
    ) -> Result<ListGroupsResponse, ApiError> {
        let allowed = authorize::<act::ListGroups>(caller, ())?;
        self.page_of_groups(allowed, request).await
    }

    async fn page_of_groups(
        &self,
        _allowed: Authorized<act::ListGroups>,
        request: ListGroupsRequest,
    ) -> Result<ListGroupsResponse, ApiError> {
        let page = Page::of(self, &request, request.marker.as_deref(), request.max_items)?;
        let prefix = request.path_prefix.as_deref().unwrap_or("/");
        let found =
            self.store.identities_page(self.account(), IdentityKind::Group, prefix, page.after(), page.reads()).await;
        let mut groups = found.map_err(failure::store)?;
        let marker = page.cut(&mut groups, |group| group.name.clone());
        let groups = groups.iter().map(|group| self.shown_group(group)).collect();
        Ok(ListGroupsResponse { groups, is_truncated: marker.is_some(), marker })
    }

    /// `UpdateGroup`: another name, another path.
    ///
    /// # Errors
    /// `NoSuchEntity`, `EntityAlreadyExists`; `AccessDeniedException`.
    pub async fn update_group(&self, caller: &Caller, request: UpdateGroupRequest) -> Result<Empty, ApiError> {
        let UpdateGroupRequest { group_name, new_path: path, new_group_name: name } = request;
        let on = self.renamed(IdentityKind::Group, &group_name, name.as_deref(), path.as_deref()).await?;
        let allowed = authorize::<act::UpdateGroup>(caller, on)?;
        self.alter(&allowed, &allowed.on().from, IdentityChange::Rename { name, path }).await?;
        Ok(Empty {})
    }

    /// `AddUserToGroup`.
    ///
    /// # Errors
    /// `NoSuchEntity`, `LimitExceeded`; `AccessDeniedException`.
    pub async fn add_user_to_group(&self, caller: &Caller, request: AddUserToGroupRequest) -> Result<Empty, ApiError> {
        let AddUserToGroupRequest { group_name: group, user_name: user } = request;
        let allowed = authorize::<act::AddUserToGroup>(caller, self.on_identity(IdentityKind::Group, &group).await?)?;
        let done = self.store.add_user_to_group(self.account(), &user, &group, MAX_GROUPS_PER_USER).await;
        member(&allowed, &user, done.map_err(failure::store)?)
    }

    /// `RemoveUserFromGroup`.
    ///
    /// # Errors
    /// `NoSuchEntity`; `AccessDeniedException`.
    pub async fn remove_user_from_group(
        &self,
        caller: &Caller,
        request: RemoveUserFromGroupRequest,
    ) -> Result<Empty, ApiError> {
        let RemoveUserFromGroupRequest { group_name: group, user_name: user } = request;
        let allowed =
            authorize::<act::RemoveUserFromGroup>(caller, self.on_identity(IdentityKind::Group, &group).await?)?;
        let done = self.store.remove_user_from_group(self.account(), &user, &group).await;
        member(&allowed, &user, done.map_err(failure::store)?)
    }

    /// `ListGroupsForUser`.
    ///
    /// # Errors
    /// `NoSuchEntity`, `ValidationError`; `AccessDeniedException`.
    pub async fn list_groups_for_user(
        &self,
        caller: &Caller,
        request: ListGroupsForUserRequest,
    ) -> Result<ListGroupsResponse, ApiError> {
        let on = self.on_identity(IdentityKind::User, &request.user_name).await?;
        let allowed = authorize::<act::ListGroupsForUser>(caller, on)?;
        let page = Page::of(self, &request, request.marker.as_deref(), request.max_items)?;
        let OnIdentity { kind, name, .. } = allowed.on();
        let groups = self.store.groups_of_user(self.account(), name).await.map_err(failure::store)?;
        let groups = groups.ok_or_else(|| no_such(*kind, name))?;
        let (groups, marker) = page.of_all(groups, |group| group.name.to_ascii_lowercase());
        let groups = groups.iter().map(|group| self.shown_group(group)).collect();
        Ok(ListGroupsResponse { groups, is_truncated: marker.is_some(), marker })
    }

    fn shown_group(&self, group: &IdentityRecord) -> Group {
        Group {
            path: group.path.clone(),
            group_name: group.name.clone(),
            group_id: group.id.to_string(),
            arn: group.arn(self.account()),
            create_date: moment(group.created_at),
        }
    }
}

fn member<A: Act<On = OnIdentity>>(allowed: &Authorized<A>, user: &str, done: Membership) -> Result<Empty, ApiError> {
    match done {
        Membership::Done => {
            log(allowed, &allowed.on().arn, Some(user));
            Ok(Empty {})
        }
        Membership::UserUnknown => Err(no_such(IdentityKind::User, user)),
        Membership::GroupUnknown => Err(no_such(IdentityKind::Group, &allowed.on().name)),
        Membership::LimitReached => Err(over_quota("GroupsPerUser", MAX_GROUPS_PER_USER)),
    }
}
