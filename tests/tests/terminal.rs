//! `postern start` as a terminal program: what is typed and what is printed arrive whole, and in time.

use std::time::Duration;

use postern_testkit::{Agent, Scheme, Service, Terminal, program, run};

const PATIENCE: Duration = Duration::from_secs(60);
const PASTE_BYTES: usize = 1_000_000;

fn shell(service: &Service, agent: &Agent) -> Terminal {
    let mut terminal = Terminal::start(&program("postern"), &["start", agent.node_id()], &service.environment());
    terminal.type_text("echo ready-$((40+2))\r");
    terminal.expect("ready-42", PATIENCE);
    terminal
}

#[test]
fn a_paste_of_a_megabyte_arrives_as_it_was() {
    let service = Service::start(Scheme::Https);
    let agent = Agent::start(&service);
    let mut terminal = shell(&service, &agent);
    terminal.type_text(&format!("stty raw -echo; echo go-$((40+2)); head -c {PASTE_BYTES} | cksum; stty sane\r"));
    terminal.expect("go-42", PATIENCE);
    let paste: Vec<u8> = (0..PASTE_BYTES).map(|index| b'a' + (index * 7 % 26) as u8).collect();
    // One line of letters: our escapes begin at the start of a line.
    terminal.type_bytes(&paste);
    let expected = format!("{} {PASTE_BYTES}", cksum(&paste));
    terminal.expect(&expected, PATIENCE);
}

#[test]
fn a_flood_stops_at_an_interrupt_and_the_shell_goes_on() {
    let service = Service::start(Scheme::Https);
    let agent = Agent::start(&service);
    let mut terminal = shell(&service, &agent);
    for round in 1..=3 {
        terminal.type_text("yes flood\r");
        terminal.expect("flood\r\nflood\r\n", PATIENCE);
        terminal.type_bytes(b"\x03");
        terminal.type_text(&format!("echo after-{round}-$((40+2))\r"));
        terminal.expect(&format!("after-{round}-42"), PATIENCE);
    }
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);
}

#[test]
fn a_shell_whose_input_has_ended_ends() {
    let service = Service::start(Scheme::Https);
    let agent = Agent::start(&service);
    let quiet = run(&program("postern"), ["start", agent.node_id()], &service.environment(), PATIENCE);
    assert_eq!(quiet.status, Some(0), "{quiet:#?}");
}

/// The checksum that POSIX's `cksum` prints.
fn cksum(bytes: &[u8]) -> u32 {
    let mut length = bytes.len();
    let mut lengths = Vec::new();
    while length > 0 {
        lengths.push((length & 0xff) as u8);
        length >>= 8;
    }
    !bytes.iter().chain(&lengths).fold(0_u32, |crc, &byte| {
        (0..8)
            .fold(crc ^ u32::from(byte) << 24, |crc, _| if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 })
    })
}
