//! Identity and Access Management: users, groups, roles, access keys and policies.
//!
//! Every act first finds what it is about, because its ARN has a path that the request does not name, then asks whether
//! the caller may, and then does one thing in the store. Policies are read before they are kept, so that what is kept
//! can be decided with.

mod access_key;
mod attach;
mod group;
mod inline;
mod managed;
mod mfa;
mod policy;
mod provider;
mod role;
mod simulation;
mod tag;
mod user;

use postern_iam::{AccountId, Arn};
use postern_model::iam::{Boundary, Moment};
use postern_model::{ApiError, ApiRequest, ErrorCode};
use postern_policy::{Limits, Policy};
use postern_store::{
    ChangeIdentity, CreateIdentity, DeleteIdentity, IdentityChange, IdentityKind, IdentityRecord, IdentityUse, Tag,
};

use crate::authz::act::OnIdentity;
use crate::authz::{Act, Authorized};
use crate::page::Listing;
use crate::{Control, failure};

pub(crate) use managed::{AWS_MANAGED, find_managed};

/// AWS's quotas, which nobody here needs to have raised.
const MAX_USERS: u32 = 5000;
const MAX_GROUPS: u32 = 300;
const MAX_ROLES: u32 = 1000;
const MAX_TAGS: usize = 50;
const DEFAULT_PAGE: u32 = 100;
/// How long credentials of a role are good at most if nobody says, in seconds.
const DEFAULT_SESSION_SECONDS: u32 = 3600;

