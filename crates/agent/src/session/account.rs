//! Which account a session runs as.
//!
//! Run-as when the preferences enable it; else the agent's `default_user`; an agent that is not root: its own user.
//! A root agent with neither refuses and names the setting. No account is ever created here.

use std::io;

use postern_protocol::wire::payload::SessionInputs;
use postern_pty::{Account, RunAs};
use thiserror::Error;

use crate::config::is_user_name;

/// What the agent's own settings say about accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct AccountPolicy {
    /// Setting `default_user`.
    pub(crate) default_user: Option<String>,
    /// Setting `run_as_invoking_user`.
    pub(crate) run_as_invoking_user: bool,
    /// Where to change them.
    pub(crate) settings_file: String,
}

/// An account to run a session as.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    /// Who.
    pub(crate) account: Account,
    /// How to become it; `None` when the worker is that account already.
    pub(crate) run_as: Option<RunAs>,
}

/// No account, or not that one. The texts of run-as are the stock agent's where it has one.
#[derive(Debug, Error)]
pub(crate) enum AccountError {
    #[error(
        "please set the RunAs default user (runAsDefaultUser in the session preferences, or the tag SSMSessionRunAs of the principal)"
    )]
    NoRunAsUser,
    #[error("the RunAs user has a name that no account can have; names are letters, digits, '_', '.' and '-'")]
    BadName,
    #[error("failed to start pty since RunAs user {0} does not exist")]
    UnknownUser(String),
    #[error(
        "the agent does not run as root, so it cannot run a session as {0}; run the agent as root, or turn run-as off in the session preferences"
    )]
    NotRoot(String),
    #[error("the RunAs user {0} is root, which only runAsDefaultUser in the session preferences may name")]
    RootByTag(String),
    #[error("the default_user {0} in {1} is root; name an ordinary account there")]
    RootByDefault(String, String),
    #[error("the account {0} may not log in: its shell is {1}")]
    NoShell(String, String),
    #[error("the default_user {0} set in {1} does not exist on this node; create it, or name another account")]
    UnknownDefaultUser(String, String),
    #[error(
        "this node's agent runs as root and is told no account for sessions; set default_user in {0} (or POSTERN_AGENT_DEFAULT_USER), or enable run-as in the session preferences"
    )]
    NoDefaultUser(String),
    #[error("the account database of the node cannot be read")]
    Database(#[from] io::Error),
}

/// What was decided, before any name is looked up.
#[derive(Debug, PartialEq, Eq)]
enum Choice<'a> {
    /// The agent's own account.
    Own,
    /// The account that run-as names. Root is allowed where the preferences themselves name it.
    RunAs { name: &'a str, may_be_root: bool },
    /// The agent's default.
    Default { name: &'a str },
}

/// Decides for a session of this document.
pub(crate) fn choose_login(
    policy: &AccountPolicy,
    inputs: &SessionInputs,
    run_as_user: &str,
    is_elevated: bool,
) -> Result<Login, AccountError> {
    let own = Account::current()?;
    let is_root = own.uid == 0;
    let (name, may_be_root, unknown): (&str, bool, fn(String, String) -> AccountError) =
        match choose(policy, inputs, run_as_user, is_elevated, is_root)? {
            Choice::Own => return Ok(Login { account: own, run_as: None }),
            Choice::RunAs { name, may_be_root } => (name, may_be_root, |name, _| AccountError::UnknownUser(name)),
            Choice::Default { name } => (name, false, AccountError::UnknownDefaultUser),
        };
    let Some(account) = Account::by_name(name)? else {
        return Err(unknown(name.to_owned(), policy.settings_file.clone()));
    };
    if account.uid == 0 && !may_be_root {
        return Err(if policy.default_user.as_deref() == Some(name) && !inputs.run_as_enabled {
            AccountError::RootByDefault(name.to_owned(), policy.settings_file.clone())
        } else {
            AccountError::RootByTag(name.to_owned())
        });
    }
    let shell = account.shell.to_string_lossy();
    if is_locked(&shell) {
        return Err(AccountError::NoShell(name.to_owned(), shell.into_owned()));
    }
    let run_as = if account.uid == own.uid { None } else { Some(account.run_as()?) };
    Ok(Login { account, run_as })
}

fn choose<'a>(
    policy: &'a AccountPolicy,
    inputs: &'a SessionInputs,
    run_as_user: &'a str,
    is_elevated: bool,
    is_root: bool,
) -> Result<Choice<'a>, AccountError> {
    // A document that asks for elevation is the preferences saying root (spec agent-sessions §2.1).
    if policy.run_as_invoking_user || is_elevated {
        return Ok(Choice::Own);
    }
    if inputs.run_as_enabled {
        let tagged = run_as_user.trim();
        let preferred = inputs.run_as_default_user.trim();
        let name = if tagged.is_empty() { preferred } else { tagged };
        if name.is_empty() {
            return Err(AccountError::NoRunAsUser);
        }
        if !is_user_name(name) {
            return Err(AccountError::BadName);
        }
        if !is_root {
            return Err(AccountError::NotRoot(name.to_owned()));
        }
        return Ok(Choice::RunAs { name, may_be_root: name == preferred });
    }
    if !is_root {
        return Ok(Choice::Own);
    }
    match &policy.default_user {
        Some(name) => Ok(Choice::Default { name }),
        None => Err(AccountError::NoDefaultUser(policy.settings_file.clone())),
    }
}

