//! The recorder of a session, with a disk that fails when it is told to.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use postern_protocol::{Entropy, Now};
use postern_recording::echo::ECHO_WAIT;
use postern_recording::playback::{Playback, What};
use postern_recording::recorder::{Direction, Found, HEAD_INTERVAL, Means, Recorder, Tail};
use postern_recording::sealed::{DataKey, Opener};
use postern_recording::signing::{KeyChain, SigningKey};
use postern_recording::{Gap, Kind, Mode, Opening, Proof, verify};
use zeroize::Zeroizing;

const DATA_KEY: [u8; 32] = [9; 32];

/// A file in memory that can be full.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<(Vec<u8>, bool)>>);

impl Disk {
    fn set_full(&self, full: bool) {
        self.0.lock().unwrap().1 = full;
    }

    /// What its frames hold, and how many there are.
    fn stream(&self) -> (Vec<u8>, u64) {
        let (file, _) = &*self.0.lock().unwrap();
        let (mut opener, mut at, mut stream) = (Opener::new(DataKey::new(&DATA_KEY)), 0, Vec::new());
        while let Some((plain, len)) = opener.open(&file[at..]).unwrap() {
            stream.extend(plain);
            at += len;
        }
        assert_eq!(at, file.len(), "every frame is whole");
        (stream, opener.frames())
    }
}

impl Tail for Disk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (file, full) = &mut *self.0.lock().unwrap();
        if *full {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk is full"));
        }
        file.extend_from_slice(bytes);
        Ok(())
    }

    fn len(&self) -> u64 {
        self.0.lock().unwrap().0.len() as u64
    }
}

struct Counter(Mutex<u8>);

impl Entropy for Counter {
    fn fill(&self, out: &mut [u8]) {
        let mut count = self.0.lock().unwrap();
        *count += 1;
        out.fill(*count);
    }
}

struct World {
    disk: Disk,
    now: Now,
    entropy: Arc<Counter>,
}

impl World {
    fn new() -> Self {
        let now = Now { instant: Instant::now(), unix_millis: 1_795_384_779_000 };
        Self { disk: Disk::default(), now, entropy: Arc::new(Counter(Mutex::new(0))) }
    }

    fn means(&self) -> Means {
        let key = Arc::new(SigningKey::from_seed(&[1; 32]));
        Means {
            keys: KeyChain::new(vec![key.certify(&key, 1)]),
            key,
            data_key: Zeroizing::new(DATA_KEY),
            tail: Box::new(self.disk.clone()),
            entropy: Arc::clone(&self.entropy) as _,
        }
    }

    fn begin(&self, mode: Mode) -> Recorder {
        self.begin_with(mode, false)
    }

    fn begin_with(&self, mode: Mode, records_input: bool) -> Recorder {
        let text = str::to_owned;
        let opening = Opening {
            session_id: text("alice-1"),
            node_id: text("mi-1"),
            owner: text("alice"),
            document_name: text("d"),
            session_type: text("Standard_Stream"),
            reason: None,
            account: text("000000000000"),
            region: text("us-east-1"),
            started_at: self.now.unix_millis,
            mode,
            records_input,
        };
        Recorder::begin(&opening, self.means(), self.now).unwrap()
    }

    fn pass_time(&mut self, by: Duration) {
        self.now.instant += by;
        self.now.unix_millis += u64::try_from(by.as_millis()).unwrap();
    }

    /// What a finished recording shows.
    fn shown(&self) -> Vec<What> {
        let (stream, _) = self.disk.stream();
        assert_eq!(verify(&stream, &Proof::default()).faults, []);
        let mut playback = Playback::new();
        playback.push(&stream).unwrap();
        playback.finish();
        std::iter::from_fn(|| playback.next_event()).map(|event| event.what).collect()
    }
}

fn output(text: &str) -> What {
    What::Output(text.as_bytes().to_vec())
}

#[test]
fn a_session_that_must_be_recorded_stands_still_until_it_is() {
    let mut world = World::new();
    let mut recorder = world.begin(Mode::Required);
    recorder.pass(Kind::Output, Direction::Output, 0, b"one", world.now);
    assert!(recorder.store(world.now));
    world.disk.set_full(true);
    recorder.pass(Kind::Output, Direction::Output, 1, b"two", world.now);
    for _ in 0..3 {
        world.pass_time(HEAD_INTERVAL);
        assert!(!recorder.store(world.now));
        assert_eq!(recorder.obstacle(), Some("the disk is full"));
        assert_eq!(recorder.due(), None, "nothing is to be signed meanwhile");
    }
    world.disk.set_full(false);
    assert!(recorder.store(world.now));
    assert!(recorder.close("done", world.now));
    assert_eq!(recorder.counts().output_bytes, 6);
    assert_eq!(world.shown()[1..3], [output("one"), output("two")]);
}

