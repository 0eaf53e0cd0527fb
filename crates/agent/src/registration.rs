//! Registration: an activation turns this machine into a managed node.
//!
//! The activation code is a secret and never an argument: any user may read those. Nothing is stored before the
//! service has answered, except the folder itself, so a failed registration leaves the machine as it was.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use postern_iam::{ActivationId, NodeId, NodeKeyPair, SecretString};
use postern_model::ApiRequest as _;
use postern_model::agent::{RegisterManagedInstanceRequest, RegisterManagedInstanceResponse};
use postern_protocol::Entropy as _;
use postern_transport::{Anonymous, ApiCallError, Dialer, JsonApi, Proxy, SystemEntropy};
use thiserror::Error;

use crate::config::AgentConfig;
use crate::identity::{Registration, TrustSource};
use crate::service::new_uuid;
use crate::state::{StateError, StateFolder};

/// The region of a service that was never told one.
const DEFAULT_REGION: &str = "us-east-1";
/// A code has at most 250 characters.
const MAX_CODE_FILE_BYTES: u64 = 4096;
const MAX_CA_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// What an activation consists of.
#[derive(Clone, Debug)]
pub struct Activation {
    /// Its id.
    pub id: ActivationId,
    /// Its secret.
    pub code: SecretString,
}

/// Why this machine was not registered.
#[derive(Debug, Error)]
pub enum RegisterError {
    /// It is a managed node already.
    #[error("this machine is registered as {0}; to register it again, with a new identity, add --force")]
    AlreadyRegistered(NodeId),
    /// Nobody said where the service is.
    #[error("there is no endpoint; give --endpoint https://…, or set endpoint in {0}")]
    NoEndpoint(String),
    /// The code cannot be read.
    #[error("the activation code cannot be read from {from}: {reason}")]
    Code {
        /// The file, or standard input.
        from: String,
        /// What is wrong.
        reason: String,
    },
    /// The CA file cannot be read.
    #[error("the CA file {} cannot be read; check ca_file", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The service refused, or could not be asked.
    #[error("the service did not register this machine")]
    Call(#[from] ApiCallError),
}

/// Which node this state folder belongs to, if it is registered.
///
/// # Errors
/// The folder cannot be read.
pub fn registered_node(config: &AgentConfig) -> Result<Option<NodeId>, StateError> {
    let state = StateFolder::existing(&config.state_dir);
    Ok(Registration::load(&state)?.map(|registration| registration.node_id))
}

/// Registers this machine with the service that `config` names, and stores who it is from now on. `force` replaces an
/// identity that is there.
///
/// # Errors
/// One sentence each: registered before, no endpoint, the service's refusal, an unwritable folder.
pub async fn register(config: &AgentConfig, activation: &Activation, force: bool) -> Result<NodeId, RegisterError> {
    if let Some(node_id) = registered_node(config)?
        && !force
    {
        return Err(RegisterError::AlreadyRegistered(node_id));
    }
    let state = StateFolder::open(&config.state_dir)?;
    // An agent that runs would go on with the former identity.
    let _lock = state.lock()?;
    let endpoint = config.endpoint.clone().ok_or_else(|| RegisterError::NoEndpoint(config.source.to_string()))?;
    let region = match &config.region {
        Some(region) => region.clone(),
        None => DEFAULT_REGION.parse().expect("the default region is one"),
    };
    let ca_pem = config.ca_file.as_deref().map(read_ca).transpose()?;
    let trust = TrustSource::of_config(config).unwrap_or(TrustSource::WebPki);
    let mut seed = [0; 32];
    SystemEntropy.fill(&mut seed);
    let key = NodeKeyPair::from_seed(seed);
    let public_key = key.public_key();
    let request = RegisterManagedInstanceRequest {
        activation_code: activation.code.clone(),
        activation_id: activation.id.clone(),
        fingerprint: new_uuid(),
        public_key: public_key.to_registration(),
        public_key_type: public_key.key_type().to_owned(),
    };
    let dialer = Dialer::new(trust.trust(), Proxy::from_env());
    let api = JsonApi::new(dialer, endpoint.clone(), region.as_str(), "ssm");
    let target = RegisterManagedInstanceRequest::OPERATION.target();
    let answer: RegisterManagedInstanceResponse = api.call(&target, &request, &Anonymous).await?;
    let registration = Registration {
        node_id: answer.instance_id.clone(),
        endpoint: endpoint.to_string(),
        region,
        ca_fingerprint: config.ca_fingerprint.filter(|_| ca_pem.is_none()).map(|fingerprint| fingerprint.to_string()),
        fingerprint: request.fingerprint,
    };
    registration.store(&state, &key, ca_pem.as_deref())?;
    Ok(answer.instance_id)
}

/// Reads an activation code: from a file, or from standard input for `-`.
///
/// # Errors
/// It cannot be read, or there is nothing in it.
pub fn read_activation_code(from: &Path) -> Result<SecretString, RegisterError> {
    let is_stdin = from == Path::new("-");
    let name = if is_stdin { "standard input".to_owned() } else { from.display().to_string() };
    let failed = |reason: String| RegisterError::Code { from: name.clone(), reason };
    let mut text = String::new();
    let read = if is_stdin {
        std::io::stdin().lock().take(MAX_CODE_FILE_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(from).and_then(|file| file.take(MAX_CODE_FILE_BYTES).read_to_string(&mut text))
    };
    read.map_err(|error| failed(format!("{error}; check the path and its permissions")))?;
    let code = text.trim();
    if code.is_empty() {
        return Err(failed("it is empty; write the code that `postern activation create` printed".to_owned()));
    }
    Ok(SecretString::from(code))
}

fn read_ca(path: &Path) -> Result<Vec<u8>, RegisterError> {
    let failed = |source| RegisterError::CaFile { path: path.to_path_buf(), source };
    let mut pem = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_CA_FILE_BYTES).read_to_end(&mut pem).map_err(failed)?;
    Ok(pem)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    fn activation() -> Activation {
        let id = "7fd50454-bab0-4dc0-86b3-1b465ed42b20".parse().unwrap();
        Activation { id, code: SecretString::from("fdjjpuxk2ty7uvceyzw5du89rxmwkqwk") }
    }

    #[tokio::test]
    async fn a_failed_registration_leaves_no_identity() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = AgentConfig::new(folder.path().join("state"));
        let error = register(&config, &activation(), false).await.unwrap_err();
        assert!(matches!(error, RegisterError::NoEndpoint(_)), "{error}");
        // Nobody listens on a port that was just given back.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        config.endpoint = Some(format!("http://127.0.0.1:{port}").parse().unwrap());
        let error = register(&config, &activation(), false).await.unwrap_err();
        assert!(matches!(error, RegisterError::Call(_)), "{error}");
        assert_eq!(registered_node(&config).unwrap(), None);
    }

