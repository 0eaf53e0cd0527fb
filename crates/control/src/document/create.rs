//! CreateDocument and UpdateDocument: a text becomes a version only if it means something.

use std::collections::BTreeMap;

use postern_iam::DocumentName;
use postern_model::document::{
    Content, CreateDocumentRequest, CreateDocumentResponse, DEFAULT_DOCUMENT, DocumentFormat, DocumentType,
    NamedVersion, Preferences, SessionDocument, SessionType, UpdateDocumentRequest, UpdateDocumentResponse, check,
};
use postern_model::{ApiError, ErrorCode};
use postern_store::{AddVersion, CreateDocument, DocumentUpdate, FindDocument, NewDocument, NewVersion, Tag};
use ring::digest;

use super::{describe, unknown};
use crate::authz::act::{self, Creation, OnDocument};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::tag::{MAX_TAGS, acceptable, asked_tags};
use crate::{Control, failure};

/// What a text says about the version that it may become.
struct Text {
    document_type: DocumentType,
    format: DocumentFormat,
    content: String,
    version_name: Option<String>,
    display_name: Option<String>,
}

impl Control {
    /// `CreateDocument`: keeps a document, its first version the default one.
    ///
    /// # Errors
    /// `DocumentAlreadyExists`; `DocumentLimitExceeded`; `MaxDocumentSizeExceeded`; `InvalidDocumentContent` and
    /// `InvalidDocumentSchemaVersion`, with the place in the text; `InvalidDocumentContent` for a reserved name, too
    /// (spec public-api §5); `ValidationException` for unsuitable tags; `AccessDeniedException`.
    pub async fn create_document(
        &self,
        caller: &Caller,
        request: CreateDocumentRequest,
    ) -> Result<CreateDocumentResponse, ApiError> {
        let arn = self.document_named(&request.name).arn;
        let document_type = Some(request.document_type.unwrap_or(DocumentType::Command));
        let of = OnDocument { arn, document_type, tags: Vec::new() };
        let on = Creation { of, tags: asked_tags(&request.tags) };
        self.keep_document(authorize::<act::CreateDocument>(caller, on)?, request).await
    }

    async fn keep_document(
        &self,
        allowed: Authorized<act::CreateDocument>,
        request: CreateDocumentRequest,
    ) -> Result<CreateDocumentResponse, ApiError> {
        let CreateDocumentRequest { name, target_type, .. } = request;
        if name.is_service_owned() {
            let message = format!(
                "Invalid document name {name}: names that begin with aws, amazon, amzn or postern- are reserved."
            );
            return Err(ApiError::new(ErrorCode::InvalidDocumentContent, message));
        }
        let tags = tags(request.tags)?;
        let document_type = request.document_type.unwrap_or(DocumentType::Command);
        let version = self.version(
            &name,
            Text {
                document_type,
                format: request.document_format.unwrap_or(DocumentFormat::Json),
                content: request.content,
                version_name: request.version_name,
                display_name: request.display_name,
            },
        )?;
        let document = NewDocument { name: name.clone(), document_type, target_type, tags, version };
        let max = self.settings.document_quota.documents;
        match self.store.create_document(self.scope(), document, max).await.map_err(failure::store)? {
            CreateDocument::Created(record) => {
                tracing::info!(document = %name, by = %allowed.caller().principal, "document created");
                Ok(CreateDocumentResponse { document_description: describe::own(*record, self.scope()) })
            }
            CreateDocument::NameTaken => {
                let message = format!("Document with same name {name} already exists");
                Err(ApiError::new(ErrorCode::DocumentAlreadyExists, message))
            }
            CreateDocument::Full(_) => {
                let message = format!("You can have at most {max} active SSM documents.");
                Err(ApiError::new(ErrorCode::DocumentLimitExceeded, message))
            }
        }
    }

    /// `UpdateDocument`: adds a version. The default version stays what it is.
    ///
    /// # Errors
    /// As [`Control::create_document`] about the text; `InvalidDocument`; `InvalidDocumentOperation` for a document that
    /// the service owns; `InvalidDocumentVersion` if it is not the latest that is updated; `DuplicateDocumentContent`;
    /// `DuplicateDocumentVersionName`; `DocumentVersionLimitExceeded`; `AccessDeniedException`.
    pub async fn update_document(
        &self,
        caller: &Caller,
        request: UpdateDocumentRequest,
    ) -> Result<UpdateDocumentResponse, ApiError> {
        let named = self.document_named(&request.name);
        let allowed = authorize::<act::UpdateDocument>(caller, self.on_document(&named).await?)?;
        named.to_change(&request.name, ErrorCode::InvalidDocumentOperation)?;
        self.add_version(allowed, request).await
    }

