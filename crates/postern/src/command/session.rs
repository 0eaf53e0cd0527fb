//! Runs a session that was started, and turns its end into an exit status. Whoever leaves early ends the session on
//! the node, since nobody could come back to it.

use std::fmt;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use anyhow::bail;
use postern_client::{Cause, Console, Ended, Manner, Service, SessionError, SessionRunner, Ticket};
use postern_model::session::{StartSessionRequest, StartSessionResponse};
use postern_protocol::wire::open::Token;

/// How long leaving may take.
const TERMINATE_WITHIN: Duration = Duration::from_secs(2);

/// The exit status of a program whose output nobody reads any more, as a shell has it (128 and SIGPIPE).
const UNREAD: u8 = 141;

/// What the user expects of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expectation {
    /// Whose habits are followed.
    pub(crate) manner: Manner,
    /// There has to be an exit status: without one nobody can say that it went well.
    pub(crate) needs_status: bool,
    /// It is ended when it takes longer.
    pub(crate) timeout: Option<Duration>,
}

impl Expectation {
    /// A shell, for as long as it takes.
    pub(crate) const SHELL: Self = Self { manner: Manner::Shell, needs_status: false, timeout: None };
    /// A command, for as long as it takes: quickstart's.
    #[cfg(feature = "quickstart")]
    pub(crate) const COMMAND: Self =
        Self { manner: Manner::Command { standard_input: true }, needs_status: true, timeout: None };
}

/// Starts the session that `request` describes and runs it to its end.
pub(crate) async fn run(
    service: Service,
    request: &StartSessionRequest,
    expectation: Expectation,
) -> anyhow::Result<ExitCode> {
    let Expectation { manner, needs_status, timeout } = expectation;
    let StartSessionResponse { session_id, token_value, stream_url } = service.call(request).await?;
    let ticket = Ticket {
        session_id: session_id.clone(),
        token: Token::from(token_value.expose()),
        stream_url,
        target: request.target.clone(),
    };
    let service = Rc::new(service);
    let dialer = service.dialer().clone();
    let runner = SessionRunner { access: Rc::clone(&service), dialer, ticket, manner, console: Console::of_process()? };
    // The session's state is large, and this future is held by others.
    let running = Box::pin(runner.run());
    let result = match timeout {
        None => running.await,
        Some(limit) => match tokio::time::timeout(limit, running).await {
            Ok(result) => result,
            Err(_) => {
                let fate = end(&service, &session_id).await;
                bail!("it took longer than {} s, so the session {session_id} was left; {fate}", limit.as_secs());
            }
        },
    };
    let fate = if needs_end(&result) { end(&service, &session_id).await } else { Fate::Ended };
    match result {
        // Whoever closed the pipe, like `| head`, knows what they do.
        Err(SessionError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Ok(ExitCode::from(UNREAD))
        }
        result => exit_status(&session_id, needs_status, result?, fate),
    }
}

/// What becomes of the session on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Ended,
    /// The service could not be told; it ends sessions without a client by itself.
    EndsLater,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended => "it is ended on the node, too",
            Self::EndsLater => "the service could not be told and ends it when nobody comes back",
        })
    }
}

pub(super) async fn end(service: &Service, session_id: &str) -> Fate {
    match tokio::time::timeout(TERMINATE_WITHIN, service.terminate(session_id)).await {
        Ok(Ok(())) => Fate::Ended,
        Ok(Err(_)) | Err(_) => Fate::EndsLater,
    }
}

fn needs_end(result: &Result<Ended, SessionError>) -> bool {
    match result {
        Ok(ended) => matches!(
            ended.cause,
            Cause::Left
                | Cause::Signalled(_)
                | Cause::InputEnded
                | Cause::StreamEnded
                | Cause::Interrupted { told: false }
        ),
        Err(_) => true,
    }
}

fn exit_status(session_id: &str, needs_status: bool, ended: Ended, fate: Fate) -> anyhow::Result<ExitCode> {
    let output = match ended.cause {
        Cause::Closed { output } => output,
        Cause::TimedOut => bail!("the session {session_id} has ended while there was no connection to it"),
        // Whoever had a connection, or ports, and closes them has got what was wanted.
        Cause::StreamEnded | Cause::Interrupted { .. } => return Ok(ExitCode::SUCCESS),
        Cause::InputEnded | Cause::Left => bail!("left the session {session_id}; {fate}"),
        Cause::Signalled(signal) => bail!("left the session {session_id} on a signal ({signal:?}); {fate}"),
    };
    match ended.exit_status {
        Some(status) => Ok(ExitCode::from(as_status(status))),
        None if !output.is_empty() => bail!("the session {session_id} was ended: {output}"),
        None if needs_status => bail!("the session {session_id} ended, and how the command ended was not told"),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// What does not fit an exit status must not look like success.
fn as_status(status: i64) -> u8 {
    u8::try_from(status).unwrap_or(crate::failure::OWN_FAILURE)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use postern_client::Signal;

    fn closed(output: &str, exit_status: Option<i64>) -> Ended {
        Ended { cause: Cause::Closed { output: output.to_owned() }, exit_status }
    }

    #[test]
    fn the_remote_status_is_passed_on() {
        for (status, expected) in [(0, 0), (3, 3), (255, 255), (-1, 255), (256, 255), (0xC000_013A, 255)] {
            for needs_status in [true, false] {
                let code = exit_status("s", needs_status, closed("", Some(status)), Fate::Ended).unwrap();
                assert_eq!(code, ExitCode::from(expected), "{status}");
            }
        }
    }

    #[test]
    fn a_stock_agents_shell_ends_well_and_everything_else_says_why() {
        assert_eq!(exit_status("s", false, closed("", None), Fate::Ended).unwrap(), ExitCode::SUCCESS);
        let sentence =
            |needs_status, ended| exit_status("s-1", needs_status, ended, Fate::EndsLater).unwrap_err().to_string();
        let ended = |cause| Ended { cause, exit_status: None };
        assert!(sentence(false, closed("idle for 20 minutes", None)).ends_with("ended: idle for 20 minutes"));
        assert!(sentence(true, closed("", None)).contains("how the command ended"));
        for cause in [Cause::TimedOut, Cause::Left, Cause::Signalled(Signal::Terminate)] {
            assert!(sentence(false, ended(cause)).contains("s-1"));
        }
    }
}
