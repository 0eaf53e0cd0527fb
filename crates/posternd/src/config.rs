//! The settings of the service: one declaration each, read from `posternd.toml`, `POSTERN_…` variables and flags.
//!
//! Flags win over variables, variables over the file, the file over defaults. Every complaint names where the value
//! came from, the key, and what to write instead. This module opens nothing but the file it is given.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use postern_iam::SecretString;
use postern_transport::Endpoint;

mod upstream;
mod value;

pub use upstream::{CredentialSource, UpstreamConfig};
pub use value::{Listen, Networks, Period, Value};

/// Where a value was found; errors name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A key of a configuration file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// A command line flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// Why the settings could not be read. Each text is one sentence with the cause and the fix.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is missing or may not be read.
    #[error(
        "cannot read the configuration file {}: {cause}; make one with `posternd init --data-dir DIR`, or name another with --config", path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{} is not valid TOML: {message}", path.display())]
    Syntax { path: PathBuf, message: String },
    /// A key that no setting has.
    #[error("{}: unknown key `{key}`; {hint}", path.display())]
    UnknownKey { path: PathBuf, key: String, hint: String },
    /// A value that its setting does not take.
    #[error("{origin}: `{key}` is {found}, but it must be {wanted}")]
    Invalid { origin: Origin, key: &'static str, found: String, wanted: String },
    /// Two settings that do not fit together.
    #[error("{0}")]
    Conflict(String),
}

/// What `posternd init` writes about one setting.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// Key in the file; the variable is `POSTERN_` and this in capitals.
    pub key: &'static str,
    /// Default as it would stand in the file.
    pub default: &'static str,
    /// What it does, line by line.
    pub doc: &'static [&'static str],
}

impl Declaration {
    /// Name of the environment variable that sets this key.
    pub fn variable(&self) -> String {
        format!("POSTERN_{}", self.key.to_uppercase())
    }
}

