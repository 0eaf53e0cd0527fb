//! Who an event is by, in CloudTrail's form.

use postern_audit::{Issuer, SessionContext, UserIdentity, moment};
use serde_json::{Map, Value, json};

use crate::caller::{Caller, CredentialFacts, NodeProof, Person, PersonKind, Principal, TemporaryFacts};

pub(super) fn of(caller: &Caller) -> UserIdentity {
    let account_id = Some(caller.scope.account.to_string());
    match &caller.principal {
        Principal::Person(person) => of_person(caller, person),
        Principal::Node { node_id, proof } => UserIdentity {
            kind: match proof {
                NodeProof::Role => "AssumedRole",
                NodeProof::Key => "AWSAccount",
            },
            principal_id: Some(node_id.to_string()),
            arn: Some(format!(
                "arn:aws:ssm:{}:{}:managed-instance/{node_id}",
                caller.scope.region, caller.scope.account
            )),
            account_id,
            access_key_id: caller.access_key_id.clone(),
            user_name: Some(node_id.to_string()),
            ..UserIdentity::default()
        },
        Principal::Anonymous => UserIdentity {
            kind: "AWSAccount",
            account_id: Some("ANONYMOUS_PRINCIPAL".to_owned()),
            ..UserIdentity::default()
        },
    }
}

/// Somebody who has not proved anything.
pub(super) fn unknown(claimed_key: Option<String>) -> UserIdentity {
    UserIdentity { kind: "Unknown", access_key_id: claimed_key, ..UserIdentity::default() }
}

fn of_person(caller: &Caller, person: &Person) -> UserIdentity {
    let account = caller.scope.account.to_string();
    let session_context = match &person.credentials {
        CredentialFacts::LongLived => None,
        CredentialFacts::Temporary(facts) => Some(context(person, facts, &account)),
    };
    UserIdentity {
        kind: match &person.kind {
            PersonKind::User { .. } => "IAMUser",
            PersonKind::RoleSession { .. } => "AssumedRole",
        },
        principal_id: Some(person.user_id.clone()),
        arn: Some(person.arn.to_string()),
        account_id: Some(account),
        access_key_id: caller.access_key_id.clone(),
        user_name: person.user_name().map(str::to_owned),
        session_context,
        invoked_by: None,
    }
}

fn context(person: &Person, facts: &TemporaryFacts, account: &str) -> SessionContext {
    let mut attributes = Map::new();
    attributes.insert("creationDate".to_owned(), Value::from(moment(facts.issued_at)));
    attributes.insert("mfaAuthenticated".to_owned(), Value::from(facts.mfa_at.is_some().to_string()));
    let session_issuer = match &person.kind {
        PersonKind::User { .. } => None,
        PersonKind::RoleSession { id, role, .. } => {
            let arn = role.to_string();
            Some(Issuer {
                kind: "Role",
                principal_id: id.to_string(),
                user_name: arn.rsplit('/').next().unwrap_or_default().to_owned(),
                arn,
                account_id: account.to_owned(),
            })
        }
    };
    let web = |provider: &String| json!({"federatedProvider": provider, "attributes": {}});
    SessionContext {
        session_issuer,
        attributes,
        source_identity: facts.source_identity.clone(),
        web_id_federation_data: facts.federated_provider.as_ref().map(web),
    }
}
