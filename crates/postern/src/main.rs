//! `postern`: the user's program. Under the name `session-manager-plugin` it is a drop-in for AWS's plugin.
//!
//! Exit status: the remote one where there is one, 255 with one sentence on standard error for our own failures.

mod cli;
mod command;
mod context;
mod failure;
mod plugin;
#[cfg(feature = "quickstart")]
mod quickstart;
mod stop;
mod table;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;

// For the service inside; it does not build for macOS with the cross linker.
#[cfg(feature = "quickstart")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The name by which the AWS CLI starts its plugin.
const PLUGIN_NAME: &str = "session-manager-plugin";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    if is_plugin_name(&name) {
        return plugin::main(arguments);
    }
    failure::log_to_stderr();
    match Cli::try_parse() {
        Ok(cli) => cli.run(),
        Err(error) => {
            // Help and version are answers, anything else is a misuse and one of our own failures.
            let status = if error.use_stderr() { failure::OWN_FAILURE } else { 0 };
            // A closed pipe behind `--help` is nobody's problem.
            let _ = error.print();
            ExitCode::from(status)
        }
    }
}

fn is_plugin_name(program: &OsString) -> bool {
    let name = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_suffix(".exe").unwrap_or(name) == PLUGIN_NAME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugins_name_is_known_wherever_it_lies() {
        for yes in ["session-manager-plugin", "/usr/local/bin/session-manager-plugin", "session-manager-plugin.exe"] {
            assert!(is_plugin_name(&yes.into()), "{yes}");
        }
        for no in ["postern", "session-manager-plugin2", "session-manager-plugin.sh", ""] {
            assert!(!is_plugin_name(&no.into()), "{no}");
        }
    }
}
