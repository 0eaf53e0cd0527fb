//! The rules of both dialects, one by one.

use bytes::Bytes;
use postern_protocol::mux::{
    BASE_WINDOW_BYTES, Config, Dialect, Event, INITIAL_WINDOW_BYTES, MAX_TRANSMIT_BYTES, MAX_WINDOW_BYTES, Multiplexer,
    MuxError, Read, Reset, ResetReason, Role, StreamId, WriteError,
};

use crate::{BOTH, carry, events, open_stream, pair, read_all, write};

/// A frame as bytes.
fn frame(version: u8, command: u8, stream: u32, body: &[u8]) -> Bytes {
    let mut frame = vec![version, command];
    frame.extend(u16::try_from(body.len()).unwrap().to_le_bytes());
    frame.extend(stream.to_le_bytes());
    frame.extend(body);
    frame.into()
}

#[test]
fn each_direction_ends_by_itself_between_our_ends() {
    let (mut client, mut agent) = pair(Dialect::Postern2);
    let id = open_stream(&mut client, &mut agent);
    write(&mut client, id, b"all of the request");
    client.finish(id);
    assert_eq!(client.write(id, Bytes::from_static(b"more")), Err(WriteError::Closed));
    carry(&mut client, &mut agent);
    assert_eq!(events(&mut agent), [Event::Readable(id)]);
    assert_eq!(read_all(&mut agent, id), (b"all of the request".to_vec(), true));
    // The other direction goes on for as long as it likes.
    for _ in 0..100 {
        write(&mut agent, id, &[7; 40_000]);
        carry(&mut agent, &mut client);
        assert_eq!(read_all(&mut client, id), (vec![7; 40_000], false));
        carry(&mut client, &mut agent);
    }
    agent.finish(id);
    assert_eq!((client.streams(), agent.streams()), (1, 1));
    carry(&mut agent, &mut client);
    assert_eq!(read_all(&mut client, id), (vec![], true));
    assert_eq!((client.streams(), agent.streams()), (0, 0));
}

#[test]
fn without_half_close_one_direction_s_end_is_the_end() {
    let (mut client, mut agent) = pair(Dialect::Smux1);
    let id = open_stream_v1(&mut client, &mut agent);
    write(&mut client, id, b"request");
    write(&mut agent, id, b"lost on the way");
    client.finish(id);
    carry(&mut client, &mut agent);
    assert_eq!(client.streams(), 0);
    assert_eq!(read_all(&mut agent, id), (b"request".to_vec(), true));
    assert_eq!(agent.write(id, Bytes::from_static(b"response")), Err(WriteError::Closed));
    assert_eq!((agent.write_capacity(id), agent.has_transmit()), (0, false));
    agent.finish(id);
    carry(&mut agent, &mut client);
    assert_eq!((agent.streams(), events(&mut client)), (0, vec![]));
}

fn open_stream_v1(client: &mut Multiplexer, agent: &mut Multiplexer) -> StreamId {
    let id = client.open().unwrap();
    assert_eq!(events(client), [Event::Connected(id)]);
    carry(client, agent);
    assert_eq!(events(agent), [Event::Opened(id)]);
    agent.accept(id);
    assert!(!agent.has_transmit(), "nobody is told in this dialect");
    id
}

#[test]
fn a_connection_that_cannot_be_made_says_why() {
    let (mut client, mut agent) = pair(Dialect::Postern2);
    let id = client.open().unwrap();
    write(&mut client, id, b"early data");
    carry(&mut client, &mut agent);
    assert_eq!(events(&mut agent), [Event::Opened(id), Event::Readable(id)]);
    let refused = Reset::new(ResetReason::Refused, "port 81 of the node refuses connections");
    agent.reset(id, refused.clone());
    assert_eq!((agent.read(id), agent.unread_bytes()), (Read::Nothing, 0));
    // What was under way is no offence.
    client.write(id, Bytes::from_static(b"more")).unwrap();
    carry(&mut client, &mut agent);
    carry(&mut agent, &mut client);
    assert_eq!(agent.streams(), 0);
    client.write(id, Bytes::from_static(b"and more")).unwrap_err();
    assert_eq!(events(&mut client), [Event::Reset(id, refused)]);
    assert_eq!((client.streams(), client.has_transmit()), (0, false));
    // In the first dialect the stream just ends.
    let (mut client, mut agent) = pair(Dialect::Smux1);
    let id = open_stream_v1(&mut client, &mut agent);
    agent.reset(id, Reset::new(ResetReason::Refused, "nobody hears it"));
    carry(&mut agent, &mut client);
    assert_eq!(read_all(&mut client, id), (vec![], true));
}

