//! The frames of the real smux library, written by our ends and read by them.

use std::path::Path;

use bytes::Bytes;
use postern_protocol::mux::{Dialect, Event, MAX_TRANSMIT_BYTES, Multiplexer, OFFERED_DIALECT, PortMode};
use postern_protocol::wire::payload::{AgentOffer, ClientOffer};
use serde_json::Value;

use crate::{events, pair, read_all, write};

fn file(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn frames(kind: &str, from: &str) -> Vec<u8> {
    let file = file("smux.json");
    let frames = file[kind].as_array().unwrap().iter().filter(|frame| frame["from"] == from);
    frames.flat_map(|frame| hex::decode(frame["hex"].as_str().unwrap()).unwrap()).collect()
}

fn sent(mux: &mut Multiplexer) -> Vec<u8> {
    let payloads = std::iter::from_fn(|| mux.poll_transmit(MAX_TRANSMIT_BYTES));
    payloads.flatten().collect()
}

/// Two connections, one after the other, each answered and closed: our ends write what the library wrote.
#[test]
fn both_our_ends_write_the_librarys_bytes() {
    let (mut client, mut agent) = pair(Dialect::Smux1);
    let (mut from_client, mut from_server) = (Vec::new(), Vec::new());
    for (request, response) in [(&b"hello"[..], &b"re:hello"[..]), (b"x", b"re:x")] {
        let id = client.open().unwrap();
        assert_eq!(events(&mut client), [Event::Connected(id)]);
        write(&mut client, id, request);
        let there = sent(&mut client);
        agent.handle_data(Bytes::from(there.clone())).unwrap();
        from_client.extend(there);
        assert_eq!(events(&mut agent), [Event::Opened(id), Event::Readable(id)]);
        agent.accept(id);
        assert_eq!(read_all(&mut agent, id), (request.to_vec(), false));
        write(&mut agent, id, response);
        agent.finish(id);
        let back = sent(&mut agent);
        client.handle_data(Bytes::from(back.clone())).unwrap();
        from_server.extend(back);
        assert_eq!(agent.streams(), 0, "whoever ends a stream forgets it");
        assert_eq!(events(&mut client), [Event::Readable(id)]);
        assert_eq!(read_all(&mut client, id), (response.to_vec(), true));
        client.finish(id);
        let end = sent(&mut client);
        agent.handle_data(Bytes::from(end.clone())).unwrap();
        from_client.extend(end);
        assert_eq!((client.streams(), events(&mut agent)), (0, vec![]));
    }
    assert_eq!(from_client, frames("frames", "client"));
    assert_eq!(from_server, frames("frames", "server"));
    client.keep_alive();
    assert_eq!(sent(&mut client), frames("keepalive", "client"));
}

/// Our agent reads the library's client in any cut, keep-alives between the frames included.
#[test]
fn the_librarys_bytes_are_read_however_they_are_cut() {
    let mut stream = frames("keepalive", "client");
    stream.extend(frames("frames", "client"));
    stream.extend(frames("keepalive", "client"));
    for cut in 1..=stream.len() {
        let (_, mut agent) = pair(Dialect::Smux1);
        let mut seen = Vec::new();
        for piece in stream.chunks(cut) {
            agent.handle_data(Bytes::copy_from_slice(piece)).unwrap();
            for event in events(&mut agent) {
                match event {
                    Event::Opened(id) => agent.accept(id),
                    Event::Readable(id) => {
                        let (data, has_ended) = read_all(&mut agent, id);
                        seen.extend_from_slice(&data);
                        if has_ended {
                            agent.finish(id);
                            seen.extend_from_slice(format!("[{id}]").as_bytes());
                        }
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!(String::from_utf8(seen).unwrap(), "hello[3]x[5]", "cut at {cut}");
    }
}

#[test]
fn stock_ends_are_met_as_stock_ends_meet_them() {
    let gates = file("version_gates.json");
    for (key, mode) in [
        ("client_version_seen_by_agent", (|version| PortMode::with_client(version, None)) as fn(&str) -> PortMode),
        ("agent_version_seen_by_client", |version| PortMode::with_agent(version, None)),
    ] {
        for gate in gates[key].as_array().unwrap() {
            let version = gate["version"].as_str().unwrap();
            let keeps_alive = gate["smux_keepalive_disabled"] == false;
            let wanted = match gate["mux"].as_bool().unwrap() {
                true => PortMode::Multiplexed { dialect: Dialect::Smux1, keeps_alive },
                false => PortMode::Basic,
            };
            assert_eq!(mode(version), wanted, "{key} {version:?}");
        }
    }
}

#[test]
fn the_second_dialect_needs_both_ends_to_say_so() {
    let ours = PortMode::Multiplexed { dialect: Dialect::Postern2, keeps_alive: false };
    for (number, is_ours) in [(0, false), (1, false), (OFFERED_DIALECT, true), (3, false)] {
        let offer = ClientOffer { version: 1, multiplexer: number, ..ClientOffer::default() };
        assert_eq!(PortMode::with_client("1.2.999.0", Some(&offer)) == ours, is_ours, "{number}");
    }
    // A newer agent still speaks the older dialects; the client says which one it takes.
    for (number, is_ours) in [(0, false), (1, false), (OFFERED_DIALECT, true), (3, true)] {
        let offer = AgentOffer { version: 1, multiplexer: number, ..AgentOffer::default() };
        assert_eq!(PortMode::with_agent("3.4.1.0", Some(&offer)) == ours, is_ours, "{number}");
    }
}
