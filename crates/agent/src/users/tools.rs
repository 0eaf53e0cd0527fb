//! The tools of shadow-utils, which every Linux distribution for machines has or offers.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use postern_iam::{OsGroupName, OsUserName};
use thiserror::Error;
use tokio::process::Command;

use super::record::Record;

/// Where they are, whatever the agent was started with.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// They wait for each other's locks for up to 15 seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where homes are, where the defaults say nothing.
const HOME_BASE: &str = "/home";
/// The exit status of useradd(8) for a number that somebody has.
const NUMBER_TAKEN: i32 = 4;

/// A tool of the system that did not do what it was asked for.
#[derive(Debug, Error)]
pub(crate) enum ToolError {
    #[error("{0} cannot be run on this node; install what it belongs to (passwd or shadow-utils, sudo)")]
    Missing(&'static str, #[source] std::io::Error),
    #[error("{0} did not end within {PATIENCE:?}")]
    Slow(&'static str),
    #[error("{0} says: {1}")]
    Failed(&'static str, String),
    #[error("the number {0}, which the user had before, is another user's now")]
    NumberTaken(u32),
}

/// The number of a user that is made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Uid {
    /// The one it had before.
    Again(u32),
    /// One that is free, above those of users who are not there any more.
    Above(Option<u32>),
}

/// Where new homes are made on this machine.
pub(super) async fn home_base() -> Result<PathBuf, ToolError> {
    let defaults = run("useradd", ["-D"]).await?;
    let base = defaults.lines().find_map(|line| line.strip_prefix("HOME=")).map(str::trim);
    Ok(PathBuf::from(base.filter(|base| base.starts_with('/')).unwrap_or(HOME_BASE)))
}

/// Makes the account of a record, without a password, with the machine's own defaults for the rest.
pub(super) async fn add_user(
    record: &Record,
    uid: Uid,
    has_home: bool,
    groups: &[OsGroupName],
) -> Result<(), ToolError> {
    let mut arguments: Vec<String> = vec!["--comment".to_owned(), record.mark.clone()];
    arguments.extend(["--home-dir".to_owned(), record.home.to_string_lossy().into_owned()]);
    arguments.push(if has_home { "--no-create-home" } else { "--create-home" }.to_owned());
    match uid {
        Uid::Again(uid) => arguments.extend(["--uid".to_owned(), uid.to_string()]),
        Uid::Above(Some(former)) => arguments.extend(["--key".to_owned(), format!("UID_MIN={}", former + 1)]),
        Uid::Above(None) => {}
    }
    if !groups.is_empty() {
        arguments.extend(["--groups".to_owned(), joined(groups)]);
    }
    arguments.push(record.user.to_string());
    let output = output_of("useradd", arguments).await?;
    match (uid, output.status.code()) {
        // useradd itself says it, since another tool can take the number until useradd has its locks.
        (Uid::Again(uid), Some(NUMBER_TAKEN)) => Err(ToolError::NumberTaken(uid)),
        _ => checked("useradd", &output).map(drop),
    }
}

/// Puts a user into these groups and no others, beside its own.
pub(super) async fn set_groups(user: &OsUserName, groups: &[OsGroupName]) -> Result<(), ToolError> {
    run("usermod", ["--groups", &joined(groups), user.as_str()]).await.map(drop)
}

/// Removes an account, and its home if that is asked for.
pub(super) async fn delete_user(user: &OsUserName, with_home: bool) -> Result<(), ToolError> {
    let arguments = if with_home { &["--remove", user.as_str()][..] } else { &[user.as_str()] };
    run("userdel", arguments).await.map(drop)
}

/// Runs a tool to its end and answers what it printed.
pub(super) async fn run<A: AsRef<OsStr>>(
    tool: &'static str,
    arguments: impl IntoIterator<Item = A>,
) -> Result<String, ToolError> {
    checked(tool, &output_of(tool, arguments).await?)
}

async fn output_of<A: AsRef<OsStr>>(
    tool: &'static str,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Output, ToolError> {
    let mut command = Command::new(tool);
    command.args(arguments).env_clear().env("PATH", PATH).env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
    let output = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output());
    output.await.map_err(|_| ToolError::Slow(tool))?.map_err(|error| ToolError::Missing(tool, error))
}

/// What a tool printed that did what it was asked for.
fn checked(tool: &'static str, output: &Output) -> Result<String, ToolError> {
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(ToolError::Failed(tool, complaint(output))),
    }
}

/// What a tool said of its failure, as one bounded line.
fn complaint(output: &Output) -> String {
    let said = [&output.stderr, &output.stdout].map(|stream| String::from_utf8_lossy(stream).trim().to_owned());
    let text = said.into_iter().find(|text| !text.is_empty()).unwrap_or_else(|| output.status.to_string());
    text.replace('\n', "; ").chars().filter(|shown| !shown.is_control()).take(300).collect()
}

fn joined(names: &[impl fmt::Display]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
