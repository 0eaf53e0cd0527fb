//! A service without faces, with one administrator, and machines that sign as agents do.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use postern_archive_files::FileArchive;
use postern_bus::InProcess;
use postern_iam::sigv4::{self, Credentials, SignableRequest};
use postern_iam::{NodeId, NodeKeyPair, SecretString};
use postern_model::activation::CreateActivationRequest;
use postern_model::agent::{RegisterManagedInstanceRequest, RequestManagedInstanceRoleTokenRequest};
use postern_model::session::{StartSessionRequest, StartSessionResponse};
use postern_model::{ApiError, ErrorCode};
use postern_protocol::wire::open::{AgentOpen, ClientOpen, ControlOpen, DataOpen};
use postern_protocol::{Clock, Entropy, Now};
use postern_store::Scope;
use postern_store_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::{Admission, Arrival, Caller, Control, ControlLease, Deps, Origin, Refusal, Settings, Upstreams};

/// A clock that stands until it is told to go on.
pub(super) struct StandingClock(Mutex<Now>);

impl StandingClock {
    pub(super) fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        now.instant += by;
        now.unix_millis += u64::try_from(by.as_millis()).unwrap();
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Now {
        *self.0.lock().unwrap()
    }
}

/// SplitMix64 from a fixed seed.
pub(super) struct SeededEntropy(Mutex<u64>);

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        let mut state = self.0.lock().unwrap();
        for byte in out {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = u8::try_from((z ^ (z >> 31)) >> 56).unwrap();
        }
    }
}

pub(super) struct World {
    pub(super) control: Arc<Control>,
    pub(super) clock: Arc<StandingClock>,
    pub(super) store: Arc<SqliteStore>,
    pub(super) admin: Credentials,
    data: PathBuf,
    entropy: Arc<SeededEntropy>,
    _folder: TempDir,
}