#[test]
fn the_last_words_come_before_the_break() {
    let (mut client, mut agent) = pair(Dialect::Postern2);
    let id = open_stream(&mut client, &mut agent);
    write(&mut client, id, b"request");
    carry(&mut client, &mut agent);
    assert_eq!(events(&mut agent), [Event::Readable(id)]);
    write(&mut agent, id, b"answer");
    let broken = Reset::new(ResetReason::Broken, "the connection broke off");
    agent.break_off(id, broken.clone());
    assert_eq!((agent.unread_bytes(), agent.write_capacity(id)), (0, 0));
    // What still comes is nobody's.
    write(&mut client, id, b"more");
    carry(&mut client, &mut agent);
    assert_eq!((agent.unread_bytes(), agent.read(id)), (0, Read::Nothing));
    carry(&mut agent, &mut client);
    assert_eq!((agent.streams(), events(&mut client)), (0, vec![Event::Readable(id)]));
    assert_eq!((client.read(id), client.write_capacity(id)), (Read::Data(Bytes::from_static(b"answer")), 0));
    assert_eq!((client.read(id), events(&mut client)), (Read::Nothing, vec![Event::Reset(id, broken)]));
    assert_eq!((client.streams(), client.unread_bytes()), (0, 0));

    // Behind more than the window takes, too, and whatever the other end does meanwhile.
    for ends in [true, false] {
        let (mut client, mut agent) = pair(Dialect::Postern2);
        let id = open_stream(&mut client, &mut agent);
        while agent.write_capacity(id) > 0 && agent.streams() == 1 && client.unread_bytes() < INITIAL_WINDOW_BYTES {
            let room = agent.write_capacity(id);
            write(&mut agent, id, &vec![7; room]);
            carry(&mut agent, &mut client);
        }
        write(&mut agent, id, &[7; 1000]);
        agent.break_off(id, Reset::new(ResetReason::Broken, ""));
        carry(&mut agent, &mut client);
        assert_eq!(agent.streams(), 1, "it waits for room");
        if ends {
            client.finish(id);
            carry(&mut client, &mut agent);
        }
        while let Read::Data(data) = client.read(id) {
            assert!(data.iter().all(|byte| *byte == 7));
            carry(&mut client, &mut agent);
            carry(&mut agent, &mut client);
        }
        assert_eq!((agent.streams(), client.streams()), (0, 1));
        assert!(matches!(events(&mut client).last(), Some(Event::Reset(..))));
        assert_eq!(client.streams(), 0);
    }

    // Without half-close there is nothing but the end.
    let (mut client, mut agent) = pair(Dialect::Smux1);
    let id = open_stream_v1(&mut client, &mut agent);
    write(&mut agent, id, b"answer");
    agent.break_off(id, Reset::new(ResetReason::Broken, ""));
    carry(&mut agent, &mut client);
    assert_eq!(read_all(&mut client, id), (b"answer".to_vec(), true));
}

#[test]
fn a_stream_that_was_given_up_before_it_left_is_never_heard_of() {
    for dialect in BOTH {
        let (mut client, mut agent) = pair(dialect);
        let first = client.open().unwrap();
        client.reset(first, Reset::new(ResetReason::Broken, ""));
        assert_eq!((client.streams(), client.has_transmit(), events(&mut client)), (0, false, vec![]));
        let second = client.open().unwrap();
        assert_eq!((first, second), (StreamId(3), StreamId(5)));
        carry(&mut client, &mut agent);
        client.reset(second, Reset::new(ResetReason::Broken, ""));
        carry(&mut client, &mut agent);
        if dialect == Dialect::Postern2 {
            assert_eq!(events(&mut agent), [], "it came and went before anybody looked");
            assert_eq!(agent.streams(), 0);
        } else {
            assert_eq!(events(&mut agent), [Event::Opened(second), Event::Readable(second)]);
        }
    }
}

