//! Who this node is: what registration stored, and the private key that proves it.

use std::fmt;
use std::path::PathBuf;

use postern_iam::{NodeId, NodeKeyPair, Region};
use postern_transport::{Endpoint, Trust};
use serde::{Deserialize, Serialize};

use crate::config::AgentConfig;
use crate::state::{StateError, StateFolder};

const REGISTRATION_FILE: &str = "registration.json";
const KEY_FILE: &str = "node.key";
const CA_FILE: &str = "ca.pem";

/// What registration stored; no secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Registration {
    /// The managed node.
    pub(crate) node_id: NodeId,
    /// The service it is registered with.
    pub(crate) endpoint: String,
    /// The service's region.
    pub(crate) region: Region,
    /// The CA's fingerprint, when the node was told one. A CA file is kept beside, as `ca.pem`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_fingerprint: Option<String>,
    /// A UUID that stands for this machine (spec agent-registration §2).
    pub(crate) fingerprint: String,
}

/// The node, ready to act: stored registration and key, with the settings over them.
pub(crate) struct Identity {
    pub(crate) node_id: NodeId,
    pub(crate) endpoint: Endpoint,
    pub(crate) region: Region,
    pub(crate) trust: TrustSource,
    pub(crate) fingerprint: String,
    pub(crate) key: NodeKeyPair,
}

/// Whose certificates the node believes, in a form that a session worker can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TrustSource {
    /// The public web's authorities.
    WebPki,
    /// The CA in this PEM file.
    CaFile(PathBuf),
    /// The CA with this fingerprint.
    Fingerprint(String),
}

impl TrustSource {
    /// What the settings say, if they say anything.
    pub(crate) fn of_config(config: &AgentConfig) -> Option<Self> {
        match (&config.ca_file, &config.ca_fingerprint) {
            (Some(path), _) => Some(Self::CaFile(path.clone())),
            (None, Some(fingerprint)) => Some(Self::Fingerprint(fingerprint.to_string())),
            (None, None) => None,
        }
    }

    pub(crate) fn trust(&self) -> Trust {
        match self {
            Self::WebPki => Trust::WebPki,
            Self::CaFile(path) => Trust::CaFile(path.clone()),
            // Only texts that were parsed before are ever put in; anything else is a CA nobody has.
            Self::Fingerprint(text) => text.parse().map_or_else(|_| Trust::CaPem(Vec::new()), Trust::Fingerprint),
        }
    }
}

impl Registration {
    /// What is stored; `None` when this node was never registered.
    pub(crate) fn load(state: &StateFolder) -> Result<Option<Self>, StateError> {
        let Some(content) = state.read(REGISTRATION_FILE)? else {
            return Ok(None);
        };
        serde_json::from_slice(&content).map(Some).map_err(|error| StateError::Damaged {
            path: state.root().join(REGISTRATION_FILE),
            reason: error.to_string(),
        })
    }

    /// Stores it with its key, and the CA if there is a file of it. The registration comes last: a node is registered
    /// when everything is there.
    pub(crate) fn store(
        &self,
        state: &StateFolder,
        key: &NodeKeyPair,
        ca_pem: Option<&[u8]>,
    ) -> Result<(), StateError> {
        state.write(KEY_FILE, key.to_pkcs8().expose())?;
        // An empty file is how a former registration's CA is forgotten.
        state.write(CA_FILE, ca_pem.unwrap_or_default())?;
        let content = serde_json::to_vec_pretty(self).map_err(|error| StateError::Damaged {
            path: state.root().join(REGISTRATION_FILE),
            reason: error.to_string(),
        })?;
        state.write(REGISTRATION_FILE, &content)
    }
}

