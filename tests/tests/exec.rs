//! `postern exec` as scripts use it: what is piped in, what comes out, how it ends.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use postern_testkit::stream::{Direction, record};
use postern_testkit::{Agent, FaultyProxy, Scheme, Service, Terminal, eventually, program, run};

const PATIENCE: Duration = Duration::from_secs(60);

fn exec(service: &Service, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("postern"));
    command.arg("exec").args(arguments).envs(service.environment());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Records enough to fill every buffer on the way many times over.
fn counted_stream(records: u64) -> Vec<u8> {
    (0..records).flat_map(|counter| record(Direction::ToNode, counter)).collect()
}

#[test]
fn what_is_piped_in_comes_back_to_the_byte() {
    let service = Service::start(Scheme::Https);
    let agent = Agent::start(&service);
    let input = counted_stream(400_000);
    let mut child = exec(&service, &[agent.node_id(), "--", "cat"]).spawn().expect("postern starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let sent = input.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&sent).expect("the command reads all of it"));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("everything is written");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout == input, "{} bytes came back, of {}", output.stdout.len(), input.len());
}

#[test]
fn input_survives_the_loss_of_the_connection() {
    let service = Service::start(Scheme::Https);
    let agent = Agent::start(&service);
    let proxy = FaultyProxy::start(service.address());
    let input = counted_stream(200_000);
    let mut command = exec(&service, &[agent.node_id(), "--", "cat"]);
    let mut child = command.envs(service.environment_at(proxy.address())).spawn().expect("postern starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let sent = input.clone();
    let writer = std::thread::spawn(move || {
        for part in sent.chunks(sent.len() / 5 + 1) {
            stdin.write_all(part).expect("the command reads all of it");
            proxy.cut();
        }
        drop(stdin);
        proxy
    });
    let output = child.wait_with_output().expect("it ends");
    drop(writer.join().expect("everything is written"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout == input, "{} bytes came back, of {}", output.stdout.len(), input.len());
}

#[test]
fn an_interrupt_reaches_the_command_even_behind_input() {
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    let script = "trap 'echo caught; kill $!; exit 7' INT; sleep 1234 & echo go; wait";
    let mut child = exec(&service, &[agent.node_id(), "--", "bash", "-c", script]).spawn().expect("postern starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    // Nobody reads this; it blocks when every buffer on the way is full, and ends with the client.
    let writer = std::thread::spawn(move || while stdin.write_all(&[b'x'; 65536]).is_ok() {});
    expect_line(&mut child, "go\n");
    interrupt(&child);
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the writer ends with its reader");
    assert_eq!((output.status.code(), &*output.stdout), (Some(7), &b"caught\n"[..]));
}

#[test]
fn a_reader_that_goes_away_ends_the_command() {
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    let mut child = exec(&service, &[agent.node_id(), "--", "yes"]).spawn().expect("postern starts");
    expect_line(&mut child, "y\n");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(141), ""));
    eventually("the command is gone from the node", PATIENCE, || agent.session_workers().is_empty().then_some(()));
}

/// As `kill` and a terminal that is closed do it.
#[test]
fn a_client_that_is_told_to_go_ends_the_command() {
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    for signal in ["-TERM", "-HUP"] {
        let script = "echo go; exec sleep 1234";
        let mut child = exec(&service, &[agent.node_id(), "--", "sh", "-c", script]).spawn().expect("postern starts");
        expect_line(&mut child, "go\n");
        send(&child, signal);
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(255), "{signal}: {said}");
        assert!(said.contains("on a signal") && said.lines().count() == 1, "{signal}: {said}");
        eventually("the command is gone from the node", PATIENCE, || agent.session_workers().is_empty().then_some(()));
    }
}

#[test]
fn a_command_that_takes_too_long_is_ended() {
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    let arguments = ["exec", "--timeout", "1s", agent.node_id(), "--", "sleep", "1234"];
    let slow = run(&program("postern"), arguments, &service.environment(), PATIENCE);
    assert_eq!((slow.status, slow.stdout.as_str()), (Some(255), ""));
    assert!(slow.stderr.contains("longer than 1 s") && slow.stderr.lines().count() == 1, "{:?}", slow.stderr);
    eventually("the command is gone from the node", PATIENCE, || agent.session_workers().is_empty().then_some(()));
}

#[test]
fn without_standard_input_somebody_elses_is_left_alone() {
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    let postern = program("postern");
    let script =
        format!("while read -r word; do {} exec -n {} -- echo $word; done", postern.display(), agent.node_id());
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .envs(service.environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh starts");
    child.stdin.take().expect("stdin is a pipe").write_all(b"one\ntwo\nthree\n").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "one\ntwo\nthree\n");
}

#[test]
fn a_terminal_is_given_on_request() {
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    let script = "test -t 0 && test -t 1 && stty size; read line; echo \"got $line\"; exit 5";
    let arguments = ["exec", "--tty", agent.node_id(), "--", "bash", "-c", script];
    let mut terminal = Terminal::start(&program("postern"), &arguments, &service.environment());
    terminal.expect("24 80", PATIENCE);
    terminal.type_text("it\r");
    terminal.expect("got it", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 5);
}

/// Reads the command's first line, byte by byte: what follows is the caller's.
fn expect_line(child: &mut Child, line: &str) {
    let mut read = vec![0; line.len()];
    child.stdout.as_mut().expect("stdout is a pipe").read_exact(&mut read).expect("the command speaks");
    assert_eq!(String::from_utf8_lossy(&read), line);
}

fn interrupt(child: &Child) {
    send(child, "-INT");
}

fn send(child: &Child, signal: &str) {
    let status = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill starts");
    assert!(status.success(), "postern is still there");
}
