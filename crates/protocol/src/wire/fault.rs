//! Whose fault an error is, for every decoder of this crate.

/// Whose fault a decoding error is. From it follow the close code, the log level and whether the
/// connection may live on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The peer sent bytes that are not a message at all.
    PeerMalformed,
    /// The peer sent a message that can be read but breaks the protocol's rules.
    PeerMisbehaved,
}
