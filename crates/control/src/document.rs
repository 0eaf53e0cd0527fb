//! Documents: the account's own in the store, those that the service owns in the program.

mod change;
mod create;
mod describe;
mod listing;
mod permission;
mod session;

pub(crate) use session::Chosen;

use postern_iam::{Arn, DocumentName};
use postern_model::document::{Builtin, DEFAULT_DOCUMENT, DocumentType, NamedVersion, builtin};
use postern_model::{ApiError, ErrorCode};
use postern_store::FindDocument;

use crate::authz::act::OnDocument;
use crate::{Control, failure};

/// What a caller's name for a document means.
pub(crate) struct Named {
    /// What a decision is about, whether there is such a document or not.
    pub(crate) arn: Arn,
    /// Where to look for it.
    pub(crate) kind: NamedKind,
}

pub(crate) enum NamedKind {
    /// One that the service owns.
    Builtin(&'static Builtin),
    /// One of the account's, by its short name, if there is one.
    Own(DocumentName),
    /// Another account's, another region's, or none.
    Nowhere,
}

impl Control {
    /// Reads a name or an ARN.
    pub(crate) fn document_named(&self, name: &DocumentName) -> Named {
        let scope = self.scope();
        let text = name.as_str();
        if !text.contains([':', '/']) {
            let account = if name.is_service_owned() { None } else { Some(&scope.account) };
            let kind = match account {
                None => builtin(text).map_or(NamedKind::Nowhere, NamedKind::Builtin),
                Some(_) => NamedKind::Own(name.clone()),
            };
            return Named { arn: Arn::document(&scope.region, account, text), kind };
        }
        let Ok(arn) = text.parse::<Arn>() else {
            return Named { arn: Arn::document(&scope.region, Some(&scope.account), text), kind: NamedKind::Nowhere };
        };
        let short = arn.resource.strip_prefix("document/").and_then(|name| name.parse::<DocumentName>().ok());
        let is_here = arn.is_in_our_partition() && arn.service == "ssm" && arn.region == scope.region.as_str();
        let kind = match short.filter(|name| is_here && !name.as_str().contains([':', '/'])) {
            Some(name) if arn.account.is_empty() => {
                builtin(name.as_str()).map_or(NamedKind::Nowhere, NamedKind::Builtin)
            }
            Some(name) if arn.account == scope.account.as_str() && !name.is_service_owned() => NamedKind::Own(name),
            _ => NamedKind::Nowhere,
        };
        Named { arn, kind }
    }
}

impl Control {
    /// What a decision about a document is about.
    pub(crate) async fn on_document(&self, named: &Named) -> Result<OnDocument, ApiError> {
        let (document_type, tags) = match &named.kind {
            NamedKind::Builtin(_) => (Some(DocumentType::Session), Vec::new()),
            NamedKind::Own(name) => {
                match self.store.document(self.scope(), name, &NamedVersion::default()).await.map_err(failure::store)? {
                    FindDocument::Found(record, _) => (Some(record.document_type), record.tags),
                    // The default document is there before anybody has made one of one's own.
                    _ if name.as_str() == DEFAULT_DOCUMENT => (Some(DocumentType::Session), Vec::new()),
                    _ => (None, Vec::new()),
                }
            }
            NamedKind::Nowhere => (None, Vec::new()),
        };
        Ok(OnDocument { arn: named.arn.clone(), document_type, tags })
    }
}

impl Named {
    /// The account's document that a change is for.
    fn to_change(&self, name: &DocumentName, code: ErrorCode) -> Result<DocumentName, ApiError> {
        match &self.kind {
            NamedKind::Own(name) => Ok(name.clone()),
            NamedKind::Builtin(builtin) => {
                let message = format!("Document {} is owned by Amazon and cannot be changed.", builtin.name);
                Err(ApiError::new(code, message))
            }
            NamedKind::Nowhere => Err(unknown(name)),
        }
    }
}

/// In AWS's words.
pub(crate) fn unknown(name: &DocumentName) -> ApiError {
    ApiError::new(ErrorCode::InvalidDocument, format!("Document with name {name} does not exist."))
}

fn unknown_version(name: &DocumentName) -> ApiError {
    let message = format!("The document version isn't valid or doesn't exist: {name} has no such version.");
    ApiError::new(ErrorCode::InvalidDocumentVersion, message)
}
