//! The events of a group with a key: encrypted before they are stored, opened when they are read. Each is bound to its
//! group's ARN, as at AWS (encryption context `aws:logs:arn`).

use postern_iam::{KeyId, SecretBytes, SecretString};
use postern_model::ApiError;
use postern_model::kms::{EncryptionContext, KeyName};
use postern_store::LogGroupRecord;

use crate::Control;
use crate::kms::Material;

/// How the events of one group are stored.
pub(crate) struct Sealer<'a> {
    control: &'a Control,
    key: Option<(Material, EncryptionContext)>,
}

impl Control {
    /// How the events of this group are stored.
    ///
    /// # Errors
    /// `DisabledException`: nothing can be put into the group or read while its key is off.
    pub(crate) async fn sealer(&self, group: &LogGroupRecord) -> Result<Sealer<'_>, ApiError> {
        let Some(key_id) = &group.key_id else { return Ok(Sealer { control: self, key: None }) };
        let material = self.material_of(key_id).await?;
        let context = [("aws:logs:arn".to_owned(), self.group_arn(&group.name).to_string())];
        Ok(Sealer { control: self, key: Some((material, EncryptionContext::from(context))) })
    }

    /// The id of a key that can be used now.
    ///
    /// # Errors
    /// There is none, or it is off.
    pub(super) async fn usable_key(&self, name: &KeyName) -> Result<KeyId, ApiError> {
        let key = self.find_key_named(name).await?;
        self.material(&key)?;
        Ok(key.key_id)
    }
}

impl Sealer<'_> {
    /// What is stored of a text.
    pub(crate) fn seal(&self, text: &SecretString) -> SecretBytes {
        let text = text.expose().as_bytes();
        match &self.key {
            None => SecretBytes::new(text.to_vec()),
            Some((key, context)) => {
                SecretBytes::new(key.encrypt(&SecretBytes::new(text.to_vec()), context, &self.control.random()))
            }
        }
    }

    /// The text of what is stored.
    ///
    /// # Errors
    /// It is not what this service stored.
    pub(super) fn open(&self, stored: &SecretBytes) -> Result<SecretString, ApiError> {
        let opened = match &self.key {
            None => Some(stored.clone()),
            Some((key, context)) => key.decrypt(stored.expose(), context),
        };
        let text = opened.and_then(|bytes| std::str::from_utf8(bytes.expose()).ok().map(SecretString::new));
        text.ok_or_else(|| {
            tracing::error!("a stored log event does not open, or is no text");
            ApiError::internal()
        })
    }
}
