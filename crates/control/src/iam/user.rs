//! Users.

use postern_iam::{Arn, UniqueId};
use postern_model::iam::{
    CallerIdentity, CreateUserRequest, GetCallerIdentityRequest, GetUserRequest, ListUsersRequest, ListUsersResponse,
    UpdateUserRequest, User, UserResponse,
};
use postern_model::{ApiError, Empty, ErrorCode};
use postern_store::{IdentityChange, IdentityKind, IdentityRecord};

use super::{Page, arn, boundary_shape, moment, new_tags, on_identity, shown_tags, unmade};
use crate::authz::act::{self, Creation, NewIdentity, Renamed};
use crate::authz::{Authorized, authorize};
use crate::caller::{Caller, Principal};
use crate::{Control, failure};

on_identity! {
    /// `DeleteUser`: a user who has nothing left.
    delete_user(DeleteUserRequest: DeleteUser) on User user_name => remove_identity();
}

impl Control {
    /// `CreateUser`.
    ///
    /// # Errors
    /// `EntityAlreadyExists`, `LimitExceeded`, `NoSuchEntity`, `InvalidInput`; `AccessDeniedException`.
    pub async fn create_user(&self, caller: &Caller, request: CreateUserRequest) -> Result<UserResponse, ApiError> {
        let path = request.path.unwrap_or_else(|| "/".to_owned());
        let tags = new_tags(request.tags)?;
        let arn = arn(self.account(), IdentityKind::User, &path, &request.user_name);
        let name = request.user_name;
        let identity = Creation { of: unmade(IdentityKind::User, name, arn), tags: tags.clone() };
        let on = NewIdentity { identity, boundary: request.permissions_boundary.clone() };
        let allowed = authorize::<act::CreateUser>(caller, on)?;
        let user = IdentityRecord {
            kind: IdentityKind::User,
            id: UniqueId::of_user(&self.random()),
            name: allowed.on().identity.of.name.clone(),
            path,
            created_at: self.unix_millis(),
            boundary: request.permissions_boundary.map(|arn| self.boundary(&arn)).transpose()?,
            tags,
            role: None,
            lock: None,
        };
        let made = self.make(&allowed, user).await?;
        Ok(UserResponse { user: self.whole_user(&made) })
    }

    /// `GetUser`: without a name, whoever asks.
    ///
    /// # Errors
    /// `NoSuchEntity`; `ValidationError` if no user asks for itself; `AccessDeniedException`.
    pub async fn get_user(&self, caller: &Caller, request: GetUserRequest) -> Result<UserResponse, ApiError> {
        let name = own_name(caller, request.user_name)?;
        let allowed = authorize::<act::GetUser>(caller, self.on_identity(IdentityKind::User, &name).await?)?;
        Ok(UserResponse { user: self.whole_user(&self.allowed_identity(&allowed).await?) })
    }

    /// `ListUsers`.
    ///
    /// # Errors
    /// `ValidationError`; `AccessDeniedException`.
    pub async fn list_users(&self, caller: &Caller, request: ListUsersRequest) -> Result<ListUsersResponse, ApiError> {
        let allowed = authorize::<act::ListUsers>(caller, ())?;
        self.page_of_users(allowed, request).await
    }

    async fn page_of_users(
        &self,
        _allowed: Authorized<act::ListUsers>,
        request: ListUsersRequest,
    ) -> Result<ListUsersResponse, ApiError> {
        let page = Page::of(self, &request, request.marker.as_deref(), request.max_items)?;
        let prefix = request.path_prefix.as_deref().unwrap_or("/");
        let found =
            self.store.identities_page(self.account(), IdentityKind::User, prefix, page.after(), page.reads()).await;
        let mut users = found.map_err(failure::store)?;
        let marker = page.cut(&mut users, |user| user.name.clone());
        let users = users.iter().map(|user| self.listed_user(user)).collect();
        Ok(ListUsersResponse { users, is_truncated: marker.is_some(), marker })
    }