#[test]
fn a_session_that_may_go_on_leaves_a_gap_that_says_so() {
    let mut world = World::new();
    let mut recorder = world.begin(Mode::BestEffort);
    recorder.pass(Kind::Output, Direction::Output, 0, b"one", world.now);
    assert!(recorder.store(world.now));
    world.disk.set_full(true);
    for number in 1..=3 {
        recorder.pass(Kind::Output, Direction::Output, number, b"lost", world.now);
        recorder.pass_input(number, b"k", world.now);
        assert!(recorder.store(world.now), "the session goes on");
    }
    world.disk.set_full(false);
    world.pass_time(Duration::from_secs(1));
    recorder.pass(Kind::Output, Direction::Output, 4, b"four", world.now);
    assert!(recorder.store(world.now));
    assert!(recorder.close("done", world.now));
    assert_eq!((recorder.counts().output_bytes, recorder.counts().gaps), (7, 1));
    let shown = world.shown();
    let gap = Gap { output_bytes: 12, input_bytes: 3, messages: 6, since: 0, reason: "the disk is full".to_owned() };
    assert_eq!(shown[1..4], [output("one"), What::Gap(gap), output("four")]);
}

#[test]
fn signatures_come_in_time_and_not_for_nothing() {
    let mut world = World::new();
    let mut recorder = world.begin(Mode::Required);
    assert_eq!(recorder.due(), None);
    recorder.pass(Kind::Output, Direction::Output, 0, b"one", world.now);
    assert!(recorder.store(world.now));
    assert_eq!(recorder.due(), Some(world.now.instant + HEAD_INTERVAL));
    assert!(!recorder.has_head());
    world.pass_time(HEAD_INTERVAL);
    assert!(recorder.store(world.now));
    assert!(recorder.take_head().is_some() && recorder.take_head().is_none(), "each is given once");
    assert_eq!(recorder.due(), None);
}

#[test]
fn after_a_restart_nothing_is_recorded_twice() {
    let mut world = World::new();
    let mut recorder = world.begin(Mode::Required);
    recorder.pass(Kind::Output, Direction::Output, 0, b"one", world.now);
    recorder.pass(Kind::Output, Direction::Output, 2, b"three", world.now);
    assert!(recorder.store(world.now));
    drop(recorder);
    world.pass_time(Duration::from_secs(2));
    let (stream, frames) = world.disk.stream();
    let mut found = Found::new();
    assert!(found.push(&stream));
    let mut recorder = Recorder::resume(found, frames, 0, world.means(), world.now).unwrap();
    for (number, text) in [(0, "one"), (1, "two"), (2, "three"), (3, "four")] {
        recorder.pass(Kind::Output, Direction::Output, number, text.as_bytes(), world.now);
    }
    assert!(recorder.store(world.now));
    assert!(recorder.close("done", world.now));
    let outputs: Vec<What> = world.shown().into_iter().filter(|what| matches!(what, What::Output(_))).collect();
    assert_eq!(outputs, ["one", "two", "three", "four"].map(output));
}

#[test]
fn what_was_typed_is_recorded_when_it_was_shown_and_masked_when_not() {
    let mut world = World::new();
    let mut recorder = world.begin_with(Mode::Required, true);
    let input = |text: &str| What::Input(text.as_bytes().to_vec());
    recorder.pass_input(0, b"su\r", world.now);
    recorder.pass_input(0, b"su\r", world.now);
    recorder.pass(Kind::Output, Direction::Output, 0, b"su\r\nPassword: ", world.now);
    recorder.pass_input(1, b"hunter2", world.now);
    assert!(recorder.store(world.now));
    assert_eq!(recorder.due(), Some(world.now.instant + ECHO_WAIT), "it does not wait longer for an echo");
    world.pass_time(ECHO_WAIT);
    assert!(recorder.store(world.now));
    recorder.pass_input(2, b"\rl", world.now);
    assert!(recorder.close("done", world.now));
    assert_eq!(recorder.counts().input_bytes, 12, "counted, whatever is recorded");
    let shown = world.shown();
    assert_eq!(shown[1..6], [output("su\r\nPassword: "), input("su\r"), input("*******"), input("\r"), input("*")]);
    let (stream, _) = world.disk.stream();
    assert!(!stream.windows(7).any(|window| window == b"hunter2"));
}

#[test]
fn a_text_that_could_not_be_recorded_is_a_gap() {
    let mut world = World::new();
    let mut recorder = world.begin_with(Mode::BestEffort, true);
    recorder.pass_input(0, b"hunter2", world.now);
    assert!(recorder.store(world.now));
    world.disk.set_full(true);
    world.pass_time(ECHO_WAIT);
    assert!(recorder.store(world.now), "the session goes on");
    world.disk.set_full(false);
    assert!(recorder.close("done", world.now));
    let gap = Gap { output_bytes: 0, input_bytes: 0, messages: 1, since: 0, reason: "the disk is full".to_owned() };
    assert_eq!(world.shown()[1], What::Gap(gap));
}