/// A registered machine.
pub(super) struct Machine {
    pub(super) node_id: NodeId,
    pub(super) key: NodeKeyPair,
    pub(super) fingerprint: String,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(Upstreams::default()).await
    }

    /// A service that passes requests on.
    pub(super) async fn with(upstreams: Upstreams) -> Self {
        let folder = TempDir::new().unwrap();
        let data = folder.path().join("data");
        let store = Arc::new(SqliteStore::open(&data).await.unwrap());
        let now = Now { instant: Instant::now(), unix_millis: 1_795_384_779_000 };
        let clock = Arc::new(StandingClock(Mutex::new(now)));
        let entropy = Arc::new(SeededEntropy(Mutex::new(7)));
        let control = build(&data, &store, &clock, &entropy, [7; 32], upstreams);
        let key = control.create_administrator("admin").await.unwrap();
        let admin = Credentials {
            access_key_id: key.access_key_id.to_string(),
            secret_access_key: key.secret_access_key,
            session_token: None,
        };
        Self { control, clock, store, admin, data, entropy, _folder: folder }
    }

    /// The service is killed and started again on the same folder.
    pub(super) async fn restart(&mut self) {
        // The old world must let go of the folder first.
        let nothing = TempDir::new().unwrap();
        self.store = Arc::new(SqliteStore::open(nothing.path()).await.unwrap());
        self.control = build(&self.data, &self.store, &self.clock, &self.entropy, [7; 32], Upstreams::default());
        let deadline = Instant::now() + Duration::from_secs(10);
        self.store = loop {
            match SqliteStore::open(&self.data).await {
                Ok(store) => break Arc::new(store),
                Err(error) if Instant::now() > deadline => panic!("{error}"),
                Err(_) => tokio::task::yield_now().await,
            }
        };
        self.control = build(&self.data, &self.store, &self.clock, &self.entropy, [7; 32], Upstreams::default());
    }

    /// The same world under other settings.
    pub(super) fn configure(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = settings();
        change(&mut settings);
        let (store, clock, entropy) = (&self.store, &self.clock, &self.entropy);
        self.control = build_with(&self.data, settings, store, clock, entropy, [7; 32], Upstreams::default());
    }

    pub(super) fn fill(&self, out: &mut [u8]) {
        self.entropy.fill(out);
    }

    pub(super) fn millis(&self) -> u64 {
        self.clock.now().unix_millis
    }

    /// A request as it would arrive, signed by these credentials for this service. `uri` makes it differ from others.
    pub(super) async fn sign_as(&self, who: &Credentials, service: &str, uri: &str) -> Result<Caller, ApiError> {
        let mut headers = vec![("host".to_owned(), "ssm.example.org".to_owned())];
        let request = SignableRequest { method: "POST", uri, headers: &headers, body: b"{}" };
        let added = sigv4::sign(&request, who, "eu-west-1", service, self.millis());
        headers.extend(added);
        self.arrive(uri, &headers, b"{}", service).await
    }

    pub(super) async fn arrive(
        &self,
        uri: &str,
        headers: &[(String, String)],
        body: &[u8],
        service: &str,
    ) -> Result<Caller, ApiError> {
        let signed = sigv4::parse("POST", uri, headers)?;
        let arrival = Arrival { body, services: &[service], origin: origin(None), invocation_id: None };
        self.control.authenticate(&signed, arrival).await
    }

    /// A request of the administrator; every call is another request.
    pub(super) async fn as_admin(&self) -> Caller {
        let mut random = [0; 8];
        self.entropy.fill(&mut random);
        self.sign_as(&self.admin, "ssm", &format!("/?{}", u64::from_be_bytes(random))).await.unwrap()
    }

    pub(super) async fn activation(&self, limit: u32) -> postern_model::activation::CreateActivationResponse {
        let request = CreateActivationRequest {
            default_instance_name: Some("web".to_owned()),
            iam_role: "PosternNode".to_owned(),
            registration_limit: Some(limit),
            ..CreateActivationRequest::default()
        };
        self.control.create_activation(&self.as_admin().await, request).await.unwrap()
    }

    pub(super) async fn register(&self, seed: u8) -> Machine {
        let activation = self.activation(1).await;
        let key = NodeKeyPair::from_seed([seed; 32]);
        let fingerprint = format!("fingerprint {seed}");
        let request = RegisterManagedInstanceRequest {
            activation_code: activation.activation_code,
            activation_id: activation.activation_id,
            fingerprint: fingerprint.clone(),
            public_key: key.public_key().to_registration(),
            public_key_type: "Ed25519".to_owned(),
        };
        let stranger = self.control.stranger(origin(None));
        let registered = self.control.register_managed_instance(&stranger, request).await.unwrap();
        Machine { node_id: registered.instance_id, key, fingerprint }
    }

    /// The node, signing with its key.
    pub(super) async fn with_key(&self, machine: &Machine) -> Result<Caller, ApiError> {
        let mut headers = vec![("host".to_owned(), "ssm.example.org".to_owned())];
        let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: b"{}" };
        let added =
            sigv4::sign_with_node_key(&request, &machine.node_id, &machine.key, "eu-west-1", "ssm", self.millis());
        headers.extend(added);
        self.arrive("/", &headers, b"{}", "ssm").await
    }

    pub(super) async fn role_credentials(&self, machine: &Machine) -> Result<Credentials, ApiError> {
        let caller = self.with_key(machine).await?;
        let request = RequestManagedInstanceRoleTokenRequest { fingerprint: machine.fingerprint.clone() };
        let token = self.control.request_managed_instance_role_token(&caller, request).await?;
        assert!(!token.update_key_pair);
        Ok(Credentials {
            access_key_id: token.access_key_id,
            secret_access_key: token.secret_access_key,
            session_token: Some(token.session_token),
        })
    }

    /// The node, signing with the credentials of its role.
    pub(super) async fn with_role(&self, machine: &Machine) -> Caller {
        let credentials = self.role_credentials(machine).await.unwrap();
        self.sign_as(&credentials, "ssmmessages", "/").await.unwrap()
    }

    pub(super) async fn connect(&self, machine: &Machine) -> ControlLease {
        let caller = self.with_role(machine).await;
        let token = self.control.create_control_channel(&caller, machine.node_id.as_str()).await.unwrap();
        self.attach(machine, &token).await.unwrap()
    }

    pub(super) async fn attach(&self, machine: &Machine, token: &SecretString) -> Result<ControlLease, Refusal> {
        let open = ControlOpen {
            token_value: token.expose().into(),
            agent_version: "3.4.1.0".to_owned(),
            platform_type: "linux".to_owned(),
            ..ControlOpen::default()
        };
        self.control.attach_control_channel(machine.node_id.as_str(), &open, None).await
    }

    pub(super) async fn online(&self, seed: u8) -> (Machine, ControlLease) {
        let machine = self.register(seed).await;
        let lease = self.connect(&machine).await;
        (machine, lease)
    }

    pub(super) async fn start(&self, machine: &Machine) -> StartSessionResponse {
        let caller = self.as_admin().await;
        self.control.start_session(&caller, start_request(machine.node_id.as_str())).await.unwrap()
    }

    pub(super) async fn open_client(
        &self,
        session_id: &str,
        token: &SecretString,
        client: &str,
    ) -> Result<Admission, Refusal> {
        let open =
            ClientOpen { token_value: token.expose().into(), client_id: client.to_owned(), ..ClientOpen::default() };
        self.control.admit_data_channel(session_id, &DataOpen::Client(open), None).await
    }

    pub(super) async fn open_agent(
        &self,
        session_id: &str,
        token: &SecretString,
        node: &NodeId,
    ) -> Result<Admission, Refusal> {
        let open = AgentOpen {
            token_value: token.expose().into(),
            client_instance_id: node.to_string(),
            ..AgentOpen::default()
        };
        self.control.admit_data_channel(session_id, &DataOpen::Agent(open), None).await
    }
}

pub(super) fn origin(source_ip: Option<IpAddr>) -> Origin {
    Origin { source_ip, is_secure: true, user_agent: None, request_id: "request".to_owned() }
}

pub(super) fn start_request(target: &str) -> StartSessionRequest {
    StartSessionRequest { target: target.to_owned(), document_name: None, reason: None, parameters: BTreeMap::new() }
}

pub(super) fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> ErrorCode {
    result.unwrap_err().code()
}

fn build(
    data: &Path,
    store: &Arc<SqliteStore>,
    clock: &Arc<StandingClock>,
    entropy: &Arc<SeededEntropy>,
    root_key: [u8; 32],
    upstreams: Upstreams,
) -> Arc<Control> {
    build_with(data, settings(), store, clock, entropy, root_key, upstreams)
}

fn settings() -> Settings {
    let scope = Scope { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
    Settings::new(scope, "wss://ssm.example.org:8443")
}

fn build_with(
    data: &Path,
    settings: Settings,
    store: &Arc<SqliteStore>,
    clock: &Arc<StandingClock>,
    entropy: &Arc<SeededEntropy>,
    root_key: [u8; 32],
    upstreams: Upstreams,
) -> Arc<Control> {
    Arc::new(Control::new(Deps {
        archive: Arc::new(FileArchive::open(&data.join("recordings")).unwrap()),
        store: Arc::clone(store) as _,
        bus: Arc::new(InProcess::new()),
        clock: Arc::clone(clock) as _,
        entropy: Arc::clone(entropy) as _,
        settings,
        root_key,
        upstreams,
    }))
}
