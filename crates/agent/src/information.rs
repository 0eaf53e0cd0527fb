//! What the node reports about itself: that it is there, and what it is.
//!
//! Everything is read anew for each report, from files and variables only. Where nothing can be read (a container has
//! little) the member is empty; nothing here can fail.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use postern_iam::NodeId;
use postern_model::agent::UpdateInstanceInformationRequest;
use postern_model::node::PlatformType;
use postern_protocol::{AGENT_VERSION, Clock as _, Entropy as _};
use postern_transport::{SystemClock, SystemEntropy, sleep_until};
use tokio::sync::watch;

use crate::chain::error_chain;
use crate::service::Service;

/// Stock agents report at this pace; the service takes missing reports as a sign.
const INTERVAL: Duration = Duration::from_secs(5 * 60);
/// After a report that failed.
const RETRY: Duration = Duration::from_secs(30);
/// How long the first full report waits for the control channel, which knows our address.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(10);
/// The service files this name under our kind of agent.
const AGENT_NAME: &str = "postern-agent";

const PLATFORM_TYPE: PlatformType = if cfg!(windows) {
    PlatformType::Windows
} else if cfg!(target_vendor = "apple") {
    PlatformType::MacOS
} else {
    PlatformType::Linux
};

/// The platform's name on the control channel, where it has no capitals.
pub(crate) fn platform_type() -> String {
    PLATFORM_TYPE.as_str().to_ascii_lowercase()
}

/// Reports at the start and from then on at intervals, for as long as it is polled. `address` is our end of the
/// control channel.
pub(crate) async fn report_for_ever(service: Arc<Service>, mut address: watch::Receiver<Option<IpAddr>>) {
    report(&service, short_report(service.node_id())).await;
    let connected = address.wait_for(Option::is_some);
    let _ = tokio::time::timeout(ADDRESS_PATIENCE, connected).await;
    loop {
        let address = *address.borrow();
        let is_done = report(&service, full_report(service.node_id(), address)).await;
        let pause = if is_done { INTERVAL } else { RETRY };
        sleep_until(Some(SystemClock.now().instant + jittered(pause))).await;
    }
}

async fn report(service: &Service, report: UpdateInstanceInformationRequest) -> bool {
    let answer = service.call(&report).await;
    if let Err(error) = &answer {
        // The control channel meets the same obstacle and is louder about it.
        tracing::debug!(error = error_chain(error), "the node's report was not taken");
    }
    answer.is_ok()
}

/// Up to a tenth earlier.
fn jittered(interval: Duration) -> Duration {
    let mut byte = [0];
    SystemEntropy.fill(&mut byte);
    interval.mul_f64(1.0 - f64::from(byte[0]) / f64::from(u8::MAX) / 10.0)
}

/// As a stock agent's first one: what is absent erases nothing.
fn short_report(node_id: &NodeId) -> UpdateInstanceInformationRequest {
    UpdateInstanceInformationRequest {
        instance_id: node_id.to_string(),
        agent_name: Some(AGENT_NAME.to_owned()),
        agent_version: Some(AGENT_VERSION.to_owned()),
        platform_type: Some(PLATFORM_TYPE),
        ..Default::default()
    }
}

fn full_report(node_id: &NodeId, address: Option<IpAddr>) -> UpdateInstanceInformationRequest {
    let (platform_name, platform_version) = platform();
    UpdateInstanceInformationRequest {
        agent_status: Some("Active".to_owned()),
        computer_name: Some(computer_name()),
        ip_address: address.map(|address| address.to_canonical().to_string()),
        platform_name: Some(platform_name),
        platform_version: Some(platform_version),
        ssm_connection_channel: address.map(|_| "ssmmessages".to_owned()),
        ..short_report(node_id)
    }
}

fn computer_name() -> String {
    let name = if cfg!(windows) {
        std::env::var("COMPUTERNAME").ok()
    } else {
        let files = ["/proc/sys/kernel/hostname", "/etc/hostname"];
        let of_file = files.iter().find_map(|path| std::fs::read_to_string(path).ok());
        of_file.or_else(|| std::env::var("HOSTNAME").ok())
    };
    bounded(name.as_deref().unwrap_or_default().trim())
}

fn platform() -> (String, String) {
    if cfg!(windows) {
        return ("Microsoft Windows".to_owned(), String::new());
    }
    if cfg!(target_vendor = "apple") {
        let plist = std::fs::read_to_string("/System/Library/CoreServices/SystemVersion.plist").unwrap_or_default();
        let value = |key: &str| plist_value(&plist, key).unwrap_or_default();
        return (bounded(value("ProductName")), bounded(value("ProductVersion")));
    }
    let files = ["/etc/os-release", "/usr/lib/os-release"];
    let release = files.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    (bounded(&release_value(&release, "NAME")), bounded(&release_value(&release, "VERSION_ID")))
}

/// A value of os-release(5): `KEY=value`, perhaps in quotes.
fn release_value(release: &str, key: &str) -> String {
    let line = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let words = shell_words::split(line.unwrap_or_default()).unwrap_or_default();
    words.into_iter().next().unwrap_or_default()
}

fn plist_value<'a>(plist: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = plist.split_once(&format!("<key>{key}</key>"))?;
    let (_, rest) = rest.split_once("<string>")?;
    Some(rest.split_once("</string>")?.0)
}

/// As long as the API takes names.
fn bounded(text: &str) -> String {
    text.chars().filter(|shown| !shown.is_control()).take(128).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    #[test]
    fn os_release_values_come_with_and_without_quotes() {
        let release = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=12\n";
        assert_eq!(release_value(release, "NAME"), "Debian GNU/Linux");
        assert_eq!(release_value(release, "VERSION_ID"), "12");
        assert_eq!(release_value("", "NAME"), "");
        assert_eq!(release_value("NAME=\"open", "NAME"), "");
    }

    #[test]
    fn plists_are_read_as_far_as_needed() {
        let plist =
            "<dict><key>ProductName</key>\n<string>macOS</string><key>ProductVersion</key><string>15.1</string>";
        assert_eq!(plist_value(plist, "ProductVersion"), Some("15.1"));
        assert_eq!(plist_value(plist, "Other"), None);
    }

    #[test]
    fn the_short_report_has_no_member_that_could_erase_another() {
        let node: NodeId = "mi-0123456789abcdef0".parse().unwrap();
        let short = serde_json::to_value(short_report(&node)).unwrap();
        let mut members: Vec<&String> = short.as_object().unwrap().keys().collect();
        members.sort();
        assert_eq!(members, ["AgentName", "AgentVersion", "InstanceId", "PlatformType"]);
        let full = full_report(&node, Some("::ffff:10.0.0.7".parse().unwrap()));
        let full = serde_json::to_value(full).unwrap();
        assert_eq!(full["IPAddress"], "10.0.0.7");
        assert_eq!(full["SSMConnectionChannel"], "ssmmessages");
        assert_eq!(full["AgentStatus"], "Active");
    }
}
