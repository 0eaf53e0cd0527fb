//! Locks: one call that stops a user, a role or a node, whatever policies say, until another call lets it go on.

use postern_iam::{Arn, NodeId};
use postern_model::lock::{
    ListLocksRequest, ListLocksResponse, LockInformation, LockNodeRequest, LockPrincipalRequest, UnlockNodeRequest,
    UnlockPrincipalRequest,
};
use postern_model::{ApiError, Empty, ErrorCode, Timestamp};
use postern_store::{ChangeIdentity, IdentityChange, IdentityKind, Lock, Locked, LockedThing, Scope};

use crate::authz::act::{self, OnIdentity};
use crate::authz::{Act, Authorized, authorize};
use crate::caller::{Caller, PersonKind, Principal};
use crate::{Control, failure};

/// Locks a page if the caller does not say.
const DEFAULT_RESULTS: u32 = 50;

impl Control {
    /// `Postern.LockPrincipal`: whatever it asks for is refused, and its sessions end within seconds.
    ///
    /// # Errors
    /// `ValidationException` for what is no user or role, and for the caller itself; `DoesNotExistException`;
    /// `AccessDeniedException`.
    pub async fn lock_principal(&self, caller: &Caller, request: LockPrincipalRequest) -> Result<Empty, ApiError> {
        let LockPrincipalRequest { principal, reason } = request;
        let allowed = authorize::<act::LockPrincipal>(caller, self.on_principal(&principal).await?)?;
        if self.is_own(caller, allowed.on()).await? {
            let message = "Whoever locks its own user or role could not unlock it; let another administrator do it.";
            return Err(ApiError::new(ErrorCode::ValidationException, message));
        }
        let lock = self.new_lock(caller, reason);
        self.set_principal_lock(allowed, Some(lock)).await
    }

    /// `Postern.UnlockPrincipal`.
    ///
    /// # Errors
    /// As for [`Control::lock_principal`].
    pub async fn unlock_principal(&self, caller: &Caller, request: UnlockPrincipalRequest) -> Result<Empty, ApiError> {
        let on = self.on_principal(&request.principal).await?;
        self.set_principal_lock(authorize::<act::UnlockPrincipal>(caller, on)?, None).await
    }

    /// `Postern.LockNode`: the node takes no new sessions, and those on it end within seconds.
    ///
    /// # Errors
    /// `ValidationException` for what is no node's id; `DoesNotExistException`; `AccessDeniedException`.
    pub async fn lock_node(&self, caller: &Caller, request: LockNodeRequest) -> Result<Empty, ApiError> {
        let LockNodeRequest { target, reason } = request;
        let allowed = authorize::<act::LockNode>(caller, self.on_node(node_id(&target)?).await?)?;
        let lock = self.new_lock(caller, reason);
        let id = allowed.on().id.clone();
        self.set_node_lock(&allowed, &id, Some(lock)).await
    }

    /// `Postern.UnlockNode`.
    ///
    /// # Errors
    /// As for [`Control::lock_node`].
    pub async fn unlock_node(&self, caller: &Caller, request: UnlockNodeRequest) -> Result<Empty, ApiError> {
        let allowed = authorize::<act::UnlockNode>(caller, self.on_node(node_id(&request.target)?).await?)?;
        let id = allowed.on().id.clone();
        self.set_node_lock(&allowed, &id, None).await
    }

    /// `Postern.ListLocks`: everything that is locked, with the reasons.
    ///
    /// # Errors
    /// `InvalidNextToken`; `AccessDeniedException`.
    pub async fn list_locks(&self, caller: &Caller, request: ListLocksRequest) -> Result<ListLocksResponse, ApiError> {
        self.page_of_locks(authorize::<act::ListLocks>(caller, ())?, request).await
    }

    async fn page_of_locks(
        &self,
        _allowed: Authorized<act::ListLocks>,
        request: ListLocksRequest,
    ) -> Result<ListLocksResponse, ApiError> {
        let listing = self.listing(&request);
        let after = listing.cursor::<String>(request.next_token.as_deref())?;
        let limit = request.max_results.unwrap_or(DEFAULT_RESULTS);
        let page = self.store.locks_page(self.scope(), after.as_deref(), limit + 1).await;
        let mut locks = page.map_err(failure::store)?;
        let next_token = listing.cut(&mut locks, limit, |locked| locked.on.cursor());
        Ok(ListLocksResponse { locks: locks.into_iter().map(|locked| self.shown_lock(locked)).collect(), next_token })
    }