/// A public act on one identity, from the members of its request. What it is about, if that is more than the identity,
/// is made of that and the request.
macro_rules! on_identity {
    ($($(#[$doc:meta])* $name:ident($request:ident: $act:ident) on $kind:ident $named:ident
        $(as |$on:ident, $asked:ident| $subject:expr)? => $inner:ident($($member:ident),*);)+) => {
        impl crate::Control { $(
            $(#[$doc])*
            ///
            /// # Errors
            /// AWS's codes for the operation; `AccessDeniedException`.
            pub async fn $name(
                &self,
                caller: &crate::Caller,
                request: postern_model::iam::$request,
            ) -> Result<<postern_model::iam::$request as postern_model::ApiRequest>::Response, postern_model::ApiError> {
                let on = self.on_identity(postern_store::IdentityKind::$kind, &request.$named).await?;
                $(let on = {
                    let ($on, $asked) = (on, &request);
                    $subject
                };)?
                let allowed = crate::authz::authorize::<crate::authz::act::$act>(caller, on)?;
                self.$inner(allowed, $(request.$member),*).await
            }
        )+ }
    };
}
use on_identity;

impl Control {
    fn account(&self) -> &AccountId {
        &self.scope().account
    }

    async fn find_identity(&self, kind: IdentityKind, name: &str) -> Result<Option<IdentityRecord>, ApiError> {
        self.store.identity(self.account(), kind, name).await.map_err(failure::store)
    }

    /// The ARN of a role by its name, before which there may be its path. One that is not there has what was named.
    pub(crate) async fn role_arn(&self, name: &str) -> Result<Arn, ApiError> {
        let short = name.rsplit('/').next().unwrap_or(name);
        let found = self.find_identity(IdentityKind::Role, short).await?;
        Ok(found.map_or_else(|| Arn::role(self.account(), name), |role| role.arn(self.account())))
    }

    /// What an act on this identity is about. One that is not there has no path.
    pub(crate) async fn on_identity(&self, kind: IdentityKind, name: &str) -> Result<OnIdentity, ApiError> {
        let asked = arn(self.account(), kind, "/", name);
        Ok(match self.find_identity(kind, name).await? {
            Some(found) => self.on(&found, asked),
            None => unmade(kind, name.to_owned(), asked),
        })
    }

    /// An identity that was found behind what somebody asked for.
    fn on(&self, identity: &IdentityRecord, asked: Arn) -> OnIdentity {
        let IdentityRecord { kind, name, tags, boundary, .. } = identity;
        let (name, tags, boundary) = (name.clone(), tags.clone(), boundary.clone());
        OnIdentity { kind: *kind, name, arn: identity.arn(self.account()), asked, tags, boundary }
    }

    /// The identity that an act was allowed on.
    async fn allowed_identity<A: Act<On = OnIdentity>>(
        &self,
        allowed: &Authorized<A>,
    ) -> Result<IdentityRecord, ApiError> {
        let OnIdentity { kind, name, .. } = allowed.on();
        self.find_identity(*kind, name).await?.ok_or_else(|| no_such(*kind, name))
    }

    async fn make<A: Act>(
        &self,
        allowed: &Authorized<A>,
        identity: IdentityRecord,
    ) -> Result<IdentityRecord, ApiError> {
        let (limit, quota) = match identity.kind {
            IdentityKind::User => (MAX_USERS, "UsersPerAccount"),
            IdentityKind::Group => (MAX_GROUPS, "GroupsPerAccount"),
            IdentityKind::Role => (MAX_ROLES, "RolesPerAccount"),
        };
        let made = self.store.create_identity(self.account(), identity.clone(), limit).await;
        match made.map_err(failure::store)? {
            CreateIdentity::Created => {
                log(allowed, &identity.arn(self.account()), identity.boundary.as_ref());
                Ok(identity)
            }
            CreateIdentity::NameTaken => Err(exists(identity.kind, &identity.name)),
            CreateIdentity::LimitReached => Err(over_quota(quota, limit)),
            CreateIdentity::BoundaryUnknown => Err(no_such_policy(identity.boundary.as_ref())),
        }
    }

    async fn alter<A: Act>(
        &self,
        allowed: &Authorized<A>,
        on: &OnIdentity,
        change: IdentityChange,
    ) -> Result<(), ApiError> {
        let (new_name, boundary) = match &change {
            IdentityChange::Rename { name, .. } => (name.clone(), None),
            IdentityChange::Boundary(boundary) => (None, boundary.clone()),
            _ => (None, None),
        };
        let changed = self.store.change_identity(self.account(), on.kind, &on.name, change).await;
        match changed.map_err(failure::store)? {
            ChangeIdentity::Changed => {
                log(allowed, &on.arn, boundary.as_ref());
                Ok(())
            }
            ChangeIdentity::Unknown => Err(no_such(on.kind, &on.name)),
            ChangeIdentity::NameTaken => Err(exists(on.kind, new_name.as_deref().unwrap_or(&on.name))),
            ChangeIdentity::TooManyTags => Err(over_quota("TagsPerResource", MAX_TAGS)),
            ChangeIdentity::BoundaryUnknown => Err(no_such_policy(boundary.as_ref())),
        }
    }

    async fn remove_identity<A: Act<On = OnIdentity>>(
        &self,
        allowed: Authorized<A>,
    ) -> Result<postern_model::Empty, ApiError> {
        let OnIdentity { kind, name, arn, .. } = allowed.on();
        let deleted = self.store.delete_identity(self.account(), *kind, name).await.map_err(failure::store)?;
        let first = match deleted {
            DeleteIdentity::Deleted => {
                log(&allowed, arn, None::<&str>);
                return Ok(postern_model::Empty {});
            }
            DeleteIdentity::Unknown => return Err(no_such(*kind, name)),
            DeleteIdentity::InUse(IdentityUse::AccessKeys) => "delete access keys",
            DeleteIdentity::InUse(IdentityUse::Devices) => "delete MFA device",
            DeleteIdentity::InUse(IdentityUse::Memberships) if *kind == IdentityKind::User => {
                "remove user from all groups"
            }
            DeleteIdentity::InUse(IdentityUse::Memberships) => "remove users from group",
            DeleteIdentity::InUse(IdentityUse::AttachedPolicies) => "detach all policies",
            DeleteIdentity::InUse(IdentityUse::InlinePolicies) => "delete policies",
        };
        Err(ApiError::new(ErrorCode::DeleteConflict, format!("Cannot delete entity, must {first} first.")))
    }

    /// A policy to bound somebody with: one that there can be.
    fn boundary(&self, arn: &str) -> Result<Arn, ApiError> {
        let arn = policy_arn(arn)?;
        self.known_if_managed(&arn)?;
        Ok(arn)
    }

    /// The service's own policies are not in the store, so whether there is one is known here.
    fn known_if_managed(&self, arn: &Arn) -> Result<(), ApiError> {
        let is_known = match arn.account.as_str() {
            AWS_MANAGED => find_managed(arn).is_some(),
            account => account == self.account().as_str(),
        };
        if is_known { Ok(()) } else { Err(no_such_policy(Some(arn))) }
    }
}

/// One page of a listing.
struct Page<'a> {
    listing: Listing<'a>,
    after: Option<String>,
    limit: u32,
}

impl<'a> Page<'a> {
    fn of<R: ApiRequest>(
        control: &'a Control,
        request: &R,
        marker: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Self, ApiError> {
        let listing = control.listing(request);
        let after = listing.cursor(marker).map_err(|_| {
            let message = "Invalid Marker: it is not one that this operation gave out for these filters; start again \
                           without it.";
            ApiError::new(ErrorCode::ValidationError, message)
        })?;
        Ok(Self { listing, after, limit: limit.unwrap_or(DEFAULT_PAGE) })
    }

    /// Where the store begins to read.
    fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// How much it reads, to know whether there is more.
    fn reads(&self) -> u32 {
        self.limit + 1
    }

    /// Cuts what was read, and says where the next page begins.
    fn cut<T>(&self, records: &mut Vec<T>, cursor: impl Fn(&T) -> String) -> Option<String> {
        self.listing.cut(records, self.limit, cursor)
    }

    /// The same of all there is, which is in the order of its cursors.
    fn of_all<T>(&self, mut all: Vec<T>, cursor: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
        if let Some(after) = &self.after {
            all.retain(|item| cursor(item) > *after);
        }
        let marker = self.cut(&mut all, cursor);
        (all, marker)
    }
}

fn arn(account: &AccountId, kind: IdentityKind, path: &str, name: &str) -> Arn {
    let name = format!("{}{name}", path.trim_start_matches('/'));
    match kind {
        IdentityKind::User => Arn::user(account, &name),
        IdentityKind::Group => Arn::group(account, &name),
        IdentityKind::Role => Arn::role(account, &name),
    }
}

/// As many warnings about one policy go into the log.
const MAX_WARNINGS: usize = 20;

/// Checks a policy before it is kept for somebody or something. What is probably not meant goes into the log: IAM's
/// answers have no place for it.
fn check(document: &str, limits: Limits, on: &Arn) -> Result<(), ApiError> {
    let policy = Policy::parse(document, limits).map_err(|fault| {
        let code = match fault.code() {
            "LimitExceeded" => ErrorCode::LimitExceeded,
            _ => ErrorCode::MalformedPolicyDocument,
        };
        ApiError::new(code, fault.to_string())
    })?;
    let warnings = policy.warnings();
    for warning in warnings.iter().take(MAX_WARNINGS) {
        // The text has words of the policy's author: shown so that they cannot look like another line.
        tracing::warn!(%on, warning = ?warning.to_string(), "a policy that was sent may not mean what it says");
    }
    if let Some(more @ 1..) = warnings.len().checked_sub(MAX_WARNINGS) {
        tracing::warn!(%on, more, "there are more warnings about this policy");
    }
    Ok(())
}

pub(crate) fn policy_arn(text: &str) -> Result<Arn, ApiError> {
    let arn = text.parse::<Arn>().ok();
    let is_policy = |arn: &Arn| {
        arn.is_in_our_partition()
            && arn.service == "iam"
            && arn.region.is_empty()
            && arn.resource.starts_with("policy/")
    };
    arn.filter(is_policy)
        .ok_or_else(|| ApiError::new(ErrorCode::InvalidInput, format!("ARN {} is not valid.", shown(text))))
}

/// What a message repeats of a text that somebody sent.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(256).collect()
}

fn boundary_shape(boundary: Option<&Arn>) -> Option<Boundary> {
    boundary.map(|arn| Boundary {
        permissions_boundary_type: "PermissionsBoundaryPolicy".to_owned(),
        permissions_boundary_arn: arn.clone(),
    })
}

fn kind_name(kind: IdentityKind) -> &'static str {
    match kind {
        IdentityKind::User => "user",
        IdentityKind::Group => "group",
        IdentityKind::Role => "role",
    }
}

