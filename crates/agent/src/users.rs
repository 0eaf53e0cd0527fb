//! Users of this machine that exist for sessions: made when the first session needs them, removed after the last one if
//! that is asked for.
//!
//! What was made is written down before it is made, in the state folder, one record for each user; a user without a record
//! is somebody else's and is never changed or removed. A mark in the account's comment tells that an account is the
//! record's and not another of the same name. Session processes enter users; the main process lets them leave, so that
//! it does not matter how a session's process ends; and what nobody let leave is found at the agent's next start.
//!
//! The system's own tools do the work. It refuses to guess: what it does not know stays as it is.

mod home;
mod processes;
mod record;
mod removal;
mod sudoers;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod tools;

use std::io;
use std::path::{Path, PathBuf};

use postern_iam::{OsGroupName, OsUserName};
use postern_model::document::{RunAsPreferences, SudoRule};
use postern_pty::Account;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use record::{Record, Records};
use tools::ToolError;

/// What the settings of this agent say about users for sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserPolicy {
    /// Setting `create_users`.
    pub(crate) create: bool,
    /// Setting `create_users_groups`.
    pub(crate) groups: Vec<OsGroupName>,
    /// Setting `create_users_sudo`.
    pub(crate) sudo: bool,
    /// Where to change them.
    pub(crate) settings_file: String,
}

/// Why a user is not there for a session. What is to be done about it is the node's to do, or the preferences'.
#[derive(Debug, Error)]
pub(crate) enum UserError {
    #[error(
        "the user {0} does not exist on this node, and its agent creates none: create the account, or set create_users in {1}"
    )]
    Forbidden(String, String),
    #[error(
        "the session preferences put created users into the group {0}, which create_users_groups in {1} does not name"
    )]
    ForbiddenGroup(String, String),
    #[error("the session preferences let created users use sudo, which create_users_sudo in {0} does not allow")]
    ForbiddenSudo(String),
    #[error(
        "the user {0} does not exist on this node, and agents create none on this system; create the account by its own means"
    )]
    Unsupported(String),
    #[error("the user {0} cannot be created: its name must be up to 32 lower-case letters, digits or any of _ . -")]
    Name(String),
    #[error("the user {0} cannot be created: {path} is there already and is somebody else's; move it away", path = .1.display())]
    HomeInTheWay(String, PathBuf),
    #[error(
        "the user {0} cannot be created again: its former number {1} is another user's by now, and {path} holds what the number owned; move it away",
        path = .2.display()
    )]
    NumberTaken(String, u32, PathBuf),
    #[error("the user {0} was created and cannot be found; look at what the node's name service says (getent passwd)")]
    Vanished(String),
    #[error("sudo is not set up on this node: {} is missing; install sudo, or take sudo out of the session preferences", .0.display())]
    NoSudo(PathBuf),
    #[error("sudo does not understand the rule of the session preferences: {0}")]
    SudoRule(String),
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error("the users that were made for sessions cannot be kept track of")]
    Records(#[from] io::Error),
}

/// The users of this node, as sessions enter and leave them.
#[derive(Clone, Debug)]
pub(crate) struct Users {
    records: Records,
    sudoers: PathBuf,
}

impl Users {
    /// Those that were made by agents with this state folder.
    pub(crate) fn new(state_dir: &Path) -> Self {
        Self { records: Records::new(state_dir), sudoers: PathBuf::from(sudoers::FOLDER) }
    }

    /// The account for a session that runs as `name`, made if it is wanted and missing. `None`: there is none, and none
    /// is wanted. A session that has entered an account we made keeps it there until it leaves.
    ///
    /// Not cancel-safe: half a user may be left for the next look.
    pub(crate) async fn enter(
        &self,
        name: &OsUserName,
        wanted: Option<&RunAsPreferences>,
        policy: &UserPolicy,
        session_id: &str,
    ) -> Result<Option<Account>, UserError> {
        let found = Account::by_name(name.as_str())?;
        let is_ours_to_look_at = wanted.is_some() || self.records.has(name);
        if !is_ours_to_look_at {
            return Ok(found);
        }
        let _lock = self.records.lock().await?;
        let record = self.records.read(name)?;
        // Once more: it may have been made or removed while we waited.
        match (Account::by_name(name.as_str())?, record) {
            (Some(account), Some(mut record)) if record.is_of(&account) => {
                let wanted = wanted.map(|wanted| Wanted::of(wanted, policy)).transpose()?;
                record.enter(&account, session_id);
                let furnished = match &wanted {
                    Some(wanted) => self.furnish(&mut record, wanted).await,
                    None => Ok(()),
                };
                // Also where that was half done: what was done is so.
                self.records.write(&record)?;
                furnished.map(|()| Some(account))
            }
            (Some(account), record) => {
                if let Some(record) = record {
                    tracing::warn!(user = %name, "somebody has made an account of this name; it is left alone");
                    self.abandon(&record)?;
                }
                Ok(Some(account))
            }
            (None, former) => match wanted {
                None => Ok(None),
                Some(_) if !policy.create => Err(UserError::Forbidden(name.to_string(), policy.settings_file.clone())),
                Some(wanted) => {
                    let wanted = Wanted::of(wanted, policy)?;
                    self.make(name, &wanted, former, session_id).await.map(Some)
                }
            },
        }
    }

