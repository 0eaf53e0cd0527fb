//! A tunnel to the far end: the programs that make it, and what was measured through it.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use postern_testkit::{Service, eventually, program};
use serde_json::{Value, json};

use super::free_address;
use crate::cpu::TreeCpuTime;
use crate::fleet::{Fleet, administrator};
use crate::stats::Samples;
use crate::yardstick::OpenSsh;

const PATIENCE: Duration = Duration::from_secs(60);

/// A tunnel that listens on loopback. Dropping it ends its client.
pub(super) struct Way {
    pub(super) name: &'static str,
    address: SocketAddr,
    client: Child,
    /// Everything that works for this tunnel is one of these or below one.
    processes: Vec<u32>,
    /// A program of AWS sends in that direction.
    pub(super) is_slow_down: bool,
    pub(super) is_slow_up: bool,
    pub(super) down: Samples,
    pub(super) up: Samples,
    pub(super) down_cost: Samples,
    pub(super) up_cost: Samples,
    pub(super) sum: Samples,
    pub(super) fairness: Samples,
    pub(super) requests: Samples,
    pub(super) busy_requests: Samples,
    pub(super) fresh_requests: Samples,
}

impl Way {
    /// `postern forward` to a node whose agent has this process.
    pub(super) fn forward(
        name: &'static str,
        service: &Service,
        node: &str,
        agent: u32,
        to: SocketAddr,
    ) -> Result<Self> {
        let near = free_address()?;
        let mut command = Command::new(program("postern"));
        command.args(["forward", node, &format!("{}:{}", near.port(), to.port())]);
        command.envs(service.environment());
        Self::start(name, near, command, &[service.process_id(), agent])
    }

    /// OpenSSH's client to one of the hosts of its configuration.
    pub(super) fn ssh(
        name: &'static str,
        ssh: &OpenSsh,
        host: &str,
        cipher: Option<&str>,
        to: SocketAddr,
    ) -> Result<Self> {
        let near = free_address()?;
        let mut command = Command::new("/usr/bin/ssh");
        command.arg("-N").arg("-F").arg(ssh.client_config());
        command.args(["-L", &format!("{near}:{to}")]);
        if let Some(cipher) = cipher {
            command.args(["-c", cipher]);
        }
        command.arg(host);
        Self::start(name, near, command, &[ssh.process_id()])
    }

    /// AWS's plugin, started as the aws CLI starts it.
    pub(super) fn plugin(
        name: &'static str,
        plugin: &Path,
        service: &Service,
        node: &str,
        agent: u32,
        to: SocketAddr,
    ) -> Result<Self> {
        let near = free_address()?;
        let request = json!({
            "Target": node, "DocumentName": "AWS-StartPortForwardingSession",
            "Parameters": {"portNumber": [to.port().to_string()], "localPortNumber": [near.port().to_string()]},
        });
        let session = start_session(service, &request)?;
        let mut command = Command::new(plugin);
        command.args([&session.to_string(), "us-east-1", "StartSession", "", &request.to_string()]);
        command.arg(service.endpoint()).envs(service.environment());
        Self::start(name, near, command, &[service.process_id(), agent])
    }

    fn start(name: &'static str, address: SocketAddr, mut command: Command, servers: &[u32]) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        let client = command.spawn().with_context(|| name)?;
        let processes = [&[client.id()], servers].concat();
        let way = Self {
            name,
            address,
            client,
            processes,
            is_slow_down: false,
            is_slow_up: false,
            down: Samples::default(),
            up: Samples::default(),
            down_cost: Samples::default(),
            up_cost: Samples::default(),
            sum: Samples::default(),
            fairness: Samples::default(),
            requests: Samples::default(),
            busy_requests: Samples::default(),
            fresh_requests: Samples::default(),
        };
        eventually(&format!("{name} to listen"), PATIENCE, || TcpStream::connect(address).ok());
        Ok(way)
    }

    /// What is downloaded comes from a program of AWS.
    pub(super) const fn slow_down(mut self) -> Self {
        self.is_slow_down = true;
        self
    }

    /// What is uploaded is sent by one.
    pub(super) const fn slow_up(mut self) -> Self {
        self.is_slow_up = true;
        self
    }

    /// Where the tunnel listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its programs have spent so far.
    pub(super) fn cpu_time(&self) -> Result<TreeCpuTime> {
        TreeCpuTime::of(&self.processes)
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

fn start_session(service: &Service, request: &Value) -> Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fleet = Fleet::of(service)?;
    Ok(runtime.block_on(fleet.ssm.call("AmazonSSM.StartSession", request, &administrator(service)?))?)
}
