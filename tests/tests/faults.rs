//! What must not be lost when something breaks: a counted stream in both directions through a real shell,
//! while the service, the agent or a connection is taken away at random moments.
//!
//! `POSTERN_FAULTS` sets how many faults each test makes (default 10; the seed is printed and can be given
//! as `POSTERN_SEED`).

use std::path::Path;
use std::time::{Duration, Instant};

use postern_testkit::stream::{Checker, Direction, RECORD_BYTES, record};
use postern_testkit::{Agent, FaultyProxy, Scheme, Service, Terminal, eventually, program, sha256, temporary_folder};

const PATIENCE: Duration = Duration::from_secs(60);
/// Records a second in each direction: enough to have bytes in flight at any moment, not a load test.
const PACE: u64 = 400;

/// A session whose node side runs the stream peer, and what has passed so far.
struct Streaming {
    terminal: Terminal,
    checker: Checker,
    sent: u64,
    total: u64,
    started: Instant,
    /// What came after the last record: the node's word on what it got.
    verdict: Vec<u8>,
}

impl Streaming {
    /// Opens a shell on the node through `environment` and starts the stream in it.
    fn start(environment: &[(String, String)], node_id: &str, total: u64) -> Self {
        // Notices on standard error would land in the same terminal, between two records.
        let command = format!("exec {} start {node_id} 2>/dev/null", program("postern").display());
        let mut terminal = Terminal::start(Path::new("/bin/sh"), &["-c", &command], environment);
        // Before the prompt the terminal itself would echo what is typed, which nobody sent.
        terminal.read_some(PATIENCE);
        terminal.type_text("PS1=; stty raw -echo; echo streaming-$((6*7)); exec ");
        terminal.type_text(&format!("{} {total} {total} {PACE}\r", program("postern-stream-peer").display()));
        terminal.expect("streaming-42\n", PATIENCE);
        Self {
            terminal,
            checker: Checker::new(Direction::FromNode),
            sent: 0,
            total,
            started: Instant::now(),
            verdict: Vec::new(),
        }
    }

    /// Moves what is due, both ways, for `duration`.
    fn run_for(&mut self, duration: Duration) {
        let end = Instant::now() + duration;
        while Instant::now() < end && self.checker.records() < self.total {
            self.step();
        }
    }

    fn step(&mut self) {
        let due = (self.started.elapsed().as_secs_f64() * PACE as f64) as u64;
        while self.sent < due.min(self.total) {
            self.terminal.type_bytes(&record(Direction::ToNode, self.sent));
            self.sent += 1;
        }
        let arrived = self.terminal.read_some(Duration::from_millis(5));
        let left = (self.total - self.checker.records()) as usize * RECORD_BYTES;
        let (stream, verdict) = arrived.split_at(arrived.len().min(left - self.checker.partial_bytes()));
        self.verdict.extend_from_slice(verdict);
        self.checker.feed(stream).unwrap_or_else(|fault| panic!("from the node: {fault}"));
    }

    /// Moves the rest and checks the node's verdict.
    fn finish(mut self, service: &Service) {
        let deadline = Instant::now() + PATIENCE;
        while self.checker.records() < self.total {
            assert!(
                Instant::now() < deadline,
                "stuck after {} of {} records from the node, {} sent",
                self.checker.records(),
                self.total,
                self.sent
            );
            self.step();
        }
        while self.sent < self.total {
            self.terminal.type_bytes(&record(Direction::ToNode, self.sent));
            self.sent += 1;
        }
        while !self.verdict.ends_with(b"\n") {
            assert!(Instant::now() < deadline, "the node gave no verdict");
            let arrived = self.terminal.read_some(Duration::from_millis(50));
            self.verdict.extend_from_slice(&arrived);
        }
        let verdict = String::from_utf8_lossy(&self.verdict);
        assert!(verdict.starts_with("OK\n"), "to the node: {verdict}");
        assert_eq!(self.terminal.wait(PATIENCE), 0);
        is_recorded(service, &self.terminal);
    }
}

