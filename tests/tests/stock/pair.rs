//! A service with a stock agent and the stock client's tools beside it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use postern_testkit::{
    Agent, Behaviour, Output, PythonEnvironment, Scheme, Service, StockAgentProcess, StockPlugin, Terminal, VERSION,
    eventually, run, temporary_folder,
};
use serde_json::{Value, json};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const PLUGIN: &str = "session-manager-plugin";
pub(crate) const AGENT: &str = "amazon-ssm-agent";
const OUR_AGENT: &str = "postern-agent";

/// The `aws` CLI with AWS's own plugin.
pub(crate) struct StockClient {
    python: &'static PythonEnvironment,
    plugin: PathBuf,
    version: String,
    folder: tempfile::TempDir,
}

impl StockClient {
    /// `None`, after saying why, where they are not installed.
    pub(crate) fn get() -> Option<Self> {
        let plugin = StockPlugin::get()?;
        let python = PythonEnvironment::get()?;
        let printed = run(&plugin, ["--version"], &[], PATIENCE).expect_success("session-manager-plugin --version");
        let version = printed.stdout.trim().to_string();
        Some(Self { python, plugin, version, folder: temporary_folder() })
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn aws(&self) -> PathBuf {
        self.python.aws()
    }

    /// What `aws` needs to reach the service, and to find the plugin.
    pub(crate) fn environment(&self, service: &Service) -> Vec<(String, String)> {
        self.environment_at(service, service.address())
    }

    pub(crate) fn environment_at(&self, service: &Service, address: SocketAddr) -> Vec<(String, String)> {
        let mut environment = service.environment_at(address);
        environment.push(("PATH".to_string(), self.python.path_with_plugin(self.folder.path(), &self.plugin)));
        environment
    }

    /// `aws ssm start-session` in a terminal, once it has a session.
    pub(crate) fn session(&self, service: &Service, node_id: &str, more: &[&str]) -> Terminal {
        let mut words = vec!["ssm", "start-session", "--target", node_id];
        words.extend(more);
        let mut terminal = Terminal::start(&self.aws(), &words, &self.environment(service));
        terminal.expect("Starting session with SessionId: ", PATIENCE);
        terminal
    }
}

/// Everything stock but the service.
pub(crate) struct Pair {
    pub(crate) client: StockClient,
    pub(crate) agent: StockAgentProcess,
    pub(crate) service: Service,
}

impl Pair {
    /// `None`, after saying why, where the programs or the rights are missing.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with settings of the service.
    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Option<Self> {
        let client = StockClient::get()?;
        let service = Service::start_with(Scheme::Https, settings);
        let agent = StockAgentProcess::start(&service)?;
        Some(Self { client, agent, service })
    }

    /// A shell, or what the document in `more` says.
    pub(crate) fn session(&self, more: &[&str]) -> Terminal {
        self.client.session(&self.service, self.agent.node_id(), more)
    }

    /// Writes the account's preferences for sessions.
    pub(crate) fn prefer(&self, inputs: &Value) -> Output {
        prefer(&self.client, &self.service, inputs)
    }

    pub(crate) fn scene(&self) -> Scene<'_> {
        let node = (self.agent.node_id(), AGENT, self.agent.version());
        Scene { client: &self.client, service: &self.service, node }
    }

    /// A behaviour of both programs.
    pub(crate) fn behaviour(&self, name: &str) -> Behaviour {
        self.scene().behaviour(name)
    }
}

/// The stock client and our agent.
pub(crate) struct OurNode {
    pub(crate) client: StockClient,
    agent: Agent,
    pub(crate) service: Service,
}

impl OurNode {
    /// `None`, after saying why, where the plugin is missing.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with settings of the service.
    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Option<Self> {
        let client = StockClient::get()?;
        let service = Service::start_with(Scheme::Https, settings);
        let agent = Agent::start(&service);
        Some(Self { client, agent, service })
    }

    pub(crate) fn node_id(&self) -> &str {
        self.agent.node_id()
    }

