//! The environment variables a configuration is read from, taken once so that tests can give their own.
//! An empty variable counts as absent, as it does for the AWS tools.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A copy of environment variables. It cannot print itself, since some of them are secrets.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// Taken out: children must not inherit them.
    taken: Vec<String>,
}

impl Environment {
    /// The environment of this process. Variables that are not text are left out.
    pub fn of_process() -> Environment {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Takes a variable out: it is read once, and programs that we start do not see it.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.taken.push(name.to_owned());
        self.variables.remove(name)
    }

    /// The names that were taken out.
    pub(super) fn taken(&self) -> &[String] {
        &self.taken
    }

    /// The user's home folder.
    pub fn home(&self) -> Option<PathBuf> {
        let variable = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        self.get(variable).map(PathBuf::from).or_else(std::env::home_dir)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Environment {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Environment { variables, taken: Vec::new() }
    }
}