fn is_locked(shell: &str) -> bool {
    matches!(shell.rsplit('/').next(), Some("nologin" | "false"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    fn inputs(is_enabled: bool, default_user: &str) -> SessionInputs {
        SessionInputs { run_as_enabled: is_enabled, run_as_default_user: default_user.into(), ..Default::default() }
    }

    fn policy(default_user: Option<&str>) -> AccountPolicy {
        AccountPolicy {
            default_user: default_user.map(Into::into),
            run_as_invoking_user: false,
            settings_file: "/etc/postern/agent.toml".into(),
        }
    }

    #[test]
    fn run_as_comes_before_the_default_user_and_the_tag_before_the_preferences() {
        let with_default = policy(Some("ssm-user"));
        let cases = [
            (inputs(true, "bob"), "alice", Choice::RunAs { name: "alice", may_be_root: false }),
            (inputs(true, "bob"), " ", Choice::RunAs { name: "bob", may_be_root: true }),
            (inputs(true, "root"), "root", Choice::RunAs { name: "root", may_be_root: true }),
            (inputs(false, "bob"), "alice", Choice::Default { name: "ssm-user" }),
        ];
        for (inputs, tag, wanted) in &cases {
            assert_eq!(&choose(&with_default, inputs, tag, false, true).unwrap(), wanted);
        }
    }

    #[test]
    fn a_root_agent_without_an_account_names_the_setting() {
        let error = choose(&policy(None), &inputs(false, ""), "", false, true).unwrap_err().to_string();
        assert!(error.contains("default_user") && error.contains("/etc/postern/agent.toml"), "{error}");
        assert_eq!(choose(&policy(None), &inputs(false, ""), "", false, false).unwrap(), Choice::Own);
        assert_eq!(choose(&policy(None), &inputs(false, ""), "", true, true).unwrap(), Choice::Own);
    }

    #[test]
    fn quickstart_is_the_invoking_user_whatever_the_preferences_say() {
        let invoking = AccountPolicy { run_as_invoking_user: true, ..policy(None) };
        assert_eq!(choose(&invoking, &inputs(true, "bob"), "alice", false, true).unwrap(), Choice::Own);
    }

    #[test]
    fn run_as_refuses_what_it_cannot_do() {
        let refuse = |inputs: &SessionInputs, tag: &str, is_root: bool| {
            choose(&policy(None), inputs, tag, false, is_root).unwrap_err().to_string()
        };
        assert!(refuse(&inputs(true, ""), "", true).starts_with("please set the RunAs default user"));
        assert!(refuse(&inputs(true, "$(id)"), "", true).contains("no account can have"));
        assert!(refuse(&inputs(true, "bob"), "", false).contains("does not run as root"));
    }

    #[cfg(unix)]
    #[test]
    fn accounts_are_checked_after_they_are_found() {
        if Account::current().unwrap().uid != 0 {
            eprintln!("skipped: needs root");
            return;
        }
        let choose = |inputs: &SessionInputs, tag: &str| choose_login(&policy(None), inputs, tag, false);
        let missing = choose(&inputs(true, "nosuch"), "").unwrap_err().to_string();
        assert_eq!(missing, "failed to start pty since RunAs user nosuch does not exist");
        assert!(matches!(choose(&inputs(true, "bob"), "root"), Err(AccountError::RootByTag(_))));
        assert!(matches!(choose(&inputs(true, "daemon"), ""), Err(AccountError::NoShell(..))));
        let root = choose(&inputs(true, "root"), "").unwrap();
        assert_eq!((root.account.uid, root.run_as), (0, None));
        let default = choose_login(&policy(Some("root")), &inputs(false, ""), "", false);
        assert!(matches!(default, Err(AccountError::RootByDefault(..))));
    }
}
