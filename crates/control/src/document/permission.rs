//! ModifyDocumentPermission and DescribeDocumentPermission: with whom a document is shared.
//!
//! The service answers for one account, so sharing has no effect but these: it shows, filters know it, and a shared
//! document is not deleted by mistake.

use postern_iam::DocumentName;
use postern_model::document::{
    AccountSharingInfo, DescribeDocumentPermissionRequest, DescribeDocumentPermissionResponse,
    ModifyDocumentPermissionRequest, SharedVersion, Sharer,
};
use postern_model::{ApiError, Empty, ErrorCode};
use postern_store::{Share, ShareDocument};

use super::unknown;
use crate::authz::{Authorized, act, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

/// Accounts a page: `AccountIds` has at most so many in AWS's model, whatever `MaxResults` says.
const MAX_RESULTS: u32 = 20;

impl Control {
    /// `ModifyDocumentPermission`: shares a document with accounts or with everybody, or stops it.
    ///
    /// # Errors
    /// `InvalidDocument`, also for one that the service owns; `DocumentPermissionLimit`; `AccessDeniedException`.
    pub async fn modify_document_permission(
        &self,
        caller: &Caller,
        request: ModifyDocumentPermissionRequest,
    ) -> Result<Empty, ApiError> {
        let named = self.document_named(&request.name);
        let allowed = authorize::<act::ModifyDocumentPermission>(caller, self.on_document(&named).await?)?;
        let name = named.to_change(&request.name, ErrorCode::InvalidDocument)?;
        self.share_document(allowed, &name, request).await
    }

    async fn share_document(
        &self,
        allowed: Authorized<act::ModifyDocumentPermission>,
        name: &DocumentName,
        request: ModifyDocumentPermissionRequest,
    ) -> Result<Empty, ApiError> {
        let version = request.shared_document_version.unwrap_or(SharedVersion::Default);
        let add = request.account_ids_to_add.into_iter().map(|with| Share { with, version }).collect();
        let max = self.settings.document_quota.shares;
        let shared = self.store.share_document(self.scope(), name, add, request.account_ids_to_remove, max).await;
        match shared.map_err(failure::store)? {
            ShareDocument::Done => {
                tracing::info!(document = %name, by = %allowed.caller().principal, "sharing of a document changed");
                Ok(Empty {})
            }
            ShareDocument::Unknown => Err(unknown(name)),
            ShareDocument::Full => {
                let message = format!("The document can't be shared with more than {max} accounts.");
                Err(ApiError::new(ErrorCode::DocumentPermissionLimit, message))
            }
        }
    }

    /// `DescribeDocumentPermission`: a page of those with whom a document is shared.
    ///
    /// # Errors
    /// `InvalidDocument`, also for one that the service owns; `InvalidNextToken`; `AccessDeniedException`.
    pub async fn describe_document_permission(
        &self,
        caller: &Caller,
        request: DescribeDocumentPermissionRequest,
    ) -> Result<DescribeDocumentPermissionResponse, ApiError> {
        let named = self.document_named(&request.name);
        let allowed = authorize::<act::DescribeDocumentPermission>(caller, self.on_document(&named).await?)?;
        let name = named.to_change(&request.name, ErrorCode::InvalidDocument)?;
        self.page_of_shares(allowed, &name, request).await
    }

    async fn page_of_shares(
        &self,
        _allowed: Authorized<act::DescribeDocumentPermission>,
        name: &DocumentName,
        request: DescribeDocumentPermissionRequest,
    ) -> Result<DescribeDocumentPermissionResponse, ApiError> {
        let listing = self.listing(&request);
        let after = listing.cursor::<String>(request.next_token.as_deref())?;
        let after = after.as_deref().and_then(Sharer::from_name);
        let limit = request.max_results.unwrap_or(MAX_RESULTS).min(MAX_RESULTS);
        let page = self.store.document_shares_page(self.scope(), name, after.as_ref(), limit + 1).await;
        let mut shares = page.map_err(failure::store)?.ok_or_else(|| unknown(name))?;
        let next_token = listing.cut(&mut shares, limit, |share| share.with.as_str().to_owned());
        Ok(DescribeDocumentPermissionResponse {
            account_ids: shares.iter().map(|share| share.with.clone()).collect(),
            account_sharing_info_list: shares
                .into_iter()
                .map(|share| AccountSharingInfo { account_id: share.with, shared_document_version: share.version })
                .collect(),
            next_token,
        })
    }
}