#[test]
fn one_reader_that_does_not_read_holds_up_nobody_else() {
    let (mut client, mut agent) = pair(Dialect::Postern2);
    let stuck = open_stream(&mut client, &mut agent);
    let lively = open_stream(&mut client, &mut agent);
    let mut written = 0;
    for round in 0..200 {
        let room = agent.write_capacity(stuck);
        agent.write(stuck, Bytes::from(vec![1; room])).unwrap();
        written += room;
        write(&mut agent, lively, &[2; 20_000]);
        carry(&mut agent, &mut client);
        assert_eq!(read_all(&mut client, lively), (vec![2; 20_000], false), "round {round}");
        carry(&mut client, &mut agent);
    }
    assert_eq!(client.unread_bytes(), INITIAL_WINDOW_BYTES, "a window that is not read does not grow");
    assert_eq!(written, INITIAL_WINDOW_BYTES + 128 * 1024);
    assert!(client.wants_data());
}

#[test]
fn without_windows_the_session_stops_reading() {
    let (mut client, mut agent) = pair(Dialect::Smux1);
    let id = open_stream_v1(&mut client, &mut agent);
    let mut arrived = 0;
    while client.wants_data() {
        write(&mut agent, id, &[1; 32_000]);
        carry(&mut agent, &mut client);
        arrived += 32_000;
    }
    assert!((4 << 20..(4 << 20) + 64_000).contains(&arrived), "{arrived}");
    assert!(matches!(client.read(id), Read::Data(_)) && client.wants_data());
}

#[test]
fn a_window_grows_to_its_full_size_for_a_reader_that_keeps_up() {
    let (mut client, mut agent) = pair(Dialect::Postern2);
    let id = open_stream(&mut client, &mut agent);
    // A long path: everything that may be under way is, before any of it is read.
    let mut most = 0;
    for _ in 0..12 {
        let mut under_way = Vec::new();
        loop {
            let room = agent.write_capacity(id);
            agent.write(id, Bytes::from(vec![1; room])).unwrap();
            match agent.poll_transmit(MAX_TRANSMIT_BYTES) {
                Some(payload) => under_way.push(payload),
                None => break,
            }
        }
        most = most.max(under_way.iter().map(Bytes::len).sum());
        under_way.into_iter().for_each(|payload| client.handle_data(payload).unwrap());
        read_all(&mut client, id);
        carry(&mut client, &mut agent);
    }
    let overhead = MAX_WINDOW_BYTES / 1024;
    assert!((MAX_WINDOW_BYTES..MAX_WINDOW_BYTES + overhead).contains(&most), "{most}");
}

#[test]
fn a_small_request_waits_for_one_slice_and_no_more() {
    for dialect in BOTH {
        let (mut client, mut agent) = pair(dialect);
        let bulk: Vec<_> = (0..4).map(|_| client.open().unwrap()).collect();
        let small = client.open().unwrap();
        carry(&mut client, &mut agent);
        for id in &bulk {
            agent.accept(*id);
            write(&mut agent, *id, &[0; 100_000]);
        }
        agent.accept(small);
        let mut payload = agent.poll_transmit(MAX_TRANSMIT_BYTES).unwrap();
        assert_eq!(payload.len(), MAX_TRANSMIT_BYTES);
        write(&mut agent, small, b"quick");
        // Each of the four that came before has its slice, and then it is the turn of the small one.
        let mut waited = 0;
        while !payload.windows(5).any(|window| window == b"quick") {
            waited += payload.len();
            payload = agent.poll_transmit(MAX_TRANSMIT_BYTES).unwrap();
        }
        assert!(waited <= 5 * MAX_TRANSMIT_BYTES, "{waited}");
    }
}

