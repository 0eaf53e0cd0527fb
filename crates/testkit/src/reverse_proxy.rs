//! A reverse proxy before the service: Caddy, from PyPI.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::service::free_address;
use crate::{PythonEnvironment, eventually, temporary_folder};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running Caddy that passes everything on over plain HTTP, ended on drop.
pub struct ReverseProxy {
    address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl ReverseProxy {
    /// Starts one before `target`. It keeps the `X-Forwarded-For` of the proxies in `trusted` and adds to it; that of
    /// everybody else it drops. `None`, with a word on standard error, when it cannot be installed.
    pub fn start(target: SocketAddr, trusted: &[IpAddr]) -> Option<Self> {
        let python = PythonEnvironment::caddy()?;
        let (address, folder) = (free_address(), temporary_folder());
        let trusted: Vec<String> = trusted.iter().map(ToString::to_string).collect();
        let servers = match trusted.is_empty() {
            true => String::new(),
            false => format!("servers {{\ntrusted_proxies static {}\ntrusted_proxies_strict\n}}", trusted.join(" ")),
        };
        let file = folder.path().join("Caddyfile");
        let settings = format!(
            "{{\nadmin off\nauto_https off\n{servers}\n}}\nhttp://:{} {{\nbind {}\nreverse_proxy {target}\n}}\n",
            address.port(),
            address.ip()
        );
        std::fs::write(&file, settings).expect("the folder is writable");
        let child = Command::new(python.caddy_program())
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(&file)
            .env("HOME", folder.path())
            .envs([("XDG_DATA_HOME", folder.path()), ("XDG_CONFIG_HOME", folder.path())])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("caddy starts");
        let proxy = Self { address, child, _folder: folder };
        eventually("caddy to listen", PATIENCE, || TcpStream::connect(address).ok());
        Some(proxy)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ReverseProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
