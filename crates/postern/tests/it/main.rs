//! The real program, run under both of its names.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

#[path = "../../../client/tests/it/peer.rs"]
#[allow(dead_code, reason = "the client's own tests use the rest of it")]
mod peer;
#[cfg(unix)]
mod plugin;
#[cfg(unix)]
mod terminal;
mod words;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program as it was built.
fn postern() -> Command {
    prepared(Path::new(env!("CARGO_BIN_EXE_postern")))
}

/// The program under the name that the AWS CLI knows, in `folder`.
#[cfg(unix)]
fn plugin(folder: &Path) -> Command {
    prepared(&plugin_link(folder))
}

#[cfg(unix)]
fn plugin_link(folder: &Path) -> PathBuf {
    let link = folder.join("session-manager-plugin");
    if !link.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_postern"), &link).unwrap();
    }
    link
}

/// Nothing of the machine's own AWS configuration, and no credentials.
fn prepared(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null());
    for name in ["PATH", "SystemRoot", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("AWS_CONFIG_FILE", "/nonexistent").env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    command
}

/// Standard output, standard error, status.
fn outcome(command: &mut Command) -> (String, String, Option<i32>) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}