macro_rules! settings {
    ($( $(#[doc = $doc:literal])+ $key:ident : $kind:ty = $default:literal; )+) => {
        /// The settings of one service process.
        #[derive(Clone, Debug)]
        pub struct Config {
            $( $(#[doc = $doc])+ pub $key: $kind, )+
        }

        /// Every setting, in the order in which the commented file lists them.
        pub const DECLARATIONS: &[Declaration] = &[
            $( Declaration { key: stringify!($key), default: $default, doc: &[$($doc),+] }, )+
        ];

        impl Config {
            fn from_layers(layers: &Layers) -> Result<Self, ConfigError> {
                Ok(Self { $( $key: layers.read::<$kind>(stringify!($key), $default)?, )+ })
            }
        }
    };
}

settings! {
    /// Address and port that the service listens on. Port 0 picks a free one.
    listen: value::Listen = "\"0.0.0.0:8443\"";
    /// Folder with the database and the keys. A relative path is relative to this file.
    data_dir: PathBuf = "\".\"";
    /// Names under which nodes and users reach the service, beside localhost; they go into the certificate.
    /// Write a list, for example ["ssm.example.org", "*.us-east-1.example.org", "192.0.2.7"].
    names: Vec<String> = "[]";
    /// Certificate chain (PEM file) to serve instead of one from the built-in authority; goes with tls_key.
    tls_certificate: Option<PathBuf> = "\"\"";
    /// Private key (PEM file) of tls_certificate.
    tls_key: Option<PathBuf> = "\"\"";
    /// Serve plain HTTP: allowed on a loopback address only, unless plain_http_anywhere is true too.
    plain_http: bool = "false";
    /// Serve plain HTTP on any address. Only for a service behind a proxy that ends TLS.
    plain_http_anywhere: bool = "false";
    /// Proxies in front: addresses and networks, for example ["10.0.0.7", "10.1.0.0/16"]. From them, and from nobody else,
    /// X-Forwarded-For says where a request comes from, and X-Forwarded-Proto whether it came by https. They must set both.
    trusted_proxies: value::Networks = "[]";
    /// Where clients open their data channels, for example "wss://ssm.example.org".
    /// Empty: the host name that the StartSession request was sent to.
    stream_url: Option<String> = "\"\"";
    /// Region that the service answers for; it stands in ARNs and in signatures.
    region: String = "\"us-east-1\"";
    /// Account that everything belongs to: twelve digits.
    account_id: String = "\"000000000000\"";
    /// How long a session waits for a client that lost its connection.
    client_return_timeout: value::Period = "\"20m\"";
    /// How long a session waits for its node and its client to connect.
    session_start_timeout: value::Period = "\"30s\"";
    /// How long a session outlives the last sign of its node.
    node_lost_timeout: value::Period = "\"5m\"";
    /// Most sessions of one user that are active at once, over all nodes. A tenth of all, so that a program gone wild
    /// with one user's key leaves room for the others.
    max_sessions_per_user: usize = "1000";
    /// Most sessions that are active at once on one node. Each is a process there, of about 5 MB and its program.
    max_sessions_per_node: usize = "500";
    /// Most sessions that are active at once in all. Each may hold about 2 MiB here while its ends are slow.
    max_sessions: usize = "10000";
    /// Most MiB of one node's session logs that are kept here (CloudWatch Logs), over all groups, as AWS counts them. Its
    /// agent is refused more until some are forgotten or removed.
    max_log_megabytes_per_node: usize = "1024";
    /// Whether sessions are recorded, unless the session preferences say it (inputs.postern.recording.mode). "required": no
    /// record, no session. "best-effort": a session goes on, and its recording says what is missing. "off": not at all.
    recording: value::Recording = "\"required\"";
    /// How long audit events are kept, for example "400d". At AWS it is 90 days.
    audit_retention: value::Period = "\"400d\"";
    /// File that audit events go to as well, one JSON object a line. It may be moved away at any time: the next event goes
    /// to a new one.
    audit_file: Option<PathBuf> = "\"\"";
    /// Address that audit events are sent to as well, for example `https://siem.example.org/postern`. See docs/audit.md.
    audit_webhook: Option<Endpoint> = "\"\"";
    /// File with the secret that requests to audit_webhook are signed with: 16 bytes or more.
    audit_webhook_secret_file: Option<PathBuf> = "\"\"";
    /// Log group (CloudWatch Logs, of here or of logs_endpoint) that audit events go to as well, for example
    /// "/postern/audit".
    audit_log_group: Option<String> = "\"\"";
    /// Whether a session's document must be allowed. "strict": always. "legacy": not the default document where none is
    /// named, unless policies ask for it with a condition on ssm:SessionDocumentAccessCheck.
    session_document_check: value::DocumentCheck = "\"strict\"";
    /// Refuse data channels whose upgrade is not signed. AWS's plugins sign it since 2025, and postern does; older
    /// plugins have nothing but the token that StartSession gave them, and so has a plugin that finds no credentials.
    require_signed_data_channels: bool = "false";
    /// Whether a session that was started with temporary credentials ends when they expire. At AWS it goes on.
    sessions_end_with_credentials: bool = "false";
    /// How long the credentials of a node are valid; it renews them at half of that.
    node_credential_lifetime: value::Period = "\"1h\"";
    /// Most TLS handshakes under way at once; more of them wait.
    max_concurrent_handshakes: usize = "256";
    /// How long SIGTERM waits for connections to move elsewhere before it closes them.
    shutdown_grace: value::Period = "\"10s\"";
    /// KMS that key operations are passed on to, for example
    /// `https://kms.eu-west-1.amazonaws.com`. Empty: keys are kept here.
    kms_endpoint: Option<Endpoint> = "\"\"";
    /// Region that requests to kms_endpoint are signed for. Empty: the same as region.
    kms_region: Option<String> = "\"\"";
    /// File in the form of ~/.aws/credentials whose section "default" has what requests to kms_endpoint are signed
    /// with. It is read again every few seconds, so that credentials can be renewed.
    kms_credentials_file: Option<PathBuf> = "\"\"";
    /// Access key to sign requests to kms_endpoint with, instead of a file.
    kms_access_key_id: Option<String> = "\"\"";
    /// Secret of kms_access_key_id; better as a variable of the environment than in here.
    kms_secret_access_key: Option<SecretString> = "\"\"";
    /// How long a request to kms_endpoint may take, with the wait for its turn.
    kms_timeout: value::Period = "\"10s\"";
    /// CloudWatch Logs that log operations are passed on to, for example
    /// `https://logs.eu-west-1.amazonaws.com`. Empty: logs are kept here.
    logs_endpoint: Option<Endpoint> = "\"\"";
    /// Region that requests to logs_endpoint are signed for. Empty: the same as region.
    logs_region: Option<String> = "\"\"";
    /// File in the form of ~/.aws/credentials whose section "default" has what requests to logs_endpoint are signed
    /// with. It is read again every few seconds, so that credentials can be renewed.
    logs_credentials_file: Option<PathBuf> = "\"\"";
    /// Access key to sign requests to logs_endpoint with, instead of a file.
    logs_access_key_id: Option<String> = "\"\"";
    /// Secret of logs_access_key_id; better as a variable of the environment than in here.
    logs_secret_access_key: Option<SecretString> = "\"\"";
    /// How long a request to logs_endpoint may take, with the wait for its turn.
    logs_timeout: value::Period = "\"10s\"";
    /// Certificate authorities of identity providers (PEM file), instead of those of the public web.
    identity_provider_ca_file: Option<PathBuf> = "\"\"";
    /// Let identity providers be at private and link-local addresses, such as a Kubernetes API server's. Whoever may
    /// make a provider can then have this machine ask any of them.
    identity_provider_private_addresses: bool = "false";
}

impl Config {
    /// The defaults for a data folder, as if by an empty file in it: what quickstart and tests start from.
    pub fn for_data_dir(data_dir: &Path) -> Self {
        let layers = Layers::default();
        let mut config = Self::from_layers(&layers).expect("the declared defaults are valid, a test reads them");
        config.data_dir = data_dir.to_path_buf();
        config
    }

    /// Reads the file (if any), then `POSTERN_…` of `environment`, then `flags`.
    ///
    /// # Errors
    /// A file that cannot be read or is not TOML, an unknown key, a value of the wrong form, settings that contradict
    /// each other.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (OsString, OsString)>,
        flags: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::default();
        if let Some(path) = file {
            layers.add_file(path)?;
        }
        layers.add_environment(environment);
        for (key, text) in flags {
            layers.add_flag(key, text);
        }
        let mut config = Self::from_layers(&layers)?;
        config.resolve_paths(&layers);
        config.check()?;
        Ok(config)
    }

    /// Relative paths of the file are relative to it; those of variables and flags to the working folder.
    fn resolve_paths(&mut self, layers: &Layers) {
        for (key, path) in [
            ("data_dir", Some(&mut self.data_dir)),
            ("tls_certificate", self.tls_certificate.as_mut()),
            ("tls_key", self.tls_key.as_mut()),
            ("kms_credentials_file", self.kms_credentials_file.as_mut()),
            ("logs_credentials_file", self.logs_credentials_file.as_mut()),
            ("audit_file", self.audit_file.as_mut()),
            ("audit_webhook_secret_file", self.audit_webhook_secret_file.as_mut()),
            ("identity_provider_ca_file", self.identity_provider_ca_file.as_mut()),
        ] {
            if let (Some(path), Some(folder)) = (path, layers.folder_of(key)) {
                *path = folder.join(&*path);
            }
        }
    }

    /// Whether the settings fit together.
    ///
    /// # Errors
    /// [`ConfigError::Conflict`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let conflict = |text: &str| Err(ConfigError::Conflict(text.to_owned()));
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            return conflict(
                "`tls_certificate` and `tls_key` belong together: set both, or neither to use the built-in authority",
            );
        }
        if self.plain_http && self.tls_certificate.is_some() {
            return conflict("`plain_http` contradicts `tls_certificate`: remove one of them");
        }
        if self.plain_http && !self.plain_http_anywhere && !self.listen.is_loopback() {
            return Err(ConfigError::Conflict(format!(
                "plain HTTP on {} would send credentials in the clear: listen on 127.0.0.1, remove `plain_http`, or set \
                 `plain_http_anywhere` if a proxy in front ends TLS",
                self.listen
            )));
        }
        if self.account_id.len() != 12 || !self.account_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return conflict("`account_id` must be twelve digits, for example \"000000000000\"");
        }
        if self.audit_webhook.is_some() != self.audit_webhook_secret_file.is_some() {
            return conflict("`audit_webhook` and `audit_webhook_secret_file` belong together: set both, or neither");
        }
        if let Some(url) = self.audit_webhook.as_ref().filter(|url| !url.is_tls() && !url.is_loopback()) {
            return Err(ConfigError::Conflict(format!(
                "`audit_webhook` is {url}, which would send audit events over the network in the clear: use https://"
            )));
        }
        let is_group = |name: &String| {
            (1..=512).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-/.#".contains(&b))
        };
        if self.audit_log_group.as_ref().is_some_and(|name| !is_group(name)) {
            return conflict("`audit_log_group` must be 1 to 512 letters, digits or any of _-/.#");
        }
        self.kms_upstream()?;
        self.logs_upstream()?;
        Ok(())
    }
}

