//! What a session executes, and in which environment: a real login, not the agent's own surroundings.

use std::ffi::{OsStr, OsString};

use postern_pty::Program;

use super::account::Login;
use super::document::ShellWordsError;
use crate::copier::own_program;

/// What terminals of our time are, where nobody says.
const DEFAULT_TERM: &str = "xterm-256color";
const DEFAULT_LANG: &str = "C.UTF-8";
const USER_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games";
const ROOT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The account's own login shell.
pub(crate) fn login_shell(login: &Login, term: Option<&str>) -> Program {
    let shell = login.account.shell.clone();
    // A leading dash makes a shell read the account's profile, as login(1) does it.
    let mut argv0 = OsString::from("-");
    argv0.push(shell.file_name().unwrap_or(shell.as_os_str()));
    Program {
        program: shell.into_os_string(),
        argv0: (!cfg!(windows)).then_some(argv0),
        args: Vec::new(),
        env: environment(login, term),
        directory: login.account.home.clone(),
        run_as: login.run_as.clone(),
    }
}

/// A command line in a terminal, run by `sh` (by PowerShell on Windows).
pub(crate) fn interactive_command(login: &Login, commands: &str, term: Option<&str>) -> Program {
    let (program, args): (OsString, [&str; 2]) = if cfg!(windows) {
        (login.account.shell.clone().into_os_string(), ["-Command", commands])
    } else {
        ("sh".into(), ["-c", commands])
    };
    Program {
        program,
        argv0: None,
        args: args.map(OsString::from).into(),
        env: environment(login, term),
        directory: login.account.home.clone(),
        run_as: login.run_as.clone(),
    }
}

/// A command without a terminal: split into words as a shell would, executed directly.
pub(crate) fn direct_command(login: &Login, commands: &str) -> Result<Program, ShellWordsError> {
    let mut words = shell_words::split(commands).map_err(|_| ShellWordsError)?.into_iter().map(OsString::from);
    let program = words.next().ok_or(ShellWordsError)?;
    Ok(Program {
        program,
        argv0: None,
        args: words.collect(),
        env: environment(login, None),
        directory: login.account.home.clone(),
        run_as: login.run_as.clone(),
    })
}

/// This program again, to copy files.
pub(crate) fn copier(login: &Login, subcommand: &str) -> std::io::Result<Program> {
    Ok(Program {
        program: own_program()?,
        argv0: None,
        args: vec![subcommand.into()],
        env: environment(login, None),
        directory: login.account.home.clone(),
        run_as: login.run_as.clone(),
    })
}

/// `TERM` as the client has it, if it is a name that a terminal database could have.
pub(crate) fn accepted_term(offered: &str) -> Option<&str> {
    let is_name = (1..=64).contains(&offered.len())
        && offered.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+'))
        && !offered.starts_with(['.', '-']);
    is_name.then_some(offered)
}

fn environment(login: &Login, term: Option<&str>) -> Vec<(OsString, OsString)> {
    environment_from(login, term, |name| std::env::var_os(name))
}

fn environment_from(
    login: &Login,
    term: Option<&str>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Vec<(OsString, OsString)> {
    let account = &login.account;
    let term = term.unwrap_or(DEFAULT_TERM);
    if cfg!(windows) {
        // There a program without SystemRoot and its like does not even start, and the user is the agent's own.
        return std::env::vars_os().chain([("TERM".into(), term.into())]).collect();
    }
    let path = if account.uid == 0 { ROOT_PATH } else { USER_PATH };
    let mut env: Vec<(OsString, OsString)> = vec![
        ("USER".into(), account.name.clone().into()),
        ("LOGNAME".into(), account.name.clone().into()),
        ("HOME".into(), account.home.clone().into()),
        ("SHELL".into(), account.shell.clone().into()),
        ("PATH".into(), path.into()),
        ("TERM".into(), term.into()),
    ];
    let lang = variable("LANG").filter(|lang| !lang.is_empty()).unwrap_or_else(|| DEFAULT_LANG.into());
    env.push(("LANG".into(), lang));
    // What describes the machine rather than the agent.
    for name in ["LC_ALL", "LC_CTYPE", "TZ"] {
        if let Some(value) = variable(name).filter(|value| value.as_os_str() != OsStr::new("")) {
            env.push((name.into(), value));
        }
    }
    env
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;
    use postern_pty::Account;

    fn login(uid: u32) -> Login {
        let account = Account {
            name: "alice".into(),
            uid,
            gid: 1000,
            home: "/srv/alice".into(),
            comment: String::new(),
            shell: "/usr/bin/zsh".into(),
        };
        Login { account, run_as: None }
    }

    #[test]
    fn a_login_shell_has_a_dash_and_the_accounts_home() {
        let program = login_shell(&login(1000), Some("vt100"));
        assert_eq!(program.program, "/usr/bin/zsh");
        assert_eq!(program.argv0.unwrap(), "-zsh");
        assert_eq!(program.directory, std::path::Path::new("/srv/alice"));
    }

    #[test]
    fn the_environment_is_a_logins_and_not_the_agents() {
        let env = environment_from(&login(1000), None, |name| {
            [("AWS_SECRET_ACCESS_KEY", "s"), ("SSL_CERT_FILE", "f"), ("TZ", "UTC"), ("LANG", "")]
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.into())
        });
        let get = |name: &str| env.iter().find(|(key, _)| key == name).map(|(_, value)| value.to_str().unwrap());
        assert_eq!(get("USER"), Some("alice"));
        assert_eq!(get("LOGNAME"), Some("alice"));
        assert_eq!(get("HOME"), Some("/srv/alice"));
        assert_eq!(get("SHELL"), Some("/usr/bin/zsh"));
        assert_eq!(get("PATH"), Some(USER_PATH));
        assert_eq!(get("TERM"), Some("xterm-256color"));
        assert_eq!(get("LANG"), Some("C.UTF-8"));
        assert_eq!(get("TZ"), Some("UTC"));
        assert_eq!(env.len(), 8, "nothing else: {env:?}");
        let root = environment_from(&login(0), None, |_| None);
        assert!(root.contains(&("PATH".into(), ROOT_PATH.into())));
    }

    #[test]
    fn commands_are_split_as_a_shell_splits_words() {
        let program = direct_command(&login(1000), r#"sh -c 'echo "a  b"; exit 3' x\ y"#).unwrap();
        assert_eq!(program.program, "sh");
        assert_eq!(program.args, ["-c", "echo \"a  b\"; exit 3", "x y"]);
        for bad in ["", "  ", "echo 'open"] {
            direct_command(&login(1000), bad).unwrap_err();
        }
    }

    #[test]
    fn terminal_names_have_a_closed_alphabet() {
        for name in ["xterm-256color", "tmux", "st-0.8", "screen.xterm+x"] {
            assert_eq!(accepted_term(name), Some(name));
        }
        for name in ["", "../../etc/x", "a b", "x\n", &"x".repeat(65)] {
            assert_eq!(accepted_term(name), None, "{name:?}");
        }
    }
}