    /// Makes a user. Called with the lock held.
    async fn make(
        &self,
        name: &OsUserName,
        wanted: &Wanted<'_>,
        former: Option<Record>,
        session_id: &str,
    ) -> Result<Account, UserError> {
        if !cfg!(target_os = "linux") {
            return Err(UserError::Unsupported(name.to_string()));
        }
        if !is_creatable(name) {
            return Err(UserError::Name(name.to_string()));
        }
        // Before anything is made: what would have to be undone.
        if wanted.sudo.is_some() && !self.sudoers.is_dir() {
            return Err(UserError::NoSudo(self.sudoers.clone()));
        }
        let home_folder = tools::home_base().await?.join(name.as_str());
        let has_home = home_folder.symlink_metadata().is_ok();
        if has_home && !former.as_ref().is_some_and(|former| former.keeps_home(&home_folder)) {
            return Err(UserError::HomeInTheWay(name.to_string(), home_folder));
        }
        let mut record = Record::of_new(name, home_folder, session_id, former.as_ref());
        self.records.write(&record)?;
        let made = self.make_as_recorded(&mut record, wanted, has_home, session_id).await;
        if made.is_err() {
            // Nobody has used it. Some tools fail when most is done.
            record.sessions.clear();
            self.remove(&mut record).await;
        }
        made
    }

    async fn make_as_recorded(
        &self,
        record: &mut Record,
        wanted: &Wanted<'_>,
        has_home: bool,
        session_id: &str,
    ) -> Result<Account, UserError> {
        let uid = match record.uid {
            Some(former) => tools::Uid::Again(former),
            None => tools::Uid::Above(self.records.highest_former_uid()?),
        };
        match tools::add_user(record, uid, has_home, wanted.groups).await {
            // Without a home there is nothing that the number was kept for.
            Err(ToolError::NumberTaken(_)) if !has_home => {
                let above = tools::Uid::Above(self.records.highest_former_uid()?);
                tools::add_user(record, above, has_home, wanted.groups).await?;
            }
            Err(ToolError::NumberTaken(uid)) => {
                return Err(UserError::NumberTaken(record.user.to_string(), uid, record.home.clone()));
            }
            added => added?,
        }
        let account = Account::by_name(record.user.as_str())?;
        let Some(account) = account.filter(|account| record.is_of(account)) else {
            return Err(UserError::Vanished(record.user.to_string()));
        };
        record.enter(&account, session_id);
        record.groups = wanted.groups.to_vec();
        self.records.write(record)?;
        tracing::info!(user = %record.user, uid = account.uid, session.id = session_id, "a user was created for a session");
        if has_home {
            home::open(&record.home, &account)?;
        }
        self.furnish(record, wanted).await?;
        self.records.write(record)?;
        Ok(account)
    }

    /// Makes an account that is ours what the preferences say by now.
    async fn furnish(&self, record: &mut Record, wanted: &Wanted<'_>) -> Result<(), UserError> {
        if record.groups != wanted.groups {
            tools::set_groups(&record.user, wanted.groups).await?;
            wanted.groups.clone_into(&mut record.groups);
        }
        match (wanted.sudo, record.uid) {
            (Some(rule), Some(uid)) => {
                sudoers::permit(&self.sudoers, uid, &record.user, rule).await?;
            }
            _ => self.take_sudo(record)?,
        }
        (record.remove, record.remove_home) = (wanted.remove_user, wanted.remove_home);
        Ok(())
    }

    fn take_sudo(&self, record: &Record) -> io::Result<()> {
        record.uid.map_or(Ok(()), |uid| sudoers::forbid(&self.sudoers, uid))
    }

    /// Forgets a user whose account is not ours any more.
    fn abandon(&self, record: &Record) -> io::Result<()> {
        self.take_sudo(record)?;
        self.records.forget(&record.user)
    }
}

/// What the preferences want of a user, as far as the settings allow it.
struct Wanted<'a> {
    groups: &'a [OsGroupName],
    sudo: Option<&'a SudoRule>,
    remove_user: bool,
    remove_home: bool,
}

impl<'a> Wanted<'a> {
    fn of(preferences: &'a RunAsPreferences, policy: &UserPolicy) -> Result<Self, UserError> {
        let settings = || policy.settings_file.clone();
        if let Some(group) = preferences.groups.iter().find(|group| !policy.groups.contains(group)) {
            return Err(UserError::ForbiddenGroup(group.to_string(), settings()));
        }
        if preferences.sudo.is_some() && !policy.sudo {
            return Err(UserError::ForbiddenSudo(settings()));
        }
        Ok(Self {
            groups: &preferences.groups,
            sudo: preferences.sudo.as_ref(),
            remove_user: preferences.remove_user,
            remove_home: preferences.remove_home,
        })
    }
}

/// Whether an account of this name may be made. In sudoers(5) upper case is the name of an alias, or everybody.
fn is_creatable(name: &OsUserName) -> bool {
    name.as_str().len() <= 32 && name.as_str().bytes().all(|byte| !byte.is_ascii_uppercase() && byte != b'@')
}