    pub(crate) fn wait_until_online(&self) {
        self.agent.wait_until_online(&self.service);
    }

    pub(crate) fn scene(&self) -> Scene<'_> {
        let node = (self.agent.node_id(), OUR_AGENT, VERSION);
        Scene { client: &self.client, service: &self.service, node }
    }
}

/// The stock client before either agent.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) client: &'a StockClient,
    pub(crate) service: &'a Service,
    /// Id, agent, version.
    node: (&'a str, &'a str, &'a str),
}

impl Scene<'_> {
    pub(crate) fn node_id(&self) -> &str {
        self.node.0
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.node.1 == OUR_AGENT
    }

    /// A session of this document.
    pub(crate) fn session(&self, document: &str, parameters: &str) -> Terminal {
        self.client.session(self.service, self.node.0, &with_document(document, parameters))
    }

    /// A behaviour of both programs.
    pub(crate) fn behaviour(&self, name: &str) -> Behaviour {
        let (_, agent, version) = self.node;
        Behaviour::of(name, &[(PLUGIN, self.client.version()), (agent, version)])
    }
}

/// Writes the account's preferences for sessions, as an administrator does.
pub(crate) fn prefer(client: &StockClient, service: &Service, inputs: &Value) -> Output {
    let folder = temporary_folder();
    let file = folder.path().join("preferences.json");
    let document = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs});
    std::fs::write(&file, document.to_string()).expect("the folder is writable");
    let content = format!("file://{}", file.display());
    let environment = client.environment(service);
    let aws = |words: &[&str]| run(&client.aws(), words, &environment, PATIENCE);
    let name = ["--name", "SSM-SessionManagerRunShell", "--content", &content];
    let create = [&["ssm", "create-document", "--document-type", "Session"], &name[..]].concat();
    let made = aws(&create);
    if !made.stderr.contains("DocumentAlreadyExists") {
        return made;
    }
    // The default version is what sessions use.
    let update = [&["ssm", "update-document", "--document-version", "$LATEST"], &name[..]].concat();
    let updated = aws(&update);
    if updated.status == Some(0) {
        let updated: Value = serde_json::from_str(&updated.stdout).expect("aws prints JSON");
        let version = updated["DocumentDescription"]["DocumentVersion"].as_str().expect("it has a version").to_string();
        let name = "SSM-SessionManagerRunShell";
        aws(&["ssm", "update-document-default-version", "--name", name, "--document-version", &version])
            .expect_success("update-document-default-version");
    }
    updated
}

/// Words that name a document and its parameters, for [`Pair::session`].
pub(crate) fn with_document<'a>(document: &'a str, parameters: &'a str) -> [&'a str; 4] {
    ["--document-name", document, "--parameters", parameters]
}

/// The shell answers: what is typed reaches it, and what it computes comes back.
pub(crate) fn talk(terminal: &mut Terminal, word: &str) {
    terminal.type_text(&format!("echo {word}-$((40+2))\r"));
    terminal.expect(&format!("{word}-42"), PATIENCE);
}

/// Sessions that are not over, as `postern sessions` shows them.
pub(crate) fn active_sessions(service: &Service) -> Vec<Value> {
    let printed = service.postern(["sessions", "--active", "--json"]).stdout;
    serde_json::from_str(&printed).expect("JSON was asked for")
}

pub(crate) fn wait_until_no_session_is_active(service: &Service) {
    eventually("no session to be active", PATIENCE, || active_sessions(service).is_empty().then_some(()));
}

/// The one active session is connected, and stays so for a few looks: what the service shows in its first moments may
/// be what it knew before.
pub(crate) fn wait_until_connected_again(service: &Service) {
    let mut answers = 0;
    eventually("the session to be connected again", PATIENCE, || {
        let connected = active_sessions(service).first()?["Status"] == "Connected";
        answers = if connected { answers + 1 } else { 0 };
        (answers == 5).then_some(())
    });
}
