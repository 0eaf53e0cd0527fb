//! A service with one node, which is ours or AWS's.

use std::net::{SocketAddr, TcpStream};

use postern_testkit::{
    Agent, Background, FaultyProxy, PythonEnvironment, Scheme, Service, StockAgent, StockAgentProcess, Terminal,
    VERSION, eventually, program, temporary_folder,
};
use serde_json::Value;

use crate::PATIENCE;

/// An agent that is online.
pub(crate) enum Node {
    Ours(Agent),
    Stock(Box<StockAgentProcess>),
}

impl Node {
    pub(crate) fn id(&self) -> &str {
        match self {
            Node::Ours(agent) => agent.node_id(),
            Node::Stock(agent) => agent.node_id(),
        }
    }

    /// Name and version, for the compatibility page.
    pub(crate) fn program(&self) -> (&str, &str) {
        match self {
            Node::Ours(_) => ("postern-agent", VERSION),
            Node::Stock(agent) => ("amazon-ssm-agent", agent.version()),
        }
    }

    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Node::Ours(_))
    }
}

/// A service, its node, and the user's way to it, which can be cut.
pub(crate) struct World {
    pub(crate) node: Node,
    pub(crate) proxy: FaultyProxy,
    pub(crate) service: Service,
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn ours() -> World {
        Self::with(|service| Some(Node::Ours(Agent::start(service)))).expect("our own programs are there")
    }

    /// `None`, after saying why, where AWS's agent or the right to run it is missing.
    pub(crate) fn stock() -> Option<World> {
        StockAgent::get()?;
        Self::with(|service| StockAgentProcess::start(service).map(|agent| Node::Stock(Box::new(agent))))
    }

    fn with(node: impl FnOnce(&Service) -> Option<Node>) -> Option<World> {
        let service = Service::start(Scheme::Https);
        let node = node(&service)?;
        let proxy = FaultyProxy::start(service.address());
        Some(World { node, proxy, service, folder: temporary_folder() })
    }

    /// What `postern`, and `aws` with our plugin, need to reach the service.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        self.environment_at(self.service.address())
    }

    /// The same by the way that can be cut.
    pub(crate) fn environment_at(&self, address: SocketAddr) -> Vec<(String, String)> {
        let mut environment = self.service.environment_at(address);
        if let Some(python) = PythonEnvironment::get() {
            let path = python.path_with_plugin(self.folder.path(), &program("postern"));
            environment.push(("PATH".to_string(), path));
        }
        environment
    }

    /// `aws ssm start-session` with our plugin, in a terminal.
    pub(crate) fn aws_session(&self, python: &PythonEnvironment, document: &str, parameters: &str) -> Terminal {
        self.aws_session_at(self.service.address(), python, document, parameters)
    }

    /// The same by the way that can be cut.
    pub(crate) fn aws_session_at(
        &self,
        address: SocketAddr,
        python: &PythonEnvironment,
        document: &str,
        parameters: &str,
    ) -> Terminal {
        let words = ["ssm", "start-session", "--target", self.node.id(), "--document-name", document];
        let words = [&words[..], &["--parameters", parameters]].concat();
        let mut terminal = Terminal::start(&python.aws(), &words, &self.environment_at(address));
        terminal.expect("Starting session with SessionId: ", PATIENCE);
        terminal
    }

    /// `postern forward` to the node.
    pub(crate) fn forward(&self, specs: &[&str]) -> Background {
        self.forward_at(self.service.address(), specs)
    }

    /// The same by the way that can be cut.
    pub(crate) fn forward_at(&self, address: SocketAddr, specs: &[&str]) -> Background {
        let words = [&["forward", self.node.id()], specs].concat();
        Background::start(&program("postern"), &words, &self.environment_at(address))
    }

    /// Sessions that are not over.
    pub(crate) fn active_sessions(&self) -> Vec<Value> {
        let printed = self.service.postern(["sessions", "--active", "--json"]).stdout;
        serde_json::from_str(&printed).expect("JSON was asked for")
    }

    pub(crate) fn wait_until_no_session_is_active(&self) {
        eventually("no session to be active", PATIENCE, || self.active_sessions().is_empty().then_some(()));
    }
}

/// Connects to a tunnel's local end.
pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the tunnel listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream
}

/// The local port of the forward that leads to this.
pub(crate) fn forwarded_port(forward: &Background, destination: &str) -> u16 {
    let line = forward.expect(&format!(" → {destination} via "), PATIENCE);
    let local = line.split(" → ").next().and_then(|local| local.rsplit_once(':'));
    local.and_then(|(_, port)| port.parse().ok()).unwrap_or_else(|| panic!("no port in {line:?}"))
}
