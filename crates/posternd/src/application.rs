//! The wiring below the network: data folder, keys, store, bus, and `control` over them.
//!
//! This is the one place that names adapters. It listens on nothing.

use std::path::Path;
use std::sync::Arc;

use postern_archive_files::FileArchive;
use postern_bus::InProcess;
use postern_control::{Control, Deps, NewAccessKey, RootKey, Settings, Upstream, Upstreams};
use postern_iam::{AccessKeyId, SecretString};
use postern_model::ApiError;
use postern_store::{Scope, SessionQuota};
use postern_store_sqlite::{OpenError, SqliteStore};
use postern_transport::{SystemClock, SystemEntropy};
use serde::{Deserialize, Serialize};

use crate::authority::AuthorityError;
use crate::config::{Config, ConfigError, UpstreamConfig};
use crate::data_dir::{DataDir, DataDirError, read_optional, write_private};
use crate::providers::Published;
use crate::upstream::SignedService;

/// Why the service cannot run. Each text is one sentence with the cause and the fix.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The settings contradict each other or the machine.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// Recordings cannot be kept.
    #[error("{0}")]
    Archive(String),
    /// There is no certificate.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A certificate or key from the settings cannot be used.
    #[error("cannot serve with `tls_certificate` and `tls_key`: {0}")]
    Certificate(#[from] postern_transport::TrustError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// As configured.
        address: String,
        /// Cause and fix.
        reason: String,
    },
    /// The application failed; its log says more.
    #[error("{act} failed: {}", error.message())]
    Control {
        /// What was tried.
        act: &'static str,
        /// What it answered.
        error: ApiError,
    },
}

/// The application over an open data folder.
pub struct Application {
    pub(crate) config: Config,
    pub(crate) data: DataDir,
    pub(crate) control: Arc<Control>,
    pub(crate) store: Arc<SqliteStore>,
}

/// An access key that a program keeps for itself.
#[derive(Serialize, Deserialize)]
struct KeptKey {
    access_key_id: AccessKeyId,
    #[serde(serialize_with = "postern_iam::secret::serialize_exposed")]
    secret_access_key: SecretString,
}

impl Application {
    /// Opens the data folder, making what is missing in it. `stream_url` is where clients are sent if nothing else is
    /// configured.
    ///
    /// # Errors
    /// The folder cannot be used, or the settings make no sense.
    pub async fn open(config: Config, stream_url: String) -> Result<Self, ServerError> {
        let conflict = |key: &str, error: &dyn std::fmt::Display| {
            ServerError::Config(ConfigError::Conflict(format!("`{key}` cannot be used: {error}")))
        };
        let scope = Scope {
            account: config.account_id.parse().map_err(|error| conflict("account_id", &error))?,
            region: config.region.parse().map_err(|error| conflict("region", &error))?,
        };
        // The store makes sure that nobody else is in the folder; only then is anything else written there.
        let store = Arc::new(SqliteStore::open(&config.data_dir).await?);
        let data = DataDir::create(&config.data_dir)?;
        let root_key = data.root_key(&SystemEntropy)?;
        let root_key: RootKey = root_key.expose().try_into().expect("the data folder checks its length");

        let mut settings = Settings::new(scope, config.stream_url.clone().unwrap_or(stream_url));
        settings.timeouts.start = config.session_start_timeout.0;
        settings.timeouts.client_return = config.client_return_timeout.0;
        settings.timeouts.node_return = config.node_lost_timeout.0;
        let most = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        settings.session_quota = SessionQuota {
            per_node: most(config.max_sessions_per_node),
            per_owner: most(config.max_sessions_per_user),
            total: most(config.max_sessions),
        };
        let log_megabytes = u64::try_from(config.max_log_megabytes_per_node).unwrap_or(u64::MAX);
        settings.log_bytes_per_node = log_megabytes.saturating_mul(1024 * 1024);
        settings.recording = config.recording.0;
        settings.audit_retention = config.audit_retention.0;
        settings.session_document_check = config.session_document_check.0;
        settings.require_signed_data_channels = config.require_signed_data_channels;
        settings.sessions_end_with_credentials = config.sessions_end_with_credentials;
        settings.role_credentials_life = config.node_credential_lifetime.0;
        let upstreams = Upstreams {
            kms: config.kms_upstream()?.map(passed_on_to),
            logs: config.logs_upstream()?.map(passed_on_to),
            providers: Some(Arc::new(Published::new(&config))),
        };
        let archive = FileArchive::open(&data.recordings()).map_err(ServerError::Archive)?;
        let control = Control::new(Deps {
            archive: Arc::new(archive),
            store: Arc::clone(&store) as _,
            bus: Arc::new(InProcess::new()),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            settings,
            root_key,
            upstreams,
        });
        Ok(Self { config, data, control: Arc::new(control), store })
    }

    /// The settings it was opened with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The data folder.
    pub fn data_dir(&self) -> &DataDir {
        &self.data
    }

    /// Makes an administrator. The secret is shown here and never again.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn new_administrator(&self, name: &str) -> Result<NewAccessKey, ServerError> {
        let made = self.control.create_administrator(name).await;
        made.map_err(|error| ServerError::Control { act: "making an administrator", error })
    }

    /// The administrator whose key is kept in this file, made and written (0600) if there is none or it is no good.
    ///
    /// # Errors
    /// The store does not answer, or the file cannot be read or written.
    pub async fn kept_administrator(
        &self,
        file: &Path,
        name: &str,
    ) -> Result<(AccessKeyId, SecretString), ServerError> {
        if let Some(bytes) = read_optional(file)?
            && let Ok(kept) = serde_json::from_slice::<KeptKey>(&bytes)
        {
            let known = self.control.may_do_everything(&kept.access_key_id, &kept.secret_access_key).await;
            if known.map_err(|error| ServerError::Control { act: "checking the kept administrator", error })? {
                return Ok((kept.access_key_id, kept.secret_access_key));
            }
        }
        let NewAccessKey { access_key_id, secret_access_key, .. } = self.new_administrator(name).await?;
        let kept = KeptKey { access_key_id, secret_access_key };
        write_private(file, &serde_json::to_vec(&kept).expect("two strings are JSON"))?;
        Ok((kept.access_key_id, kept.secret_access_key))
    }

    /// Finishes what is being written and lets go of the folder.
    pub async fn close(self) {
        if let Err(error) = self.control.flush_audit().await {
            tracing::error!(%error, "the last audit events could not be stored; of requests that changed something there are all");
        }
        drop(self.control);
        // Tasks that did not end in time may still hold it; the folder is let go with the process then.
        if let Some(store) = Arc::into_inner(self.store)
            && let Err(error) = store.close().await
        {
            tracing::warn!(%error, "the database was not closed cleanly; nothing that was confirmed is lost");
        }
    }
}

fn passed_on_to(config: UpstreamConfig) -> Arc<dyn Upstream> {
    tracing::info!(endpoint = %config.endpoint, "requests of {} are passed on", config.service.name());
    Arc::new(SignedService::new(config))
}