fn no_such(kind: IdentityKind, name: &str) -> ApiError {
    no_entity(format!("The {} with name {name} cannot be found.", kind_name(kind)))
}

fn no_entity(message: String) -> ApiError {
    ApiError::new(ErrorCode::NoSuchEntity, message)
}

fn no_such_policy(arn: Option<&Arn>) -> ApiError {
    let arn = arn.map(Arn::to_string).unwrap_or_default();
    no_entity(format!("Policy {arn} does not exist or is not attachable."))
}

fn exists(kind: IdentityKind, name: &str) -> ApiError {
    let kind = match kind {
        IdentityKind::User => "User",
        IdentityKind::Group => "Group",
        IdentityKind::Role => "Role",
    };
    ApiError::new(ErrorCode::EntityAlreadyExists, format!("{kind} with name {name} already exists."))
}

fn over_quota(quota: &str, limit: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::LimitExceeded, format!("Cannot exceed quota for {quota}: {limit}"))
}

/// Who has changed what, for whoever reads the service's log: on whom or what, and with which policy, key or user.
fn log<A: Act>(allowed: &Authorized<A>, on: &Arn, with: Option<impl std::fmt::Display>) {
    let (with, by) = (with.map(tracing::field::display), &allowed.caller().principal);
    tracing::info!(action = A::ACTION.name(), %on, with, %by, "identities changed");
}

/// An identity that is not there, or not yet.
fn unmade(kind: IdentityKind, name: String, arn: Arn) -> OnIdentity {
    OnIdentity { kind, name, asked: arn.clone(), arn, tags: Vec::new(), boundary: None }
}

/// Tags of a new thing. Keys that differ in case only are one key, so they cannot both be meant.
fn new_tags(tags: Vec<postern_model::activation::Tag>) -> Result<Vec<Tag>, ApiError> {
    let mut known = std::collections::BTreeMap::new();
    for tag in tags {
        if let Some(other) = known.insert(tag.key.to_lowercase(), Tag { key: tag.key, value: tag.value }) {
            let message =
                format!("Duplicate tag keys found. Please note that Tag keys are case insensitive: {}.", other.key);
            return Err(ApiError::new(ErrorCode::InvalidInput, message));
        }
    }
    let mut tags: Vec<Tag> = known.into_values().collect();
    tags.sort();
    Ok(tags)
}

fn shown_tags(tags: &[Tag]) -> Vec<postern_model::activation::Tag> {
    let shown = |tag: &Tag| postern_model::activation::Tag { key: tag.key.clone(), value: tag.value.clone() };
    tags.iter().map(shown).collect()
}

fn moment(millis: postern_store::UnixMillis) -> Moment {
    Moment::from_millis(millis)
}
