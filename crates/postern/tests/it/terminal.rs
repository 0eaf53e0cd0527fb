//! The plugin in a real terminal: keys pass as bytes, the size follows, and the modes come back however it ends.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use postern_protocol::wire::PayloadType;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};

use super::peer::{PATIENCE, Peer};
use super::plugin;

/// A plugin with a session in a terminal of 24 rows and 80 columns.
struct Seat {
    master: File,
    slave: OwnedFd,
    before: Termios,
    child: Child,
    peer: Peer,
    _folder: tempfile::TempDir,
}

impl Seat {
    async fn take() -> Seat {
        let folder = tempfile::tempdir().unwrap();
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = OwnedFd::from(File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap());
        resize(&slave, 24, 80);
        let before = tcgetattr(&slave).unwrap();
        let (mut peer, ticket) = Peer::listen().await;
        let response =
            format!(r#"{{"SessionId":"session-1","TokenValue":"token-0","StreamUrl":"{}"}}"#, ticket.stream_url);
        let end = || slave.try_clone().unwrap();
        let mut command: Command = plugin(folder.path());
        command.args([&response, "r", "StartSession"]).stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().unwrap();
        peer.accept().await;
        let offer = peer.shake_hands(true, "Standard_Stream").await.postern.unwrap();
        let size = offer.terminal_size.unwrap();
        assert_eq!((size.cols, size.rows), (80, 24));
        peer.drained().await;
        let seat = Seat { master: File::from(master), slave, before, child, peer, _folder: folder };
        seat.eventually("raw mode", |seat| !is_cooked(&tcgetattr(&seat.slave).unwrap()));
        seat
    }

    fn eventually(&self, what: &str, done: impl Fn(&Seat) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < deadline, "{what} does not come");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end; the terminal must be as it was.
    fn end(mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the plugin does not end");
            std::thread::sleep(Duration::from_millis(2));
        };
        let after = tcgetattr(&self.slave).unwrap();
        assert_eq!(after.local_modes, self.before.local_modes);
        assert_eq!(after.input_modes, self.before.input_modes);
        assert_eq!(after.output_modes, self.before.output_modes);
        assert!(is_cooked(&after));
        status.code()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // A test that failed leaves no process behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_cooked(modes: &Termios) -> bool {
    modes.local_modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
}

fn resize(slave: &OwnedFd, rows: u16, cols: u16) {
    tcsetwinsize(slave, Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
}

#[tokio::test]
async fn every_key_is_a_byte_and_the_terminal_comes_back() {
    let mut seat = Seat::take().await;
    let keys = "a\x03\x1a\x1c\x04\x13\x11\r\u{fc}\u{1f980}\x1b[A";
    seat.master.write_all(keys.as_bytes()).unwrap();
    let mut received = Vec::new();
    while received.len() < keys.len() {
        received.extend_from_slice(&seat.peer.input().await.1);
    }
    assert_eq!(received, keys.as_bytes());
    seat.peer.close("").await;
    assert_eq!(seat.end(), Some(0));
}

#[tokio::test]
async fn the_size_follows_at_once() {
    let mut seat = Seat::take().await;
    resize(&seat.slave, 40, 132);
    seat.signal(Signal::WINCH);
    let (payload_type, size) = seat.peer.input().await;
    assert_eq!(payload_type, PayloadType::SIZE);
    assert_eq!(&size[..], br#"{"cols":132,"rows":40}"#);
    seat.peer.close("").await;
    seat.end();
}

#[tokio::test]
async fn signals_from_outside_are_keys_or_the_end() {
    let mut seat = Seat::take().await;
    for (signal, key) in [(Signal::INT, 0x03), (Signal::QUIT, 0x1c), (Signal::TSTP, 0x1a)] {
        seat.signal(signal);
        assert_eq!(&seat.peer.input().await.1[..], &[key]);
    }
    seat.signal(Signal::TERM);
    assert_eq!(seat.end(), Some(143));
    let seat = Seat::take().await;
    seat.signal(Signal::HUP);
    assert_eq!(seat.end(), Some(129));
}

#[tokio::test]
async fn a_person_leaves_by_tilde_dot() {
    let mut seat = Seat::take().await;
    seat.master.write_all(b"x\r").unwrap();
    assert_eq!(&seat.peer.input().await.1[..], b"x\r");
    seat.master.write_all(b"~.").unwrap();
    assert_eq!(seat.end(), Some(0));
}

#[tokio::test]
async fn a_stop_and_a_continue_find_raw_mode_again() {
    let mut seat = Seat::take().await;
    // As a shell does for a job that was stopped.
    rustix::termios::tcsetattr(&seat.slave, rustix::termios::OptionalActions::Now, &seat.before).unwrap();
    seat.signal(Signal::CONT);
    seat.eventually("raw mode again", |seat| !is_cooked(&tcgetattr(&seat.slave).unwrap()));
    seat.peer.close("").await;
    assert_eq!(seat.end(), Some(0));
}
