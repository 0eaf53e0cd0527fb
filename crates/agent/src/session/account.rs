//! Which account a session runs as.
//!
//! Run-as where the preferences enable it: the user of the principal's tag, else that of the preferences; else the agent's
//! `default_user`; an agent that is not root: its own user. A root agent with neither refuses and names the setting. The
//! service has decided the same from the same words before; here it is decided again, and the account is looked at: whether
//! it is there, and whether it is root by another name.

use std::io;
use std::path::PathBuf;

use postern_iam::{IdError, OsUserName};
use postern_model::document::{DocumentError as PreferencesError, OwnPreferences, RunAsPreferences};
use postern_protocol::wire::payload::SessionStart;
use postern_pty::{Account, RunAs};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::document::SessionPlan;
use crate::users::{UserError, UserPolicy, Users};

#[cfg(test)]
mod tests;

/// What the agent's own settings say about accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccountPolicy {
    /// Setting `default_user`.
    pub(crate) default_user: Option<OsUserName>,
    /// Setting `run_as_invoking_user`.
    pub(crate) run_as_invoking_user: bool,
    /// Users that are made for sessions.
    pub(crate) users: UserPolicy,
    /// Where to change all this.
    pub(crate) settings_file: String,
    /// The agent's state folder, where users that were made are written down.
    pub(crate) state_dir: PathBuf,
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
    #[error("the RunAs user has a name that no account can have")]
    BadName(#[from] IdError),
    #[error("the session preferences cannot be used")]
    Preferences(#[from] PreferencesError),
    #[error("failed to start pty since RunAs user {0} does not exist")]
    UnknownUser(OsUserName),
    #[error(
        "the agent does not run as root, so it cannot run a session as {0}; run the agent as root, or turn run-as off in the session preferences"
    )]
    NotRoot(OsUserName),
    #[error(
        "there is no run-as on Windows; use a document with inputs of its own for this node, or turn run-as off in the session preferences"
    )]
    NotOnWindows,
    #[error("the RunAs user {0} is root, which needs inputs.postern.runAs.allowRoot in the session preferences")]
    Root(OsUserName),
    #[error("the default_user {0} in {1} is root; name an ordinary account there")]
    RootByDefault(OsUserName, String),
    #[error("the account {0} may not log in: its shell is {1}")]
    NoShell(OsUserName, String),
    #[error("the default_user {0} set in {1} does not exist on this node; create it, or name another account")]
    UnknownDefaultUser(OsUserName, String),
    #[error(
        "this node's agent runs as root and is told no account for sessions; set default_user in {0} (or POSTERN_AGENT_DEFAULT_USER), or enable run-as in the session preferences"
    )]
    NoDefaultUser(String),
    #[error(transparent)]
    User(#[from] UserError),
    #[error("the account database of the node cannot be read")]
    Database(#[from] io::Error),
}

/// What a session says about its account.
#[derive(Debug)]
pub(super) struct Asked {
    /// The session.
    session_id: String,
    /// The document wants the agent's own rights.
    is_elevated: bool,
    /// Run-as is enabled.
    run_as_enabled: bool,
    /// The user of run-as, by the tag or by the preferences.
    run_as_user: Option<OsUserName>,
    /// What else the preferences say about that user.
    preferences: RunAsPreferences,
}

/// What was decided, before any name is looked up.
#[derive(Debug, PartialEq, Eq)]
enum Choice {
    /// The agent's own account.
    Own,
    /// The account that run-as names.
    RunAs(OsUserName),
    /// The agent's default.
    Default(OsUserName),
}

impl Asked {
    /// Reads it.
    pub(super) fn read(start: &SessionStart, plan: &SessionPlan) -> Result<Self, AccountError> {
        let inputs = &plan.inputs;
        let preferences = match start.document_content.inputs.as_object() {
            Some(inputs) => OwnPreferences::parse(inputs)?.run_as,
            None => RunAsPreferences::default(),
        };
        let mut names = [start.run_as_user.trim(), inputs.run_as_default_user.trim()].into_iter();
        let name = names.find(|name| inputs.run_as_enabled && !name.is_empty());
        Ok(Self {
            session_id: start.session_id.clone(),
            is_elevated: plan.is_elevated(),
            run_as_enabled: inputs.run_as_enabled,
            run_as_user: name.map(str::parse).transpose()?,
            preferences,
        })
    }

    /// The account of this session, made if that is asked for.
    pub(super) async fn login(&self, policy: &AccountPolicy) -> Result<Login, AccountError> {
        let own = Account::current()?;
        let users = Users::new(&policy.state_dir);
        let (name, found) = match self.choose(policy, own.uid == 0)? {
            Choice::Own => return Ok(Login { account: own, run_as: None }),
            Choice::RunAs(name) if own.uid != 0 => {
                let found = Account::by_name(name.as_str())?.filter(|account| account.uid == own.uid);
                (name.clone(), found.ok_or(AccountError::NotRoot(name))?)
            }
            Choice::RunAs(name) => {
                let wanted = Some(&self.preferences).filter(|preferences| preferences.create_user);
                let found = users.enter(&name, wanted, &policy.users, &self.session_id).await?;
                (name.clone(), found.ok_or(AccountError::UnknownUser(name))?)
            }
            Choice::Default(name) => {
                let found = users.enter(&name, None, &policy.users, &self.session_id).await?;
                let unknown = || AccountError::UnknownDefaultUser(name.clone(), policy.settings_file.clone());
                (name.clone(), found.ok_or_else(unknown)?)
            }
        };
        self.refuse_root(&name, &found, policy)?;
        let shell = found.shell.to_string_lossy();
        if is_locked(&shell) {
            return Err(AccountError::NoShell(name, shell.into_owned()));
        }
        let run_as = if found.uid == own.uid { None } else { Some(found.run_as()?) };
        Ok(Login { account: found, run_as })
    }

    /// Whether the user of run-as would be one to run sessions as, for a session that runs nothing. One that would be made
    /// for a shell is not made for it, and one without a login shell is as good as any.
    pub(super) fn check(&self, policy: &AccountPolicy) -> Result<(), AccountError> {
        let own = Account::current()?;
        let Some(name) = self.choose_run_as(own.uid == 0)? else { return Ok(()) };
        match Account::by_name(name.as_str())? {
            Some(account) if own.uid != 0 && account.uid != own.uid => Err(AccountError::NotRoot(name)),
            Some(account) => self.refuse_root(&name, &account, policy),
            None if self.preferences.create_user => Ok(()),
            None => Err(AccountError::UnknownUser(name)),
        }
    }

    fn choose(&self, policy: &AccountPolicy, is_root: bool) -> Result<Choice, AccountError> {
        // A document that asks for elevation is the preferences saying root (spec agent-sessions §2.1).
        if self.is_elevated {
            return Ok(Choice::Own);
        }
        if let Some(name) = self.choose_run_as(is_root)? {
            return Ok(Choice::RunAs(name));
        }
        if policy.run_as_invoking_user || !is_root {
            return Ok(Choice::Own);
        }
        match &policy.default_user {
            Some(name) => Ok(Choice::Default(name.clone())),
            None => Err(AccountError::NoDefaultUser(policy.settings_file.clone())),
        }
    }

    /// The user of run-as, where that is enabled.
    fn choose_run_as(&self, is_root: bool) -> Result<Option<OsUserName>, AccountError> {
        if !self.run_as_enabled {
            return Ok(None);
        }
        if cfg!(windows) {
            return Err(AccountError::NotOnWindows);
        }
        let name = self.run_as_user.clone().ok_or(AccountError::NoRunAsUser)?;
        if name.is_root() && is_root && !self.preferences.allow_root {
            return Err(AccountError::Root(name));
        }
        Ok(Some(name))
    }

    /// Root has as many names as its node likes.
    fn refuse_root(&self, name: &OsUserName, account: &Account, policy: &AccountPolicy) -> Result<(), AccountError> {
        match (account.uid, self.run_as_enabled) {
            (0, true) if !self.preferences.allow_root => Err(AccountError::Root(name.clone())),
            (0, false) => Err(AccountError::RootByDefault(name.clone(), policy.settings_file.clone())),
            _ => Ok(()),
        }
    }
}

fn is_locked(shell: &str) -> bool {
    matches!(shell.rsplit('/').next(), Some("nologin" | "false"))
}
