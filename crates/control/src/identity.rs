//! Administrators and their access keys. These acts are an operator's, on the machine itself: the programs call them,
//! no request does.

use std::sync::Arc;

use postern_iam::{AccessKeyId, Arn, SecretString, UniqueId};
use postern_model::{ApiError, ErrorCode};
use postern_store::{
    AccessKeyRecord, AddAccessKey, IdentityKind, IdentityRecord, PoliciesInEffect, PolicyInEffect, RoleTerms,
};

use crate::authz::obstacle;
use crate::caller::{CredentialFacts, Person, Principal};
use crate::{Control, Origin, failure};

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
    /// `AccessDeniedException` if the user could not do everything even so: then nothing was changed. The store does not
    /// answer.
    pub async fn create_administrator(&self, user_name: &str) -> Result<NewAccessKey, ApiError> {
        let new = IdentityRecord {
            kind: IdentityKind::User,
            id: UniqueId::of_user(&self.random()),
            name: user_name.to_owned(),
            path: "/".to_owned(),
            created_at: self.unix_millis(),
            boundary: None,
            tags: Vec::new(),
            role: None,
            lock: None,
        };
        let account = &self.scope().account;
        let found = self.store.identity(account, IdentityKind::User, user_name).await.map_err(failure::store)?;
        let user = found.unwrap_or_else(|| new.clone());
        let mut policies = self.store.policies_in_effect(account, &user.id).await.map_err(failure::store)?;
        let policy = Arn::managed_policy(ADMINISTRATOR_ACCESS);
        policies.identity.push(PolicyInEffect { name: policy.to_string(), document: None });
        if let Some(obstacle) = self.obstacle(user.clone(), &policies) {
            let message = format!(
                "The user {} could not do everything with the policy {ADMINISTRATOR_ACCESS}: {obstacle}; choose a user \
                 of another name.",
                user.name
            );
            return Err(ApiError::new(ErrorCode::AccessDeniedException, message));
        }
        let principal = user.arn(account);
        let (record, secret_access_key) = self.new_access_key(new.id.clone());
        let access_key_id = record.access_key_id.clone();
        match self.store.add_administrator(new, &policy, record).await.map_err(failure::store)? {
            AddAccessKey::Added => Ok(NewAccessKey { access_key_id, secret_access_key, principal }),
            AddAccessKey::Exists | AddAccessKey::UserUnknown | AddAccessKey::LimitReached => Err(not_random()),
        }
    }

    /// What keeps a user from doing everything with these policies.
    fn obstacle(&self, user: IdentityRecord, policies: &PoliciesInEffect) -> Option<String> {
        let layers = self.deciding(policies, None).layers;
        let person = Person::user(user, &self.scope().account, CredentialFacts::LongLived, layers);
        let person = Arc::new(person);
        obstacle(&self.caller(Principal::Person(Arc::clone(&person)), Origin::default()), &person)
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
            lock: None,
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

    /// Whether this access key exists, is active, has this secret, and is good for everything: what a program asks about
    /// a key it kept.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn may_do_everything(&self, id: &AccessKeyId, secret: &SecretString) -> Result<bool, ApiError> {
        let found = self.store.access_key(id).await.map_err(failure::store)?;
        let found = found.filter(|(key, _)| key.active && key.account == self.scope().account);
        let Some((record, user)) = found else { return Ok(false) };
        let known = self.keys.unseal(&sealing_context(id), &record.sealed_secret);
        if known.is_none_or(|known| known != *secret) {
            return Ok(false);
        }
        let policies = self.store.policies_in_effect(&record.account, &user.id).await.map_err(failure::store)?;
        Ok(self.obstacle(user, &policies).is_none())
    }

    /// Stops accepting an access key. False if there is no such key.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn deactivate_access_key(&self, id: &AccessKeyId) -> Result<bool, ApiError> {
        self.store.set_access_key_active(&self.scope().account, None, id, false).await.map_err(failure::store)
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
