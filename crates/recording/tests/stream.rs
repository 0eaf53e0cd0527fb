//! Streams as a whole: what is written is read, and whatever is changed is found.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;

use postern_recording::signing::{KeyChain, SigningKey};
use postern_recording::{Closing, Fault, Kind, Mode, Opening, Proof, Reader, Resumption, Verifier, Writer, verify};
use proptest::prelude::*;

fn key(seed: u8) -> Arc<SigningKey> {
    Arc::new(SigningKey::from_seed(&[seed; 32]))
}

fn chain() -> KeyChain {
    let first = key(1);
    KeyChain::new(vec![first.certify(&first, 1_000), first.certify(&key(2), 2_000)])
}

fn opening() -> Opening {
    Opening {
        session_id: "alice-0123456789abcdef0".to_owned(),
        node_id: "mi-0123456789abcdef0".to_owned(),
        owner: "arn:aws:iam::000000000000:user/alice".to_owned(),
        document_name: "SSM-SessionManagerRunShell".to_owned(),
        session_type: "Standard_Stream".to_owned(),
        reason: Some("looking after it".to_owned()),
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        started_at: 1_790_000_000_000,
        mode: Mode::Required,
        records_input: false,
    }
}

fn closing() -> Closing {
    Closing { cause: "The shell ended.".to_owned(), output_bytes: 12, input_bytes: 3 }
}

/// A session with a shell: some keystrokes, some output, a resize, signatures in the middle, and an end.
fn whole(outputs: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    let first = key(1);
    let keys = KeyChain::new(vec![first.certify(&first, 1_000)]);
    let (mut writer, _) = Writer::begin(&opening(), &keys, first, &mut out);
    writer.record(Kind::Resize, 10, 0, &[0, 80, 0, 24], &mut out);
    for (output, at) in outputs.iter().zip(1_i64..) {
        let time = at.unsigned_abs() * 1_000;
        writer.record(Kind::InputCount, time, at, &[0, 0, 0, 1], &mut out);
        writer.record(Kind::Output, time + 5, at, output, &mut out);
        if at % 6 == 0 {
            writer.head(time + 6, &mut out);
        }
    }
    writer.close(1_000_000, &closing(), &mut out);
    out
}

fn faults(stream: &[u8], proof: &Proof) -> Vec<Fault> {
    verify(stream, proof).faults
}

/// Where each record begins.
fn boundaries(stream: &[u8]) -> Vec<usize> {
    let mut reader = Reader::new();
    reader.push(stream);
    let mut at = vec![postern_recording::FORMAT.len()];
    while reader.next_record().unwrap().is_some() {
        at.push(usize::try_from(reader.offset()).unwrap());
    }
    at
}

const OUTPUTS: [&[u8]; 7] = [b"$ ", b"l", b"s", b"\r\n", b"file\r\n", b"\x1b[0m$ ", b"exit\r\n"];

#[test]
fn a_whole_stream_is_proved() {
    let stream = whole(&OUTPUTS);
    let known = chain().check().unwrap();
    let mut reader = Reader::new();
    reader.push(&stream);
    while reader.next_record().unwrap().is_some() {}
    assert!(reader.is_finished());
    let head = reader.head().unwrap().link;
    let proof = Proof { fingerprint: Some(known.fingerprint()), head: Some(head) };
    let mut verifier = Verifier::new(&proof);
    stream.chunks(7).for_each(|piece| verifier.push(piece));
    let report = verifier.finish();
    assert_eq!(report.faults, []);
    assert_eq!((report.heads, report.signed), (3, report.records));
    assert_eq!(report.output_bytes, OUTPUTS.iter().map(|output| output.len() as u64).sum::<u64>());
    assert_eq!(report.closing, Some(closing()));
    assert_eq!(report.opening, Some(opening()));
}

#[test]
fn what_another_service_signed_is_found() {
    let first = key(7);
    let theirs = KeyChain::new(vec![first.certify(&first, 1)]);
    let mut out = Vec::new();
    let (mut writer, _) = Writer::begin(&opening(), &theirs, key(7), &mut out);
    writer.close(5, &closing(), &mut out);
    assert_eq!(faults(&out, &Proof::default()), []);
    let proof = Proof { fingerprint: Some(chain().check().unwrap().fingerprint()), head: None };
    assert!(matches!(faults(&out, &proof)[..], [Fault::Fingerprint { .. }]));
}

#[test]
fn a_stream_goes_on_after_a_restart_with_a_newer_key() {
    let mut out = Vec::new();
    let first = key(1);
    let before = KeyChain::new(vec![first.certify(&first, 1_000)]);
    let (mut writer, _) = Writer::begin(&opening(), &before, key(1), &mut out);
    writer.record(Kind::Output, 5, 0, b"before", &mut out);
    let position = writer.position();
    let (mut writer, _) = Writer::resume(position, 3, &Resumption { cut_bytes: 4 }, &chain(), key(2), &mut out);
    writer.record(Kind::Output, 9, 1, b"after", &mut out);
    writer.close(11, &closing(), &mut out);
    let report = verify(&out, &Proof::default());
    assert_eq!(report.faults, []);
    assert_eq!(report.resumptions, [Resumption { cut_bytes: 4 }]);
}

