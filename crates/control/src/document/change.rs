//! UpdateDocumentDefaultVersion and DeleteDocument.

use postern_iam::DocumentName;
use postern_model::document::{
    DeleteDocumentRequest, DocumentDefaultVersionDescription, UpdateDocumentDefaultVersionRequest,
    UpdateDocumentDefaultVersionResponse,
};
use postern_model::{ApiError, Empty, ErrorCode};
use postern_store::{DeleteDocument, Deletion, SetDefaultVersion};

use super::{unknown, unknown_version};
use crate::authz::{Authorized, act, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

impl Control {
    /// `UpdateDocumentDefaultVersion`: chooses the version that is used when none is named.
    ///
    /// # Errors
    /// `InvalidDocument`, also for one that the service owns; `InvalidDocumentVersion`; `AccessDeniedException`.
    pub async fn update_document_default_version(
        &self,
        caller: &Caller,
        request: UpdateDocumentDefaultVersionRequest,
    ) -> Result<UpdateDocumentDefaultVersionResponse, ApiError> {
        let named = self.document_named(&request.name);
        let allowed = authorize::<act::UpdateDocumentDefaultVersion>(caller, self.on_document(&named).await?)?;
        let name = named.to_change(&request.name, ErrorCode::InvalidDocument)?;
        self.choose_default(allowed, name, request.document_version).await
    }

    async fn choose_default(
        &self,
        allowed: Authorized<act::UpdateDocumentDefaultVersion>,
        name: DocumentName,
        version: u32,
    ) -> Result<UpdateDocumentDefaultVersionResponse, ApiError> {
        match self.store.set_default_version(self.scope(), &name, version).await.map_err(failure::store)? {
            SetDefaultVersion::Set(record) => {
                tracing::info!(document = %name, version, by = %allowed.caller().principal, "default version chosen");
                let description = DocumentDefaultVersionDescription {
                    name,
                    default_version: version.to_string(),
                    default_version_name: record.version.version_name,
                };
                Ok(UpdateDocumentDefaultVersionResponse { description })
            }
            SetDefaultVersion::VersionUnknown => Err(unknown_version(&name)),
            SetDefaultVersion::Unknown => Err(unknown(&name)),
        }
    }

    /// `DeleteDocument`: removes a document, or one version of it. Sessions that were started with it go on.
    ///
    /// # Errors
    /// `InvalidDocument`; `InvalidDocumentOperation` for a document that the service owns, for the default version, and for
    /// a shared document unless it is forced; `InvalidDocumentVersion`; `AccessDeniedException`.
    pub async fn delete_document(&self, caller: &Caller, request: DeleteDocumentRequest) -> Result<Empty, ApiError> {
        let named = self.document_named(&request.name);
        let allowed = authorize::<act::DeleteDocument>(caller, self.on_document(&named).await?)?;
        let name = named.to_change(&request.name, ErrorCode::InvalidDocumentOperation)?;
        let all = request.version.document_version.is_none() && request.version.version_name.is_none();
        let what = match all {
            true => Deletion::Document { force: request.force },
            false => Deletion::Version(request.version),
        };
        self.remove_document(allowed, &name, what).await
    }

    async fn remove_document(
        &self,
        allowed: Authorized<act::DeleteDocument>,
        name: &DocumentName,
        what: Deletion,
    ) -> Result<Empty, ApiError> {
        let refuse = |message: &str| Err(ApiError::new(ErrorCode::InvalidDocumentOperation, message));
        match self.store.delete_document(self.scope(), name, what).await.map_err(failure::store)? {
            DeleteDocument::Deleted => {
                tracing::info!(document = %name, by = %allowed.caller().principal, "document or version deleted");
                Ok(Empty {})
            }
            DeleteDocument::Unknown => Err(unknown(name)),
            DeleteDocument::VersionUnknown => Err(unknown_version(name)),
            DeleteDocument::IsDefault => refuse("Default version of the document can't be deleted."),
            DeleteDocument::Shared => refuse(
                "You attempted to delete a document while it is still shared. You must stop sharing the document before \
                 you can delete it.",
            ),
        }
    }
}