    #[tokio::test]
    async fn a_second_registration_needs_to_be_meant() {
        let folder = tempfile::tempdir().unwrap();
        let config = AgentConfig::new(folder.path().into());
        let registration = Registration {
            node_id: "mi-0123456789abcdef0".parse().unwrap(),
            endpoint: "https://ssm.example.org".into(),
            region: "us-east-1".parse().unwrap(),
            ca_fingerprint: None,
            fingerprint: new_uuid(),
        };
        let state = StateFolder::open(folder.path()).unwrap();
        registration.store(&state, &NodeKeyPair::from_seed([7; 32]), None).unwrap();
        let error = register(&config, &activation(), false).await.unwrap_err();
        assert!(error.to_string().contains("mi-0123456789abcdef0") && error.to_string().contains("--force"), "{error}");
        let _running = state.lock().unwrap();
        let error = register(&config, &activation(), true).await.unwrap_err();
        assert!(error.to_string().contains("another postern-agent is running"), "{error}");
    }

    #[test]
    fn codes_are_read_from_files_and_trimmed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("code");
        let error = read_activation_code(&path).unwrap_err().to_string();
        assert!(error.contains("code") && error.contains("check the path"), "{error}");
        std::fs::write(&path, " \n").unwrap();
        assert!(read_activation_code(&path).unwrap_err().to_string().contains("empty"));
        std::fs::write(&path, "fdjjpuxk2ty7uvceyzw5du89\r\n").unwrap();
        assert_eq!(read_activation_code(&path).unwrap().expose(), "fdjjpuxk2ty7uvceyzw5du89");
    }
}
