//! Managed policies, their versions, and who has them.

use std::collections::BTreeMap;

use postern_iam::{Arn, UniqueId};
use postern_model::iam::{
    CreatePolicyRequest, CreatePolicyVersionRequest, DeletePolicyRequest, DeletePolicyVersionRequest, Document,
    GetPolicyRequest, GetPolicyVersionRequest, ListEntitiesForPolicyRequest, ListEntitiesForPolicyResponse,
    ListPoliciesRequest, ListPoliciesResponse, ListPolicyVersionsRequest, ListPolicyVersionsResponse, Policy,
    PolicyGroup, PolicyResponse, PolicyRole, PolicyUser, PolicyVersion as ShownVersion, PolicyVersionResponse,
    SetDefaultPolicyVersionRequest,
};
use postern_model::{ApiError, Empty, ErrorCode};
use postern_policy::Limits;
use postern_policy::managed::{self, Managed};
use postern_store::{
    AddPolicyVersion, CreatePolicy, DeletePolicy, IdentityKind, IdentityRecord, OnPolicyVersion, PolicyFilter,
    PolicyRecord, PolicyUsage, PolicyUses, PolicyVersion,
};

use super::managed::{MANAGED_SINCE, managed_id, managed_version};
use super::{
    AWS_MANAGED, Page, check, find_managed, log, moment, new_tags, no_entity, over_quota, policy_arn, shown_tags,
};
use crate::authz::act::{self, Creation, OnPolicy};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

/// AWS's quotas.
const MAX_POLICIES: u32 = 1500;
const MAX_VERSIONS: u32 = 5;

impl Control {
    /// `CreatePolicy`.
    ///
    /// # Errors
    /// `EntityAlreadyExists`, `LimitExceeded`, `MalformedPolicyDocument`, `InvalidInput`; `AccessDeniedException`.
    pub async fn create_policy(
        &self,
        caller: &Caller,
        request: CreatePolicyRequest,
    ) -> Result<PolicyResponse, ApiError> {
        let now = self.unix_millis();
        let policy = PolicyRecord {
            id: UniqueId::of_policy(&self.random()),
            name: request.policy_name,
            path: request.path.unwrap_or_else(|| "/".to_owned()),
            description: request.description.unwrap_or_default(),
            created_at: now,
            updated_at: now,
            default_version: 1,
            tags: new_tags(request.tags)?,
            attachments: 0,
            boundaries: 0,
        };
        let of = OnPolicy { arn: policy.arn(self.account()), tags: Vec::new() };
        let allowed = authorize::<act::CreatePolicy>(caller, Creation { of, tags: policy.tags.clone() })?;
        check(&request.policy_document, Limits::MANAGED, &allowed.on().of.arn)?;
        let made =
            self.store.create_policy(self.account(), policy.clone(), request.policy_document, MAX_POLICIES).await;
        match made.map_err(failure::store)? {
            CreatePolicy::Created => {
                log(&allowed, &allowed.on().of.arn, None::<&str>);
                Ok(PolicyResponse { policy: self.whole_policy(&policy) })
            }
            CreatePolicy::NameTaken => {
                let message =
                    format!("A policy called {} already exists. Duplicate names are not allowed.", policy.name);
                Err(ApiError::new(ErrorCode::EntityAlreadyExists, message))
            }
            CreatePolicy::LimitReached => Err(over_quota("PoliciesPerAccount", MAX_POLICIES)),
        }
    }

    /// `GetPolicy`.
    ///
    /// # Errors
    /// `NoSuchEntity`, `InvalidInput`; `AccessDeniedException`.
    pub async fn get_policy(&self, caller: &Caller, request: GetPolicyRequest) -> Result<PolicyResponse, ApiError> {
        let allowed = authorize::<act::GetPolicy>(caller, self.on_policy(&request.policy_arn).await?)?;
        let arn = &allowed.on().arn;
        let policy = match find_managed(arn) {
            Some(managed) => {
                let uses = self.policy_uses(&arn.to_string()).await?;
                Policy {
                    description: Some(managed.description.to_owned()),
                    ..shown_managed(managed, uses.get(&managed.arn()).copied())
                }
            }
            None => self.whole_policy(&self.find_policy(arn).await?),
        };
        Ok(PolicyResponse { policy })
    }