    /// `UpdateUser`: another name, another path.
    ///
    /// # Errors
    /// `NoSuchEntity`, `EntityAlreadyExists`; `AccessDeniedException`.
    pub async fn update_user(&self, caller: &Caller, request: UpdateUserRequest) -> Result<Empty, ApiError> {
        let UpdateUserRequest { user_name, new_path: path, new_user_name: name } = request;
        let on = self.renamed(IdentityKind::User, &user_name, name.as_deref(), path.as_deref()).await?;
        let allowed = authorize::<act::UpdateUser>(caller, on)?;
        self.alter(&allowed, &allowed.on().from, IdentityChange::Rename { name, path }).await?;
        Ok(Empty {})
    }

    /// What renaming is about: the identity, and what it would be called.
    pub(super) async fn renamed(
        &self,
        kind: IdentityKind,
        name: &str,
        new_name: Option<&str>,
        new_path: Option<&str>,
    ) -> Result<Renamed, ApiError> {
        let found = self.find_identity(kind, name).await?;
        let (from, old_path) = match &found {
            Some(found) => (self.on(found, arn(self.account(), kind, "/", name)), found.path.as_str()),
            None => (self.on_identity(kind, name).await?, "/"),
        };
        let to = arn(self.account(), kind, new_path.unwrap_or(old_path), new_name.unwrap_or(&from.name));
        Ok(Renamed { from, to })
    }

    /// `GetCallerIdentity`, which nobody needs a permission for.
    ///
    /// # Errors
    /// `AccessDeniedException` for a request without credentials.
    pub async fn get_caller_identity(
        &self,
        caller: &Caller,
        _: GetCallerIdentityRequest,
    ) -> Result<CallerIdentity, ApiError> {
        let allowed = authorize::<act::GetCallerIdentity>(caller, ())?;
        let account = self.account();
        let (user_id, arn) = match &allowed.caller().principal {
            Principal::Person(person) => (person.user_id.clone(), person.arn.clone()),
            Principal::Node { node_id, .. } => {
                let node = self.store.node(self.scope(), node_id).await.map_err(failure::store)?;
                let node = node.ok_or_else(|| crate::authenticate::not_registered(node_id))?;
                let role = node.iam_role.rsplit('/').next().unwrap_or_default();
                let found = self.find_identity(IdentityKind::Role, role).await?;
                let id = found.map_or_else(|| "AROA".to_owned(), |role| role.id.to_string());
                (format!("{id}:{node_id}"), Arn::assumed_role(account, role, node_id.as_str()))
            }
            Principal::Anonymous => return Err(ApiError::internal()),
        };
        Ok(CallerIdentity { user_id, account: account.to_string(), arn })
    }

    fn whole_user(&self, user: &IdentityRecord) -> User {
        let tags = (!user.tags.is_empty()).then(|| shown_tags(&user.tags));
        User { permissions_boundary: boundary_shape(user.boundary.as_ref()), tags, ..self.listed_user(user) }
    }

    pub(super) fn listed_user(&self, user: &IdentityRecord) -> User {
        User {
            path: user.path.clone(),
            user_name: user.name.clone(),
            user_id: user.id.to_string(),
            arn: user.arn(self.account()),
            create_date: moment(user.created_at),
            permissions_boundary: None,
            tags: None,
        }
    }
}

/// The user that an operation is about if it names none.
pub(super) fn own_name(caller: &Caller, named: Option<String>) -> Result<String, ApiError> {
    let own = match &caller.principal {
        Principal::Person(person) => person.user_name().map(str::to_owned),
        Principal::Node { .. } | Principal::Anonymous => None,
    };
    named.or(own).ok_or_else(|| {
        let message = "Must specify userName when calling with non-User credentials";
        ApiError::new(ErrorCode::ValidationError, message)
    })
}
