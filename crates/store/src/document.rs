//! Documents of the account, their versions, and with whom they are shared.
//!
//! A document has at least one version. Its versions are numbered from one, a number is never given twice, and what a
//! version says never changes. The documents that the service itself owns are not stored.

use async_trait::async_trait;
use postern_iam::DocumentName;
use postern_model::document::{
    DocumentFormat, DocumentType, DocumentVersion, NamedVersion, PlatformType, SharedVersion, Sharer, Summary,
};

use crate::{Scope, StoreError, Tag, UnixMillis};

/// SHA-256 of a version's text.
pub type ContentHash = [u8; 32];

/// A document that wants to be kept, with its first version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDocument {
    /// Its name, without an ARN.
    pub name: DocumentName,
    /// What it is for.
    pub document_type: DocumentType,
    /// The kind of resource it is for.
    pub target_type: Option<String>,
    /// Labels, no key twice.
    pub tags: Vec<Tag>,
    /// The first version.
    pub version: NewVersion,
}

/// A version that wants to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVersion {
    /// The author's name for it, unique in its document.
    pub version_name: Option<String>,
    /// For people.
    pub display_name: Option<String>,
    /// In which form it is.
    pub format: DocumentFormat,
    /// Its text, byte for byte.
    pub content: String,
    /// Of the text.
    pub content_hash: ContentHash,
    /// What it says about itself.
    pub summary: Summary,
    /// When.
    pub created_at: UnixMillis,
}

/// What an update is for, and what it changes besides adding a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentUpdate {
    /// What the new text was checked as. A document's type never changes, so one of another type is another document.
    pub document_type: DocumentType,
    /// The version that the author believes to be the latest; none: whichever is.
    pub latest: Option<DocumentVersion>,
    /// The kind of resource it is for from now on; none: as before.
    pub target_type: Option<String>,
}

/// A version as stored, without its text, and its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRecord {
    /// The document's name.
    pub name: DocumentName,
    /// What it is for.
    pub document_type: DocumentType,
    /// The kind of resource it is for.
    pub target_type: Option<String>,
    /// Its labels, by key.
    pub tags: Vec<Tag>,
    /// The number of the newest version.
    pub latest_version: u32,
    /// The number of the version that is used when none is named.
    pub default_version: u32,
    /// This version.
    pub version: VersionRecord,
}

/// A version as stored, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRecord {
    /// Its number.
    pub number: u32,
    /// The author's name for it.
    pub version_name: Option<String>,
    /// For people.
    pub display_name: Option<String>,
    /// In which form it is.
    pub format: DocumentFormat,
    /// Of the text.
    pub content_hash: ContentHash,
    /// What it says about itself.
    pub summary: Summary,
    /// When it was made.
    pub created_at: UnixMillis,
}

/// The answer to [`DocumentStore::create_document`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateDocument {
    /// It is kept, and this is its first version.
    Created(Box<DocumentRecord>),
    /// There is one of that name.
    NameTaken,
    /// The scope has this many documents.
    Full(u32),
}

/// The answer to [`DocumentStore::document`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindDocument {
    /// The version, and its text.
    Found(Box<DocumentRecord>, String),
    /// There is such a document and no such version of it.
    VersionUnknown,
    /// There is no such document.
    Unknown,
}

/// The answer to [`DocumentStore::add_document_version`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddVersion {
    /// It is the latest version now.
    Added(Box<DocumentRecord>),
    /// There is no such document.
    Unknown,
    /// The version named is not the latest.
    NotLatest,
    /// The latest version has the same text in the same form.
    SameContent,
    /// There is a version of that name.
    VersionNameTaken,
    /// The document has this many versions.
    Full(u32),
}

/// The answer to [`DocumentStore::set_default_version`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetDefaultVersion {
    /// It is the default version now.
    Set(Box<DocumentRecord>),
    /// There is such a document and no such version of it.
    VersionUnknown,
    /// There is no such document.
    Unknown,
}

