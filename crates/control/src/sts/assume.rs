//! Acting as a role.

use postern_iam::Arn;
use postern_model::sts::{AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser};
use postern_model::{ApiError, activation};
use postern_policy::{Context, Value};
use postern_store::{IdentityKind, IdentityRecord, Tag};

use super::{invalid, refused, seconds};
use crate::authz::act::{self, OnRole};
use crate::authz::authorize;
use crate::authz::trust::Trust;
use crate::caller::{Caller, CredentialFacts, Person, PersonKind, Principal, TemporaryFacts};
use crate::session_token::{BegunBy, Holder, SessionTag, SessionToken};
use crate::{Control, failure};

/// How long credentials of a role are good if nobody says, and at most for whoever acts as a role already.
const HOUR: u32 = 3600;

impl Control {
    /// `AssumeRole`.
    ///
    /// # Errors
    /// `AccessDenied`, also for a role that is not there; `ValidationError`, `MalformedPolicyDocument`,
    /// `PackedPolicyTooLarge`, `Throttling`.
    pub async fn assume_role(
        &self,
        caller: &Caller,
        request: AssumeRoleRequest,
    ) -> Result<AssumeRoleResponse, ApiError> {
        let asked = role_arn(&request.role_arn)?;
        let person = match &caller.principal {
            Principal::Person(person) => Some(person.as_ref()),
            Principal::Node { .. } | Principal::Anonymous => None,
        };
        let facts = person.and_then(temporary);
        let tags = session_tags(request.tags, request.transitive_tag_keys, facts)?;
        let source_identity = source_identity(request.source_identity, facts)?;
        let code = (request.serial_number.as_deref(), request.token_code.as_deref());
        let mfa_at = match person.map(|person| &person.kind) {
            Some(PersonKind::User { id, .. }) => self.second_factor(caller, id, code.0, code.1).await?,
            _ if code != (None, None) => return Err(refused("MultiFactorAuthentication is for users only.")),
            _ => None,
        };
        let mut keys = Context::new();
        keys.set("sts:RoleSessionName", request.role_session_name.as_str());
        if let Some(external_id) = &request.external_id {
            keys.set("sts:ExternalId", external_id.as_str());
        }
        if let Some(name) = &source_identity {
            keys.set("sts:SourceIdentity", name.as_str());
        }
        if mfa_at.is_some() {
            keys.set("aws:MultiFactorAuthPresent", true);
            keys.set("aws:MultiFactorAuthAge", 0);
        }
        tag_keys(&tags, &mut keys);
        let found_role = self.role(&asked).await?;
        let on = OnRole {
            trust: Trust::of(found_role.as_ref()),
            found: found_role,
            asked,
            keys,
            with_tags: !tags.is_empty(),
            with_source_identity: source_identity.is_some(),
        };
        let allowed = authorize::<act::AssumeRole>(caller, on)?;
        let role = found(allowed.on())?;
        let lifetime = lifetime(role, request.duration_seconds, person)?;
        let user_behind = person.and_then(Person::user_behind).cloned();
        let now = self.unix_millis();
        let token = SessionToken {
            account: self.scope().account.clone(),
            holder: Holder::Role {
                role: role.id.clone(),
                session_name: request.role_session_name.clone(),
                // It stays the user's, whatever roles it goes through.
                begun_by: user_behind.map_or(BegunBy::Unsaid, BegunBy::User),
            },
            issued_at: now,
            expires_at: now.saturating_add(lifetime),
            // As at AWS, only a user's own temporary credentials prove a second factor to what comes later.
            mfa_at: None,
            source_identity: source_identity.clone(),
            policies: self.checked_session_policies(request.policy, &request.policy_arns).await?,
            tags,
        };
        let (credentials, percent) = self.issue(&token)?;
        let assumed_role_user = assumed(self, role, &request.role_session_name);
        tracing::info!(by = %caller.principal, session = %assumed_role_user.arn, "a role is acted as");
        let packed_policy_size = is_packed(&token).then_some(percent);
        Ok(AssumeRoleResponse { credentials, assumed_role_user, packed_policy_size, source_identity })
    }

    /// The role with this ARN, if there is one: it must be named whole, with its path.
    pub(crate) async fn role(&self, asked: &Arn) -> Result<Option<IdentityRecord>, ApiError> {
        let account = &self.scope().account;
        let found =
            self.store.identity(account, IdentityKind::Role, asked.short_name()).await.map_err(failure::store)?;
        Ok(found.filter(|role| role.arn(account) == *asked))
    }
}

