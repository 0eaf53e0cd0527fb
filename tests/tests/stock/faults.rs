//! The agent's connections dropped in the middle of a flood: the stock pair must recover exactly, in the time that the
//! agent's own rule allows, which sends what was lost again at ten messages a second.
//!
//! The program at the node stays until all has arrived: two seconds after a program has ended the stock agent gives up
//! what it still owes, whatever the service does. What becomes of a session then is the second test.
//!
//! `POSTERN_FAULTS` sets how many times (default 3), `POSTERN_SEED` repeats the moments of a run.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use postern_testkit::stream::{Checker, Direction, RECORD_BYTES, record};
use postern_testkit::{
    FaultyProxy, Scheme, Service, StockAgentProcess, StockAgentSetup, Terminal, eventually, program, temporary_folder,
};

use crate::pair::{PATIENCE, Pair, StockClient, talk, wait_until_connected_again, wait_until_no_session_is_active};

/// Records of one flood: a few seconds of it at the stock agent's pace.
const RECORDS: u64 = 24_000;
/// Longest standstill. What is on its way when a connection drops is bounded by sockets and by the broker, and each
/// message of it takes the agent a tenth of a second.
const STANDSTILL: Duration = Duration::from_secs(120);

/// A flood from the node in a terminal that changes nothing.
fn flood(pair: &Pair) -> Terminal {
    let aws = pair.client.aws();
    let command = format!("stty raw -echo; exec {} ssm start-session --target {}", aws.display(), pair.agent.node_id());
    let environment = pair.client.environment(&pair.service);
    let mut terminal = Terminal::start(Path::new("/bin/sh"), &["-c", &command], &environment);
    terminal.expect("Starting session with SessionId: ", PATIENCE);
    // The shell has answered, so the plugin reads keys.
    terminal.type_text("echo ready-$((40+2))\r");
    terminal.expect("ready-42", PATIENCE);
    terminal.type_text("PS1=; stty raw -echo; echo streaming-$((6*7)); exec ");
    terminal.type_text(&format!("{} {RECORDS} 1\r", program("postern-stream-peer").display()));
    terminal.expect("streaming-42\n", PATIENCE);
    terminal
}

/// Reads until the stream has so many records, or to its end. The longest wait between two pieces is the answer.
fn read_until(terminal: &mut Terminal, checker: &mut Checker, records: u64, tail: &mut Vec<u8>) -> Duration {
    let mut longest = Duration::ZERO;
    while checker.records() < records {
        let asked = Instant::now();
        let arrived = terminal.read_some(STANDSTILL);
        longest = longest.max(asked.elapsed());
        assert!(!arrived.is_empty(), "stuck after {} of {RECORDS} records", checker.records());
        let left = (RECORDS - checker.records()) as usize * RECORD_BYTES - checker.partial_bytes();
        let (stream, rest) = arrived.split_at(arrived.len().min(left));
        tail.extend_from_slice(rest);
        checker.feed(stream).unwrap_or_else(|fault| panic!("not exact: {fault}"));
    }
    longest
}

#[test]
fn a_dropped_data_channel_in_a_flood_recovers_exactly() {
    let Some(client) = StockClient::get() else { return };
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let mut state = number("POSTERN_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("POSTERN_SEED={state}");
    let service = Service::start(Scheme::Https);
    let node_side = FaultyProxy::start(service.address());
    let setup = StockAgentSetup::endpoints(&service.endpoint_at(node_side.address()));
    let Some(agent) = StockAgentProcess::start_with(&service, &setup) else { return };
    let pair = Pair { client, agent, service };
    let behaviour = pair.behaviour("data channel dropped in a flood, recovered exactly");
    for round in 1..=number("POSTERN_FAULTS").unwrap_or(3) {
        let mut terminal = flood(&pair);
        let (mut checker, mut tail) = (Checker::new(Direction::FromNode), Vec::new());
        // Anywhere in the first half (an LCG: quality does not matter here).
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (state >> 33) % (RECORDS / 2);
        read_until(&mut terminal, &mut checker, at, &mut tail);
        node_side.cut();
        let cut = Instant::now();
        let longest = read_until(&mut terminal, &mut checker, RECORDS, &mut tail);
        println!(
            "round {round}: cut after {at} records, longest standstill {longest:?}, done {:?} later",
            cut.elapsed()
        );
        // Now it may end.
        terminal.type_bytes(&record(Direction::ToNode, 0));
        while !tail.windows(3).any(|window| window == b"OK\n") {
            let arrived = terminal.read_some(PATIENCE);
            assert!(!arrived.is_empty(), "no verdict: {:?}", String::from_utf8_lossy(&tail));
            tail.extend(arrived);
        }
        assert_eq!(terminal.wait(PATIENCE), 0);
        pair.agent.wait_until_online(&pair.service);
    }
    behaviour.holds();
}

/// A flood of which the middle is lost on its way, and whose program ends long before a stock agent could send all of
/// that again. Keep what it returns until then.
fn lose_the_middle(pair: &Pair, node_side: &FaultyProxy, terminal: &mut Terminal) -> tempfile::TempDir {
    let folder = temporary_folder();
    // The session's user looks for what happens and says what has.
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).expect("the folder is ours");
    let at = |name: &str| folder.path().join(name);
    let is_there =
        |name: &str| eventually(&format!("{name} to be there"), PATIENCE, || at(name).exists().then_some(()));
    talk(terminal, "ready");
    let until = |name: &str| format!("until [ -e {} ]; do sleep 0.05; done", at(name).display());
    let (begun, written) = (at("begun").display().to_string(), at("written").display().to_string());
    let script =
        format!("touch {begun}; {}; seq 60000; touch {written}; {}; echo the-tail; exit", until("go"), until("end"));
    fs::write(at("script"), script).expect("the folder is ours");
    terminal.type_text(&format!(". {}\r", at("script").display()));
    is_there("begun");
    node_side.freeze(true);
    fs::write(at("go"), "").expect("the folder is ours");
    is_there("written");
    node_side.cut();
    node_side.freeze(false);
    wait_until_connected_again(&pair.service);
    fs::write(at("end"), "").expect("the folder is ours");
    folder
}

#[test]
fn output_that_the_agent_gave_up_is_not_waited_for() {
    let Some(client) = StockClient::get() else { return };
    let service = Service::start(Scheme::Https);
    let node_side = FaultyProxy::start(service.address());
    let setup = StockAgentSetup::endpoints(&service.endpoint_at(node_side.address()));
    let Some(agent) = StockAgentProcess::start_with(&service, &setup) else { return };
    let pair = Pair { client, agent, service };
    let behaviour = pair.behaviour("output that the agent gave up: the session ends at once and says so");
    for (is_stock, status) in [(true, 0), (false, 255)] {
        let mut terminal = if is_stock {
            pair.session(&[])
        } else {
            Terminal::start(&program("postern"), &["start", pair.agent.node_id()], &pair.service.environment())
        };
        let _folder = lose_the_middle(&pair, &node_side, &mut terminal);
        terminal.expect("The session ended on the node before all of its output had arrived", PATIENCE);
        assert_eq!(terminal.wait(PATIENCE), status);
        wait_until_no_session_is_active(&pair.service);
        pair.agent.wait_until_online(&pair.service);
    }
    behaviour.holds();
}