/// What [`DocumentStore::delete_document`] removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The document with everything in it. One that is shared only if it is forced.
    Document {
        /// Even if it is shared.
        force: bool,
    },
    /// One version, which must not be the default one.
    Version(NamedVersion),
}

/// The answer to [`DocumentStore::delete_document`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteDocument {
    /// It is gone.
    Deleted,
    /// There is no such document.
    Unknown,
    /// There is such a document and no such version of it.
    VersionUnknown,
    /// The version is the default one.
    IsDefault,
    /// The document is shared.
    Shared,
}

/// The answer to [`DocumentStore::share_document`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareDocument {
    /// As asked for.
    Done,
    /// There is no such document.
    Unknown,
    /// It would be shared with too many.
    Full,
}

/// With whom a document is shared, and which version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// With whom.
    pub with: Sharer,
    /// Which version.
    pub version: SharedVersion,
}

/// A condition of [`DocumentStore::documents_page`]; the values are alternatives. Versions are looked at by the default
/// one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentFilter {
    /// The name begins with one of these.
    NamePrefixes(Vec<String>),
    /// One of these types.
    Types(Vec<DocumentType>),
    /// Usable on one of these.
    Platforms(Vec<PlatformType>),
    /// For one of these kinds of resource.
    TargetTypes(Vec<String>),
    /// A tag with this key and one of these values.
    Tag(String, Vec<String>),
    /// Shared with everybody, or not.
    Public(bool),
}

/// Acts on documents.
#[async_trait]
pub trait DocumentStore: Send + Sync {
    /// Keeps a new document, if the scope has fewer than `max` and none of its name.
    async fn create_document(
        &self,
        scope: &Scope,
        document: NewDocument,
        max: u32,
    ) -> Result<CreateDocument, StoreError>;

    /// One version and its text. Neither number nor name: the default version. Both: the version that has both.
    async fn document(
        &self,
        scope: &Scope,
        name: &DocumentName,
        version: &NamedVersion,
    ) -> Result<FindDocument, StoreError>;

    /// Adds a version, if the document has fewer than `max` and its latest is the one that the author means. A document
    /// of another type is unknown.
    async fn add_document_version(
        &self,
        scope: &Scope,
        name: &DocumentName,
        update: DocumentUpdate,
        version: NewVersion,
        max: u32,
    ) -> Result<AddVersion, StoreError>;

    /// Makes a version the one that is used when none is named.
    async fn set_default_version(
        &self,
        scope: &Scope,
        name: &DocumentName,
        version: u32,
    ) -> Result<SetDefaultVersion, StoreError>;

    /// Removes a document or a version.
    async fn delete_document(
        &self,
        scope: &Scope,
        name: &DocumentName,
        what: Deletion,
    ) -> Result<DeleteDocument, StoreError>;

    /// Up to `limit` documents that meet every filter, each with its default version, in the order of their names' bytes,
    /// from behind `after`.
    async fn documents_page(
        &self,
        scope: &Scope,
        filters: &[DocumentFilter],
        after: Option<&DocumentName>,
        limit: u32,
    ) -> Result<Vec<DocumentRecord>, StoreError>;

    /// Up to `limit` versions of a document, newest first, from before the number `before`. None if there is no such
    /// document.
    async fn document_versions_page(
        &self,
        scope: &Scope,
        name: &DocumentName,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Option<Vec<DocumentRecord>>, StoreError>;

    /// Shares a document with some and stops sharing it with others, unless more than `max` would have it. Who is in both
    /// lists has it no longer.
    async fn share_document(
        &self,
        scope: &Scope,
        name: &DocumentName,
        add: Vec<Share>,
        remove: Vec<Sharer>,
        max: u32,
    ) -> Result<ShareDocument, StoreError>;

    /// Up to `limit` of those with whom a document is shared, in their order, from behind `after`. None if there is no
    /// such document.
    async fn document_shares_page(
        &self,
        scope: &Scope,
        name: &DocumentName,
        after: Option<&Sharer>,
        limit: u32,
    ) -> Result<Option<Vec<Share>>, StoreError>;
}
