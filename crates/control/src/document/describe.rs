//! GetDocument and DescribeDocument.

use postern_iam::DocumentName;
use postern_model::activation::Tag;
use postern_model::document::{
    Builtin, Content, DescribeDocumentRequest, DescribeDocumentResponse, DocumentDescription, DocumentFormat,
    DocumentStatus, DocumentType, DocumentVersion, GetDocumentRequest, GetDocumentResponse, HashType, NamedVersion,
};
use postern_model::{ApiError, Timestamp};
use postern_store::{DocumentRecord, FindDocument, Scope, UnixMillis};
use ring::digest;

use super::{Named, NamedKind, unknown, unknown_version};
use crate::authz::{Authorized, act, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

/// The owner of what the service owns, as everybody who filters by it knows it.
pub(super) const SERVICE_OWNER: &str = "Amazon";
/// When the documents of the service are said to have been made: 22 November 2026.
pub(super) const BUILTIN_CREATED_AT: UnixMillis = 1_795_305_600_000;

impl Control {
    /// `GetDocument`: a version's text, in the form asked for.
    ///
    /// # Errors
    /// `InvalidDocument`; `InvalidDocumentVersion`; `ValidationException` for a form that the document has not;
    /// `AccessDeniedException`.
    pub async fn get_document(
        &self,
        caller: &Caller,
        request: GetDocumentRequest,
    ) -> Result<GetDocumentResponse, ApiError> {
        let named = self.document_named(&request.name);
        let allowed = authorize::<act::GetDocument>(caller, self.on_document(&named).await?)?;
        self.read_document(allowed, named, request).await
    }

    async fn read_document(
        &self,
        _allowed: Authorized<act::GetDocument>,
        named: Named,
        request: GetDocumentRequest,
    ) -> Result<GetDocumentResponse, ApiError> {
        let (description, content) = self.find_document(named, &request.name, &request.version).await?;
        let format = request.document_format.unwrap_or(DocumentFormat::Json);
        let content = if format == description.document_format {
            content
        } else {
            let parsed = Content::parse(&content, description.document_format);
            parsed.and_then(|content| content.to_text(format)).map_err(|error| error.refuse(None))?
        };
        Ok(GetDocumentResponse {
            name: description.name,
            created_date: description.created_date,
            display_name: description.display_name,
            version_name: description.version_name,
            document_version: description.document_version,
            status: description.status,
            content,
            document_type: description.document_type,
            document_format: format,
        })
    }

    /// `DescribeDocument`: everything about a version but its text.
    ///
    /// # Errors
    /// `InvalidDocument`; `InvalidDocumentVersion`; `AccessDeniedException`.
    pub async fn describe_document(
        &self,
        caller: &Caller,
        request: DescribeDocumentRequest,
    ) -> Result<DescribeDocumentResponse, ApiError> {
        let named = self.document_named(&request.name);
        let allowed = authorize::<act::DescribeDocument>(caller, self.on_document(&named).await?)?;
        self.tell_of_document(allowed, named, request).await
    }

    async fn tell_of_document(
        &self,
        _allowed: Authorized<act::DescribeDocument>,
        named: Named,
        request: DescribeDocumentRequest,
    ) -> Result<DescribeDocumentResponse, ApiError> {
        let (document, _) = self.find_document(named, &request.name, &request.version).await?;
        Ok(DescribeDocumentResponse { document })
    }

    async fn find_document(
        &self,
        named: Named,
        asked: &DocumentName,
        version: &NamedVersion,
    ) -> Result<(DocumentDescription, String), ApiError> {
        let name = match named.kind {
            NamedKind::Own(name) => name,
            NamedKind::Nowhere => return Err(unknown(asked)),
            NamedKind::Builtin(_) if !is_only_version(version) => return Err(unknown_version(asked)),
            NamedKind::Builtin(document) => return Ok((builtin(document), document.content.to_owned())),
        };
        match self.store.document(self.scope(), &name, version).await.map_err(failure::store)? {
            FindDocument::Found(record, content) => Ok((own(*record, self.scope()), content)),
            FindDocument::VersionUnknown => Err(unknown_version(asked)),
            FindDocument::Unknown => Err(unknown(asked)),
        }
    }
}

/// A document that the service owns has one version, which has no name.
fn is_only_version(version: &NamedVersion) -> bool {
    version.version_name.is_none()
        && !matches!(version.document_version, Some(DocumentVersion::Number(number)) if number != 1)
}

/// One of the account's.
pub(super) fn own(record: DocumentRecord, scope: &Scope) -> DocumentDescription {
    let DocumentRecord { name, document_type, target_type, tags, latest_version, default_version, version } = record;
    DocumentDescription {
        hash: hex::encode(version.content_hash),
        hash_type: HashType::Sha256,
        name,
        display_name: version.display_name,
        version_name: version.version_name,
        owner: scope.account.to_string(),
        created_date: Timestamp::from_millis(version.created_at),
        status: DocumentStatus::Active,
        document_version: version.number.to_string(),
        description: version.summary.description,
        parameters: version.summary.parameters,
        platform_types: version.summary.platform_types,
        document_type,
        schema_version: version.summary.schema_version,
        latest_version: latest_version.to_string(),
        default_version: default_version.to_string(),
        document_format: version.format,
        target_type,
        tags: tags.into_iter().map(|tag| Tag { key: tag.key, value: tag.value }).collect(),
    }
}

/// One of the service's.
pub(super) fn builtin(document: &Builtin) -> DocumentDescription {
    let hash = digest::digest(&digest::SHA256, document.content.as_bytes());
    let summary = document.summary.clone();
    DocumentDescription {
        hash: hex::encode(hash),
        hash_type: HashType::Sha256,
        name: document.name.parse().expect("the names of the service's documents are names"),
        display_name: None,
        version_name: None,
        owner: SERVICE_OWNER.to_owned(),
        created_date: Timestamp::from_millis(BUILTIN_CREATED_AT),
        status: DocumentStatus::Active,
        document_version: "1".to_owned(),
        description: summary.description,
        parameters: summary.parameters,
        platform_types: summary.platform_types,
        document_type: DocumentType::Session,
        schema_version: summary.schema_version,
        latest_version: "1".to_owned(),
        default_version: "1".to_owned(),
        document_format: DocumentFormat::Json,
        target_type: None,
        tags: Vec::new(),
    }
}
