//! The agent's settings: one declaration each, from `agent.toml`, `POSTERN_AGENT_…` variables and flags.
//!
//! Flags win over variables, variables over the file, the file over what registration stored, that over the defaults.
//! Every complaint names where the value came from, the key, and what to write instead.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use postern_iam::{OsGroupName, OsUserName, Region};
use postern_transport::{Endpoint, Fingerprint};
use thiserror::Error;

use crate::forward::Patterns;

/// The agent's settings.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Where the service is. `None`: as registered.
    pub endpoint: Option<Endpoint>,
    /// The service's region. `None`: as registered.
    pub region: Option<Region>,
    /// A PEM file with the CA to trust instead of the public web's.
    pub ca_file: Option<PathBuf>,
    /// The fingerprint of the CA to trust instead of the public web's.
    pub ca_fingerprint: Option<Fingerprint>,
    /// Where the node's identity, its key and its running sessions are kept.
    pub state_dir: PathBuf,
    /// The account that sessions run as when the agent is root and the session preferences name none.
    pub default_user: Option<OsUserName>,
    /// Sessions without run-as run as the user who runs the agent, root included. For one's own machine only.
    pub run_as_invoking_user: bool,
    /// Accounts that do not exist are made for sessions whose preferences ask for that.
    pub create_users: bool,
    /// The only groups that such accounts may be put into.
    pub create_users_groups: Vec<OsGroupName>,
    /// Such accounts may get a rule of sudo.
    pub create_users_sudo: bool,
    /// Sessions may be forwarded to other hosts than the node itself.
    pub forward_remote_hosts: bool,
    /// The only destinations that sessions may be forwarded to; none named is every one that is not refused.
    pub forward_allow: Patterns,
    /// Destinations that no session may be forwarded to.
    pub forward_deny: Patterns,
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`.
    pub log: String,
    /// Where these settings came from, for sentences that name the place to change them.
    pub source: ConfigSource,
}

/// Where settings may be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSource(pub PathBuf);

impl fmt::Display for ConfigSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// One setting, as documented.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its key in the file. The variable is `POSTERN_AGENT_` and the key in capitals.
    pub key: &'static str,
    /// Its default, as text; empty where registration provides it or there is none.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// Every setting. The order is the one that documentation lists them in.
pub const SETTINGS: &[Setting] = &[
    Setting { key: "endpoint", default: "", meaning: "URL of the service; stored by `register`" },
    Setting { key: "region", default: "", meaning: "Region of the service; stored by `register`" },
    Setting { key: "ca_file", default: "", meaning: "PEM file with the CA to trust; stored by `register`" },
    Setting { key: "ca_fingerprint", default: "", meaning: "SHA256:… of the CA to trust; stored by `register`" },
    Setting { key: "state_dir", default: DEFAULT_STATE_DIR, meaning: "Folder for identity, key and running sessions" },
    Setting { key: "default_user", default: "", meaning: "Account of sessions when the agent runs as root" },
    Setting {
        key: "run_as_invoking_user",
        default: "false",
        meaning: "Sessions without run-as run as the agent's own user, root included",
    },
    Setting {
        key: "create_users",
        default: "false",
        meaning: "Accounts that do not exist are made for sessions whose preferences ask for that",
    },
    Setting { key: "create_users_groups", default: "", meaning: "The only groups that such accounts may be put into" },
    Setting { key: "create_users_sudo", default: "false", meaning: "Such accounts may get a rule of sudo" },
    Setting {
        key: "forward_remote_hosts",
        default: "true",
        meaning: "Port sessions may lead to other hosts than the node itself",
    },
    Setting { key: "forward_allow", default: "", meaning: "The only destinations of port sessions, as HOST:PORT, …" },
    Setting { key: "forward_deny", default: "", meaning: "Destinations that no port session may have" },
    Setting { key: "log", default: "info", meaning: "error, warn, info, debug or trace" },
];

/// Where the file is looked for when none is named.
pub const DEFAULT_CONFIG_FILE: &str =
    if cfg!(windows) { r"C:\ProgramData\Postern\agent.toml" } else { "/etc/postern/agent.toml" };

const DEFAULT_STATE_DIR: &str = if cfg!(windows) { r"C:\ProgramData\Postern\agent" } else { "/var/lib/postern-agent" };

const MAX_FILE_BYTES: u64 = 1 << 20;

/// Settings that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file was named and cannot be read.
    #[error("the settings file {} cannot be read; check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("{}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser said, in one line.
        reason: String,
    },
    /// A key nobody knows.
    #[error("{}: there is no setting `{key}`; the settings are {}", path.display(), known_keys())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// A value that cannot be used.
    #[error("{origin}: `{key}` {reason}")]
    Value {
        /// The file, or the variable.
        origin: String,
        /// The key.
        key: &'static str,
        /// What is wrong, and what to write.
        reason: String,
    },
}

impl AgentConfig {
    /// The defaults, with this state folder: what `quickstart` and tests begin with.
    #[must_use]
    pub fn new(state_dir: PathBuf) -> Self {
        Self {
            endpoint: None,
            region: None,
            ca_file: None,
            ca_fingerprint: None,
            state_dir,
            default_user: None,
            run_as_invoking_user: false,
            create_users: false,
            create_users_groups: Vec::new(),
            create_users_sudo: false,
            forward_remote_hosts: true,
            forward_allow: Patterns::default(),
            forward_deny: Patterns::default(),
            log: "info".to_owned(),
            source: ConfigSource(PathBuf::from(DEFAULT_CONFIG_FILE)),
        }
    }

    /// Reads the file and the environment. A file that was not named may be missing.
    ///
    /// # Errors
    /// The file cannot be read, or a value cannot be used; the error says where and what to write.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_with(file, |name| std::env::var(name).ok())
    }

    fn load_with(file: Option<&Path>, variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let path = file.unwrap_or(Path::new(DEFAULT_CONFIG_FILE));
        let mut values = read_file(path, file.is_some())?;
        for setting in SETTINGS {
            let name = format!("POSTERN_AGENT_{}", setting.key.to_uppercase());
            if let Some(text) = variable(&name).filter(|text| !text.is_empty()) {
                values.insert(setting.key, Value { origin: format!("the variable {name}"), text });
            }
        }
        let mut config = Self::new(PathBuf::from(DEFAULT_STATE_DIR));
        config.source = ConfigSource(path.to_path_buf());
        for (key, value) in values {
            config.set(key, &value.text).map_err(|reason| ConfigError::Value { origin: value.origin, key, reason })?;
        }
        Ok(config)
    }

    fn set(&mut self, key: &str, text: &str) -> Result<(), String> {
        match key {
            "endpoint" => self.endpoint = Some(service_endpoint(text)?),
            "region" => self.region = Some(text.parse().map_err(sentence)?),
            "ca_file" => self.ca_file = Some(PathBuf::from(text)),
            "ca_fingerprint" => self.ca_fingerprint = Some(text.parse().map_err(sentence)?),
            "state_dir" => self.state_dir = absolute(text)?,
            "create_users" => self.create_users = switch(text)?,
            "create_users_groups" => self.create_users_groups = groups(text)?,
            "create_users_sudo" => self.create_users_sudo = switch(text)?,
            "default_user" => self.default_user = Some(user_name(text)?),
            "run_as_invoking_user" => self.run_as_invoking_user = switch(text)?,
            "forward_remote_hosts" => self.forward_remote_hosts = switch(text)?,
            "forward_allow" => self.forward_allow = text.parse()?,
            "forward_deny" => self.forward_deny = text.parse()?,
            "log" => {
                if !["error", "warn", "info", "debug", "trace"].contains(&text) {
                    return Err(format!("is {text:?}; write error, warn, info, debug or trace"));
                }
                text.clone_into(&mut self.log);
            }
            _ => unreachable!("read_file and SETTINGS give only known keys"),
        }
        Ok(())
    }
}

/// A service's address as agents take it.
///
/// # Errors
/// What is wrong with it, and what to write.
pub fn service_endpoint(text: &str) -> Result<Endpoint, String> {
    let endpoint: Endpoint = text.parse().map_err(sentence)?;
    match endpoint.scheme().as_str() {
        "https" => Ok(endpoint),
        // Plain HTTP would show the role credentials to the network.
        "http" if endpoint.is_loopback() => Ok(endpoint),
        "http" => Err(format!("is {text:?}, which is not encrypted; write https://…")),
        _ => Err(format!("is {text:?}; write https://host or https://host:port")),
    }
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("is {text:?}; write true or false")),
    }
}

fn user_name(text: &str) -> Result<OsUserName, String> {
    text.parse()
        .map_err(|_| format!("is {text:?}, which is no account name; write the name of an account of this machine"))
}

fn groups(text: &str) -> Result<Vec<OsGroupName>, String> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let group = |name: &str| name.parse().map_err(|_| format!("has {name:?}, which is no name of a group"));
    names.map(group).collect()
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|_| format!("is {text:?}, which is no path; write the path of a folder"))
}

fn sentence(error: impl fmt::Display) -> String {
    format!("cannot be used: {error}")
}

struct Value {
    origin: String,
    text: String,
}

fn read_file(path: &Path, is_named: bool) -> Result<BTreeMap<&'static str, Value>, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_path_buf(), source };
    let text = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => return Ok(BTreeMap::new()),
        Err(error) => return Err(failed(error)),
        Ok(found) if found.len() > MAX_FILE_BYTES => {
            return Err(failed(std::io::Error::other("it is larger than 1 MiB")));
        }
        Ok(_) => std::fs::read_to_string(path).map_err(failed)?,
    };
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax {
        path: path.to_path_buf(),
        reason: one_line(&error, &text),
    })?;
    let mut values = BTreeMap::new();
    for (key, value) in table {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            return Err(ConfigError::UnknownKey { path: path.to_path_buf(), key });
        };
        let origin = path.display().to_string();
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Boolean(value) => value.to_string(),
            toml::Value::Array(values) if values.iter().all(toml::Value::is_str) => {
                values.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
            }
            other => {
                let reason = format!("is a TOML {}; write a text in quotes, or true or false", other.type_str());
                return Err(ConfigError::Value { origin, key: setting.key, reason });
            }
        };
        if !text.is_empty() {
            values.insert(setting.key, Value { origin, text });
        }
    }
    Ok(values)
}

fn one_line(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map_or(1, |span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
    format!("line {line}: {}", error.message().lines().next().unwrap_or("not TOML"))
}

fn known_keys() -> String {
    SETTINGS.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    fn load(content: &str, variables: &[(&str, &str)]) -> Result<AgentConfig, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.toml");
        std::fs::write(&path, content).unwrap();
        AgentConfig::load_with(Some(&path), |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
        .map_err(|error| error.to_string().replace(path.to_str().unwrap(), "FILE"))
    }

    #[test]
    fn a_whole_file_is_read_and_variables_win() {
        let content = r#"
            endpoint = "https://ssm.example.org"
            region = "eu-west-1"
            state_dir = "/srv/postern"
            default_user = "ssm-user"
            run_as_invoking_user = true
            create_users = true
            create_users_groups = ["docker", "ops"]
            create_users_sudo = true
            forward_remote_hosts = false
            forward_allow = ["localhost:5432", "10.0.0.0/8:443"]
            forward_deny = "*:22"
            log = "debug"
        "#;
        let config = load(content, &[("POSTERN_AGENT_LOG", "warn"), ("POSTERN_AGENT_REGION", "")]).unwrap();
        assert_eq!(config.endpoint.unwrap().to_string(), "https://ssm.example.org");
        assert_eq!(config.region.unwrap().as_str(), "eu-west-1");
        assert_eq!(config.state_dir, Path::new("/srv/postern"));
        assert_eq!(config.default_user.unwrap().as_str(), "ssm-user");
        assert!(config.run_as_invoking_user && config.create_users && config.create_users_sudo);
        assert_eq!(config.create_users_groups.iter().map(OsGroupName::as_str).collect::<Vec<_>>(), ["docker", "ops"]);
        assert!(!config.forward_remote_hosts);
        assert_eq!(config.forward_allow.to_string(), "localhost:5432,10.0.0.0/8:443");
        assert_eq!(config.forward_deny.to_string(), "*:22");
        assert_eq!(config.log, "warn");
    }

    #[test]
    fn complaints_name_the_place_the_key_and_the_fix() {
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);
        let cases: &[Case<'_>] = &[
            ("endpiont = \"https://x\"", &[], &["FILE", "`endpiont`", "endpoint, region"]),
            ("endpoint = 3", &[], &["FILE", "`endpoint`", "integer", "quotes"]),
            ("endpoint = \"http://ssm.example.org\"", &[], &["`endpoint`", "not encrypted", "https://"]),
            ("endpoint = \"wss://ssm.example.org\"", &[], &["`endpoint`", "https://host"]),
            ("\nlog = \"loud\"", &[], &["`log`", "loud", "debug"]),
            ("default_user = \"a; rm -rf /\"", &[], &["`default_user`", "account name"]),
            ("create_users_groups = [\"a b\"]", &[], &["`create_users_groups`", "\"a b\"", "group"]),
            ("create_users = \"perhaps\"", &[], &["`create_users`", "true or false"]),
            ("forward_allow = [\"a:b\"]", &[], &["FILE", "`forward_allow`", "\"a:b\"", "db.internal:5432"]),
            ("forward_deny = [1]", &[], &["FILE", "`forward_deny`", "array", "quotes"]),
            ("a = 1\nb = = 2", &[], &["FILE", "line 2"]),
            (
                "",
                &[("POSTERN_AGENT_RUN_AS_INVOKING_USER", "yes")],
                &["POSTERN_AGENT_RUN_AS_INVOKING_USER", "true or false"],
            ),
            ("", &[("POSTERN_AGENT_CA_FINGERPRINT", "12")], &["POSTERN_AGENT_CA_FINGERPRINT", "SHA256:"]),
        ];
        for (content, variables, wanted) in cases {
            let error = load(content, variables).unwrap_err();
            for word in *wanted {
                assert!(error.contains(word), "{word:?} is not in {error:?}");
            }
            assert!(!error.contains('\n'), "{error:?} is one sentence");
        }
    }

    #[test]
    fn only_a_named_file_must_exist() {
        let missing = Path::new("/no/such/agent.toml");
        let error = AgentConfig::load_with(Some(missing), |_| None).unwrap_err();
        assert!(error.to_string().contains("/no/such/agent.toml"), "{error}");
        assert!(read_file(missing, false).unwrap().is_empty());
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for (url, is_fine) in [
            ("http://127.0.0.1:8022", true),
            ("http://localhost:8022", true),
            ("http://[::1]:8022", true),
            ("http://10.0.0.1", false),
            ("https://10.0.0.1", true),
        ] {
            assert_eq!(service_endpoint(url).is_ok(), is_fine, "{url}");
        }
    }
}
