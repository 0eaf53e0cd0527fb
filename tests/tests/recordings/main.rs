//! What sessions show is recorded before anybody sees it, can be proved, and is for the eyes of whoever may.

#[cfg(target_os = "linux")]
mod full;
mod shown;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

use postern_testkit::{Terminal, eventually, program, run, sha256};

use world::{PATIENCE, World};

/// All files in a folder and below.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_shells_recording_is_what_its_user_saw() {
    let world = World::new();
    let node = world.agent.node_id();
    let command = format!("exec {} start {node} 2>/dev/null", program("postern").display());
    let mut terminal = Terminal::start(Path::new("/bin/sh"), &["-c", &command], &world.service.environment());
    // Before the prompt the terminal itself would echo what is typed, which nobody sent.
    terminal.read_some(PATIENCE);
    terminal.type_text("echo recorded-$((6*7)); head -c 300000 /dev/urandom | base64\r");
    terminal.expect("recorded-42", PATIENCE);
    terminal.resize(40, 100);
    terminal.type_text("stty size; exit\r");
    terminal.expect("40 100", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);
    let id = world.ended_session();
    assert_eq!(sha256(&world.export(&id, "raw")), terminal.digest(), "the recording holds what the terminal was sent");

    let verified = world.verify(&id).expect_success("the check");
    assert!(verified.stdout.contains("whole and unchanged"), "{}", verified.stdout);
    assert!(verified.stdout.contains(node), "{}", verified.stdout);
    let proof = world.export(&id, "proof");
    let resized = [0, 0, 0, 4, 0, 100, 0, 40];
    assert!(proof.windows(resized.len()).any(|window| window == resized), "columns and rows behind their length");

    // The file says nothing to whoever cannot decrypt it, and nobody else may read it anyway.
    let stored = files(&world.service.folder().join("recordings"));
    let [file] = &stored[..] else { panic!("one recording: {stored:?}") };
    let stored = fs::read(file).expect("it is ours");
    assert!(!stored.windows(11).any(|window| window == b"recorded-42"));
    assert!(stored.len() < proof.len(), "and it is compressed: {} to {}", stored.len(), proof.len());
}

#[test]
fn what_is_typed_is_recorded_if_preferred_and_a_password_is_masked() {
    let world = World::new();
    let file = world.folder.path().join("preferences.json");
    let preferences = r#"{"schemaVersion": "1.0", "sessionType": "Standard_Stream",
        "inputs": {"postern": {"recording": {"input": true}}}}"#;
    fs::write(&file, preferences).expect("the folder is writable");
    let file = file.to_str().expect("a path of ours is text");
    world.service.postern(["document", "create", "SSM-SessionManagerRunShell", "--file", file, "--type", "Session"]);
    let start = ["start", world.agent.node_id()];
    let mut terminal = Terminal::start(&program("postern"), &start, &world.service.environment());
    terminal.read_some(PATIENCE);
    terminal.type_text("PS1='rea''dy> '\r");
    terminal.expect("ready> ", PATIENCE);
    let command = "stty -echo; printf 'Pass''word: '; read secret; stty echo; echo got-${#secret}";
    terminal.type_text(&format!("{command}\r"));
    terminal.expect("Password: ", PATIENCE);
    for key in "hunter2\r".chars() {
        terminal.type_text(&key.to_string());
    }
    terminal.expect("got-7", PATIENCE);
    terminal.expect("ready> ", PATIENCE);
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);
    let id = world.ended_session();
    world.verify(&id).expect_success("the check");
    let proof = world.export(&id, "proof");
    let has = |bytes: &[u8]| proof.windows(bytes.len()).any(|window| window == bytes);
    // A record of input: its number, which is none, its length, its text.
    let typed = |text: &str| {
        let length = u32::try_from(text.len()).expect("it is short").to_be_bytes();
        has(&[&[0xff; 8], &length[..], text.as_bytes()].concat())
    };
    assert!(typed(&format!("{command}\r")), "the command is recorded as it was typed");
    assert!(typed("exit\r"));
    assert!(!has(b"hunter2"), "the password is nowhere in it");
    assert!(has(b"*"), "its place is");
}