impl Identity {
    /// The node of this state folder, with the settings over what was stored. `None`: not registered.
    pub(crate) fn load(state: &StateFolder, config: &AgentConfig) -> Result<Option<Self>, StateError> {
        let Some(registration) = Registration::load(state)? else {
            return Ok(None);
        };
        let damaged = |name: &str, reason: &dyn fmt::Display| StateError::Damaged {
            path: state.root().join(name),
            reason: reason.to_string(),
        };
        let key = state.read(KEY_FILE)?.ok_or_else(|| damaged(KEY_FILE, &"it is missing"))?;
        let key = NodeKeyPair::from_pkcs8(&key).map_err(|error| damaged(KEY_FILE, &error))?;
        let endpoint = match &config.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => registration.endpoint.parse().map_err(|error| damaged(REGISTRATION_FILE, &error))?,
        };
        let trust = match TrustSource::of_config(config) {
            Some(trust) => trust,
            None => stored_trust(state, registration.ca_fingerprint)?,
        };
        Ok(Some(Self {
            node_id: registration.node_id,
            endpoint,
            region: config.region.clone().unwrap_or(registration.region),
            trust,
            fingerprint: registration.fingerprint,
            key,
        }))
    }
}

fn stored_trust(state: &StateFolder, fingerprint: Option<String>) -> Result<TrustSource, StateError> {
    if let Some(fingerprint) = fingerprint {
        return Ok(TrustSource::Fingerprint(fingerprint));
    }
    Ok(match state.read(CA_FILE)? {
        Some(pem) if !pem.is_empty() => TrustSource::CaFile(state.root().join(CA_FILE)),
        _ => TrustSource::WebPki,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    fn registration(ca_fingerprint: Option<&str>) -> Registration {
        Registration {
            node_id: "mi-0123456789abcdef0".parse().unwrap(),
            endpoint: "https://ssm.example.org:8443".into(),
            region: "us-east-1".parse().unwrap(),
            ca_fingerprint: ca_fingerprint.map(Into::into),
            fingerprint: "e66ea1dc-543a-4fda-a697-da7efd0c4fcf".into(),
        }
    }

    #[test]
    fn what_was_stored_is_loaded_and_settings_go_over_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path()).unwrap();
        let mut config = AgentConfig::new(folder.path().into());
        assert!(Identity::load(&state, &config).unwrap().is_none());
        let key = NodeKeyPair::from_seed([7; 32]);
        registration(None).store(&state, &key, Some(b"PEM")).unwrap();
        let identity = Identity::load(&state, &config).unwrap().unwrap();
        assert_eq!(identity.endpoint.to_string(), "https://ssm.example.org:8443");
        assert_eq!(identity.trust, TrustSource::CaFile(state.root().join("ca.pem")));
        assert_eq!(identity.key.public_key(), key.public_key());

        config.endpoint = Some("http://127.0.0.1:1".parse().unwrap());
        config.ca_file = Some("/etc/ca.pem".into());
        let identity = Identity::load(&state, &config).unwrap().unwrap();
        assert_eq!(identity.endpoint.to_string(), "http://127.0.0.1:1");
        assert_eq!(identity.trust, TrustSource::CaFile("/etc/ca.pem".into()));
    }

    #[test]
    fn a_new_registration_forgets_the_former_ca() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path()).unwrap();
        let config = AgentConfig::new(folder.path().into());
        let key = NodeKeyPair::from_seed([7; 32]);
        registration(None).store(&state, &key, Some(b"PEM")).unwrap();
        registration(None).store(&state, &key, None).unwrap();
        assert_eq!(Identity::load(&state, &config).unwrap().unwrap().trust, TrustSource::WebPki);
        let fingerprint = format!("SHA256:{}", "ab".repeat(32));
        registration(Some(&fingerprint)).store(&state, &key, None).unwrap();
        let trust = Identity::load(&state, &config).unwrap().unwrap().trust;
        assert_eq!(trust, TrustSource::Fingerprint(fingerprint));
        assert!(matches!(trust.trust(), Trust::Fingerprint(_)));
    }

    #[test]
    fn damage_names_the_file_and_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path()).unwrap();
        let config = AgentConfig::new(folder.path().into());
        registration(None).store(&state, &NodeKeyPair::from_seed([7; 32]), None).unwrap();
        state.write("node.key", b"rubbish").unwrap();
        let error = Identity::load(&state, &config).err().unwrap().to_string();
        assert!(error.contains("node.key") && error.contains("--force"), "{error}");
        state.write("registration.json", b"{").unwrap();
        let error = Identity::load(&state, &config).err().unwrap().to_string();
        assert!(error.contains("registration.json"), "{error}");
    }
}