    /// `ListPolicies`: the account's own behind those of the service.
    ///
    /// # Errors
    /// `ValidationError`; `AccessDeniedException`.
    pub async fn list_policies(
        &self,
        caller: &Caller,
        request: ListPoliciesRequest,
    ) -> Result<ListPoliciesResponse, ApiError> {
        let allowed = authorize::<act::ListPolicies>(caller, ())?;
        self.page_of_policies(allowed, request).await
    }

    /// The service's own are few, and all on the first page.
    async fn page_of_policies(
        &self,
        _allowed: Authorized<act::ListPolicies>,
        request: ListPoliciesRequest,
    ) -> Result<ListPoliciesResponse, ApiError> {
        let page = Page::of(self, &request, request.marker.as_deref(), request.max_items)?;
        let scope = request.scope.unwrap_or("All");
        let prefix = request.path_prefix.as_deref().unwrap_or("/");
        let only_attached = request.only_attached.unwrap_or(false);
        let usage = request.policy_usage_filter;
        let mut policies = Vec::new();
        if scope != "Local" {
            let uses = self.policy_uses("arn:aws:iam::aws:").await?;
            for managed in managed::ALL.iter().filter(|managed| managed.path.starts_with(prefix)) {
                let policy = shown_managed(managed, uses.get(&managed.arn()).copied());
                let fits_usage = match usage {
                    Some("PermissionsPolicy") => policy.attachment_count > 0,
                    Some(_) => policy.permissions_boundary_usage_count > 0,
                    None => !only_attached || policy.attachment_count > 0,
                };
                // A cursor begins with where it is: the service's own before the account's.
                let is_behind = page.after().is_none_or(|after| format!("0{}", managed.name).as_str() > after);
                if fits_usage && is_behind {
                    policies.push((format!("0{}", managed.name), policy));
                }
            }
        }
        if scope != "AWS" {
            let filter = PolicyFilter {
                path_prefix: prefix.to_owned(),
                attached: only_attached || usage == Some("PermissionsPolicy"),
                boundary: usage == Some("PermissionsBoundary"),
            };
            let after = page.after().and_then(|after| after.strip_prefix('1'));
            let found = self.store.policies_page(self.account(), &filter, after, page.reads()).await;
            let shown = |policy: &PolicyRecord| (format!("1{}", policy.name), self.listed_policy(policy));
            policies.extend(found.map_err(failure::store)?.iter().map(shown));
        }
        let marker = page.cut(&mut policies, |(cursor, _)| cursor.clone());
        let policies = policies.into_iter().map(|(_, policy)| policy).collect();
        Ok(ListPoliciesResponse { policies, is_truncated: marker.is_some(), marker })
    }

    /// `DeletePolicy`: one that nobody has, with one version.
    ///
    /// # Errors
    /// `NoSuchEntity`, `DeleteConflict`, `InvalidInput`; `AccessDeniedException`.
    pub async fn delete_policy(&self, caller: &Caller, request: DeletePolicyRequest) -> Result<Empty, ApiError> {
        let allowed = authorize::<act::DeletePolicy>(caller, self.on_policy(&request.policy_arn).await?)?;
        let arn = &allowed.on().arn;
        own(arn)?;
        let conflict = |message: &str| Err(ApiError::new(ErrorCode::DeleteConflict, message));
        match self.store.delete_policy(self.account(), arn).await.map_err(failure::store)? {
            DeletePolicy::Deleted => {
                log(&allowed, arn, None::<&str>);
                Ok(Empty {})
            }
            DeletePolicy::Unknown => Err(unknown(arn)),
            DeletePolicy::Attached => conflict("Cannot delete a policy attached to entities."),
            DeletePolicy::HasVersions => conflict(
                "This policy has more than one version. Before you delete a policy, you must delete the \
                          policy's versions. The default version is deleted with the policy.",
            ),
        }
    }