#[test]
fn a_commands_recording_has_both_of_its_outputs_and_its_end() {
    let world = World::new();
    let script = "echo out; echo err >&2; exit 9";
    let done = world.service.try_postern(["exec", world.agent.node_id(), "--", "sh", "-c", script]);
    assert_eq!(done.status, Some(9));
    let id = world.ended_session();
    let shown = String::from_utf8(world.export(&id, "raw")).expect("text");
    assert!(shown == "out\nerr\n" || shown == "err\nout\n", "{shown:?}");
    world.verify(&id).expect_success("the check");
}

#[test]
fn what_is_done_to_a_recording_is_found() {
    let world = World::new();
    world
        .service
        .try_postern(["exec", world.agent.node_id(), "--", "echo", "do not touch"])
        .expect_success("the command");
    let id = world.ended_session();
    let proof = world.export(&id, "proof");
    let at = proof.windows(12).position(|window| window == b"do not touch").expect("it is recorded");
    let file = world.folder.path().join("changed");
    let named = file.to_str().expect("a path of ours is text");

    let mut changed = proof.clone();
    changed[at] = b'D';
    fs::write(&file, &changed).expect("writes");
    let found = world.verify(named);
    assert_eq!(found.status, Some(1));
    assert!(found.stderr.contains("does not fit what comes before it"), "{}", found.stderr);

    fs::write(&file, &proof[..proof.len() - 1]).expect("writes");
    let found = world.verify(named);
    assert_eq!(found.status, Some(1));
    assert!(found.stderr.contains("the recording was cut off"), "{}", found.stderr);

    // The service's own file: whoever changes that cannot hide it either.
    let [file] = &files(&world.service.folder().join("recordings"))[..] else { panic!("one recording") };
    let mut stored = fs::read(file).expect("it is ours");
    let last = stored.len() - 20;
    stored[last] ^= 1;
    fs::write(file, &stored).expect("writes");
    let found = world.verify(&id);
    assert_eq!(found.status, Some(1));
    assert!(found.stderr.contains("its end was cut off"), "{}", found.stderr);
}

#[test]
fn a_new_key_goes_on_from_the_one_before() {
    let mut world = World::new();
    let session = |world: &World| {
        let done = world.service.try_postern(["exec", world.agent.node_id(), "--", "true"]);
        done.expect_success("the command");
        world.ended_session()
    };
    let before = session(&world);
    world.service.kill();
    let folder = world.service.folder().to_str().expect("a path of ours is text").to_owned();
    let rotate = ["admin", "rotate-recording-key", "--data-dir", &folder];
    let rotated = run(&program("posternd"), rotate, &[], PATIENCE).expect_success("the rotation");
    let fingerprint = rotated.stdout.split_whitespace().last().expect("it ends with one").to_owned();
    assert!(rotated.stdout.contains("number 2"), "{}", rotated.stdout);
    world.service.restart();
    world.agent.wait_until_online(&world.service);
    let refused = run(&program("posternd"), rotate, &[], PATIENCE);
    assert_eq!(refused.status, Some(1), "the service is running: {}", refused.stdout);
    session(&world);
    let after = eventually("the second session to be history", PATIENCE, || {
        Some(world.ended_session()).filter(|session| *session != before)
    });
    for (id, certificates) in [(before, 1), (after, 2)] {
        let proof = world.export(&id, "proof");
        let named = proof.windows(11).filter(|window| window == b"\"publicKey\"").count();
        assert_eq!(named, certificates);
        let file = world.folder.path().join("export.proof");
        let file = file.to_str().expect("a path of ours is text");
        let words = ["recordings", "verify", file, "--fingerprint", &fingerprint];
        world.service.try_postern(words).expect_success("the check");
    }
}

#[test]
fn recordings_are_for_whoever_may_read_them() {
    let world = World::new();
    world.service.try_postern(["exec", world.agent.node_id(), "--", "true"]).expect_success("the command");
    let id = world.ended_session();
    let missing = world.service.try_postern(["recordings", "verify", "alice-00000000000000000"]);
    assert_eq!(missing.status, Some(255));
    assert!(missing.stderr.contains("alice-00000000000000000"), "{}", missing.stderr);
    let mut stranger = world.service.environment();
    stranger.retain(|(name, _)| name != "AWS_SECRET_ACCESS_KEY");
    stranger.push(("AWS_SECRET_ACCESS_KEY".to_owned(), "wrong".to_owned()));
    let refused = run(&program("postern"), ["recordings", "export", &id], &stranger, PATIENCE);
    assert_eq!((refused.status, refused.stdout.as_str()), (Some(255), ""));
}
