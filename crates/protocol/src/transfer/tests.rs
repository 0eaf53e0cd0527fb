#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn decode(bytes: &[u8]) -> Result<Message<'_>, TransferError> {
    let (header, body) = bytes.split_first_chunk().ok_or(TransferError::Member("a header"))?;
    let header = Header::parse(*header)?;
    assert_eq!(header.length, body.len());
    Message::decode(header, body)
}

fn encoded(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(&mut out);
    out
}

fn attributes() -> impl Strategy<Value = Attributes> {
    (0_u16..0o1000, any::<i64>(), 0_u32..1_000_000_000)
        .prop_map(|(mode, modified_seconds, modified_nanos)| Attributes { mode, modified_seconds, modified_nanos })
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(
        name in vec(any::<u8>(), 0..=MAX_NAME_BYTES),
        path in vec(any::<u8>(), 0..=MAX_PATH_BYTES),
        sources in vec(vec(any::<u8>(), 0..64), 1..8),
        text in "\\PC{0,200}",
        attributes in attributes(),
        (first, second, third) in (any::<u64>(), any::<u64>(), any::<u32>()),
        digest in any::<Digest>(),
        (recursive, links) in any::<(bool, bool)>(),
    ) {
        let total = Total { roots: third, entries: first, bytes: second };
        let writing = Writing { compares_content: links, forgets_attributes: recursive };
        let sources = sources.iter().map(Vec::as_slice).collect();
        let messages = [
            Message::Hello { version: third as u16 },
            Message::Get { options: Options { recursive, links }, sources },
            Message::Put { writing, destination: &path },
            Message::Total(total),
            Message::Directory { name: &name, attributes },
            Message::Leave,
            Message::File { name: &name, size: first, attributes },
            Message::Stream { name: &name },
            Message::Link { name: &name, target: &path },
            Message::Begin { offset: second },
            Message::Data(&path),
            Message::End { digest },
            Message::Abandon,
            Message::Finish,
            Message::Have,
            Message::Want { offset: first, digest },
            Message::Skip,
            Message::Finished,
            Message::Problem(&text),
            Message::Failed(&text),
        ];
        for message in messages {
            let bytes = encoded(&message);
            prop_assert_eq!(decode(&bytes), Ok(message));
            // Not one byte more or less is the same message.
            let mut longer = bytes.clone();
            longer.push(0);
            let header = Header::parse(*longer.first_chunk().unwrap()).unwrap();
            prop_assert_ne!(Message::decode(header, &longer[Header::BYTES..]).ok(), decode(&bytes).ok());
        }
    }

    #[test]
    fn links_that_are_inside_lead_nowhere_else(
        // A tree two deep in which every name may itself be a link that was found to be inside.
        links in vec((0_usize..3, 0_usize..3, vec(prop_oneof!["a", "b", r"\.", r"\.\."], 1..6)), 1..8),
        start in vec(prop_oneof!["a", "b"], 1..4),
    ) {
        const NAMES: [&str; 3] = ["a", "b", "c"];
        let mut tree = std::collections::BTreeMap::new();
        for (depth, name, target) in links {
            let place: Vec<String> = NAMES.iter().take(depth).map(|name| (*name).to_owned()).collect();
            if is_inside(target.join("/").as_bytes(), depth) {
                tree.entry((place, NAMES[name].to_owned())).or_insert(target);
            }
        }
        // Resolve as a kernel does, the root being a directory like any other: going above it must not happen.
        let mut place: Vec<String> = Vec::new();
        let mut rest: Vec<String> = start.into_iter().rev().collect();
        for _ in 0..200 {
            match rest.pop() {
                None => break,
                Some(part) if part == "." => {}
                Some(part) if part == ".." => prop_assert!(place.pop().is_some(), "out of the root"),
                Some(part) => match tree.get(&(place.clone(), part.clone())) {
                    Some(target) => rest.extend(target.iter().rev().cloned()),
                    None => place.push(part),
                },
            }
        }
    }
}

