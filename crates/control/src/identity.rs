//! Administrators and their access keys. These acts are an operator's, on the machine itself: the programs call them,
//! no request does.

use postern_iam::{AccessKeyId, Arn, SecretString};
use postern_model::ApiError;
use postern_store::{AccessKeyRecord, AddAccessKey};

use crate::{Control, failure};

/// The characters of secret access keys: those of base64, so that a key looks like one of AWS's.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SECRET_LENGTH: usize = 40;

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
    /// Makes an access key for the administrator with this user name.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn create_administrator(&self, user_name: &str) -> Result<NewAccessKey, ApiError> {
        let access_key_id = AccessKeyId::long_lived(&self.random());
        let random: [u8; SECRET_LENGTH] = self.random();
        let secret: String = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect();
        let secret_access_key = SecretString::new(secret);
        let principal = Arn::user(&self.scope().account, user_name);
        let record = AccessKeyRecord {
            sealed_secret: self.keys.seal(&sealing_context(&access_key_id), &secret_access_key, self.random()),
            access_key_id: access_key_id.clone(),
            account: self.scope().account.clone(),
            principal: principal.clone(),
            active: true,
            created_at: self.unix_millis(),
        };
        match self.store.add_access_key(record).await.map_err(failure::store)? {
            AddAccessKey::Added => Ok(NewAccessKey { access_key_id, secret_access_key, principal }),
            AddAccessKey::Exists => {
                // Eighty random bits do not repeat; a generator that is broken does.
                tracing::error!("a new access key id is in use already; the source of randomness repeats itself");
                Err(ApiError::internal())
            }
        }
    }

    /// Whether this access key exists, is active, and has this secret: what a program asks about a key it kept.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn is_administrator(&self, id: &AccessKeyId, secret: &SecretString) -> Result<bool, ApiError> {
        let record = self.store.access_key(id).await.map_err(failure::store)?;
        let Some(record) = record.filter(|record| record.active && record.account == self.scope().account) else {
            return Ok(false);
        };
        Ok(self.keys.unseal(&sealing_context(id), &record.sealed_secret).is_some_and(|known| known == *secret))
    }

    /// Stops accepting an access key. False if there is no such key.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn deactivate_access_key(&self, id: &AccessKeyId) -> Result<bool, ApiError> {
        self.store.set_access_key_active(&self.scope().account, id, false).await.map_err(failure::store)
    }
}

/// What a sealed secret is bound to.
pub(crate) fn sealing_context(id: &AccessKeyId) -> String {
    format!("access key {id}")
}
