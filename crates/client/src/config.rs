//! What the user has told the AWS tools: the profile, its region, endpoint and credentials, read from the
//! environment and from `~/.aws` in the order the AWS tools use. It never writes to those files, never asks
//! the metadata address of a cloud for credentials, and never prints a secret.

mod credentials;
mod environment;

pub use credentials::CredentialsError;
pub use environment::Environment;

use std::path::{Path, PathBuf};

use postern_iam::ini::{Ini, Section};
use postern_iam::sigv4::Credentials;

/// Files of this kind are a few kilobytes; a larger one is a mistake.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The region of a service that nobody gave another one.
pub const DEFAULT_REGION: &str = "us-east-1";

/// One profile of the user's configuration, together with the environment it was read in.
pub struct Profile {
    name: String,
    /// Named on the command line: then keys in the environment do not apply, as in the AWS CLI.
    explicit: bool,
    environment: Environment,
    config: Ini,
    credentials_file: Ini,
    cache: credentials::Cache,
}

/// Why the configuration cannot be used. Each text names the file or variable to mend.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file exists but cannot be read.
    #[error("cannot read {}: {source}; mend its permissions or point {variable} elsewhere", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The environment variable that names another file.
        variable: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The profile asked for is in neither file.
    #[error("the profile {0:?} is not in ~/.aws/config or ~/.aws/credentials; check --profile and AWS_PROFILE")]
    UnknownProfile(String),
}

impl Profile {
    /// Reads the profile `name`, else the one that `AWS_PROFILE` names, else `default`.
    pub fn load(environment: Environment, name: Option<&str>) -> Result<Profile, ConfigError> {
        let explicit = name.filter(|name| !name.is_empty());
        let from_environment = || environment.get("AWS_PROFILE").or_else(|| environment.get("AWS_DEFAULT_PROFILE"));
        let named = explicit.or_else(from_environment).map(str::to_owned);
        let config = read_ini(&environment, "AWS_CONFIG_FILE", "config")?;
        let credentials_file = read_ini(&environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
        let profile = Profile {
            name: named.clone().unwrap_or_else(|| "default".to_owned()),
            explicit: explicit.is_some(),
            environment,
            config,
            credentials_file,
            cache: credentials::Cache::default(),
        };
        match named {
            Some(name) if profile.config_section().is_none() && profile.credentials_section().is_none() => {
                Err(ConfigError::UnknownProfile(name))
            }
            _ => Ok(profile),
        }
    }

    /// The profile's name, `default` when none was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region: environment, then profile.
    pub fn region(&self) -> Option<&str> {
        self.environment
            .get("AWS_REGION")
            .or_else(|| self.environment.get("AWS_DEFAULT_REGION"))
            .or_else(|| self.config_section()?.get("region"))
    }

    /// The endpoint of the `ssm` service, if one is configured: the order is the AWS tools' own, with
    /// `POSTERN_ENDPOINT` before all of theirs.
    pub fn endpoint(&self) -> Option<&str> {
        if let Some(endpoint) = self.environment.get("POSTERN_ENDPOINT") {
            return Some(endpoint);
        }
        if self.ignores_endpoints() {
            return None;
        }
        self.environment
            .get("AWS_ENDPOINT_URL_SSM")
            .or_else(|| self.environment.get("AWS_ENDPOINT_URL"))
            .or_else(|| self.services_section()?.get_nested("ssm", "endpoint_url"))
            .or_else(|| self.config_section()?.get("endpoint_url"))
    }

    /// The endpoint of the `kms` service, if it is configured by itself.
    pub fn kms_endpoint(&self) -> Option<&str> {
        if self.ignores_endpoints() {
            return None;
        }
        let of_service = || self.services_section()?.get_nested("kms", "endpoint_url");
        self.environment.get("AWS_ENDPOINT_URL_KMS").or_else(of_service)
    }

    fn ignores_endpoints(&self) -> bool {
        let is_set = |value: Option<&str>| value.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        is_set(self.environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))
            || is_set(self.config_section().and_then(|section| section.get("ignore_configured_endpoint_urls")))
    }

    /// The file with the certificate authorities to trust, if not the usual ones.
    pub fn ca_bundle(&self) -> Option<PathBuf> {
        self.environment
            .get("AWS_CA_BUNDLE")
            .or_else(|| self.config_section()?.get("ca_bundle"))
            .or_else(|| self.environment.get("SSL_CERT_FILE"))
            .map(PathBuf::from)
    }

    /// The credentials of this moment: environment, shared credentials file, config file,
    /// `credential_process`. `None` when the user has none.
    pub async fn credentials(&self) -> Result<Option<Credentials>, CredentialsError> {
        credentials::resolve(self).await
    }

    fn config_section(&self) -> Option<&Section> {
        if self.name == "default" {
            self.config.section("default").or_else(|| self.config.section("profile default"))
        } else {
            self.config.section(&format!("profile {}", self.name))
        }
    }

    fn credentials_section(&self) -> Option<&Section> {
        self.credentials_file.section(&self.name)
    }

    fn services_section(&self) -> Option<&Section> {
        let name = self.config_section()?.get("services")?;
        self.config.section(&format!("services {name}"))
    }
}

/// The endpoint that AWS itself has in `region`, used when nothing else is configured.
pub fn default_endpoint(region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://ssm.{region}.{domain}")
}

fn read_ini(environment: &Environment, variable: &'static str, file: &str) -> Result<Ini, ConfigError> {
    let path = match (environment.get(variable), environment.home()) {
        (Some(path), _) => PathBuf::from(path),
        (None, Some(home)) => home.join(".aws").join(file),
        (None, None) => return Ok(Ini::default()),
    };
    match read_bounded(&path) {
        Ok(text) => Ok(Ini::parse(&text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Ini::default()),
        Err(source) => Err(ConfigError::Unreadable { path, variable, source }),
    }
}

fn read_bounded(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
