//! Administrators and their access keys. These acts are an operator's, on the machine itself: the programs call them,
//! no request does.

use postern_iam::{AccessKeyId, Arn, SecretString, UniqueId};
use postern_model::ApiError;
use postern_policy::{DocumentKind, Effect, Limits, Policy};
use postern_store::{
    AccessKeyRecord, AddAccessKey, IdentityKind, IdentityRecord, PoliciesInEffect, PolicyInEffect, RoleTerms,
};

use crate::caller::Rights;
use crate::{Control, failure};

/// The characters of secret access keys: those of base64, so that a key looks like one of AWS's.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SECRET_LENGTH: usize = 40;

/// The policy that makes an administrator.
pub(crate) const ADMINISTRATOR_ACCESS: &str = "AdministratorAccess";

/// The role of nodes, and who may act as it: the service, for them.
const NODE_ROLE: &str = "PosternNode";
const NODE_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

/// A new access key. The secret is shown here and never again.
#[derive(Debug)]
pub struct NewAccessKey {
    /// Names the key.
    pub access_key_id: AccessKeyId,
    /// What requests are signed with.
    pub secret_access_key: SecretString,
    /// Whose it is.
    pub principal: Arn,
}

impl Control {
    /// Makes an access key for the administrator with this user name, and the administrator if there is no such user.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn create_administrator(&self, user_name: &str) -> Result<NewAccessKey, ApiError> {
        let user = IdentityRecord {
            kind: IdentityKind::User,
            id: UniqueId::of_user(&self.random()),
            name: user_name.to_owned(),
            path: "/".to_owned(),
            created_at: self.unix_millis(),
            boundary: None,
            tags: Vec::new(),
            role: None,
        };
        let principal = user.arn(&self.scope().account);
        let (record, secret_access_key) = self.new_access_key(user.id.clone());
        let access_key_id = record.access_key_id.clone();
        let policy = Arn::managed_policy(ADMINISTRATOR_ACCESS);
        match self.store.add_administrator(user, &policy, record).await.map_err(failure::store)? {
            AddAccessKey::Added => Ok(NewAccessKey { access_key_id, secret_access_key, principal }),
            AddAccessKey::Exists | AddAccessKey::UserUnknown | AddAccessKey::LimitReached => Err(not_random()),
        }
    }

    /// Makes the role that managed nodes have unless somebody names another, if there is none.
    pub(crate) async fn make_node_role(&self) -> Result<(), ApiError> {
        let role = IdentityRecord {
            kind: IdentityKind::Role,
            id: UniqueId::of_role(&self.random()),
            name: NODE_ROLE.to_owned(),
            path: "/".to_owned(),
            created_at: self.unix_millis(),
            boundary: None,
            tags: Vec::new(),
            role: Some(RoleTerms {
                trust_policy: NODE_TRUST.to_owned(),
                description: "Role of managed nodes".to_owned(),
                max_session_seconds: 3600,
            }),
        };
        self.store.create_identity(&self.scope().account, role, u32::MAX).await.map_err(failure::store)?;
        Ok(())
    }

    /// A new access key, as it is stored, and its secret.
    pub(crate) fn new_access_key(&self, user_id: UniqueId) -> (AccessKeyRecord, SecretString) {
        let access_key_id = AccessKeyId::long_lived(&self.random());
        let random: [u8; SECRET_LENGTH] = self.random();
        let secret: String = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect();
        let secret = SecretString::new(secret);
        let record = AccessKeyRecord {
            sealed_secret: self.keys.seal(&sealing_context(&access_key_id), &secret, self.random()),
            access_key_id,
            account: self.scope().account.clone(),
            user_id,
            active: true,
            created_at: self.unix_millis(),
            last_used: None,
        };
        (record, secret)
    }

    /// Whether this access key exists, is active, and has this secret: what a program asks about a key it kept.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn is_administrator(&self, id: &AccessKeyId, secret: &SecretString) -> Result<bool, ApiError> {
        let found = self.store.access_key(id).await.map_err(failure::store)?;
        let Some((record, _)) = found.filter(|(key, _)| key.active && key.account == self.scope().account) else {
            return Ok(false);
        };
        Ok(self.keys.unseal(&sealing_context(id), &record.sealed_secret).is_some_and(|known| known == *secret))
    }

    /// Stops accepting an access key. False if there is no such key.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn deactivate_access_key(&self, id: &AccessKeyId) -> Result<bool, ApiError> {
        self.store.set_access_key_active(&self.scope().account, None, id, false).await.map_err(failure::store)
    }
}

/// What policies allow. Whoever has the administrator's policy may do everything, unless something narrows it: a
/// boundary, or a policy that denies anything at all. Whoever has other policies only may do nothing: single statements
/// do not count yet, and what is not understood must not be allowed.
pub(crate) fn rights(policies: &PoliciesInEffect) -> Rights {
    let everything = Arn::managed_policy(ADMINISTRATOR_ACCESS).to_string();
    let is_administrator =
        policies.identity.iter().any(|policy| policy.document.is_none() && policy.name == everything);
    let narrows = |policy: &PolicyInEffect| match &policy.document {
        Some(document) => denies(document),
        None => policy.name != everything,
    };
    // Reading documents costs time, and whoever is no administrator needs none read.
    if !is_administrator || policies.boundary.is_some() || policies.identity.iter().any(narrows) {
        return Rights::Nothing;
    }
    Rights::Everything
}

/// Whether a policy denies anything. One that cannot be read may.
fn denies(document: &str) -> bool {
    match Policy::parse(document, Limits::stored(DocumentKind::Identity)) {
        Ok(policy) => policy.statements().iter().any(|statement| statement.effect() == Effect::Deny),
        Err(_) => true,
    }
}

/// Eighty random bits do not repeat; a generator that is broken does.
pub(crate) fn not_random() -> ApiError {
    tracing::error!("a new access key id is in use already; the source of randomness repeats itself");
    ApiError::internal()
}

/// What a sealed secret is bound to.
pub(crate) fn sealing_context(id: &AccessKeyId) -> String {
    format!("access key {id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_administrator_is_one_as_long_as_nothing_narrows_it() {
        let everything = Arn::managed_policy(ADMINISTRATOR_ACCESS).to_string();
        let policy = |name: &str, document: Option<&str>| PolicyInEffect {
            name: name.to_owned(),
            document: document.map(str::to_owned),
        };
        let statement = |effect: &str| {
            format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"ssm:*","Resource":"*"}}]}}"#
            )
        };
        let (allow, deny) = (statement("Allow"), statement("Deny"));
        let administrator = || policy(&everything, None);
        for (identity, boundary, expected) in [
            (vec![], None, Rights::Nothing),
            (vec![administrator()], None, Rights::Everything),
            (vec![policy("more", Some(&allow)), administrator()], None, Rights::Everything),
            (vec![policy("less", Some(&deny)), administrator()], None, Rights::Nothing),
            (vec![policy("none", Some("{")), administrator()], None, Rights::Nothing),
            (vec![policy("arn:aws:iam::aws:policy/Other", None), administrator()], None, Rights::Nothing),
            (vec![administrator()], Some(administrator()), Rights::Nothing),
            (vec![policy("all", Some(&allow))], None, Rights::Nothing),
            // Only the service's own has no document.
            (vec![policy(&everything, Some(&allow))], None, Rights::Nothing),
        ] {
            let policies = PoliciesInEffect { identity, boundary };
            assert_eq!(rights(&policies), expected, "{policies:?}");
        }
    }
}