/// The role that an act was allowed on. None is allowed that is not there.
pub(super) fn found(on: &OnRole) -> Result<&IdentityRecord, ApiError> {
    on.found.as_ref().ok_or_else(|| {
        tracing::error!("somebody was allowed to act as a role that is not there");
        ApiError::internal()
    })
}

pub(super) fn assumed(control: &Control, role: &IdentityRecord, session_name: &str) -> AssumedRoleUser {
    AssumedRoleUser {
        assumed_role_id: format!("{}:{session_name}", role.id),
        arn: Arn::assumed_role(&control.scope().account, &role.name, session_name),
    }
}

pub(super) fn is_packed(token: &SessionToken) -> bool {
    token.policies != crate::session_token::SessionPolicies::default() || !token.tags.is_empty()
}

pub(super) fn role_arn(text: &str) -> Result<Arn, ApiError> {
    let arn = text.parse::<Arn>().ok();
    let is_role = |arn: &Arn| arn.service == "iam" && arn.region.is_empty() && arn.resource.starts_with("role/");
    arn.filter(is_role).ok_or_else(|| {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(256).collect();
        invalid(format!("{shown} is invalid"))
    })
}

/// How long, in milliseconds.
pub(super) fn lifetime(role: &IdentityRecord, asked: Option<u32>, person: Option<&Person>) -> Result<u64, ApiError> {
    let is_chained = person.is_some_and(|person| matches!(person.kind, PersonKind::RoleSession { .. }));
    if is_chained && asked.is_some_and(|asked| asked > HOUR) {
        let message =
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        return Err(invalid(message));
    }
    let most = role.role.as_ref().map_or(HOUR, |terms| terms.max_session_seconds);
    let asked = asked.unwrap_or(HOUR);
    if asked > most {
        return Err(invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
    }
    Ok(seconds(asked))
}

fn temporary(person: &Person) -> Option<&TemporaryFacts> {
    match &person.credentials {
        CredentialFacts::Temporary(facts) => Some(facts),
        CredentialFacts::LongLived => None,
    }
}

/// The tags that the session will have: those that are asked for, and those that stay from the session that asks.
fn session_tags(
    asked: Vec<activation::Tag>,
    transitive: Vec<String>,
    facts: Option<&TemporaryFacts>,
) -> Result<Vec<SessionTag>, ApiError> {
    const NONE: &[Tag] = &[];
    let inherited = facts.map_or(NONE, |facts| &facts.transitive_tags);
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    if let Some(unknown) = transitive.iter().find(|key| !asked.iter().any(|tag| same(&tag.key, key))) {
        return Err(invalid(format!("The TransitiveTagKey {unknown} is not the key of a tag of this request.")));
    }
    let mut tags: Vec<SessionTag> = Vec::new();
    for activation::Tag { key, value } in asked {
        if inherited.iter().any(|tag| same(&tag.key, &key)) {
            return Err(invalid(format!("The tag {key} is a transitive one of this session and cannot be set again.")));
        }
        if tags.iter().any(|tag| same(&tag.key, &key)) {
            let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(invalid(message));
        }
        let transitive = transitive.iter().any(|transitive| same(transitive, &key));
        tags.push(SessionTag { key, value, transitive });
    }
    let inherited = inherited.iter().cloned().map(|Tag { key, value }| SessionTag { key, value, transitive: true });
    tags.extend(inherited);
    if tags.len() > MAX_TAGS {
        return Err(invalid(format!("A session may have at most {MAX_TAGS} tags, with those that stay from before.")));
    }
    Ok(tags)
}

const MAX_TAGS: usize = 50;

/// Who is behind the session: said once, it stays.
fn source_identity(asked: Option<String>, facts: Option<&TemporaryFacts>) -> Result<Option<String>, ApiError> {
    match (asked, facts.and_then(|facts| facts.source_identity.clone())) {
        (Some(asked), Some(known)) if asked != known => {
            Err(refused("The source identity of this session was set before and cannot be changed."))
        }
        (asked, known) => Ok(known.or(asked)),
    }
}

/// What conditions ask about the tags of a request.
pub(super) fn tag_keys(tags: &[SessionTag], keys: &mut Context) {
    for tag in tags {
        keys.set(&format!("aws:RequestTag/{}", tag.key), tag.value.as_str());
    }
    let values = |tags: &mut dyn Iterator<Item = &SessionTag>| -> Vec<Value> {
        tags.map(|tag| Value::from(tag.key.as_str())).collect()
    };
    keys.set_all("aws:TagKeys", values(&mut tags.iter()));
    keys.set_all("sts:TransitiveTagKeys", values(&mut tags.iter().filter(|tag| tag.transitive)));
}