    async fn add_version(
        &self,
        allowed: Authorized<act::UpdateDocument>,
        request: UpdateDocumentRequest,
    ) -> Result<UpdateDocumentResponse, ApiError> {
        let UpdateDocumentRequest { name, document_version, target_type, .. } = request;
        // A document's type never changes. If there is one of another type by then, the act finds that out.
        let found = self.store.document(self.scope(), &name, &NamedVersion::default()).await.map_err(failure::store)?;
        let FindDocument::Found(record, _) = found else { return Err(unknown(&name)) };
        let version = self.version(
            &name,
            Text {
                document_type: record.document_type,
                format: request.document_format.unwrap_or(DocumentFormat::Json),
                content: request.content,
                version_name: request.version_name,
                display_name: request.display_name,
            },
        )?;
        let update = DocumentUpdate { document_type: record.document_type, latest: document_version, target_type };
        let max = self.settings.document_quota.versions;
        let added = self.store.add_document_version(self.scope(), &name, update, version, max).await;
        let (code, message) = match added.map_err(failure::store)? {
            AddVersion::Added(record) => {
                tracing::info!(document = %name, version = record.version.number, by = %allowed.caller().principal,
                    "document updated");
                return Ok(UpdateDocumentResponse { document_description: describe::own(*record, self.scope()) });
            }
            AddVersion::Unknown => return Err(unknown(&name)),
            AddVersion::NotLatest => (
                ErrorCode::InvalidDocumentVersion,
                format!(
                    "Version provided for document {name} is not latest. Please provide the latest version to update \
                     document {name}"
                ),
            ),
            AddVersion::SameContent => (
                ErrorCode::DuplicateDocumentContent,
                "The content of the association document matches another document. Change the content of the document \
                 and try again."
                    .to_owned(),
            ),
            AddVersion::VersionNameTaken => (
                ErrorCode::DuplicateDocumentVersionName,
                "The version name has already been used in this document. Specify a different version name, and then \
                 try again."
                    .to_owned(),
            ),
            AddVersion::Full(_) => (
                ErrorCode::DocumentVersionLimitExceeded,
                "The document has too many versions. Delete one or more document versions and try again.".to_owned(),
            ),
        };
        Err(ApiError::new(code, message))
    }

    /// Reads a text and says what version it would become.
    fn version(&self, name: &DocumentName, text: Text) -> Result<NewVersion, ApiError> {
        let content = Content::parse(&text.content, text.format).map_err(|error| error.refuse(None))?;
        let summary = check(&content, text.document_type).map_err(|error| error.refuse(Some(&content)))?;
        if name.as_str() == DEFAULT_DOCUMENT {
            check_preferences(&content, text.document_type)?;
        }
        let hash = digest::digest(&digest::SHA256, text.content.as_bytes());
        Ok(NewVersion {
            version_name: text.version_name,
            display_name: text.display_name,
            format: text.format,
            content_hash: hash.as_ref().try_into().expect("SHA-256 has 32 bytes"),
            content: text.content,
            summary,
            created_at: self.unix_millis(),
        })
    }
}

/// The preferences are used without being named and without parameters, so they must work like that: otherwise nobody
/// would get a shell until somebody mends them.
fn check_preferences(content: &Content, document_type: DocumentType) -> Result<(), ApiError> {
    let refuse = |reason: &str| {
        let message = format!("{DEFAULT_DOCUMENT} holds the preferences for sessions: {reason}");
        Err(ApiError::new(ErrorCode::InvalidDocumentContent, message))
    };
    if document_type != DocumentType::Session {
        return refuse("its type must be Session.");
    }
    let document = SessionDocument::read(content).map_err(|error| error.refuse(Some(content)))?;
    if document.session_type() != SessionType::StandardStream {
        return refuse("its sessionType must be Standard_Stream.");
    }
    match document.resolve(&BTreeMap::new(), &Preferences::default()) {
        Ok(_) => Ok(()),
        Err(error) => refuse(&format!("it must be usable without parameters. {}", error.message())),
    }
}

fn tags(tags: Vec<postern_model::activation::Tag>) -> Result<Vec<Tag>, ApiError> {
    if tags.len() > MAX_TAGS {
        let message = format!("There may be at most {MAX_TAGS} tags.");
        return Err(ApiError::new(ErrorCode::ValidationException, message));
    }
    acceptable(tags).map_err(|message| ApiError::new(ErrorCode::ValidationException, message))
}
