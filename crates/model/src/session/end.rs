//! Why a session ended. Every session that is history has a reason, and people can read it in `Details`.

use serde::{Deserialize, Serialize};

use super::SessionStatus;

/// The longest `Details` of AWS's model, in characters.
const MAX_DETAILS: usize = 1024;

/// Why a session ended. It serializes for storage; callers of the API see [`EndReason::details`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum EndReason {
    /// The shell or command ended by itself.
    Completed {
        /// The exit status, where the session type reports one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_status: Option<i32>,
    },
    /// Somebody called `TerminateSession`.
    Terminated {
        /// The principal's ARN.
        by: String,
    },
    /// What it was started for is not allowed any more.
    NotAllowedAnyMore(Box<Refused>),
    /// The client never opened the data channel.
    ClientNeverConnected,
    /// The client was gone for longer than the idle timeout.
    ClientGone,
    /// The client said that it ends the session, and the node did not.
    ClientLeft,
    /// The node did not take the session in time.
    NodeNeverConnected,
    /// The node was gone for too long.
    NodeLost,
    /// The node was deregistered.
    NodeDeregistered,
    /// Nothing was typed or shown for the idle timeout.
    IdleTimeout {
        /// The limit that was reached.
        minutes: u32,
    },
    /// The session's maximum duration was reached.
    MaxDuration {
        /// The limit that was reached.
        minutes: u32,
    },
    /// What ran on the node ended, and the node's agent did so too before all of the output had arrived.
    OutputLost,
    /// It must be recorded, and could not be any more.
    NotRecorded,
    /// The node refused the session or it broke there.
    AgentFailed {
        /// What the node said.
        output: String,
    },
}

/// What is not allowed any more. Every supervisor has room for a reason, so it is kept small.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Whose session it is, by the ARN of now.
    pub principal: String,
    /// What is not allowed.
    pub action: String,
    /// On what.
    pub resource: String,
    /// Why, as the end of a sentence.
    pub because: String,
}

impl EndReason {
    /// Whether the session was used and is over, or never became usable.
    #[must_use]
    pub fn status(&self) -> SessionStatus {
        match self {
            Self::NodeNeverConnected | Self::AgentFailed { .. } => SessionStatus::Failed,
            _ => SessionStatus::Terminated,
        }
    }

    /// The sentence for `Details` in `DescribeSessions`. At most 1024 characters, one line.
    #[must_use]
    pub fn details(&self) -> String {
        let text = match self {
            Self::Completed { exit_status: None } => "The session ended on the node.".to_owned(),
            Self::Completed { exit_status: Some(status) } => format!("The command ended with exit status {status}."),
            Self::Terminated { by } => format!("Terminated by {by}."),
            Self::NotAllowedAnyMore(refused) => {
                let Refused { principal, action, resource, because } = &**refused;
                format!(
                    "Ended by the service: {principal} is no longer authorized to perform: {action} on resource: \
                     {resource} {because}."
                )
            }
            Self::ClientNeverConnected => "The client never opened the data channel.".to_owned(),
            Self::ClientGone => "The client lost its connection and did not come back.".to_owned(),
            Self::ClientLeft => "The client ended the session.".to_owned(),
            Self::NodeNeverConnected => "The node did not take the session in time.".to_owned(),
            Self::NodeLost => "The node lost its connection and did not come back.".to_owned(),
            Self::NodeDeregistered => "The node was deregistered.".to_owned(),
            Self::IdleTimeout { minutes } => format!("The session was idle for {minutes} min."),
            Self::MaxDuration { minutes } => format!("The session reached its maximum duration of {minutes} min."),
            Self::OutputLost => {
                "The session ended on the node before all of its output had arrived: the last part of it may be missing.".to_owned()
            }
            Self::NotRecorded => {
                "Ended by the service: the session must be recorded, and the recording could not go on.".to_owned()
            }
            Self::AgentFailed { output } if output.trim().is_empty() => {
                "The node could not run the session.".to_owned()
            }
            Self::AgentFailed { output } => format!("The node could not run the session: {}", output.trim()),
        };
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_DETAILS).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    #[test]
    fn details_are_one_bounded_line() {
        let output = format!("no such user\r\n\u{1b}[31m{}", "x".repeat(5000));
        let details = EndReason::AgentFailed { output }.details();
        assert!(details.starts_with("The node could not run the session: no such user"));
        assert_eq!(details.chars().count(), 1024);
        assert!(!details.contains(char::is_control));
    }

    #[test]
    fn reasons_survive_storage() {
        let reason = EndReason::Completed { exit_status: Some(3) };
        let stored = serde_json::to_string(&reason).unwrap();
        assert_eq!(stored, r#"{"reason":"completed","exit_status":3}"#);
        assert_eq!(serde_json::from_str::<EndReason>(&stored).unwrap(), reason);

        let text = str::to_owned;
        let (principal, action, resource, because) = (text("a"), text("b"), text("c"), text("because d"));
        let reason = EndReason::NotAllowedAnyMore(Box::new(Refused { principal, action, resource, because }));
        let stored = serde_json::to_string(&reason).unwrap();
        assert_eq!(serde_json::from_str::<EndReason>(&stored).unwrap(), reason, "{stored}");
    }
}