/// The commented file that `posternd init` writes: every key with its default, commented out, except those given.
pub fn commented_file(set: &[(&str, String)]) -> String {
    let mut text = String::from(
        "# Settings of posternd. Every key is shown with its default; remove the # to change one.\n\
         # The same keys work as environment variables (POSTERN_LISTEN=…) and win over this file; flags win over both.\n",
    );
    for declaration in DECLARATIONS {
        text.push('\n');
        for line in declaration.doc {
            text.push_str(&format!("#{line}\n"));
        }
        match set.iter().find(|(key, _)| *key == declaration.key) {
            Some((key, value)) => text.push_str(&format!("{key} = {value}\n")),
            None => text.push_str(&format!("# {} = {}\n", declaration.key, declaration.default)),
        }
    }
    text
}

/// Raw values by key, the winning one of all layers, with where it came from.
#[derive(Default)]
struct Layers {
    values: BTreeMap<&'static str, (toml::Value, Origin)>,
}

impl Layers {
    fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text =
            fs::read_to_string(path).map_err(|cause| ConfigError::Unreadable { path: path.to_path_buf(), cause })?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax {
            path: path.to_path_buf(),
            message: syntax_error(&text, &error),
        })?;
        // The default of `data_dir` is the folder that the file is in, so the file is a layer for it even when it
        // does not name it.
        self.set("data_dir", toml::Value::String(".".into()), Origin::File(path.to_path_buf()));
        for (key, value) in table {
            let Some(declaration) = DECLARATIONS.iter().find(|declaration| declaration.key == key) else {
                return Err(ConfigError::UnknownKey { path: path.to_path_buf(), hint: hint_for(&key), key });
            };
            self.set(declaration.key, value, Origin::File(path.to_path_buf()));
        }
        Ok(())
    }

    /// Variables that name no setting are ignored: the agent and the client use the same prefix.
    fn add_environment(&mut self, environment: impl Iterator<Item = (OsString, OsString)>) {
        let variables: BTreeMap<OsString, OsString> = environment.collect();
        for declaration in DECLARATIONS {
            let name = declaration.variable();
            if let Some(value) = variables.get(&OsString::from(&name)) {
                let value = toml::Value::String(value.to_string_lossy().into_owned());
                self.set(declaration.key, value, Origin::Variable(name));
            }
        }
    }

    fn add_flag(&mut self, key: &'static str, text: String) {
        let flag = format!("--{}", key.replace('_', "-"));
        self.set(key, toml::Value::String(text), Origin::Flag(flag));
    }

    fn set(&mut self, key: &'static str, value: toml::Value, origin: Origin) {
        self.values.insert(key, (value, origin));
    }

    fn folder_of(&self, key: &str) -> Option<PathBuf> {
        match self.values.get(key) {
            Some((_, Origin::File(path))) => path.parent().map(Path::to_path_buf),
            _ => None,
        }
    }

    fn read<T: Value>(&self, key: &'static str, default: &str) -> Result<T, ConfigError> {
        let Some((value, origin)) = self.values.get(key) else {
            let value = value::parse_toml(default).expect("declared defaults are TOML, a test reads them");
            return Ok(T::from_toml(&value).expect("declared defaults fit their settings, a test reads them"));
        };
        let read = match (value, origin) {
            (toml::Value::String(text), Origin::Variable(_) | Origin::Flag(_)) => T::from_text(text),
            (value, _) => T::from_toml(value),
        };
        read.map_err(|wanted| {
            let found = if T::IS_SECRET { "not shown".to_owned() } else { value.to_string() };
            ConfigError::Invalid { origin: origin.clone(), key, found, wanted }
        })
    }
}

/// Where the mistake is and what it is. The line itself is not shown: it may be the one with a secret.
fn syntax_error(text: &str, error: &toml::de::Error) -> String {
    let at = error.span().map_or(0, |span| span.start);
    let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    format!("line {line}: {}", error.message())
}

/// The most similar known key, or all of them.
fn hint_for(key: &str) -> String {
    let shared = |known: &str| known.bytes().zip(key.bytes()).take_while(|(a, b)| a == b).count();
    match DECLARATIONS.iter().map(|declaration| declaration.key).max_by_key(|known| shared(known)) {
        Some(known) if shared(known) >= 3 => format!("did you mean `{known}`?"),
        _ => {
            let known: Vec<&str> = DECLARATIONS.iter().map(|declaration| declaration.key).collect();
            format!("the known ones are {}", known.join(", "))
        }
    }
}

#[cfg(test)]
mod tests;
