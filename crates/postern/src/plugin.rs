//! The contract of AWS's `session-manager-plugin` (spec client.md): its arguments, its texts on standard output, its
//! exit status, which is 0 nearly always. Scripts match these texts, so they are AWS's to the letter.

mod arguments;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use postern_client::config::{Environment, Profile};
use postern_client::{
    Cause, Console, Ended, Manner, Overrides, Service, SessionError, SessionRunner, Signal, printable_lines,
};
use postern_protocol::CLIENT_VERSION;

use arguments::{Call, Request};

const INSTALLED: &str =
    "\nThe Session Manager plugin was installed successfully. Use the AWS CLI to start a session.\n\n";

/// What a Go program that panics exits with; the stock plugin does on arguments that lack their members.
const CRASHED: u8 = 2;

/// How long it may take to end a session by the API.
const TERMINATE_WITHIN: Duration = Duration::from_secs(2);

/// Does what the arguments (without the program's name) ask for.
pub(crate) fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut environment = Environment::of_process();
    let words: Vec<String> = arguments.map(|word| word.to_string_lossy().into_owned()).collect();
    match arguments::parse(&words, &mut environment) {
        Call::Installed => say(INSTALLED),
        Call::Version => say(&format!("{CLIENT_VERSION}\n")),
        Call::Unknown(word) => say(&format!(
            "\nUnknown operation {word}. \nUse session-manager-plugin --version to check the version.\n\n"
        )),
        Call::InvalidOperation => say("Invalid Operation"),
        Call::Undecodable(error) => say(&cannot(&error)),
        Call::Incomplete(member) => {
            crate::failure::say!("session-manager-plugin: {member} is missing in what the AWS CLI has passed on");
            return ExitCode::from(CRASHED);
        }
        Call::Start(request) => return start(*request, environment),
    }
    ExitCode::SUCCESS
}

fn start(request: Request, environment: Environment) -> ExitCode {
    let id = request.ticket.session_id.clone();
    say(&format!("\nStarting session with SessionId: {id}\n"));
    let result = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(request, environment)),
        Err(error) => Err(error.to_string()),
    };
    match result {
        Ok(Cause::Closed { output }) if output.is_empty() => say(&exiting(&id)),
        Ok(Cause::Closed { output }) => say(&format!("\n\nSessionId: {id} : {}\n\n", printable_lines(&output))),
        Ok(Cause::TimedOut) => say(&format!("Session: {id} timed out.\n")),
        Ok(Cause::InputEnded) => say(&cannot("EOF")),
        Ok(Cause::StreamEnded) => {}
        Ok(Cause::Left | Cause::Interrupted { .. }) => say(&exiting(&id)),
        // Other signals have their default effect on the stock plugin; a shell sees the same status.
        Ok(Cause::Signalled(signal)) => return ExitCode::from(128 + number(signal)),
        Err(error) => say(&cannot(&error)),
    }
    ExitCode::SUCCESS
}

async fn run(request: Request, environment: Environment) -> Result<Cause, String> {
    let Request { ticket, region, profile, endpoint, legacy_cli } = request;
    let profile = Profile::load(environment, profile.as_deref()).map_err(|error| error.to_string())?;
    let overrides = Overrides { region: Some(region), endpoint, ca_bundle: None };
    let service = Service::new(profile, &overrides).map_err(|error| error.to_string())?;
    let dialer = service.dialer().clone();
    let console = Console::of_process().map_err(|error| error.to_string())?;
    let manner = Manner::Plugin { legacy_cli };
    let service = Rc::new(service);
    let session_id = ticket.session_id.clone();
    let runner = SessionRunner { access: Rc::clone(&service), dialer, ticket, manner, console };
    let ended: Result<Ended, SessionError> = Box::pin(runner.run()).await;
    if let Ok(Ended { cause: Cause::Interrupted { told: false }, .. }) = ended {
        // The service ends it by itself if it cannot be told.
        let _ = tokio::time::timeout(TERMINATE_WITHIN, service.terminate(&session_id)).await;
    }
    ended.map(|ended| ended.cause).map_err(|error| error.to_string())
}

fn exiting(id: &str) -> String {
    format!("\n\nExiting session with sessionId: {id}.\n\n")
}

fn cannot(error: &str) -> String {
    format!("Cannot perform start session: {}\n", printable_lines(error))
}

fn number(signal: Signal) -> u8 {
    match signal {
        Signal::Hangup => 1,
        _ => 15,
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever started us may not want to hear it.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
