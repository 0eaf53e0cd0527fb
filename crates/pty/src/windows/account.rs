//! Accounts on Windows: sessions run as the agent's own user, so there is only one.

use std::io;
use std::path::PathBuf;

/// The account that programs run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Login name.
    pub name: String,
    /// Not zero: nobody is root here.
    pub uid: u32,
    /// Not zero, see `uid`.
    pub gid: u32,
    /// The profile folder.
    pub home: PathBuf,
    /// Empty.
    pub comment: String,
    /// PowerShell, where stock agents start theirs.
    pub shell: PathBuf,
}

/// Another account to run as. There is none: a value of this type cannot exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunAs {}

impl Account {
    /// Looks an account up by name: only the current one is known.
    pub fn by_name(name: &str) -> io::Result<Option<Self>> {
        let current = Self::current()?;
        Ok(current.name.eq_ignore_ascii_case(name).then_some(current))
    }

    /// Looks an account up by user id: there are no such ids here.
    pub fn by_uid(_uid: u32) -> io::Result<Option<Self>> {
        Ok(None)
    }

    /// The account this process runs as.
    pub fn current() -> io::Result<Self> {
        let variable = |name: &str| std::env::var_os(name);
        let system_root = variable("SystemRoot").map_or_else(|| "C:\\Windows".into(), PathBuf::from);
        Ok(Self {
            name: variable("USERNAME").map_or_else(|| "SYSTEM".into(), |name| name.to_string_lossy().into_owned()),
            uid: 1,
            gid: 1,
            home: variable("USERPROFILE").map_or_else(|| system_root.join("System32"), PathBuf::from),
            comment: String::new(),
            shell: system_root.join("System32\\WindowsPowerShell\\v1.0\\powershell.exe"),
        })
    }

    /// Always refused: a session here runs as the agent's own user.
    pub fn run_as(&self) -> io::Result<RunAs> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "run-as is not available on Windows"))
    }
}
