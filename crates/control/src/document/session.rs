//! Documents as sessions use them: the one that was named, and the account's preferences.

use std::borrow::Cow;
use std::collections::BTreeMap;

use postern_iam::DocumentName;
use postern_model::document::{
    Content, DEFAULT_DOCUMENT, DocumentType, NamedVersion, Preferences, SessionDocument, default_shell,
};
use postern_model::{ApiError, ErrorCode};
use postern_store::FindDocument;

use super::{Named, NamedKind, unknown};
use crate::{Control, failure};

/// What a session is asked for with.
pub(crate) struct Chosen {
    /// The document, in its default version.
    pub(crate) document: Cow<'static, SessionDocument>,
    /// The preferences if the document has none of its own.
    pub(crate) fallback: Preferences,
    /// The account's, if the document has its own: some of them hold all the same.
    pub(crate) account: Option<Preferences>,
}

impl Control {
    /// The document that a session is asked for with: first of all for the decision whether the session may be.
    pub(crate) async fn session_document(&self, named: Named, asked: &DocumentName) -> Result<Chosen, ApiError> {
        let is_accounts = matches!(&named.kind, NamedKind::Own(name) if name.as_str() == DEFAULT_DOCUMENT);
        let document = match named.kind {
            NamedKind::Nowhere => return Err(unknown(asked)),
            NamedKind::Builtin(builtin) => Cow::Borrowed(&builtin.document),
            NamedKind::Own(name) => match self.own_session_document(&name).await? {
                Some(document) => Cow::Owned(document),
                None if name.as_str() == DEFAULT_DOCUMENT => Cow::Borrowed(default_shell()),
                None => return Err(unknown(asked)),
            },
        };
        let (fallback, account) = match document.has_preferences() {
            false => (self.preferences().await?, None),
            true if is_accounts => (Preferences::default(), None),
            true => (Preferences::default(), Some(self.preferences().await?)),
        };
        Ok(Chosen { document, fallback, account })
    }

    /// What the account prefers where a document says nothing: what its own preferences document says.
    async fn preferences(&self) -> Result<Preferences, ApiError> {
        let name = DEFAULT_DOCUMENT.parse().map_err(|_| ApiError::internal())?;
        let Some(document) = self.own_session_document(&name).await? else { return Ok(Preferences::default()) };
        Ok(document.resolve(&BTreeMap::new(), &Preferences::default())?.preferences().clone())
    }

    async fn own_session_document(&self, name: &DocumentName) -> Result<Option<SessionDocument>, ApiError> {
        let found = self.store.document(self.scope(), name, &NamedVersion::default()).await.map_err(failure::store)?;
        let FindDocument::Found(record, content) = found else { return Ok(None) };
        if record.document_type != DocumentType::Session {
            let message =
                format!("Document {name} is of type {}; a session needs one of type Session.", record.document_type);
            return Err(ApiError::new(ErrorCode::InvalidDocument, message));
        }
        let content = Content::parse(&content, record.version.format)?;
        Ok(Some(SessionDocument::read(&content)?))
    }
}
