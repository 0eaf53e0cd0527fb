//! The same tunnels over long paths: a round trip of 100 ms and one packet in a hundred lost, in a network namespace of
//! their own. What is long are the ways to the service and to sshd: of a tunnel to the node as of one through a bastion,
//! both legs.
//!
//! Not every kernel has netem, so a program stands in for it: routing rules send the packets of those two ports through
//! a TUN device, and it hands them back later.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use postern_testkit::{Agent, Scheme, Service};

use super::far_end::FarEnd;
use super::load::Load;
use super::way::Way;
use super::{quantiles, rate};
use crate::Row;
use crate::yardstick::OpenSsh;

/// Of each direction.
const DELAY_MILLISECONDS: &str = "50";
const LOSS_PERCENT: &str = "1";
const DEVICE: &str = "far0";
const PATH: &str = include_str!("long_path.py");

/// Measures in a namespace of its own, by this program once more; the table is that program's. With a word on standard
/// error it does nothing where it may not.
pub(crate) fn measure(rounds: usize, megabytes: u64, requests: usize) -> Result<()> {
    let may = Command::new("unshare").args(["--net", "true"]).stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) || !Path::new("/dev/net/tun").exists() {
        eprintln!("skipped: long paths need root, unshare and /dev/net/tun");
        return Ok(());
    }
    let status = Command::new("unshare")
        .arg("--net")
        .arg(std::env::current_exe()?)
        .args(["--only", "far", "--in-namespace"])
        .args(["--rounds", &rounds.to_string(), "--requests", &requests.to_string()])
        .args(["--far-megabytes", &megabytes.to_string()])
        .status()?;
    ensure!(status.success(), "the measurement over long paths failed");
    Ok(())
}

/// As [`measure`], in the namespace.
pub(crate) fn measure_here(rounds: usize, megabytes: u64, requests: usize) -> Result<Vec<Row>> {
    let path = LongPath::open()?;
    let far_end = FarEnd::start()?;
    let service = Service::start(Scheme::Https);
    let agent = Agent::start(&service);
    path.lengthen(service.address().port())?;
    let mut ways = vec![Way::forward("postern", &service, agent.node_id(), agent.process_id(), far_end.address())?];
    let ssh = OpenSsh::start()?;
    if let Some(ssh) = &ssh {
        path.lengthen(ssh.port())?;
        ways.push(Way::ssh("ssh -J", ssh, "jumped", None, far_end.address())?);
        ways.push(Way::ssh("ssh -L, one leg", ssh, "direct", None, far_end.address())?);
    }
    let bytes = megabytes * 1_000_000;
    for round in 0..rounds {
        for way in &mut ways {
            eprintln!("far: round {} of {rounds}, {}", round + 1, way.name);
            let load = Load { address: way.address() };
            way.down.add_number(rate(bytes, load.download(bytes)?));
            way.up.add_number(rate(bytes, load.upload(bytes)?));
            load.requests(requests, &mut way.requests)?;
        }
    }
    let mut rows = Vec::new();
    let congestion = fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control")?;
    for way in &ways {
        let measure = format!("over 100 ms and 1 % loss ({}), down / up (MB/s), {}", congestion.trim(), way.name);
        rows.push(Row { measure, result: format!("{:.2} / {:.2}", way.down.median(), way.up.median()), goal: "" });
        let measure = format!("over 100 ms and 1 % loss, request p50 / p99 (ms), {}", way.name);
        rows.push(Row { measure, result: quantiles(&way.requests), goal: "" });
    }
    rows.extend(super::ratio::far_rows(&ways));
    Ok(rows)
}

/// A path that packets take their time on. Dropping it ends it.
struct LongPath(Child);

impl LongPath {
    fn open() -> Result<Self> {
        ip("link set lo up")?;
        let mut program = Command::new("python3")
            .args(["-c", PATH, DEVICE, DELAY_MILLISECONDS, LOSS_PERCENT, "1"])
            .stdout(Stdio::piped())
            .spawn()
            .context("python3")?;
        let output = program.stdout.take().context("a pipe was asked for")?;
        let path = Self(program);
        let mut ready = String::new();
        BufReader::new(output).read_line(&mut ready)?;
        ensure!(ready.trim() == "ready", "the long path did not open");
        ip(&format!("addr add 10.255.255.1/32 dev {DEVICE}"))?;
        ip(&format!("link set {DEVICE} up mtu 1500 txqueuelen 10000"))?;
        for of in ["all", DEVICE] {
            for (setting, value) in [("route_localnet", "1"), ("accept_local", "1"), ("rp_filter", "0")] {
                fs::write(format!("/proc/sys/net/ipv4/conf/{of}/{setting}"), value)?;
            }
        }
        // What comes back is for here; what goes to one of the ports is not yet.
        ip("rule add pref 200 lookup local")?;
        ip("rule del pref 0")?;
        ip(&format!("rule add pref 5 iif {DEVICE} lookup local"))?;
        ip(&format!("route add default dev {DEVICE} table 77"))?;
        Ok(path)
    }

    /// What goes to this port, or comes from it, takes the path.
    fn lengthen(&self, port: u16) -> Result<()> {
        for end in ["sport", "dport"] {
            ip(&format!("rule add pref 10 ipproto tcp {end} {port} lookup 77"))?;
        }
        Ok(())
    }
}

impl Drop for LongPath {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ip(arguments: &str) -> Result<()> {
    let status = Command::new("ip").args(arguments.split(' ')).status().context("ip")?;
    ensure!(status.success(), "ip {arguments} failed");
    Ok(())
}