    fn shown_lock(&self, Locked { on, lock: Lock { reason, by, at } }: Locked) -> LockInformation {
        let Scope { account, region } = self.scope();
        let (kind, name, arn) = match on {
            LockedThing::Node(id) => ("Node", id.to_string(), Arn::node(region, account, &id)),
            LockedThing::Identity { kind, path, name } => {
                let full = format!("{}{name}", path.trim_start_matches('/'));
                match kind {
                    IdentityKind::Role => ("Role", name, Arn::role(account, &full)),
                    IdentityKind::User | IdentityKind::Group => ("User", name, Arn::user(account, &full)),
                }
            }
        };
        LockInformation {
            kind: kind.to_owned(),
            name,
            arn,
            reason: Some(reason).filter(|reason| !reason.is_empty()),
            locked_by: by,
            locked_at: Timestamp::from_millis(at),
        }
    }

    async fn set_principal_lock<A: Act<On = OnIdentity>>(
        &self,
        allowed: Authorized<A>,
        lock: Option<Lock>,
    ) -> Result<Empty, ApiError> {
        let OnIdentity { kind, name, arn, .. } = allowed.on();
        let reason = lock.as_ref().map(|lock| lock.reason.clone());
        let account = &self.scope().account;
        match self
            .store
            .change_identity(account, *kind, name, IdentityChange::Lock(lock))
            .await
            .map_err(failure::store)?
        {
            ChangeIdentity::Changed => {
                note(&allowed, arn, reason.as_deref());
                Ok(Empty {})
            }
            ChangeIdentity::Unknown
            | ChangeIdentity::NameTaken
            | ChangeIdentity::TooManyTags
            | ChangeIdentity::BoundaryUnknown => Err(not_there(&allowed.on().asked)),
        }
    }

    async fn set_node_lock<A: Act>(
        &self,
        allowed: &Authorized<A>,
        id: &NodeId,
        lock: Option<Lock>,
    ) -> Result<Empty, ApiError> {
        let reason = lock.as_ref().map(|lock| lock.reason.clone());
        if !self.store.lock_node(self.scope(), id, lock).await.map_err(failure::store)? {
            return Err(not_there(id));
        }
        note(allowed, id, reason.as_deref());
        Ok(Empty {})
    }

    fn new_lock(&self, caller: &Caller, reason: Option<String>) -> Lock {
        let reason = reason.unwrap_or_default().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Lock { reason, by: caller.principal.to_string(), at: self.unix_millis() }
    }

    /// A user or role, which need not exist.
    pub(crate) async fn on_principal(&self, named: &str) -> Result<OnIdentity, ApiError> {
        let resource = match named.parse::<postern_iam::Arn>() {
            Ok(arn)
                if arn.is_in_our_partition()
                    && arn.service == "iam"
                    && arn.account == self.scope().account.as_str() =>
            {
                arn.resource
            }
            Ok(_) => return Err(no_principal()),
            Err(_) => named.to_owned(),
        };
        let (kind, path) = match resource.split_once('/') {
            Some(("user", name)) => (IdentityKind::User, name),
            Some(("role", name)) => (IdentityKind::Role, name),
            None => (IdentityKind::User, resource.as_str()),
            Some(_) => return Err(no_principal()),
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        let is_name = (1..=128).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte));
        if !is_name {
            return Err(no_principal());
        }
        self.on_identity(kind, name).await
    }

    /// Whether the caller would lock itself.
    async fn is_own(&self, caller: &Caller, on: &OnIdentity) -> Result<bool, ApiError> {
        let Principal::Person(person) = &caller.principal else { return Ok(false) };
        let (PersonKind::User { id, .. } | PersonKind::RoleSession { id, .. }) = &person.kind;
        let account = &self.scope().account;
        let found = self.store.identity(account, on.kind, &on.name).await.map_err(failure::store)?;
        Ok(found.is_some_and(|found| found.id == *id || person.user_behind() == Some(&found.id)))
    }
}

/// For whoever reads the service's log.
fn note<A: Act>(allowed: &Authorized<A>, on: &impl std::fmt::Display, reason: Option<&str>) {
    let by = &allowed.caller().principal;
    tracing::info!(action = A::ACTION.name(), %on, reason, %by, "a lock was changed");
}

fn node_id(target: &str) -> Result<NodeId, ApiError> {
    target.parse().map_err(|_| {
        let message = "Target must be the id of a managed node, mi-…; DescribeInstanceInformation lists them.";
        ApiError::new(ErrorCode::ValidationException, message)
    })
}

fn no_principal() -> ApiError {
    let message =
        "Principal must be the ARN of a user or role of this account, user/NAME, role/NAME, or a user's name.";
    ApiError::new(ErrorCode::ValidationException, message)
}

pub(crate) fn not_there(what: &impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::DoesNotExistException, format!("There is no {what} here."))
}
