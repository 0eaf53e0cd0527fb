//! ListDocuments and ListDocumentVersions.

use postern_iam::DocumentName;
use postern_model::ApiError;
use postern_model::document::{
    Builtin, DocumentDescription, DocumentFilter, DocumentFilterKey, DocumentIdentifier, DocumentType,
    DocumentVersionInfo, ListDocumentVersionsRequest, ListDocumentVersionsResponse, ListDocumentsRequest,
    ListDocumentsResponse, PlatformType, builtins,
};
use postern_store::DocumentFilter as Stored;

use super::{Named, NamedKind, describe, unknown};
use crate::authz::{Authorized, act, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

/// Documents or versions a page if the caller does not say, AWS's maximum.
const DEFAULT_RESULTS: u32 = 50;

impl Control {
    /// `ListDocuments`: a page of documents by name, the account's and the service's, each as its default version is.
    ///
    /// # Errors
    /// `InvalidNextToken`; `AccessDeniedException`.
    pub async fn list_documents(
        &self,
        caller: &Caller,
        request: ListDocumentsRequest,
    ) -> Result<ListDocumentsResponse, ApiError> {
        self.page_of_documents(authorize::<act::ListDocuments>(caller, ())?, request).await
    }

    async fn page_of_documents(
        &self,
        _allowed: Authorized<act::ListDocuments>,
        request: ListDocumentsRequest,
    ) -> Result<ListDocumentsResponse, ApiError> {
        let listing = self.listing(&request);
        let after = listing.cursor::<DocumentName>(request.next_token.as_deref())?;
        let limit = request.max_results.unwrap_or(DEFAULT_RESULTS);
        let is_behind = |name: &str| after.as_ref().is_none_or(|after| name > after.as_str());
        let is_asked_for = |document: &&Builtin| is_behind(document.name) && meets(document, &request.filters);
        let mut documents: Vec<_> = builtins().iter().filter(is_asked_for).map(describe::builtin).collect();
        if let Some(filters) = stored(&request.filters, self.scope().account.as_str()) {
            let own = self.store.documents_page(self.scope(), &filters, after.as_ref(), limit + 1).await;
            documents
                .extend(own.map_err(failure::store)?.into_iter().map(|record| describe::own(record, self.scope())));
        }
        documents.sort_by(|one, other| one.name.cmp(&other.name));
        let next_token = listing.cut(&mut documents, limit, |document| document.name.to_string());
        Ok(ListDocumentsResponse { document_identifiers: documents.into_iter().map(listed).collect(), next_token })
    }

    /// `ListDocumentVersions`: a page of a document's versions, newest first.
    ///
    /// # Errors
    /// `InvalidDocument`; `InvalidNextToken`; `AccessDeniedException`.
    pub async fn list_document_versions(
        &self,
        caller: &Caller,
        request: ListDocumentVersionsRequest,
    ) -> Result<ListDocumentVersionsResponse, ApiError> {
        let named = self.document_named(&request.name);
        let allowed = authorize::<act::ListDocumentVersions>(caller, self.on_document(&named).await?)?;
        self.page_of_versions(allowed, named, request).await
    }

    async fn page_of_versions(
        &self,
        _allowed: Authorized<act::ListDocumentVersions>,
        named: Named,
        request: ListDocumentVersionsRequest,
    ) -> Result<ListDocumentVersionsResponse, ApiError> {
        let listing = self.listing(&request);
        let before = listing.cursor::<u32>(request.next_token.as_deref())?;
        let limit = request.max_results.unwrap_or(DEFAULT_RESULTS);
        let mut versions: Vec<_> = match named.kind {
            NamedKind::Builtin(document) => vec![describe::builtin(document)],
            NamedKind::Nowhere => return Err(unknown(&request.name)),
            NamedKind::Own(name) => {
                let page = self.store.document_versions_page(self.scope(), &name, before, limit + 1).await;
                let page = page.map_err(failure::store)?.ok_or_else(|| unknown(&request.name))?;
                page.into_iter().map(|record| describe::own(record, self.scope())).collect()
            }
        };
        let next_token = listing.cut(&mut versions, limit, |version| version.document_version.clone());
        Ok(ListDocumentVersionsResponse { document_versions: versions.into_iter().map(version).collect(), next_token })
    }
}

/// Whether a document of the service meets every filter.
fn meets(document: &Builtin, filters: &[DocumentFilter]) -> bool {
    filters.iter().all(|filter| {
        filter.values.iter().any(|value| match &filter.key {
            DocumentFilterKey::Name => document.name.starts_with(value.as_str()),
            DocumentFilterKey::Owner => value == describe::SERVICE_OWNER || value == "Public",
            DocumentFilterKey::PlatformTypes => {
                document.summary.platform_types.iter().any(|platform| platform.as_str() == value)
            }
            DocumentFilterKey::DocumentType => value == DocumentType::Session.as_str(),
            DocumentFilterKey::TargetType | DocumentFilterKey::Tag(_) => false,
        })
    })
}

/// The filters as far as the store is concerned. None: no document of the account meets them.
fn stored(filters: &[DocumentFilter], account: &str) -> Option<Vec<Stored>> {
    let mut stored = Vec::new();
    for DocumentFilter { key, values } in filters {
        stored.push(match key {
            DocumentFilterKey::Name => Stored::NamePrefixes(values.clone()),
            DocumentFilterKey::Owner => match values.first().map(String::as_str) {
                Some("Self") => continue,
                Some(owner) if owner == account => continue,
                Some("Public") => Stored::Public(true),
                Some("Private") => Stored::Public(false),
                _ => return None,
            },
            DocumentFilterKey::PlatformTypes => {
                Stored::Platforms(values.iter().filter_map(|value| PlatformType::from_name(value)).collect())
            }
            DocumentFilterKey::DocumentType => {
                Stored::Types(values.iter().filter_map(|value| DocumentType::from_name(value)).collect())
            }
            DocumentFilterKey::TargetType => Stored::TargetTypes(values.clone()),
            DocumentFilterKey::Tag(key) => Stored::Tag(key.clone(), values.clone()),
        });
    }
    Some(stored)
}

fn listed(document: DocumentDescription) -> DocumentIdentifier {
    DocumentIdentifier {
        name: document.name,
        created_date: document.created_date,
        display_name: document.display_name,
        owner: document.owner,
        version_name: document.version_name,
        platform_types: document.platform_types,
        document_version: document.document_version,
        document_type: document.document_type,
        schema_version: document.schema_version,
        document_format: document.document_format,
        target_type: document.target_type,
        tags: document.tags,
    }
}

fn version(document: DocumentDescription) -> DocumentVersionInfo {
    DocumentVersionInfo {
        name: document.name,
        display_name: document.display_name,
        is_default_version: document.document_version == document.default_version,
        document_version: document.document_version,
        version_name: document.version_name,
        created_date: document.created_date,
        document_format: document.document_format,
        status: document.status,
    }
}
