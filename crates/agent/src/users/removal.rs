//! The end of users that were made: when their last session has left, or when it is found out that it has.

use std::io;
use std::time::Duration;

use postern_pty::Account;

use super::record::{Record, State};
use super::{UserError, Users, home, processes, tools};
use crate::chain::error_chain;

/// How often the removal is tried: processes that were killed are there until their parents have noticed.
const ATTEMPTS: u32 = 20;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

impl Users {
    /// A session has ended: it leaves the user that it has entered, and one that nobody is in any more is removed if that
    /// is asked for. What fails is logged and tried again when the next one leaves.
    pub(crate) async fn leave(&self, session_id: &str) {
        self.settle(|session| session != session_id).await;
    }

    /// Looks after what agents before this one have left: users that they were making, sessions that are over. `is_live`
    /// says which sessions may still run.
    pub(crate) async fn sweep(&self, is_live: impl Fn(&str) -> bool) {
        self.settle(is_live).await;
    }

    async fn settle(&self, stays: impl Fn(&str) -> bool) {
        if !self.records.exist() {
            return;
        }
        let settled = async {
            let _lock = self.records.lock().await?;
            for mut record in self.records.all()? {
                let sessions = record.sessions.len();
                record.sessions.retain(|session| stays(session));
                if record.sessions.len() < sessions {
                    self.records.write(&record)?;
                }
                if record.is_to_go() {
                    self.remove(&mut record).await;
                }
            }
            Ok::<(), io::Error>(())
        };
        if let Err(error) = settled.await {
            tracing::warn!(%error, "the users that were made for sessions cannot be looked after");
        }
    }

    /// Removes a user, and keeps in mind what number it had. Called with the lock held.
    pub(super) async fn remove(&self, record: &mut Record) {
        let user = record.user.clone();
        if let Err(error) = self.try_remove(record).await {
            let reason = error_chain(&error);
            tracing::warn!(%user, reason, "a user that was created for sessions cannot be removed");
        }
    }

    async fn try_remove(&self, record: &mut Record) -> Result<(), UserError> {
        self.take_sudo(record)?;
        let account = match Account::by_name(record.user.as_str())? {
            Some(account) if record.is_of(&account) => account,
            Some(_) => {
                tracing::warn!(user = %record.user, "the account is not the one that was created; it is left alone");
                return Ok(self.records.forget(&record.user)?);
            }
            // A tool may still be at it; when the account comes, its mark tells whose it is.
            None if record.state == State::Making => return Ok(()),
            None => return Ok(self.note_removed(record)?),
        };
        record.uid = Some(account.uid);
        processes::end_all(&account).await?;
        if !record.remove_home {
            home::close(&record.home, &account)?;
        }
        let mut attempt = 1;
        while let Err(error) = tools::delete_user(&record.user, record.remove_home).await {
            if attempt == ATTEMPTS {
                return Err(error.into());
            }
            attempt += 1;
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        }
        tracing::info!(user = %record.user, "a user that was created for sessions was removed");
        Ok(self.note_removed(record)?)
    }

    fn note_removed(&self, record: &mut Record) -> io::Result<()> {
        record.state = State::Removed;
        record.groups.clear();
        self.records.write(record)
    }
}
