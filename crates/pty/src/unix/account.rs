//! The passwd database: who an account is, and which groups it belongs to.
//!
//! Goes through libc, so that name services such as sssd and LDAP answer too (in a glibc build; musl reads files).

use std::ffi::{CStr, CString, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// One entry of the passwd database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Home directory.
    pub home: PathBuf,
    /// The comment field, as it is: by custom a person's name.
    pub comment: String,
    /// Login shell; `/bin/sh` where the entry names none, as passwd(5) says.
    pub shell: PathBuf,
}

/// An account's ids, resolved before the fork: the child between fork and exec must not ask a name service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunAs {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: Vec<libc::gid_t>,
}

impl Account {
    /// Looks an account up by name. `Ok(None)`: there is no such account.
    pub fn by_name(name: &str) -> io::Result<Option<Self>> {
        let Ok(name) = CString::new(name) else {
            return Ok(None);
        };
        lookup(|entry, buffer, result| {
            // SAFETY: every pointer is valid for the call; the length is the buffer's own.
            unsafe { libc::getpwnam_r(name.as_ptr(), entry, buffer.as_mut_ptr().cast(), buffer.len(), result) }
        })
    }

    /// Looks an account up by user id. `Ok(None)`: there is no such account.
    pub fn by_uid(uid: u32) -> io::Result<Option<Self>> {
        lookup(|entry, buffer, result| {
            // SAFETY: every pointer is valid for the call; the length is the buffer's own.
            unsafe { libc::getpwuid_r(uid, entry, buffer.as_mut_ptr().cast(), buffer.len(), result) }
        })
    }

    /// The account this process runs as. In a container the user id may have no entry: then a name is made of it.
    pub fn current() -> io::Result<Self> {
        let uid = rustix::process::geteuid().as_raw();
        Ok(Self::by_uid(uid)?.unwrap_or_else(|| Self {
            name: uid.to_string(),
            uid,
            gid: rustix::process::getegid().as_raw(),
            home: PathBuf::from("/"),
            comment: String::new(),
            shell: PathBuf::from("/bin/sh"),
        }))
    }

    /// Everything needed to become this account: its ids and all of its supplementary groups.
    pub fn run_as(&self) -> io::Result<RunAs> {
        Ok(RunAs { uid: self.uid, gid: self.gid, groups: supplementary_groups(&self.name, self.gid)? })
    }
}

/// Calls one of the `getpw*_r` functions with a growing buffer, bounded at 1 MiB.
fn lookup(
    call: impl Fn(&mut libc::passwd, &mut [u8], &mut *mut libc::passwd) -> libc::c_int,
) -> io::Result<Option<Account>> {
    let mut buffer = vec![0u8; 1024];
    loop {
        // SAFETY: `passwd` is a C struct of integers and pointers, for which all zeroes is a valid value.
        let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
        let mut result = std::ptr::null_mut();
        match call(&mut entry, &mut buffer, &mut result) {
            0 if result.is_null() => return Ok(None),
            // SAFETY: success with a result: the strings are NUL-terminated and point into `buffer`, alive here.
            0 => return Ok(Some(unsafe { account(&entry) })),
            libc::ERANGE if buffer.len() < 1 << 20 => {
                let length = buffer.len() * 2;
                buffer.resize(length, 0);
            }
            libc::EINTR => {}
            // Some name services report an unknown name as one of these (getpwnam(3), "Return value").
            libc::ENOENT | libc::ESRCH => return Ok(None),
            code => return Err(io::Error::from_raw_os_error(code)),
        }
    }
}

/// # Safety
/// The entry's strings must be null or valid NUL-terminated strings.
unsafe fn account(entry: &libc::passwd) -> Account {
    let bytes = |text: *const libc::c_char| {
        if text.is_null() {
            Vec::new()
        } else {
            // SAFETY: not null, and NUL-terminated by the caller's promise.
            unsafe { CStr::from_ptr(text) }.to_bytes().to_vec()
        }
    };
    let path = |text, fallback: &str| match bytes(text) {
        found if found.is_empty() => PathBuf::from(fallback),
        found => PathBuf::from(OsString::from_vec(found)),
    };
    Account {
        name: String::from_utf8_lossy(&bytes(entry.pw_name)).into_owned(),
        uid: entry.pw_uid,
        gid: entry.pw_gid,
        home: path(entry.pw_dir, "/"),
        comment: String::from_utf8_lossy(&bytes(entry.pw_gecos)).into_owned(),
        shell: path(entry.pw_shell, "/bin/sh"),
    }
}

#[cfg(target_vendor = "apple")]
type GroupListEntry = libc::c_int;
#[cfg(not(target_vendor = "apple"))]
type GroupListEntry = libc::gid_t;

fn supplementary_groups(name: &str, gid: u32) -> io::Result<Vec<libc::gid_t>> {
    let name = CString::new(name).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut groups: Vec<GroupListEntry> = vec![0; 64];
    loop {
        let mut count = libc::c_int::try_from(groups.len()).map_err(io::Error::other)?;
        // SAFETY: `count` is the length of `groups`; the name is NUL-terminated.
        let found =
            unsafe { libc::getgrouplist(name.as_ptr(), gid as GroupListEntry, groups.as_mut_ptr(), &mut count) };
        if found >= 0 {
            groups.truncate(usize::try_from(count).unwrap_or(0));
            return Ok(groups.into_iter().map(|group| group as libc::gid_t).collect());
        }
        if groups.len() >= 1 << 16 {
            return Err(io::Error::other("the account is in more than 65536 groups"));
        }
        let length = groups.len() * 2;
        groups.resize(length, 0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn root_is_found_by_name_and_by_id() {
        let by_name = Account::by_name("root").unwrap().unwrap();
        assert_eq!(by_name.uid, 0);
        assert_eq!(Account::by_uid(0).unwrap().unwrap(), by_name);
        assert_eq!(by_name.run_as().unwrap().groups.first(), Some(&by_name.gid));
    }

    #[test]
    fn unknown_and_malformed_names_are_nobody() {
        for name in ["no-such-account-here", "", "a\0b"] {
            assert_eq!(Account::by_name(name).unwrap(), None, "{name:?}");
        }
    }

    #[test]
    fn the_current_account_is_ours() {
        let account = Account::current().unwrap();
        assert_eq!(account.uid, rustix::process::geteuid().as_raw());
    }
}