    /// `CreatePolicyVersion`.
    ///
    /// # Errors
    /// `NoSuchEntity`, `LimitExceeded`, `MalformedPolicyDocument`, `InvalidInput`; `AccessDeniedException`.
    pub async fn create_policy_version(
        &self,
        caller: &Caller,
        request: CreatePolicyVersionRequest,
    ) -> Result<PolicyVersionResponse, ApiError> {
        let allowed = authorize::<act::CreatePolicyVersion>(caller, self.on_policy(&request.policy_arn).await?)?;
        let arn = &allowed.on().arn;
        own(arn)?;
        check(&request.policy_document, Limits::MANAGED, &allowed.on().arn)?;
        let mut version = PolicyVersion {
            number: 0,
            document: request.policy_document,
            created_at: self.unix_millis(),
            is_default: request.set_as_default.unwrap_or(false),
        };
        let added = self.store.add_policy_version(self.account(), arn, version.clone(), MAX_VERSIONS).await;
        match added.map_err(failure::store)? {
            AddPolicyVersion::Added(number) => {
                log(&allowed, arn, Some(format_args!("v{number}")));
                version.number = number;
                Ok(PolicyVersionResponse { policy_version: shown_version(version, false) })
            }
            AddPolicyVersion::Unknown => Err(unknown(arn)),
            AddPolicyVersion::LimitReached => {
                let message = "A managed policy can have up to 5 versions. Before you create a new version, you must \
                               delete an existing version.";
                Err(ApiError::new(ErrorCode::LimitExceeded, message))
            }
        }
    }

    /// `GetPolicyVersion`.
    ///
    /// # Errors
    /// `NoSuchEntity`, `InvalidInput`; `AccessDeniedException`.
    pub async fn get_policy_version(
        &self,
        caller: &Caller,
        request: GetPolicyVersionRequest,
    ) -> Result<PolicyVersionResponse, ApiError> {
        let allowed = authorize::<act::GetPolicyVersion>(caller, self.on_policy(&request.policy_arn).await?)?;
        let arn = &allowed.on().arn;
        let mut versions = self.versions(arn).await?.into_iter();
        let found = versions.find(|version| version_id(version.number) == request.version_id);
        let found = found.ok_or_else(|| no_version(arn, &request.version_id))?;
        Ok(PolicyVersionResponse { policy_version: shown_version(found, true) })
    }

    /// `ListPolicyVersions`, newest first.
    ///
    /// # Errors
    /// `NoSuchEntity`, `ValidationError`, `InvalidInput`; `AccessDeniedException`.
    pub async fn list_policy_versions(
        &self,
        caller: &Caller,
        request: ListPolicyVersionsRequest,
    ) -> Result<ListPolicyVersionsResponse, ApiError> {
        let allowed = authorize::<act::ListPolicyVersions>(caller, self.on_policy(&request.policy_arn).await?)?;
        let page = Page::of(self, &request, request.marker.as_deref(), request.max_items)?;
        let versions = self.versions(&allowed.on().arn).await?;
        // In this order, the numbers that are left grow.
        let (versions, marker) = page.of_all(versions, |version| format!("{:010}", u32::MAX - version.number));
        let versions = versions.into_iter().map(|version| shown_version(version, false)).collect();
        Ok(ListPolicyVersionsResponse { versions, is_truncated: marker.is_some(), marker })
    }

    /// `SetDefaultPolicyVersion`.
    ///
    /// # Errors
    /// `NoSuchEntity`, `InvalidInput`; `AccessDeniedException`.
    pub async fn set_default_policy_version(
        &self,
        caller: &Caller,
        request: SetDefaultPolicyVersionRequest,
    ) -> Result<Empty, ApiError> {
        let allowed = authorize::<act::SetDefaultPolicyVersion>(caller, self.on_policy(&request.policy_arn).await?)?;
        let arn = &allowed.on().arn;
        own(arn)?;
        let number = number(arn, &request.version_id)?;
        let set = self.store.set_default_policy_version(self.account(), arn, number, self.unix_millis()).await;
        on_version(set.map_err(failure::store)?, arn, &request.version_id)?;
        log(&allowed, arn, Some(&request.version_id));
        Ok(Empty {})
    }