#[test]
fn many_small_ones_share_a_payload() {
    let (mut client, mut agent) = pair(Dialect::Postern2);
    let ids: Vec<_> = (0..100).map(|_| client.open().unwrap()).collect();
    ids.iter().for_each(|id| write(&mut client, *id, b"GET / HTTP/1.1"));
    let payload = client.poll_transmit(MAX_TRANSMIT_BYTES).unwrap();
    assert!(!client.has_transmit());
    agent.handle_data(payload).unwrap();
    assert_eq!(events(&mut agent).len(), 200);
}

#[test]
fn bulk_alone_has_no_company() {
    for dialect in BOTH {
        let (mut client, _) = pair(dialect);
        let bulk = client.open().unwrap();
        assert!(!client.has_sparse(), "one stream, with whatever it has");
        while client.poll_transmit(MAX_TRANSMIT_BYTES).is_some() {}
        write(&mut client, bulk, &[1; 10_000]);
        assert!(!client.has_sparse());
        let other = client.open().unwrap();
        assert!(client.has_sparse(), "the other one's next bytes would wait");
        write(&mut client, other, &[1; 10_000]);
        assert!(!client.has_sparse(), "both send in bulk");
        while client.poll_transmit(MAX_TRANSMIT_BYTES).is_some() {}
        assert!(!client.has_sparse(), "and will go on");
        write(&mut client, other, b"GET / HTTP/1.1");
        assert!(client.has_sparse(), "the other one has changed its mind");
        write(&mut client, other, &[1; 10_000]);
        client.reset(bulk, Reset::new(ResetReason::Broken, ""));
        while client.poll_transmit(MAX_TRANSMIT_BYTES).is_some() {}
        assert_eq!((client.streams(), client.has_sparse()), (1, false), "a stream that is gone counts for nothing");
    }
}

#[test]
fn no_payload_is_made_for_a_few_bytes_of_room() {
    let (mut client, _) = pair(Dialect::Postern2);
    let id = client.open().unwrap();
    write(&mut client, id, &[1; 100_000]);
    assert_eq!(client.poll_transmit(4095), None);
    assert_eq!(client.poll_transmit(4096).unwrap().len(), 4096);
}

