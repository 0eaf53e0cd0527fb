//! The documents that need not be created: those AWS owns, our own for copying files, and the defaults of the account's
//! preferences (session-types §7.5). Of AWS's, names, types, parameters and property keys are AWS's; texts and patterns
//! are our definition.

use std::sync::LazyLock;

use super::session::Owner;
use super::summary::check_as;
use super::{Content, DocumentFormat, DocumentType, SessionDocument, Summary};

/// The document used when a caller names none: the account's preferences.
pub const DEFAULT_DOCUMENT: &str = "SSM-SessionManagerRunShell";

/// The document of sessions that copy files. Policies grant or deny copying by its name.
pub const COPY_DOCUMENT: &str = "Postern-CopyFiles";

/// In the order of their names.
const SOURCES: [(&str, &str); 7] = [
    ("AWS-StartInteractiveCommand", include_str!("builtin/interactive-command.json")),
    ("AWS-StartNonInteractiveCommand", include_str!("builtin/non-interactive-command.json")),
    ("AWS-StartPortForwardingSession", include_str!("builtin/port-forwarding.json")),
    ("AWS-StartPortForwardingSessionToRemoteHost", include_str!("builtin/port-forwarding-to-remote-host.json")),
    ("AWS-StartPortForwardingSessionToSocket", include_str!("builtin/port-forwarding-to-socket.json")),
    ("AWS-StartSSHSession", include_str!("builtin/ssh.json")),
    (COPY_DOCUMENT, include_str!("builtin/copy-files.json")),
];

/// A document that the service owns. It has one version, in JSON, and nobody can change it.
#[derive(Clone, Debug)]
pub struct Builtin {
    /// Its name, without an ARN.
    pub name: &'static str,
    /// Its text.
    pub content: &'static str,
    /// What it says about itself.
    pub summary: Summary,
    /// What it means.
    pub document: SessionDocument,
}

static DOCUMENTS: LazyLock<Vec<Builtin>> = LazyLock::new(|| SOURCES.into_iter().map(read).collect());

static DEFAULT_SHELL: LazyLock<SessionDocument> =
    LazyLock::new(|| read((DEFAULT_DOCUMENT, include_str!("builtin/shell.json"))).document);

fn read((name, content): (&'static str, &'static str)) -> Builtin {
    const KNOWN: &str = "every built-in document is read by a test";
    let parsed = Content::parse(content, DocumentFormat::Json).expect(KNOWN);
    let summary = check_as(&parsed, DocumentType::Session, Owner::Service).expect(KNOWN);
    Builtin { name, content, summary, document: SessionDocument::read_as(&parsed, Owner::Service).expect(KNOWN) }
}

/// The documents that the service owns, in the order of their names.
#[must_use]
pub fn builtins() -> &'static [Builtin] {
    &DOCUMENTS
}

/// One of them, by its name without an ARN.
#[must_use]
pub fn builtin(name: &str) -> Option<&'static Builtin> {
    DOCUMENTS.iter().find(|document| document.name == name)
}

/// What [`DEFAULT_DOCUMENT`] is as long as the account has not written its own.
#[must_use]
pub fn default_shell() -> &'static SessionDocument {
    &DEFAULT_SHELL
}