    /// `DeletePolicyVersion`: one that is not in effect.
    ///
    /// # Errors
    /// `NoSuchEntity`, `DeleteConflict`, `InvalidInput`; `AccessDeniedException`.
    pub async fn delete_policy_version(
        &self,
        caller: &Caller,
        request: DeletePolicyVersionRequest,
    ) -> Result<Empty, ApiError> {
        let allowed = authorize::<act::DeletePolicyVersion>(caller, self.on_policy(&request.policy_arn).await?)?;
        let arn = &allowed.on().arn;
        own(arn)?;
        let number = number(arn, &request.version_id)?;
        let deleted = self.store.delete_policy_version(self.account(), arn, number).await;
        on_version(deleted.map_err(failure::store)?, arn, &request.version_id)?;
        log(&allowed, arn, Some(&request.version_id));
        Ok(Empty {})
    }

    /// `ListEntitiesForPolicy`: users, groups and roles that have it, or whom it bounds.
    ///
    /// # Errors
    /// `NoSuchEntity`, `ValidationError`, `InvalidInput`; `AccessDeniedException`.
    pub async fn list_entities_for_policy(
        &self,
        caller: &Caller,
        request: ListEntitiesForPolicyRequest,
    ) -> Result<ListEntitiesForPolicyResponse, ApiError> {
        let allowed = authorize::<act::ListEntitiesForPolicy>(caller, self.on_policy(&request.policy_arn).await?)?;
        let page = Page::of(self, &request, request.marker.as_deref(), request.max_items)?;
        let arn = &allowed.on().arn;
        if find_managed(arn).is_none() {
            self.find_policy(arn).await?;
        }
        let usage = match request.policy_usage_filter {
            Some("PermissionsBoundary") => PolicyUsage::Boundary,
            _ => PolicyUsage::Attached,
        };
        let mut found = self.store.identities_with_policy(self.account(), arn, usage).await.map_err(failure::store)?;
        let prefix = request.path_prefix.as_deref().unwrap_or("/");
        found.retain(|identity| identity.path.starts_with(prefix));
        match request.entity_filter {
            Some("User") => found.retain(|identity| identity.kind == IdentityKind::User),
            Some("Group") => found.retain(|identity| identity.kind == IdentityKind::Group),
            Some("Role") => found.retain(|identity| identity.kind == IdentityKind::Role),
            // A policy is no policy's.
            Some(_) => found.clear(),
            None => {}
        }
        let (found, marker) = page.of_all(found, entity_cursor);
        let mut entities = ListEntitiesForPolicyResponse {
            policy_groups: Vec::new(),
            policy_users: Vec::new(),
            policy_roles: Vec::new(),
            is_truncated: marker.is_some(),
            marker,
        };
        for IdentityRecord { kind, name, id, .. } in found {
            let id = id.to_string();
            match kind {
                IdentityKind::User => entities.policy_users.push(PolicyUser { user_name: name, user_id: id }),
                IdentityKind::Group => entities.policy_groups.push(PolicyGroup { group_name: name, group_id: id }),
                IdentityKind::Role => entities.policy_roles.push(PolicyRole { role_name: name, role_id: id }),
            }
        }
        Ok(entities)
    }

    /// What an act on this policy is about; it need not exist.
    pub(crate) async fn on_policy(&self, arn: &str) -> Result<OnPolicy, ApiError> {
        let arn = policy_arn(arn)?;
        let found = self.store.policy(self.account(), &arn).await.map_err(failure::store)?;
        Ok(OnPolicy { tags: found.map(|policy| policy.tags).unwrap_or_default(), arn })
    }

    pub(super) async fn find_policy(&self, arn: &Arn) -> Result<PolicyRecord, ApiError> {
        let found = self.store.policy(self.account(), arn).await.map_err(failure::store)?;
        found.ok_or_else(|| unknown(arn))
    }

