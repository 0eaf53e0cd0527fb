//! Documents: what they may say, and the operations on them.
//!
//! A document's text becomes a [`Content`], bounded and with the place of everything in it; a [`SessionDocument`] or a
//! [`CommandDocument`] is what a content of that type means. A session *resolves* its document with the parameters of
//! its caller. A parameter's value is data: it is put into the document's strings in one pass, and nothing in it is
//! interpreted again. Nothing here runs a command or opens a port.

mod builtin;
mod command;
pub mod content;
mod description;
mod error;
mod kind;
mod listing;
mod parameter;
mod pattern;
mod permission;
mod preferences;
mod request;
mod session;
mod start;
mod summary;
mod template;
mod version;

pub use builtin::{Builtin, COPY_DOCUMENT, DEFAULT_DOCUMENT, builtin, builtins, default_shell};
pub use command::CommandDocument;
pub use content::{Content, MAX_DOCUMENT_BYTES, Position};
pub use description::{DocumentDescription, DocumentStatus};
pub use error::DocumentError;
pub use kind::{DocumentFormat, DocumentType, HashType, PlatformType};
pub use listing::{
    DocumentFilter, DocumentFilterKey, DocumentIdentifier, DocumentVersionInfo, ListDocumentVersionsRequest,
    ListDocumentVersionsResponse, ListDocumentsRequest, ListDocumentsResponse,
};
pub use parameter::{ParameterDefinition, ParameterType};
pub use permission::{
    AccountSharingInfo, DescribeDocumentPermissionRequest, DescribeDocumentPermissionResponse,
    ModifyDocumentPermissionRequest, PermissionType, SharedVersion, Sharer,
};
pub use preferences::{
    EncryptedSessions, NoSudoRule, OwnPreferences, Preferences, RecordingMode, RecordingPreferences, RecordingRules,
    RunAsPreferences, ShellProfile, SudoRule,
};
pub use request::{
    CreateDocumentRequest, CreateDocumentResponse, DeleteDocumentRequest, DescribeDocumentRequest,
    DescribeDocumentResponse, DocumentDefaultVersionDescription, GetDocumentRequest, GetDocumentResponse,
    UpdateDocumentDefaultVersionRequest, UpdateDocumentDefaultVersionResponse, UpdateDocumentRequest,
    UpdateDocumentResponse,
};
pub use session::{SessionDocument, SessionType};
pub use start::{ResolvedDocument, SessionStart};
pub use summary::{ParameterSummary, Summary, check};
pub use template::{TooLong, interpolate};
pub use version::{DocumentVersion, NamedVersion};

#[cfg(test)]
mod tests;
