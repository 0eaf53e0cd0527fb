//! Data keys, encryption, decryption.

use postern_iam::{SecretBytes, SessionId};
use postern_model::kms::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, EncryptionContext, GenerateDataKeyRequest,
    GenerateDataKeyResponse, SYMMETRIC_DEFAULT,
};
use postern_model::{ApiError, ErrorCode, Service};
use postern_store::KeyRecord;

use super::{blob, key_arn};
use crate::authz::act::{self, InContext, OnCiphertext, OnKey};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

/// The names in the encryption context of a session's data key (spec data-channel §7).
const SESSION: &str = "aws:ssm:SessionId";
const TARGET: &str = "aws:ssm:TargetId";

impl Control {
    /// `GenerateDataKey`: what a client does when a session is to be encrypted.
    ///
    /// # Errors
    /// `NotFoundException`, `DisabledException`, `DryRunOperationException`; `AccessDeniedException`.
    pub async fn generate_data_key(
        &self,
        caller: &Caller,
        request: GenerateDataKeyRequest,
    ) -> Result<GenerateDataKeyResponse, ApiError> {
        let on = self.on_key(request.key_id.clone()).await?;
        let on = InContext { on, context: request.encryption_context.clone() };
        let allowed = authorize::<act::GenerateDataKey>(caller, on)?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.make_data_key(allowed, &request).await
    }

    async fn make_data_key(
        &self,
        allowed: Authorized<act::GenerateDataKey>,
        request: &GenerateDataKeyRequest,
    ) -> Result<GenerateDataKeyResponse, ApiError> {
        let key = self.find_key(&allowed.on().on).await?;
        let mut bytes = vec![0; request.length.bytes()];
        self.entropy.fill(&mut bytes);
        let plaintext = SecretBytes::new(bytes);
        let ciphertext_blob = self.encrypt_under(&key, &plaintext, &request.encryption_context)?;
        dry(request.dry_run)?;
        Ok(GenerateDataKeyResponse { ciphertext_blob, plaintext, key_id: key_arn(self.scope(), &key.key_id) })
    }

    /// `Encrypt`.
    ///
    /// # Errors
    /// As for [`Control::generate_data_key`].
    pub async fn encrypt(&self, caller: &Caller, request: EncryptRequest) -> Result<EncryptResponse, ApiError> {
        let on = self.on_key(request.key_id.clone()).await?;
        let on = InContext { on, context: request.encryption_context.clone() };
        let allowed = authorize::<act::Encrypt>(caller, on)?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.encrypt_text(allowed, &request).await
    }

    async fn encrypt_text(
        &self,
        allowed: Authorized<act::Encrypt>,
        request: &EncryptRequest,
    ) -> Result<EncryptResponse, ApiError> {
        let key = self.find_key(&allowed.on().on).await?;
        let ciphertext_blob = self.encrypt_under(&key, &request.plaintext, &request.encryption_context)?;
        dry(request.dry_run)?;
        Ok(EncryptResponse {
            ciphertext_blob,
            key_id: key_arn(self.scope(), &key.key_id),
            encryption_algorithm: Some(SYMMETRIC_DEFAULT.to_owned()),
        })
    }

    /// `Decrypt`. A managed node may open what was made for one of its own sessions: the session that the encryption
    /// context names, which is authenticated with the ciphertext.
    ///
    /// # Errors
    /// `InvalidCiphertextException`, `IncorrectKeyException`, `NotFoundException`, `DisabledException`,
    /// `DryRunOperationException`; `AccessDeniedException`.
    pub async fn decrypt(&self, caller: &Caller, request: DecryptRequest) -> Result<DecryptResponse, ApiError> {
        let on = self.on_ciphertext(&request).await?;
        let on = InContext { on, context: request.encryption_context.clone() };
        let allowed = authorize::<act::Decrypt>(caller, on)?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.decrypt_text(allowed, &request).await
    }

    async fn decrypt_text(
        &self,
        _allowed: Authorized<act::Decrypt>,
        request: &DecryptRequest,
    ) -> Result<DecryptResponse, ApiError> {
        let named = match &request.key_id {
            Some(name) => Some(self.find_key_named(name).await?),
            None => None,
        };
        let made_with = blob::key_of(&request.ciphertext_blob).ok_or_else(invalid_ciphertext)?;
        let key = match named {
            Some(named) if named.key_id != made_with => {
                let message = "The key ID in the request does not identify a CMK that can perform this operation.";
                return Err(ApiError::new(ErrorCode::IncorrectKeyException, message));
            }
            Some(named) => named,
            None => {
                let found = self.store.key(self.scope(), &made_with).await.map_err(failure::store)?;
                found.ok_or_else(invalid_ciphertext)?
            }
        };
        let opened = self.material(&key)?.decrypt(&request.ciphertext_blob, &request.encryption_context);
        let plaintext = opened.ok_or_else(invalid_ciphertext)?;
        dry(request.dry_run)?;
        Ok(DecryptResponse {
            key_id: key_arn(self.scope(), &key.key_id),
            plaintext,
            encryption_algorithm: Some(SYMMETRIC_DEFAULT.to_owned()),
        })
    }

    fn encrypt_under(
        &self,
        key: &KeyRecord,
        text: &SecretBytes,
        context: &EncryptionContext,
    ) -> Result<Vec<u8>, ApiError> {
        Ok(self.material(key)?.encrypt(text, context, &self.random()))
    }

    /// What a decision about a ciphertext is about: the key that it was made with, as far as that is known here, and the
    /// session for which its encryption context says that it is, if it says so, and says it right.
    async fn on_ciphertext(&self, request: &DecryptRequest) -> Result<OnCiphertext, ApiError> {
        let named = request.key_id.clone();
        let made_with = match self.passes_on(Service::Kms) {
            true => None,
            false => blob::key_of(&request.ciphertext_blob),
        };
        let (key, tags) = match (made_with, &named) {
            (Some(id), _) => {
                let found = self.store.key(self.scope(), &id).await.map_err(failure::store)?;
                (Some(id), found.map(|key| key.tags).unwrap_or_default())
            }
            (None, Some(named)) => {
                let OnKey { id, tags, .. } = self.on_key(named.clone()).await?;
                (id, tags)
            }
            (None, None) => (None, Vec::new()),
        };
        let context = &request.encryption_context;
        let session: Option<SessionId> = context.get(SESSION).and_then(|id| id.parse().ok());
        let node = match &session {
            Some(id) => self.store.session(self.scope(), id).await.map_err(failure::store)?,
            None => None,
        };
        let node = node.map(|session| session.node_id);
        let node = node.filter(|node| context.get(TARGET).is_some_and(|target| target == node.as_str()));
        Ok(OnCiphertext { key, named, tags, session, node })
    }
}

/// Whatever it is that does not fit: the difference would help only who should not open it.
fn invalid_ciphertext() -> ApiError {
    let message = "The ciphertext does not open: it was changed, or made with another key or encryption context.";
    ApiError::new(ErrorCode::InvalidCiphertextException, message)
}

fn dry(run: bool) -> Result<(), ApiError> {
    if !run {
        return Ok(());
    }
    let message = "The request would have succeeded, but the DryRun option is set.";
    Err(ApiError::new(ErrorCode::DryRunOperationException, message))
}