    async fn versions(&self, arn: &Arn) -> Result<Vec<PolicyVersion>, ApiError> {
        if let Some(managed) = find_managed(arn) {
            let (number, document) = (managed_version(managed), managed.document.to_owned());
            return Ok(vec![PolicyVersion { number, document, created_at: MANAGED_SINCE, is_default: true }]);
        }
        let found = self.store.policy_versions(self.account(), arn).await.map_err(failure::store)?;
        found.ok_or_else(|| unknown(arn))
    }

    async fn policy_uses(&self, prefix: &str) -> Result<BTreeMap<String, PolicyUses>, ApiError> {
        self.store.policy_uses(self.account(), prefix).await.map_err(failure::store)
    }

    fn whole_policy(&self, policy: &PolicyRecord) -> Policy {
        let description = Some(policy.description.clone()).filter(|text| !text.is_empty());
        let tags = (!policy.tags.is_empty()).then(|| shown_tags(&policy.tags));
        Policy { description, tags, ..self.listed_policy(policy) }
    }

    fn listed_policy(&self, policy: &PolicyRecord) -> Policy {
        Policy {
            policy_name: policy.name.clone(),
            policy_id: policy.id.to_string(),
            arn: policy.arn(self.account()),
            path: policy.path.clone(),
            default_version_id: version_id(policy.default_version),
            attachment_count: policy.attachments,
            permissions_boundary_usage_count: policy.boundaries,
            is_attachable: true,
            description: None,
            create_date: moment(policy.created_at),
            update_date: moment(policy.updated_at),
            tags: None,
        }
    }
}

/// One of the service's own, as a list shows it.
fn shown_managed(managed: &Managed, uses: Option<PolicyUses>) -> Policy {
    let PolicyUses { attachments, boundaries } = uses.unwrap_or_default();
    Policy {
        policy_name: managed.name.to_owned(),
        policy_id: managed_id(managed).to_string(),
        arn: managed.arn().parse().expect("the policies that AWS keeps have ARNs"),
        path: managed.path.to_owned(),
        default_version_id: version_id(managed_version(managed)),
        attachment_count: attachments,
        permissions_boundary_usage_count: boundaries,
        is_attachable: true,
        description: None,
        create_date: moment(MANAGED_SINCE),
        update_date: moment(MANAGED_SINCE),
        tags: None,
    }
}

/// Groups, users and roles, each by name.
fn entity_cursor(identity: &IdentityRecord) -> String {
    let kind = match identity.kind {
        IdentityKind::User => 0,
        IdentityKind::Group => 1,
        IdentityKind::Role => 2,
    };
    format!("{kind}{}", identity.name.to_ascii_lowercase())
}

/// The service's own policies are nobody's to change.
pub(super) fn own(arn: &Arn) -> Result<(), ApiError> {
    if arn.account == AWS_MANAGED {
        let message = format!("Policy {arn} belongs to the service and cannot be changed.");
        return Err(ApiError::new(ErrorCode::AccessDenied, message));
    }
    Ok(())
}

pub(super) fn unknown(arn: &Arn) -> ApiError {
    no_entity(format!("Policy {arn} was not found."))
}

fn no_version(arn: &Arn, version: &str) -> ApiError {
    no_entity(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

fn version_id(number: u32) -> String {
    format!("v{number}")
}

fn number(arn: &Arn, version: &str) -> Result<u32, ApiError> {
    let number = version.strip_prefix('v').and_then(|number| number.parse().ok());
    number.ok_or_else(|| no_version(arn, version))
}

fn on_version(done: OnPolicyVersion, arn: &Arn, version: &str) -> Result<(), ApiError> {
    match done {
        OnPolicyVersion::Done => Ok(()),
        OnPolicyVersion::Unknown => Err(unknown(arn)),
        OnPolicyVersion::VersionUnknown => Err(no_version(arn, version)),
        OnPolicyVersion::IsDefault => {
            Err(ApiError::new(ErrorCode::DeleteConflict, "Cannot delete the default version of a policy."))
        }
    }
}

fn shown_version(version: PolicyVersion, whole: bool) -> ShownVersion {
    ShownVersion {
        document: whole.then_some(Document(version.document)),
        version_id: version_id(version.number),
        is_default_version: version.is_default,
        create_date: moment(version.created_at),
    }
}