#[test]
fn streams_beyond_the_bound_are_refused_one_by_one() {
    for dialect in BOTH {
        let mut client = Multiplexer::new(Config::new(Role::Opener, dialect));
        let mut agent = Multiplexer::new(Config { max_streams: 4, ..Config::new(Role::Acceptor, dialect) });
        let ids: Vec<_> = (0..6).map(|_| client.open().unwrap()).collect();
        carry(&mut client, &mut agent);
        let opened: Vec<_> = ids[..4].iter().map(|id| Event::Opened(*id)).collect();
        assert_eq!(events(&mut agent), opened);
        events(&mut client);
        carry(&mut agent, &mut client);
        let told = events(&mut client);
        assert_eq!(told.len(), 2);
        for (event, id) in told.into_iter().zip(&ids[4..]) {
            match event {
                Event::Reset(refused, reset) if dialect == Dialect::Postern2 => {
                    assert_eq!((refused, reset.reason), (*id, ResetReason::TooMany));
                    assert!(reset.sentence.contains("4 connections"), "{}", reset.sentence);
                }
                Event::Readable(ended) if dialect == Dialect::Smux1 => {
                    assert_eq!((ended, client.read(ended)), (*id, Read::Finished));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let mut client = Multiplexer::new(Config { max_streams: 4, ..Config::new(Role::Opener, Dialect::Postern2) });
    assert_eq!((0..6).filter_map(|_| client.open()).count(), 4);
}

#[test]
fn what_no_honest_peer_sends_ends_the_session_with_a_cause() {
    let open = |id: u32| frame(2, 0, id, &[0; 4]);
    let s = StreamId;
    let to_agent: &[(&[Bytes], MuxError)] = &[
        (&[frame(1, 0, 3, b"")], MuxError::Version { found: 1, expected: 2 }),
        (&[frame(2, 8, 3, b"")], MuxError::Command(8)),
        (&[frame(2, 0, 3, b"")], MuxError::Length { command: 0, length: 0 }),
        (&[frame(2, 3, 0, b"x")], MuxError::Length { command: 3, length: 1 }),
        (&[frame(2, 6, 3, &[0; 515])], MuxError::Length { command: 6, length: 515 }),
        (&[open(4)], MuxError::NotNew(s(4))),
        (&[open(1)], MuxError::NotNew(s(1))),
        (&[open(5), open(5)], MuxError::NotNew(s(5))),
        (&[open(5), open(3)], MuxError::NotNew(s(3))),
        (&[open(u32::MAX), open(u32::MAX)], MuxError::NotNew(s(u32::MAX))),
        (&[frame(2, 2, 3, b"x")], MuxError::NeverOpened(s(3))),
        (&[open(3), frame(2, 4, 4, &[0; 4])], MuxError::NeverOpened(s(4))),
        (&[open(3), frame(2, 1, 3, b""), frame(2, 1, 3, b"")], MuxError::Repeated { stream: s(3), command: 1 }),
        (&[open(3), frame(2, 1, 3, b""), frame(2, 2, 3, b"x")], MuxError::Repeated { stream: s(3), command: 2 }),
        (&[open(3), frame(2, 5, 3, &[0; 4])], MuxError::Role(5)),
        (&[open(3), frame(2, 2, 3, &[0; BASE_WINDOW_BYTES + 1])], MuxError::Window(s(3))),
    ];
    for (frames, wanted) in to_agent {
        let (_, mut agent) = pair(Dialect::Postern2);
        let error = frames.iter().find_map(|frame| agent.handle_data(frame.clone()).err());
        assert_eq!(error.as_ref(), Some(wanted));
        assert_eq!(agent.handle_data(open(99)).as_ref(), Err(wanted), "it is final");
        assert!(!wanted.to_string().contains('\n'));
    }
    let (mut client, _) = pair(Dialect::Postern2);
    assert_eq!(client.handle_data(open(3)), Err(MuxError::Role(0)));
    let (mut client, mut agent) = pair(Dialect::Postern2);
    let id = open_stream(&mut client, &mut agent);
    let again = client.handle_data(frame(2, 5, id.0, &[0; 4]));
    assert_eq!(again, Err(MuxError::Repeated { stream: id, command: 5 }));
    // The first dialect's ends bear more (spec session-types §6.5).
    let (_, mut agent) = pair(Dialect::Smux1);
    for fine in
        [frame(1, 2, 9, b"x"), frame(1, 1, 9, b""), frame(1, 0, 9, b""), frame(1, 0, 9, b""), frame(1, 2, 9, b"")]
    {
        agent.handle_data(fine).unwrap();
    }
    assert_eq!(events(&mut agent), [Event::Opened(s(9))]);
    assert_eq!(agent.handle_data(frame(1, 4, 9, &[0; 8])), Err(MuxError::Command(4)));
}

#[test]
fn the_last_number_is_a_stream_like_any_other() {
    let (_, mut agent) = pair(Dialect::Postern2);
    let last = StreamId(u32::MAX);
    agent.handle_data(frame(2, 0, last.0, &[0; 4])).unwrap();
    assert_eq!(events(&mut agent), [Event::Opened(last)]);
    agent.reset(last, Reset::new(ResetReason::Refused, "no"));
    while agent.poll_transmit(MAX_TRANSMIT_BYTES).is_some() {}
    assert_eq!(agent.streams(), 0);
    agent.handle_data(frame(2, 2, last.0, b"what was under way")).unwrap();
}

#[test]
fn a_peer_that_opens_without_end_and_takes_no_answer_is_stopped() {
    for (dialect, version, body) in [(Dialect::Smux1, 1, &[][..]), (Dialect::Postern2, 2, &[0; 4][..])] {
        let (_, mut agent) = pair(dialect);
        let opened = (1..1_000_000_u32)
            .take_while(|number| agent.handle_data(frame(version, 0, 1 + 2 * number, body)) != Err(MuxError::Flood));
        assert_eq!(opened.count(), 2048 + 16 * 1024);
    }
}
