//! Why a line of a capture is not played.

/// The reasons.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum LeftOut {
    /// Run Command is not offered: nobody sends jobs. What the agent says about jobs is played, and acknowledged.
    RunCommand,
    /// S3 is another service.
    S3,
    /// The recording service sent what no service of this kind sends: unknown message types, ends of sessions that it
    /// does not know, starts of sessions that run, pauses without need.
    MadeUp,
    /// The recording service refused a good node, to see what the agent does. Here the node is not refused.
    Refusal,
    /// Words of a session that an earlier scene left behind, on a channel which this scene does not open.
    Stray,
    /// The session has ended, and its agent is refused in the words that stop it.
    Over,
}