#[test]
fn what_is_no_message_is_refused_in_words() {
    let long = Header::parse([0xff, 0xff, 0xff, 0xff, 0x16]);
    assert_eq!(long, Err(TransferError::TooLong(u32::MAX)));
    let cases: [(&[u8], &str); 10] = [
        (b"\0\0\0\0\x99", "unknown kind"),
        (b"\0\0\0\x0a\x01SSH-2.0-Op", "does not speak"),
        (b"\0\0\0\0\x01", "does not speak"),
        (b"\0\0\0\x03\x02\0\0\0", "the sources"),
        (b"\0\0\0\x03\x02\x04\0\x01", "the options"),
        (b"\0\0\0\x04\x03\0\xff\xff\0", "the destination"),
        (b"\0\0\0\x03\x03\x04\0\0", "the options"),
        (b"\0\0\0\x02\x11\x01\0", "a name"),
        (b"\0\0\0\x02\x30\xff\xfe", "a sentence"),
        (b"\0\0\0\x01\x20\0", "too many"),
    ];
    for (bytes, wanted) in cases {
        let error = decode(bytes).unwrap_err().to_string();
        assert!(error.contains(wanted), "{wanted:?} is not in {error:?}");
    }
    let mut set_user_id = encoded(&Message::Directory { name: b"x", attributes: Attributes::default() });
    set_user_id[Header::BYTES + 3] = 0o4755_u16.to_be_bytes()[0];
    assert_eq!(decode(&set_user_id), Err(TransferError::Member("the attributes")));
}

#[test]
fn a_long_sentence_is_cut_between_characters() {
    let text = "ü".repeat(MAX_TEXT_BYTES);
    let bytes = encoded(&Message::Problem(&text));
    assert_eq!(decode(&bytes), Ok(Message::Problem(&text[..MAX_TEXT_BYTES])));
    let text = format!("x{text}");
    let bytes = encoded(&Message::Problem(&text));
    assert_eq!(decode(&bytes), Ok(Message::Problem(&text[..MAX_TEXT_BYTES - 1])));
}

#[test]
fn a_name_is_one_entry_of_its_directory() {
    for name in ["a", ".profile", "...", "a b", "ünï", "-rf", "a\\b", "CON", "x:y", "nul.txt"] {
        assert!(EntryName::parse(name.as_bytes(), NameRules::Unix).is_ok(), "{name:?}");
    }
    assert!(EntryName::parse(&[0xff, 0xfe], NameRules::Unix).is_ok(), "any bytes");
    for name in ["", ".", "..", "a/b", "/", "/etc/passwd", "../x", "a\0b", &"x".repeat(256)] {
        for rules in [NameRules::Unix, NameRules::Windows] {
            assert!(EntryName::parse(name.as_bytes(), rules).is_err(), "{name:?}");
        }
    }
    let reserved = [
        "a\\b", "..\\x", "C:", "C:x", "x:stream", "CON", "con", "Nul.txt", "aux ", "COM1", "lpt9.log", "COM¹",
        "PRN .x", "CONIN$", "a.", "a ", "a?", "a*", "a|b", "a<b", "\u{1}",
    ];
    for name in reserved {
        assert!(EntryName::parse(name.as_bytes(), NameRules::Windows).is_err(), "{name:?}");
    }
    for name in ["a", "ünï", "console", "COM", "COM10", "communication", "LPT", "x.con", ".profile"] {
        assert!(EntryName::parse(name.as_bytes(), NameRules::Windows).is_ok(), "{name:?}");
    }
}

#[test]
fn links_stay_inside_what_is_copied() {
    for (target, depth) in [("a", 0), ("a/b", 0), ("../a", 1), ("../../a/b", 2), ("./a", 0), (".", 0), ("..", 1)] {
        assert!(is_inside(target.as_bytes(), depth), "{target} at {depth}");
    }
    let outside = [
        ("", 0),
        ("/etc/passwd", 5),
        ("..", 0),
        ("../a", 0),
        ("../../a", 1),
        ("a/../b", 3),
        ("a/..", 3),
        ("../a/..", 3),
        ("C:\\x", 3),
        ("..\\x", 3),
        ("a\0b", 1),
        ("//host/x", 2),
    ];
    for (target, depth) in outside {
        assert!(!is_inside(target.as_bytes(), depth), "{target} at {depth}");
    }
}

const NONE: Attributes = Attributes { mode: 0o644, modified_seconds: 0, modified_nanos: 0 };