#[test]
fn a_stream_that_was_cut_between_records_is_found_by_its_head_alone() {
    let stream = whole(&OUTPUTS);
    let ends = boundaries(&stream);
    let mut reader = Reader::new();
    reader.push(&stream);
    while reader.next_record().unwrap().is_some() {}
    let proof = Proof { fingerprint: None, head: Some(reader.head().unwrap().link) };
    for end in &ends[..ends.len() - 1] {
        let faults = faults(&stream[..*end], &proof);
        assert!(faults.contains(&Fault::Unfinished), "cut at {end}: {faults:?}");
        // The head that is known signs all but its own record.
        let known = faults.iter().any(|fault| matches!(fault, Fault::Head { .. }));
        assert!(known || *end == ends[ends.len() - 2], "cut at {end}: {faults:?}");
    }
}

/// One way to tamper with a stream.
#[derive(Clone, Debug)]
enum Tampering {
    Flip {
        at: usize,
        bit: u8,
    },
    Cut {
        at: usize,
    },
    Remove {
        from: usize,
        len: usize,
    },
    Insert {
        at: usize,
        bytes: Vec<u8>,
    },
    /// Two records change places.
    Swap {
        one: usize,
        other: usize,
    },
    /// A record is there twice.
    Repeat {
        record: usize,
        at: usize,
    },
    /// A record is taken out.
    Drop {
        record: usize,
    },
    /// The end of another recording of the same service is put behind the beginning of this one.
    Splice {
        record: usize,
        other: usize,
    },
}

fn tampering() -> impl Strategy<Value = Tampering> {
    let place = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 30));
    prop_oneof![
        (place.clone(), 0..8u8).prop_map(|(at, bit)| Tampering::Flip { at, bit }),
        place.clone().prop_map(|at| Tampering::Cut { at }),
        (place.clone(), 1..200usize).prop_map(|(from, len)| Tampering::Remove { from, len }),
        (place.clone(), prop::collection::vec(any::<u8>(), 1..50))
            .prop_map(|(at, bytes)| Tampering::Insert { at, bytes }),
        (place.clone(), place.clone()).prop_map(|(one, other)| Tampering::Swap { one, other }),
        (place.clone(), place.clone()).prop_map(|(record, at)| Tampering::Repeat { record, at }),
        place.clone().prop_map(|record| Tampering::Drop { record }),
        (place.clone(), place).prop_map(|(record, other)| Tampering::Splice { record, other }),
    ]
}

fn tamper(stream: &[u8], ends: &[usize], how: &Tampering, other: &[u8], other_ends: &[usize]) -> Vec<u8> {
    let record = |index: usize| {
        let index = index % (ends.len() - 1);
        (ends[index], ends[index + 1])
    };
    let mut changed = stream.to_vec();
    match how {
        Tampering::Flip { at, bit } => changed[at % stream.len()] ^= 1 << bit,
        Tampering::Cut { at } => changed.truncate(at % stream.len()),
        Tampering::Remove { from, len } => {
            let from = from % stream.len();
            changed.drain(from..(from + len).min(stream.len()));
        }
        Tampering::Insert { at, bytes } => {
            let at = at % (stream.len() + 1);
            changed.splice(at..at, bytes.iter().copied());
        }
        Tampering::Swap { one, other } => {
            let (mut one, mut other) = (record(*one), record(*other));
            if other.0 < one.0 {
                std::mem::swap(&mut one, &mut other);
            }
            if one != other {
                changed = [
                    &stream[..one.0],
                    &stream[other.0..other.1],
                    &stream[one.1..other.0],
                    &stream[one.0..one.1],
                    &stream[other.1..],
                ]
                .concat();
            }
        }
        Tampering::Repeat { record: which, at } => {
            let ((from, to), (at, _)) = (record(*which), record(*at));
            changed.splice(at..at, stream[from..to].iter().copied());
        }
        Tampering::Drop { record: which } => {
            let (from, to) = record(*which);
            changed.drain(from..to);
        }
        Tampering::Splice { record: which, other: theirs } => {
            changed.truncate(record(*which).0);
            changed.extend_from_slice(&other[other_ends[theirs % other_ends.len()]..]);
        }
    }
    changed
}

proptest! {
    // With the rounds below, more than the 100,000 ways to tamper that must all be found.
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_to_a_stream_is_found(
        outputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..20),
        ways in prop::collection::vec(tampering(), 60),
    ) {
        let outputs: Vec<&[u8]> = outputs.iter().map(Vec::as_slice).collect();
        let (stream, other) = (whole(&outputs), whole(&OUTPUTS));
        let (ends, other_ends) = (boundaries(&stream), boundaries(&other));
        let mut reader = Reader::new();
        reader.push(&stream);
        while reader.next_record().unwrap().is_some() {}
        let proof = Proof { fingerprint: None, head: Some(reader.head().unwrap().link) };
        prop_assert_eq!(faults(&stream, &proof), []);
        for way in &ways {
            let changed = tamper(&stream, &ends, way, &other, &other_ends);
            prop_assert_eq!(faults(&changed, &proof).is_empty(), changed == stream, "{:?}", way);
        }
    }

    #[test]
    fn a_reader_takes_whatever_comes(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let mut reader = Reader::new();
        reader.push(postern_recording::FORMAT);
        reader.push(&bytes);
        while let Ok(Some(_)) = reader.next_record() {}
    }
}
