//! The documents that need not be created: those AWS owns, and the defaults of the account's preferences
//! (session-types §7.5). Names, types, parameters and property keys are AWS's; texts and patterns are our definition.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::SessionDocument;

/// The document used when a caller names none: the account's preferences.
pub const DEFAULT_DOCUMENT: &str = "SSM-SessionManagerRunShell";

const SOURCES: [(&str, &str); 6] = [
    ("AWS-StartPortForwardingSession", include_str!("builtin/port-forwarding.json")),
    ("AWS-StartPortForwardingSessionToRemoteHost", include_str!("builtin/port-forwarding-to-remote-host.json")),
    ("AWS-StartPortForwardingSessionToSocket", include_str!("builtin/port-forwarding-to-socket.json")),
    ("AWS-StartSSHSession", include_str!("builtin/ssh.json")),
    ("AWS-StartInteractiveCommand", include_str!("builtin/interactive-command.json")),
    ("AWS-StartNonInteractiveCommand", include_str!("builtin/non-interactive-command.json")),
];

static DOCUMENTS: LazyLock<BTreeMap<&str, SessionDocument>> = LazyLock::new(|| {
    let parse = |source| SessionDocument::parse(source).expect("every built-in document is parsed by a test");
    SOURCES.iter().map(|&(name, source)| (name, parse(source))).collect()
});

static DEFAULT_SHELL: LazyLock<SessionDocument> = LazyLock::new(|| {
    SessionDocument::parse(include_str!("builtin/shell.json")).expect("every built-in document is parsed by a test")
});

/// A document that the service owns, by its name without an ARN.
#[must_use]
pub fn builtin(name: &str) -> Option<&'static SessionDocument> {
    DOCUMENTS.get(name)
}

/// What [`DEFAULT_DOCUMENT`] is as long as the account has not written its own.
#[must_use]
pub fn default_shell() -> &'static SessionDocument {
    &DEFAULT_SHELL
}
