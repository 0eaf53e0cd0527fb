//! Ending whatever still runs as a user that is to be removed.

use std::io;
use std::time::Duration;

use postern_pty::{Account, Pipes, Program, spawn_piped};

const PATIENCE: Duration = Duration::from_secs(10);

/// Kills every process of the account at once. The kernel does it in one go, on behalf of a process of that user, which
/// leaves none the time to start another. What the user started as somebody else goes on.
pub(super) async fn end_all(account: &Account) -> io::Result<()> {
    if account.uid == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the processes of root are not ended"));
    }
    let program = Program {
        program: "sh".into(),
        argv0: None,
        args: ["-c", "kill -KILL -1"].map(Into::into).into(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        directory: "/".into(),
        run_as: Some(account.run_as()?),
    };
    let mut killing = spawn_piped(&program, Pipes { stdin: false, stderr: false })?;
    // It fails where there is nothing to kill.
    let ended = tokio::time::timeout(PATIENCE, killing.child.wait()).await;
    ended.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map(drop)
}
