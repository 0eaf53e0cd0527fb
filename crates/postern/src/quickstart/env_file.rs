//! `DIR/env`: what another shell sources to use the running quickstart. Its presence means that the node is online, so
//! it is removed first, written last and whole, and removed again at the end.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use postern_client::config::DEFAULT_REGION;
use postern_iam::SecretString;

const NAME: &str = "env";

/// Variables that would lead the AWS tools elsewhere if they were left set.
const UNSET: [&str; 3] = ["AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL_SSM"];

/// What the file says.
pub(super) struct Content<'a> {
    pub(super) endpoint: &'a str,
    pub(super) node_id: &'a str,
    pub(super) access_key_id: &'a str,
    pub(super) secret_access_key: &'a SecretString,
}

/// The file while it is there. Dropping it removes it.
pub(super) struct EnvFile {
    path: PathBuf,
}

impl EnvFile {
    /// Removes what an earlier run has left.
    pub(super) fn clear(folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(NAME);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}; make its folder writable", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Writes it, whole or not at all, for this user only.
    pub(super) fn write(folder: &Path, content: &Content<'_>) -> anyhow::Result<EnvFile> {
        let path = folder.join(NAME);
        let partial = folder.join("env.new");
        let written = write_private(&partial, &content.to_sh()).and_then(|()| std::fs::rename(&partial, &path));
        written.with_context(|| format!("cannot write {}; make its folder writable", path.display()))?;
        Ok(EnvFile { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for EnvFile {
    fn drop(&mut self) {
        // Without the service it only misleads; a folder that is gone already has taken it along.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    // One that a crash has left may have other rights: make a new file, never reuse it.
    let _ = std::fs::remove_file(path);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

impl Content<'_> {
    fn to_sh(&self) -> String {
        let console = format!("{}/console", self.endpoint);
        let variables = [
            ("AWS_ENDPOINT_URL", self.endpoint),
            ("AWS_REGION", DEFAULT_REGION),
            // The aws CLI of version 1 and boto3 know only this one.
            ("AWS_DEFAULT_REGION", DEFAULT_REGION),
            ("AWS_ACCESS_KEY_ID", self.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key.expose()),
            ("POSTERN_ENDPOINT", self.endpoint),
            ("POSTERN_NODE_ID", self.node_id),
            ("POSTERN_CONSOLE_URL", &console),
        ];
        let mut text = "# Written by `postern quickstart` while it runs. Source it: . env\n".to_owned();
        for (name, value) in variables {
            text.push_str(&format!("export {name}={}\n", shell_words::quote(value)));
        }
        text.push_str("export NO_PROXY=\"${NO_PROXY:+$NO_PROXY,}127.0.0.1,localhost\"\n");
        // Where both spellings are set, many programs read only this one.
        text.push_str("test -z \"${no_proxy:-}\" || export no_proxy=\"$no_proxy,127.0.0.1,localhost\"\n");
        text.push_str(&format!("unset {}\n", UNSET.join(" ")));
        text
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    #[test]
    fn a_shell_that_sources_it_has_what_it_needs_and_nothing_that_interferes() {
        let folder = tempfile::tempdir().unwrap();
        let secret = SecretString::from("s'e cret/+");
        let content = Content {
            endpoint: "http://127.0.0.1:8022",
            node_id: "mi-0123456789abcdef0",
            access_key_id: "AKIAX",
            secret_access_key: &secret,
        };
        let file = EnvFile::write(folder.path(), &content).unwrap();
        assert_eq!(std::fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        let script = format!(
            "set -eu; . {}; echo \"$AWS_ENDPOINT_URL|$AWS_REGION|$AWS_ACCESS_KEY_ID|$AWS_SECRET_ACCESS_KEY|\
             $POSTERN_ENDPOINT|$POSTERN_NODE_ID|$POSTERN_CONSOLE_URL|$NO_PROXY|${{AWS_PROFILE-none}}|${{AWS_SESSION_TOKEN-none}}\"",
            file.path().display()
        );
        let output = Command::new("sh")
            .args(["-c", &script])
            .env_remove("no_proxy")
            .envs([("NO_PROXY", "example.org"), ("AWS_PROFILE", "x"), ("AWS_SESSION_TOKEN", "x")])
            .output()
            .unwrap();
        let expected = "http://127.0.0.1:8022|us-east-1|AKIAX|s'e cret/+|http://127.0.0.1:8022|mi-0123456789abcdef0|\
            http://127.0.0.1:8022/console|example.org,127.0.0.1,localhost|none|none\n";
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
        let path = file.path().to_owned();
        drop(file);
        assert!(!path.exists(), "it does not outlive its service");
        EnvFile::clear(folder.path()).unwrap();
    }
}
