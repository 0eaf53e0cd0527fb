//! Documents: what they may say.
//!
//! A document's text becomes a [`Content`], bounded and with the place of everything in it; a [`SessionDocument`] or a
//! [`CommandDocument`] is what a content of that type means. A session *resolves* its document with the parameters of
//! its caller. A parameter's value is data: it is put into the document's strings in one pass, and nothing in it is
//! interpreted again. Nothing here runs a command or opens a port.

mod builtin;
mod command;
pub mod content;
mod error;
mod kind;
mod parameter;
mod preferences;
mod session;
mod start;
mod summary;
mod template;

pub use builtin::{Builtin, DEFAULT_DOCUMENT, builtin, builtins, default_shell};
pub use command::CommandDocument;
pub use content::{Content, MAX_DOCUMENT_BYTES, Position};
pub use error::DocumentError;
pub use kind::{DocumentFormat, DocumentType, HashType, PlatformType};
pub use parameter::{ParameterDefinition, ParameterType};
pub use preferences::{Preferences, ShellProfile};
pub use session::{SessionDocument, SessionType};
pub use start::{ResolvedDocument, SessionStart};
pub use summary::{ParameterSummary, Summary, check};
pub use template::interpolate;

#[cfg(test)]
mod tests;
