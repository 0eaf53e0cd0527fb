//! The condition keys of a request: who asks, from where, when.

use postern_policy::{Context, Value};

use crate::caller::{Caller, CredentialFacts, Person, PersonKind, TemporaryFacts};

/// What is so for everything that this caller's request asks for.
pub(super) fn of_request(caller: &Caller, person: &Person) -> Context {
    let mut keys = of_arrival(caller);
    keys.set("aws:PrincipalAccount", caller.scope.account.as_str());
    keys.set("aws:userid", person.user_id.as_str());
    for tag in &person.tags {
        keys.set(&format!("aws:PrincipalTag/{}", tag.key), tag.value.as_str());
    }
    match &person.kind {
        PersonKind::User { name, .. } => {
            keys.set("aws:PrincipalType", "User");
            keys.set("aws:PrincipalArn", person.arn.to_string());
            keys.set("aws:username", name.as_str());
        }
        PersonKind::RoleSession { role, .. } => {
            keys.set("aws:PrincipalType", "AssumedRole");
            keys.set("aws:PrincipalArn", role.to_string());
        }
    }
    if let CredentialFacts::Temporary(facts) = &person.credentials {
        of_temporary_credentials(caller, facts, &mut keys);
    }
    keys
}

/// What is so for everybody whose request arrived like this.
pub(super) fn of_arrival(caller: &Caller) -> Context {
    let mut keys = Context::new();
    if let Some(date) = millis(caller.arrived_at).and_then(Value::date) {
        keys.set("aws:CurrentTime", date);
    }
    keys.set("aws:EpochTime", seconds(caller.arrived_at));
    if let Some(address) = caller.source_ip {
        keys.set("aws:SourceIp", address);
    }
    keys.set("aws:SecureTransport", caller.is_secure);
    if let Some(user_agent) = &caller.user_agent {
        keys.set("aws:UserAgent", user_agent.as_str());
    }
    keys.set("aws:RequestedRegion", caller.scope.region.as_str());
    // No service calls on anybody's behalf here. Samples that deny by address ask for it all the same.
    keys.set("aws:ViaAWSService", false);
    keys.set("aws:PrincipalIsAWSService", false);
    keys
}

fn of_temporary_credentials(caller: &Caller, facts: &TemporaryFacts, keys: &mut Context) {
    let TemporaryFacts { issued_at, mfa_at, source_identity, federated_provider, provider_keys, .. } = facts;
    if let Some(date) = millis(*issued_at).and_then(Value::date) {
        keys.set("aws:TokenIssueTime", date);
    }
    keys.set("aws:MultiFactorAuthPresent", mfa_at.is_some());
    if let Some(mfa_at) = mfa_at {
        keys.set("aws:MultiFactorAuthAge", seconds(caller.arrived_at.saturating_sub(*mfa_at)));
    }
    for (key, values) in provider_keys {
        keys.set_all(key, values.iter().map(|value| Value::from(value.as_str())));
    }
    for (key, value) in [("aws:SourceIdentity", source_identity), ("aws:FederatedProvider", federated_provider)] {
        if let Some(value) = value {
            keys.set(key, value.as_str());
        }
    }
}

fn millis(moment: u64) -> Option<i64> {
    i64::try_from(moment).ok()
}

fn seconds(millis: u64) -> i64 {
    i64::try_from(millis / 1000).unwrap_or(i64::MAX)
}
