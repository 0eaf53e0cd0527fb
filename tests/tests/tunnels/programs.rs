//! Programs that know nothing of tunnels: curl, also by SOCKS, and PostgreSQL's own client and server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use postern_testkit::{Background, closed_port, eventually, run, system_program, temporary_folder};
use serde_json::Value;
use tempfile::TempDir;

use crate::PATIENCE;
use crate::nodes::{World, forwarded_port};

/// Python's own web server over a folder of files.
struct WebServer {
    _folder: TempDir,
    port: u16,
    child: Child,
}

impl WebServer {
    const FILES: usize = 40;

    fn start() -> Self {
        let folder = temporary_folder();
        for number in 0..Self::FILES {
            std::fs::write(folder.path().join(format!("{number}")), content(number)).expect("the folder is writable");
        }
        let port = closed_port();
        let child = Command::new("python3")
            .args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string(), "--directory"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 is installed");
        eventually("the web server to listen", PATIENCE, || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Self { _folder: folder, port, child }
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn content(number: usize) -> Vec<u8> {
    (0..number * 1000).map(|index| (index * 7 + number) as u8).collect()
}

fn curl_fetches_in_parallel(world: &World) {
    let Some(curl) = system_program("curl") else { return };
    let server = WebServer::start();
    let mut forward = world.forward(&[&format!("0:{}", server.port), "-D", "0"]);
    let port = forwarded_port(&forward, &format!("localhost:{}", server.port));
    let socks = forwarded_port(&forward, "SOCKS 5");
    let proxy = format!("127.0.0.1:{socks}");
    let ways = [
        ("direct", vec![format!("http://127.0.0.1:{port}")], vec![]),
        // A name that is resolved on the node's side, and addresses of both kinds.
        ("socks", vec![format!("http://localhost:{}", server.port)], vec!["--socks5-hostname", &proxy]),
        ("socks-v4", vec![format!("http://127.0.0.1:{}", server.port)], vec!["--socks5", &proxy]),
    ];
    for (name, base, options) in &ways {
        let folder = temporary_folder();
        let url = format!("{}/[0-{}]", base[0], WebServer::FILES - 1);
        let output = format!("{}/#1", folder.path().display());
        let fixed = ["--silent", "--show-error", "--fail", "--noproxy", "", "--parallel", "--parallel-max", "20"];
        let words = [&fixed[..], options, &["--output", &output, &url]].concat();
        run(&curl, words, &[], PATIENCE).expect_success(&format!("curl, {name}"));
        for number in 0..WebServer::FILES {
            let file = folder.path().join(number.to_string());
            // An empty answer makes no file.
            let got = std::fs::read(file).unwrap_or_default();
            assert!(got == content(number), "{name}: file {number} differs");
        }
    }
    // Destinations that are not there, told to the client and to the person.
    let closed = closed_port();
    let url = format!("http://127.0.0.1:{closed}/");
    let done = run(&curl, ["--silent", "--noproxy", "", "--socks5", &proxy, &url], &[], PATIENCE);
    assert_ne!(done.status, Some(0));
    forward.expect(&format!("127.0.0.1:{closed} via {}: ", world.node.id()), PATIENCE);
    forward.interrupt();
    assert_eq!(forward.wait(PATIENCE), Some(0));
    world.wait_until_no_session_is_active();
}

/// Several connections at once, as fast as they go, up and down. What iperf3 counts is held against what the tunnel says.
fn iperf3_runs_both_ways(world: &World) {
    let Some(iperf3) = system_program("iperf3") else { return };
    for is_down in [false, true] {
        let server_port = closed_port().to_string();
        let listening = ["-s", "-B", "127.0.0.1", "-p", &server_port, "--forceflush"];
        let server = Background::start(&iperf3, &listening, &[]);
        server.expect("Server listening", PATIENCE);
        let mut forward = world.forward(&["--json", &format!("0:{server_port}")]);
        let open: Value = serde_json::from_str(&forward.expect("open", PATIENCE)).expect("it is JSON");
        let local = open["local"].as_str().and_then(|local| local.rsplit_once(':')).expect("it is an address");
        let words = ["-c", "127.0.0.1", "-p", local.1, "-P", "8", "-t", "2", "-J"];
        let done = run(&iperf3, words.iter().chain(&["-R"][..usize::from(is_down)]), &[], PATIENCE);
        let told: Value = serde_json::from_str(&done.expect_success("iperf3").stdout).expect("it is JSON");
        let bytes = |value: &Value| value["bytes"].as_u64().expect("a number of bytes");
        let streams = told["end"]["streams"].as_array().expect("a list");
        assert_eq!(streams.len(), 8, "{told:#}");
        for stream in streams {
            // The end of the test overtakes what is under way.
            let (sent, received) = (bytes(&stream["sender"]), bytes(&stream["receiver"]));
            assert!(0 < received && received <= sent, "{received} of {sent} bytes: {told:#}");
        }
        let (sent, received) = (bytes(&told["end"]["sum_sent"]), bytes(&told["end"]["sum_received"]));
        forward.interrupt();
        assert_eq!(forward.wait(PATIENCE), Some(0));
        let total: Value = serde_json::from_str(&forward.expect("total", PATIENCE)).expect("it is JSON");
        assert_eq!(total["connections"], 9, "one of them is iperf3's own: {total}");
        let carried = total[if is_down { "receivedBytes" } else { "sentBytes" }].as_u64().expect("a number of bytes");
        assert!((received..sent + 64 * 1024).contains(&carried), "{carried}: {told:#}");
    }
    world.wait_until_no_session_is_active();
}

/// PostgreSQL in a folder of its own, as the user that it insists on where the test runs as root.
struct Database {
    _folder: TempDir,
    port: u16,
    child: Child,
}

impl Database {
    fn start() -> Option<Self> {
        let programs = newest_postgresql()?;
        let folder = temporary_folder();
        let data = folder.path().join("data").display().to_string();
        let is_root = run(Path::new("id"), ["-u"], &[], PATIENCE).stdout.trim() == "0";
        if is_root {
            let owned = Command::new("chown").arg("postgres").arg(folder.path()).status().expect("chown runs");
            assert!(owned.success(), "Debian's postgresql makes the user postgres");
        }
        let command = |name: &str| {
            let program = programs.join(name);
            if !is_root {
                return Command::new(program);
            }
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]).arg(program);
            command
        };
        let made = command("initdb")
            .args(["--pgdata", &data, "--auth", "trust", "--username", "tester", "--no-sync"])
            .current_dir(folder.path())
            .output()
            .expect("initdb starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = closed_port();
        let child = command("postgres")
            .args(["-D", &data, "-p", &port.to_string(), "-h", "127.0.0.1", "-k", "", "-F"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres starts");
        Some(Self { _folder: folder, port, child })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // At once, but with its own processes: SIGQUIT.
        let _ = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn newest_postgresql() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    found.retain(|folder| folder.join("initdb").exists());
    found.sort();
    if found.is_empty() {
        assert!(std::env::var_os("CI").is_none(), "postgresql is not installed");
        postern_testkit::skip("postgresql is not installed");
    }
    found.pop()
}

fn a_database_is_used(world: &World) {
    let (Some(database), Some(psql)) = (Database::start(), system_program("psql")) else { return };
    let mut forward = world.forward(&[&format!("0:127.0.0.1:{}", database.port)]);
    let port = forwarded_port(&forward, &format!("127.0.0.1:{}", database.port)).to_string();
    let connection = ["-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", &port, "-U", "tester", "-d", "postgres"];
    let ask = |more: &[&str]| run(&psql, [&connection[..], more].concat(), &[], PATIENCE);
    eventually("the database to answer", Duration::from_secs(60), || {
        (ask(&["-c", "select 40 + 2"]).stdout == "42\n").then_some(())
    });
    let made = "create table t as select n, repeat(md5(n::text), 30) as text from generate_series(1, 5000) n";
    ask(&["-c", made]).expect_success("psql, create table");
    let folder = temporary_folder();
    let file = folder.path().join("t.csv").display().to_string();
    ask(&["-c", &format!("\\copy t to '{file}' csv")]).expect_success("psql, copy out");
    ask(&["-c", "create table back (like t)"]).expect_success("psql, create table");
    ask(&["-c", &format!("\\copy back from '{file}' csv")]).expect_success("psql, copy in");
    let same = "select count(*) from t natural join back";
    assert_eq!(ask(&["-c", same]).expect_success("psql").stdout, "5000\n");
    forward.interrupt();
    assert_eq!(forward.wait(PATIENCE), Some(0));
    world.wait_until_no_session_is_active();
}

#[test]
fn use_our_agent() {
    let world = World::ours();
    curl_fetches_in_parallel(&world);
    a_database_is_used(&world);
    iperf3_runs_both_ways(&world);
}

#[test]
fn use_a_stock_agent() {
    let Some(world) = World::stock() else { return };
    curl_fetches_in_parallel(&world);
    a_database_is_used(&world);
    iperf3_runs_both_ways(&world);
}
