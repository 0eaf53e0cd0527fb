//! `posternd audit verify`: whether the log of audit events, or a copy of it, is whole.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use postern_audit::{Check, Link, link_before};
use postern_store::AuditStore as _;

use crate::application::Application;

/// Events that are read at once.
const PAGE: u32 = 1000;
/// No event has more bytes.
const MAX_LINE: u64 = 256 * 1024;

/// What was found to be whole.
pub(crate) struct Whole {
    /// The number of the first event.
    pub(crate) first: u64,
    /// Behind the last.
    pub(crate) last: Link,
}

/// Follows the log in the database from its first event to its last.
///
/// # Errors
/// The store does not answer, or the first thing that is wrong.
pub(crate) async fn database(application: &Application) -> Result<Whole> {
    let (store, account) = (&application.store, &application.control.settings().scope.account);
    let ends = store.audit_log_ends(account).await?;
    let mut check = Check::new(ends.first);
    loop {
        let page = store.audit_records(account, check.at().count, PAGE).await?;
        for event in &page {
            check.next(event.number, &event.record)?;
        }
        if page.is_empty() {
            break;
        }
    }
    check.finish(&ends.last)?;
    Ok(Whole { first: ends.first.count, last: *check.at() })
}

/// Follows a copy from its first line to its last: a file of JSON lines, as `audit_file` writes and `postern audit --json`
/// prints all events of a time.
///
/// # Errors
/// The file cannot be read, or the first thing that is wrong.
pub(crate) fn file(path: &Path) -> Result<Whole> {
    let cannot = || format!("cannot read {}", path.display());
    let mut lines = BufReader::new(File::open(path).with_context(cannot)?);
    let mut check: Option<Check> = None;
    let mut first = 0;
    loop {
        let mut line = String::new();
        if lines.by_ref().take(MAX_LINE).read_line(&mut line).with_context(cannot)? == 0 {
            break;
        }
        let line = line.trim_end_matches('\n');
        let Some(before) = link_before(line) else {
            bail!(
                "{} has a line that is no audit event, behind event {:?}",
                path.display(),
                check.map(|check| check.at().count)
            );
        };
        let check = check.get_or_insert_with(|| {
            first = before.count;
            Check::new(before)
        });
        check.next(before.count, line)?;
    }
    match check {
        Some(check) => Ok(Whole { first, last: *check.at() }),
        None => bail!("{} has no events", path.display()),
    }
}
