//! The service's own check and this one say the same about whatever is done to a recording.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::process::Command;
use std::sync::Arc;

use postern_recording::signing::{KeyChain, SigningKey};
use postern_recording::{Closing, Kind, Mode, Opening, Proof, Writer, verify};
use postern_verify::check;

/// A session whose recording was signed with the second of two keys.
fn recording() -> Vec<u8> {
    let key = |seed| Arc::new(SigningKey::from_seed(&[seed; 32]));
    let (first, second) = (key(1), key(2));
    let keys = KeyChain::new(vec![first.certify(&first, 1_000), first.certify(&second, 2_000)]);
    let opening = Opening {
        session_id: "alice-0123456789abcdef0".to_owned(),
        node_id: "mi-0123456789abcdef0".to_owned(),
        owner: "arn:aws:iam::000000000000:user/alice".to_owned(),
        document_name: "SSM-SessionManagerRunShell".to_owned(),
        session_type: "Standard_Stream".to_owned(),
        reason: None,
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        started_at: 1_790_000_000_000,
        mode: Mode::Required,
        records_input: true,
    };
    let mut out = Vec::new();
    let (mut writer, _) = Writer::begin(&opening, &keys, second, &mut out);
    writer.record(Kind::Resize, 10, 0, &[0, 80, 0, 24], &mut out);
    for at in 1..20_i64 {
        let time = at.unsigned_abs() * 1_000;
        writer.record(Kind::InputCount, time, at, &[0, 0, 0, 1], &mut out);
        writer.record(Kind::Output, time + 5, at, b"some output\r\n", &mut out);
        if at % 6 == 0 {
            writer.head(time + 6, &mut out);
        }
    }
    let closing = Closing { cause: "The shell ended.".to_owned(), output_bytes: 247, input_bytes: 19 };
    writer.close(1_000_000, &closing, &mut out);
    out
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

fn changed(original: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut stream = original.to_vec();
    let (at, len) = (numbers.below(stream.len()), numbers.below(60) + 1);
    let end = (at + len).min(stream.len());
    match numbers.below(5) {
        0 => stream[at] ^= 1 << numbers.below(8),
        1 => stream.truncate(at),
        2 => drop(stream.drain(at..end)),
        3 => {
            let piece = stream[at..end].to_vec();
            let to = numbers.below(stream.len());
            stream.splice(to..to, piece);
        }
        _ => stream[at..end].rotate_left(1),
    }
    stream
}

#[test]
fn both_checks_agree_about_whatever_is_done_to_a_recording() {
    let original = recording();
    let report = verify(&original, &Proof::default());
    let found = check(&mut &original[..]).unwrap();
    assert_eq!((report.faults.len(), report.records, report.heads), (0, found.records, found.signatures));
    assert_eq!(report.fingerprint, Some(found.fingerprint));
    let mut numbers = Numbers(7);
    for round in 0..20_000 {
        let stream = changed(&original, &mut numbers);
        let (theirs, ours) = (verify(&stream, &Proof::default()).faults, check(&mut &stream[..]));
        assert_eq!(theirs.is_empty(), ours.is_ok(), "round {round}: {theirs:?} and {ours:?}");
        assert!(ours.is_err() || stream == original, "round {round}: a change was not found");
    }
}

#[test]
fn the_program_says_it_with_its_exit_status() {
    let folder = std::env::temp_dir().join(format!("postern-verify-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("recording");
    let run = |arguments: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_postern-verify")).arg(&file).args(arguments).output().unwrap();
        (done.status.code(), String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap())
    };
    assert_eq!(run(&[]).0, Some(2), "there is no file");
    let mut recording = recording();
    std::fs::write(&file, &recording).unwrap();
    let (status, said) = run(&[]);
    assert!(status == Some(0) && said.starts_with("whole and unchanged: "), "{said}");
    let fingerprint = said.split("keys come from ").nth(1).unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(run(&[&fingerprint]).0, Some(0));
    let (status, said) = run(&[&format!("SHA256:{}", "0".repeat(64))]);
    assert!(status == Some(1) && said.contains("not from SHA256:000"), "{said}");
    *recording.last_mut().unwrap() ^= 1;
    std::fs::write(&file, &recording).unwrap();
    let (status, said) = run(&[]);
    assert!(status == Some(1) && said.contains("the recording was changed"), "{said}");
    std::fs::remove_dir_all(&folder).unwrap();
}
