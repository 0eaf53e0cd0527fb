//! The command line: what can be asked of the program, as types.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Session Manager that you run yourself: the service.
#[derive(Debug, Parser)]
#[command(name = "posternd", version, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a data folder: keys, certificate authority, first administrator, and a commented posternd.toml
    Init(Init),
    /// Run the service until SIGTERM
    Serve(Serve),
    /// Look whether the service can run: the settings, and everything that they name
    Check(Check),
    /// Look whether the log of audit events is whole
    #[command(subcommand)]
    Audit(Audit),
    /// Break-glass acts on a data folder whose service is stopped
    #[command(subcommand)]
    Admin(Admin),
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Folder to make
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Name under which nodes and users reach the service; may be given several times
    #[arg(long, value_name = "NAME")]
    pub domain: Vec<String>,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    pub place: Place,
    /// Address and port to listen on, instead of the configured one
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// Serve plain HTTP; on a loopback address only
    #[arg(long)]
    pub plain_http: bool,
    /// Serve plain HTTP on any address: only behind a proxy that ends TLS
    #[arg(long)]
    pub plain_http_anywhere: bool,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub place: Place,
}

/// Where the service lives.
#[derive(Debug, Args)]
pub struct Place {
    /// Configuration file; without it, posternd.toml of the data folder if there is one
    #[arg(long, value_name = "FILE", env = "POSTERN_CONFIG")]
    pub config: Option<PathBuf>,
    /// Data folder, instead of the configured one
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// What can be asked about audit events.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Follow the log from its first event to its last and say the first thing that is wrong
    Verify(AuditVerify),
}

/// Arguments of `audit verify`.
#[derive(Debug, Args)]
pub struct AuditVerify {
    #[command(flatten)]
    pub place: Place,
    /// A copy to follow instead of the database: JSON lines, as audit_file has them. The service may be running
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Break-glass acts.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Make another administrator and print its access key, once
    NewAdministrator(NewAdministrator),
    /// Make a new key that signs recordings, certified by the one before it, which is forgotten
    RotateRecordingKey(RotateRecordingKey),
}

/// Arguments of `admin rotate-recording-key`.
#[derive(Debug, Args)]
pub struct RotateRecordingKey {
    #[command(flatten)]
    pub place: Place,
}

/// Arguments of `admin new-administrator`.
#[derive(Debug, Args)]
pub struct NewAdministrator {
    #[command(flatten)]
    pub place: Place,
    /// Name of the user to make, or to give the policy and a key
    #[arg(long, value_name = "NAME", default_value = "administrator", value_parser = user_name)]
    pub name: String,
}

/// As IAM's operations name users, so that they can name this one too.
fn user_name(name: &str) -> Result<String, String> {
    let is_fine = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte));
    match is_fine {
        true => Ok(name.to_owned()),
        false => Err("a user's name has 1 to 64 letters, digits or any of _+=,.@-".to_owned()),
    }
}

/// What the arguments were, if not a command: help, version, or a mistake.
#[derive(Debug)]
pub struct Usage(clap::Error);

impl Usage {
    /// Prints it where it belongs, and says how the program ends: 0 for help that was asked for, 1 for a mistake.
    pub fn print(&self) -> ExitCode {
        // A closed pipe is no reason to fail differently.
        let _ = self.0.print();
        if self.0.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

/// Reads the arguments, program name first.
///
/// # Errors
/// Help or version were asked for, or the arguments make no sense.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, Usage> {
    Cli::try_parse_from(arguments).map(|cli| cli.command).map_err(Usage)
}

/// An error with its causes on one line, without those that its text has already.
pub fn sentence(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said.as_str() {
        "" => cause,
        _ if said.contains(&cause) => said,
        _ => format!("{said}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_said_once() {
        let error = anyhow::anyhow!("no such file").context("cannot read a.toml: no such file").context("cannot start");
        assert_eq!(sentence(&error), "cannot start: cannot read a.toml: no such file");
        let error = anyhow::anyhow!("no such file").context("cannot read a.toml");
        assert_eq!(sentence(&error), "cannot read a.toml: no such file");
    }
}
