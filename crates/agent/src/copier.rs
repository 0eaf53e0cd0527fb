//! The process that has a session's files in hand: this program once more, as the session's user, between two pipes.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// The whole program of the hidden subcommand that copies files: speaks with the client on its standard streams until
/// everything is copied. What goes wrong is the client's to tell.
#[must_use]
pub fn copy_files_main() -> ExitCode {
    // Not the locks of std's own: the reader moves to a thread, and std would buffer lines.
    let streams = (streams::input(), streams::output());
    let (Ok(input), Ok(output)) = streams else {
        eprintln!("the process that copies files has no standard streams");
        return ExitCode::FAILURE;
    };
    match postern_transfer::serve(input, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// This program's own file, for a process that may be another user: a link that the kernel keeps needs no way to the
/// file, nor does it matter that an update has put another one in its place.
pub(crate) fn own_program() -> io::Result<OsString> {
    let image = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && image.exists() {
        return Ok(image.into());
    }
    std::env::current_exe().map(OsString::from)
}

#[cfg(unix)]
mod streams {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsFd as _;

    pub(super) fn input() -> io::Result<File> {
        io::stdin().as_fd().try_clone_to_owned().map(File::from)
    }

    pub(super) fn output() -> io::Result<File> {
        io::stdout().as_fd().try_clone_to_owned().map(File::from)
    }
}

#[cfg(windows)]
mod streams {
    use std::fs::File;
    use std::io;
    use std::os::windows::io::AsHandle as _;

    pub(super) fn input() -> io::Result<File> {
        io::stdin().as_handle().try_clone_to_owned().map(File::from)
    }

    pub(super) fn output() -> io::Result<File> {
        io::stdout().as_handle().try_clone_to_owned().map(File::from)
    }
}