/// The recording holds what was shown, nothing less and nothing twice, and proves it.
fn is_recorded(service: &Service, terminal: &Terminal) {
    let session = eventually("the session to be history", PATIENCE, || {
        let listed = service.postern(["sessions", "--history", "--json"]).stdout;
        let listed: serde_json::Value = serde_json::from_str(&listed).ok()?;
        Some(listed.get(0)?.get("SessionId")?.as_str()?.to_owned())
    });
    eventually("the recording to be whole", PATIENCE, || {
        let verified = service.try_postern(["recordings", "verify", &session]);
        verified.stdout.contains("whole and unchanged").then_some(())
    });
    let folder = temporary_folder();
    let file = folder.path().join("raw");
    let named = file.to_str().expect("temporary folders have UTF-8 names");
    service.postern(["recordings", "export", &session, "--format", "raw", "--output", named]);
    let recorded = std::fs::read(&file).expect("it was written");
    assert_eq!(sha256(&recorded), terminal.digest(), "{} bytes are recorded", recorded.len());
}

/// How many faults each test makes, and a source of random moments that a printed seed repeats.
struct Moments {
    faults: u64,
    state: u64,
}

impl Moments {
    fn new() -> Self {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
        let seed = number("POSTERN_SEED").unwrap_or_else(|| u64::from(std::process::id()));
        println!("POSTERN_SEED={seed}");
        Self { faults: number("POSTERN_FAULTS").unwrap_or(10), state: seed }
    }

    /// A moment between the two bounds, in milliseconds (xorshift: quality does not matter here).
    fn between(&mut self, from: u64, to: u64) -> Duration {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis(from + (self.state >> 33) % (to - from))
    }

    /// Records for a stream that outlasts all faults, when each costs at most `each`.
    fn records(&self, each: Duration) -> u64 {
        (each.as_secs_f64() * self.faults as f64 * PACE as f64) as u64
    }
}

#[test]
fn kill_9_of_the_service_loses_and_doubles_nothing() {
    let mut moments = Moments::new();
    let mut service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    let total = moments.records(Duration::from_millis(900));
    let mut streaming = Streaming::start(&service.environment(), agent.node_id(), total);
    for _ in 0..moments.faults {
        streaming.run_for(moments.between(100, 800));
        service.kill();
        streaming.run_for(moments.between(0, 300));
        service.launch();
        streaming.run_for(moments.between(300, 700));
    }
    streaming.finish(&service);
}

#[test]
fn a_cut_of_either_leg_loses_and_doubles_nothing() {
    let mut moments = Moments::new();
    let service = Service::start(Scheme::Http);
    let node_side = FaultyProxy::start(service.address());
    let user_side = FaultyProxy::start(service.address());
    let agent = Agent::start_through(&service, node_side.address());
    let total = moments.records(Duration::from_millis(900));
    // The stream's address is the service's word; the service answers with the name it was asked by.
    let environment = service.environment_at(user_side.address());
    let mut streaming = Streaming::start(&environment, agent.node_id(), total);
    for round in 0..moments.faults {
        streaming.run_for(moments.between(100, 800));
        let (node, user) = (round % 3 != 1, round % 3 != 0);
        for (hit, leg) in [(node, &node_side), (user, &user_side)] {
            if hit {
                leg.refuse(true);
            }
        }
        streaming.run_for(moments.between(0, 500));
        node_side.refuse(false);
        user_side.refuse(false);
    }
    streaming.finish(&service);
}

#[test]
fn kill_9_of_the_agents_main_process_loses_and_doubles_nothing() {
    let mut moments = Moments::new();
    let service = Service::start(Scheme::Http);
    let mut agent = Agent::start(&service);
    let total = moments.records(Duration::from_millis(900));
    let mut streaming = Streaming::start(&service.environment(), agent.node_id(), total);
    for _ in 0..moments.faults {
        streaming.run_for(moments.between(100, 800));
        agent.kill();
        streaming.run_for(moments.between(0, 500));
        agent.launch();
        streaming.run_for(moments.between(100, 400));
    }
    streaming.finish(&service);
    // The agent that runs now never started this session: it adopted it, and has to report its end.
    eventually("the session to be over", PATIENCE, || {
        let active = service.postern(["sessions", "--active", "--json"]).stdout;
        (active.trim() == "[]").then_some(())
    });
    eventually("the session's worker to be gone", PATIENCE, || agent.session_workers().is_empty().then_some(()));
}
