//! The settings that have requests passed on to a service of somebody else's: the same ones for each such service.

use std::path::{Path, PathBuf};
use std::time::Duration;

use postern_iam::SecretString;
use postern_iam::sigv4::Credentials;
use postern_model::Service;
use postern_transport::Endpoint;

use super::{Config, ConfigError};

/// Where the requests of one service are passed on to.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// Whose requests.
    pub service: Service,
    /// Where to.
    pub endpoint: Endpoint,
    /// The region that they are signed for.
    pub region: String,
    /// What they are signed with.
    pub credentials: CredentialSource,
    /// How long one may take.
    pub timeout: Duration,
}

/// Where credentials come from.
#[derive(Clone, Debug)]
pub enum CredentialSource {
    /// The settings.
    Given(Credentials),
    /// A file in the form of `~/.aws/credentials`.
    File(PathBuf),
}

/// The settings of one service as they were given.
struct Given<'a> {
    service: Service,
    endpoint: Option<&'a Endpoint>,
    region: Option<&'a str>,
    credentials_file: Option<&'a Path>,
    access_key_id: Option<&'a str>,
    secret_access_key: Option<&'a SecretString>,
    timeout: Duration,
}

impl Config {
    /// Where requests of the key service are passed on to, if they are.
    ///
    /// # Errors
    /// [`ConfigError::Conflict`].
    pub fn kms_upstream(&self) -> Result<Option<UpstreamConfig>, ConfigError> {
        let given = Given {
            service: Service::Kms,
            endpoint: self.kms_endpoint.as_ref(),
            region: self.kms_region.as_deref(),
            credentials_file: self.kms_credentials_file.as_deref(),
            access_key_id: self.kms_access_key_id.as_deref(),
            secret_access_key: self.kms_secret_access_key.as_ref(),
            timeout: self.kms_timeout.0,
        };
        given.read(&self.region)
    }

    /// Where requests of the logs are passed on to, if they are.
    ///
    /// # Errors
    /// [`ConfigError::Conflict`].
    pub fn logs_upstream(&self) -> Result<Option<UpstreamConfig>, ConfigError> {
        let given = Given {
            service: Service::Logs,
            endpoint: self.logs_endpoint.as_ref(),
            region: self.logs_region.as_deref(),
            credentials_file: self.logs_credentials_file.as_deref(),
            access_key_id: self.logs_access_key_id.as_deref(),
            secret_access_key: self.logs_secret_access_key.as_ref(),
            timeout: self.logs_timeout.0,
        };
        given.read(&self.region)
    }
}

impl Given<'_> {
    fn read(&self, own_region: &str) -> Result<Option<UpstreamConfig>, ConfigError> {
        let name = self.service.name();
        let conflict = |text: String| Err(ConfigError::Conflict(text));
        let Some(endpoint) = self.endpoint else {
            return match self.first_beside_the_endpoint() {
                None => Ok(None),
                Some(key) => conflict(format!(
                    "`{name}_{key}` is set, but requests are passed on to nobody: set `{name}_endpoint` too, or remove it"
                )),
            };
        };
        if !endpoint.is_tls() && !endpoint.is_loopback() {
            return conflict(format!(
                "`{name}_endpoint` is {endpoint}, which would send secrets over the network in the clear: use https://"
            ));
        }
        let credentials = match (self.credentials_file, self.access_key_id, self.secret_access_key) {
            (Some(file), None, None) => CredentialSource::File(file.to_path_buf()),
            (None, Some(id), Some(secret)) => CredentialSource::Given(Credentials {
                access_key_id: id.to_owned(),
                secret_access_key: secret.clone(),
                session_token: None,
            }),
            (None, None, None) => {
                return conflict(format!(
                    "`{name}_endpoint` needs credentials: set `{name}_credentials_file`, or `{name}_access_key_id` and \
                     `{name}_secret_access_key`"
                ));
            }
            (Some(_), _, _) => {
                return conflict(format!(
                    "`{name}_credentials_file` contradicts `{name}_access_key_id` and `{name}_secret_access_key`: use \
                     one or the other"
                ));
            }
            (None, _, _) => {
                return conflict(format!(
                    "`{name}_access_key_id` and `{name}_secret_access_key` belong together: set both"
                ));
            }
        };
        let region = self.region.unwrap_or(own_region).to_owned();
        let (service, endpoint) = (self.service, endpoint.clone());
        Ok(Some(UpstreamConfig { service, endpoint, region, credentials, timeout: self.timeout }))
    }

    fn first_beside_the_endpoint(&self) -> Option<&'static str> {
        let set = [
            ("region", self.region.is_some()),
            ("credentials_file", self.credentials_file.is_some()),
            ("access_key_id", self.access_key_id.is_some()),
            ("secret_access_key", self.secret_access_key.is_some()),
        ];
        set.into_iter().find(|(_, set)| *set).map(|(key, _)| key)
    }
}