fn file(name: &'static str, size: u64) -> Message<'static> {
    Message::File { name: name.as_bytes(), size, attributes: NONE }
}

fn directory(name: &'static str) -> Message<'static> {
    Message::Directory { name: name.as_bytes(), attributes: NONE }
}

fn link(name: &'static str) -> Message<'static> {
    Message::Link { name: name.as_bytes(), target: b"x" }
}

fn total(roots: u32, entries: u64, bytes: u64) -> Message<'static> {
    Message::Total(Total { roots, entries, bytes })
}

/// Takes messages, wanting every file from `offset` on; gives the first violation.
fn take(messages: &[Message<'static>], offset: u64) -> Result<(), Violation> {
    let mut intake = Intake::new(NameRules::Unix);
    for message in messages {
        if let Step::Offer { size, .. } = intake.handle(message.clone())? {
            intake.answered(Answer::Want { offset: offset.min(size), digest: [0; 32] });
        }
    }
    Ok(())
}

#[test]
fn a_tree_is_taken_as_it_was_announced() {
    const END: Message<'static> = Message::End { digest: [7; 32] };
    let good = [
        total(2, 5, 10),
        directory("a"),
        file("x", 7),
        file("y", 0),
        Message::Leave,
        link("b"),
        directory("c"),
        Message::Leave,
        Message::Begin { offset: 3 },
        Message::Data(b"1234"),
        END,
        Message::Begin { offset: 0 },
        END,
        Message::Finish,
    ];
    assert_eq!(take(&good, 3), Err(Violation::Entries), "three roots where two were announced");
    let mut good = good;
    good[0] = total(3, 5, 10);
    assert_eq!(take(&good, 3), Ok(()));
    for cut in 1..good.len() - 1 {
        let mut without = good.to_vec();
        without.remove(cut);
        // Some messages may be missing without anybody noticing: those that are no bracket of anything.
        let may_miss = matches!(good[cut], Message::Link { .. } | Message::Data(_));
        assert!(take(&without, 3).is_err() || may_miss, "without {:?}", good[cut]);
    }
}

#[test]
fn a_sender_that_breaks_the_rules_is_stopped() {
    const BEGIN: Message<'static> = Message::Begin { offset: 0 };
    const END: Message<'static> = Message::End { digest: [7; 32] };
    let deep: Vec<_> =
        std::iter::once(total(1, 1000, 0)).chain(std::iter::repeat_n(directory("d"), MAX_DEPTH + 1)).collect();
    let many: Vec<_> = (0..=MAX_FILES_AHEAD).map(|number| format!("{number:05}")).collect();
    let ahead = std::iter::once(total(1000, 1000, 0)).chain(many.iter().map(|name| Message::File {
        name: name.as_bytes(),
        size: 0,
        attributes: NONE,
    }));
    let mut intake = Intake::new(NameRules::Unix);
    let violation = ahead.map(|message| {
        let step = intake.handle(message)?;
        if matches!(step, Step::Offer { .. }) {
            intake.answered(Answer::Want { offset: 0, digest: [0; 32] });
        }
        Ok(())
    });
    assert_eq!(violation.collect::<Result<(), _>>(), Err(Violation::Ahead));
    let cases: [(&[Message<'static>], Violation); 24] = [
        (&[file("a", 1)], Violation::Unexpected),
        (&[total(1, 1, 1), total(1, 1, 1)], Violation::Unexpected),
        (&[total(1, 1, u64::MAX)], Violation::Bytes),
        (&[total(1, 1, 1), file("../a", 1)], Violation::Name(NameError::Character)),
        (&[total(1, 1, 1), directory("..")], Violation::Name(NameError::Dots)),
        (&[total(1, 1, 1), link("/etc/passwd")], Violation::Name(NameError::Character)),
        (&[total(2, 2, 2), file("a", 1), file("a", 1)], Violation::Order),
        (&[total(2, 2, 2), link("a"), directory("a")], Violation::Order),
        (&[total(2, 2, 2), file("b", 1), file("a", 1)], Violation::Order),
        (&[total(1, 9, 9), file("a", 1), file("b", 1)], Violation::Entries),
        (&[total(9, 1, 9), file("a", 1), link("b")], Violation::Entries),
        (&[total(1, 1, 1), file("a", 2)], Violation::Bytes),
        (&[total(1, 1, 1), file("a", 1), BEGIN, Message::Data(b"xy")], Violation::Bytes),
        (&[total(1, 1, 1), file("a", 1), BEGIN, END], Violation::Short),
        (&[total(1, 1, 9), file("a", 9), Message::Begin { offset: 5 }], Violation::Offset),
        (&[total(1, 1, 9), BEGIN], Violation::Unexpected),
        (&[total(1, 1, 9), Message::Data(b"x")], Violation::Unexpected),
        (&[total(1, 1, 9), Message::Leave], Violation::Unexpected),
        (&[total(1, 1, 9), directory("a"), Message::Finish], Violation::Unexpected),
        (&[total(1, 1, 9), file("a", 1), Message::Finish], Violation::Unexpected),
        (&[total(1, 1, 9), Message::Finish, file("a", 1)], Violation::Unexpected),
        (&[total(2, 2, 9), file("a", 1), BEGIN, file("b", 1)], Violation::Unexpected),
        (&[total(1, 1, 9), Message::Have], Violation::Unexpected),
        (&deep, Violation::Depth),
    ];
    for (messages, expected) in cases {
        assert_eq!(take(messages, 1), Err(expected), "{messages:?}");
    }
}

#[test]
fn a_stream_is_the_only_thing_of_a_copy_and_only_where_it_may_be() {
    const STREAM: Message<'static> = Message::Stream { name: b"-" };
    let take = |intake: Intake, messages: &[Message<'static>]| {
        let mut intake = intake;
        for message in messages {
            if let Step::Offer { .. } | Step::OfferStream { .. } = intake.handle(message.clone())? {
                intake.answered(Answer::Want { offset: 0, digest: [0; 32] });
            }
        }
        Ok(())
    };
    let node = || Intake::new(NameRules::Unix).with_stream();
    let end = Message::End { digest: [7; 32] };
    let good = [total(1, 1, 0), STREAM, Message::Begin { offset: 0 }, Message::Data(b"any"), end, Message::Finish];
    assert_eq!(take(node(), &good), Ok(()));
    assert_eq!(take(Intake::new(NameRules::Unix), &good), Err(Violation::Unexpected), "a client takes none");
    for bad in [
        vec![total(2, 2, 0), STREAM],
        vec![total(2, 2, 0), link("!"), STREAM],
        vec![total(1, 2, 0), directory("a"), STREAM],
        vec![total(1, 1, 9), STREAM],
        vec![total(1, 1, 0), STREAM, Message::Finish],
        vec![total(1, 1, 0), STREAM, Message::Begin { offset: 0 }, Message::Finish],
    ] {
        assert_eq!(take(node(), &bad), Err(Violation::Unexpected), "{bad:?}");
    }
    assert_eq!(take(node(), &[total(1, 1, 0), STREAM, STREAM]), Err(Violation::Entries));
    assert_eq!(take(node(), &[total(1, 1, 0), STREAM, Message::Begin { offset: 5 }]), Err(Violation::Offset));
}

#[test]
fn what_waits_behind_a_file_is_bounded() {
    let mut intake = Intake::new(NameRules::Unix);
    intake.handle(total(u32::MAX, u64::MAX, 1)).unwrap();
    intake.handle(file("a", 1)).unwrap();
    intake.answered(Answer::Want { offset: 0, digest: [0; 32] });
    let names: Vec<_> = (0..=MAX_ITEMS_AHEAD).map(|number| format!("l{number:05}")).collect();
    let result: Result<Vec<_>, _> =
        names.iter().map(|name| intake.handle(Message::Link { name: name.as_bytes(), target: b"x" })).collect();
    assert_eq!(result, Err(Violation::Ahead));
}

#[test]
fn a_receiver_answers_what_it_was_offered() {
    let mut offers = Offers::new();
    assert_eq!(offers.answer(&Message::Have), Err(Violation::Unexpected));
    offers.push_other();
    offers.push_file(5, "first");
    offers.push_other();
    offers.push_file(0, "second");
    assert_eq!(offers.answer(&Message::Have), Ok((Answer::Have, "first", 5)));
    assert_eq!(offers.answer(&Message::Want { offset: 1, digest: [0; 32] }), Err(Violation::Offset));
    assert!(offers.is_empty());
    for number in 0..MAX_FILES_AHEAD {
        assert!(offers.has_room(), "{number}");
        offers.push_file(1, "more");
    }
    assert!(!offers.has_room());
    assert_eq!(offers.answer(&Message::Finish), Err(Violation::Unexpected));
}
