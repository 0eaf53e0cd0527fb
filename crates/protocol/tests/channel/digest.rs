//! Digests are left out when both ends have said so, and never toward a peer that may look at them.

use bytes::Bytes;
use postern_protocol::channel::PeerError;
use postern_protocol::channel::data_channel::{Config, DataChannel, Event, Role};
use postern_protocol::wire::payload::{
    AgentOffer, ChannelOffer, ClientOffer, HandshakeComplete, HandshakeRequest, HandshakeResponse, JsonPayload,
};
use postern_protocol::wire::{Frame, FrameError, Header, MessageType, PayloadType};

use crate::support::{at, decode, stream};

fn sent(channel: &mut DataChannel) -> Vec<Bytes> {
    std::iter::from_fn(|| channel.poll_transmit(at(0))).collect()
}

fn has_digest(message: &Bytes) -> bool {
    let header = Header::parse(message).unwrap();
    assert!(header.digest == [0; 32] || header.digest_matches(message), "neither none nor a wrong one");
    header.digest_matches(message)
}

fn request(optional: bool) -> HandshakeRequest {
    let offer = AgentOffer {
        version: 1,
        channel: ChannelOffer { digest_optional: optional, ..ChannelOffer::default() },
        ..AgentOffer::default()
    };
    HandshakeRequest { postern: Some(offer), ..HandshakeRequest::default() }
}

fn response(optional: bool) -> HandshakeResponse {
    let offer = ClientOffer {
        version: 1,
        channel: ChannelOffer { digest_optional: optional, ..ChannelOffer::default() },
        ..ClientOffer::default()
    };
    HandshakeResponse { postern: Some(offer), ..HandshakeResponse::default() }
}

#[test]
fn an_agent_leaves_them_out_when_both_have_said_so() {
    for (ours, theirs) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut agent = DataChannel::new(Config::new(Role::Agent, 1));
        agent.handle_connected(at(0));
        agent.request_handshake(request(ours), at(0));
        let answer = response(theirs).encode();
        let answer = stream(MessageType::InputStreamData, 0, PayloadType::HANDSHAKE_RESPONSE, &answer);
        agent.handle_message(answer, at(0)).unwrap();
        assert!(matches!(agent.poll_event(at(0)), Some(Event::HandshakeResponse(_))));
        agent.complete_handshake(HandshakeComplete::default(), at(0));
        agent.write(PayloadType::OUTPUT, Bytes::from_static(b"x"), at(0)).unwrap();

        let sent = sent(&mut agent);
        let of_type = |payload_type| sent.iter().find(|message| decode(message).payload_type == payload_type).unwrap();
        assert!(has_digest(of_type(PayloadType::HANDSHAKE_REQUEST)), "nobody has agreed yet");
        for later in [PayloadType::HANDSHAKE_COMPLETE, PayloadType::OUTPUT] {
            assert_eq!(has_digest(of_type(later)), !(ours && theirs), "{later:?}, {ours} {theirs}");
        }
    }
}

#[test]
fn a_client_takes_messages_without_one_only_when_both_have_said_so() {
    for (theirs, ours) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut client = DataChannel::new(Config::new(Role::Client, 1));
        client.handle_connected(at(0));
        let asked = request(theirs).encode();
        let asked = stream(MessageType::OutputStreamData, 0, PayloadType::HANDSHAKE_REQUEST, &asked);
        client.handle_message(asked, at(0)).unwrap();
        assert!(matches!(client.poll_event(at(0)), Some(Event::HandshakeRequest(_))));

        let complete = HandshakeComplete::default().encode();
        let complete = decode(&stream(MessageType::OutputStreamData, 1, PayloadType::HANDSHAKE_COMPLETE, &complete));
        let refused = PeerError::Frame(FrameError::Digest);
        let bare = complete.encode_without_digest();
        assert_eq!(client.handle_message(bare.clone(), at(0)), Err(refused.clone()), "the client has not answered");
        client.respond_handshake(response(ours), at(0));
        let agreed = ours && theirs;
        assert_eq!(client.handle_message(bare, at(0)), if agreed { Ok(()) } else { Err(refused.clone()) });
        client.handle_message(complete.encode(), at(0)).unwrap();

        let mut wrong = Frame { sequence_number: 2, ..complete }.encode().to_vec();
        *wrong.last_mut().unwrap() ^= 1;
        assert_eq!(client.handle_message(wrong.into(), at(0)), Err(refused), "a wrong one is no missing one");
        let answers = sent(&mut client);
        let answer = answers.iter().find(|message| decode(message).payload_type == PayloadType::HANDSHAKE_RESPONSE);
        assert_eq!(has_digest(answer.unwrap()), !agreed, "the agent looks at none, and has said so");
    }
}
