//! Whose habits a session follows.

use crate::handshake::SessionType;

/// Whose habits are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// AWS's plugin: its texts, its exit status, everything on standard output.
    Plugin {
        /// Called without a profile, by an old CLI.
        legacy_cli: bool,
    },
    /// A shell or an interactive command for a person.
    Shell,
    /// What a document says that the user has named: as a shell, and ports may come of it.
    Document,
    /// A command for a program: streams apart, nothing but its output.
    Command {
        /// Whether our standard input is the command's.
        standard_input: bool,
    },
    /// A connection for a program, as standard input and output; nothing else on them.
    Stream,
}

impl Manner {
    /// Whether a session may be of this type. The node says what it is, and whoever asked for a command must not find
    /// ports of this machine opened to it.
    pub(crate) fn accepts(self, session_type: SessionType) -> bool {
        match session_type {
            SessionType::PortStream => !matches!(self, Manner::Shell | Manner::Command { .. }),
            SessionType::PortForwarding => matches!(self, Manner::Plugin { .. } | Manner::Document),
            SessionType::Files => false,
            _ => self != Manner::Stream,
        }
    }
}
