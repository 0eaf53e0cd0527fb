//! Sessions that are encrypted from end to end: the client's half against an agent of the test.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use postern_client::{Manner, SessionError};
use postern_protocol::channel::cipher::SessionCipher;
use postern_protocol::channel::data_channel::{Event, Role};
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::{
    ActionStatus, EncChallenge, HandshakeComplete, JsonPayload as _, RequestedAction,
};

use crate::peer::{DATA_KEY, Peer, now, session_type_action, within};
use crate::{User, closed, play};

fn encrypted(key_id: &str) -> Vec<RequestedAction> {
    let challenge = Some("challenge".to_owned());
    vec![
        session_type_action("Standard_Stream"),
        RequestedAction::KmsEncryption { kms_key_id: key_id.to_owned(), challenge },
    ]
}

/// The agent's half up to the end of the handshake.
async fn establish(peer: &mut Peer) {
    peer.ask(true, encrypted("alias/right"));
    let Event::HandshakeResponse(response) = peer.event().await else { panic!("the answer comes first") };
    let result = response.processed_client_actions[1].kms_encryption().unwrap();
    assert_eq!(STANDARD.decode(result.kms_cipher_text_key).unwrap(), b"sealed");
    assert!(result.challenge_acknowledgement);
    let mut cipher = SessionCipher::new(Role::Agent, &DATA_KEY, [3; 12]).unwrap();
    let challenge = EncChallenge { challenge: STANDARD.encode(cipher.seal(b"64 random bytes")) };
    peer.channel.write(PayloadType::ENC_CHALLENGE_REQUEST, challenge.encode(), now()).unwrap();
    let (payload_type, answer) = peer.input().await;
    assert_eq!(payload_type, PayloadType::ENC_CHALLENGE_RESPONSE);
    let answer = STANDARD.decode(EncChallenge::decode(&answer).unwrap().challenge).unwrap();
    assert_eq!(cipher.open(&answer).unwrap(), "64 random bytes");
    peer.channel.encrypt(cipher);
    peer.channel.complete_handshake(HandshakeComplete::default(), now());
}

#[tokio::test]
async fn keys_and_output_pass_through_the_cipher() {
    let (mut peer, ticket) = Peer::listen().await;
    let (user, runner) = User::new(ticket, Manner::Shell, &[]);
    let script = async {
        user.keys("echo hi\n").await;
        peer.accept().await;
        establish(&mut peer).await;
        // The channel opens what it takes, so the text is here again; on the wire it was not.
        assert_eq!(peer.input().await, (PayloadType::OUTPUT, Bytes::from_static(b"echo hi\n")));
        peer.output(PayloadType::OUTPUT, "hi\n").await;
        peer.output(PayloadType::EXIT_CODE, "EXIT_CODE: 2").await;
        peer.drained().await;
        peer.close("").await;
    };
    let (ended, ()) = play(runner, script).await;
    assert_eq!(ended.unwrap(), closed("", Some(2)));
    assert_eq!(user.out.text(), "hi\n");
}

#[tokio::test]
async fn a_key_that_cannot_be_had_is_told_to_both() {
    let (mut peer, ticket) = Peer::listen().await;
    let (_user, runner) = User::new(ticket, Manner::Shell, &[]);
    let script = async {
        peer.accept().await;
        peer.ask(true, encrypted("alias/wrong"));
        let Event::HandshakeResponse(response) = peer.event().await else { panic!("the answer comes first") };
        let action = &response.processed_client_actions[1];
        assert_eq!(action.action_status, ActionStatus::FAILED);
        assert!(action.error.contains("alias/wrong does not exist"), "{}", action.error);
        peer.close("the agent's words").await;
    };
    let (ended, ()) = play(runner, script).await;
    let Err(SessionError::Refused(reason)) = ended else { panic!("{ended:?}") };
    assert_eq!(reason, "Fetching a data key failed: alias/wrong does not exist");
}

#[tokio::test]
async fn output_of_a_stranger_ends_the_session_unshown() {
    let (mut peer, ticket) = Peer::listen().await;
    let (user, runner) = User::new(ticket, Manner::Shell, &[]);
    let script = async {
        peer.accept().await;
        establish(&mut peer).await;
        peer.channel.encrypt(SessionCipher::new(Role::Agent, &[6; 64], [0; 12]).unwrap());
        peer.output(PayloadType::OUTPUT, "forged\n").await;
        within(peer.until_gone()).await;
    };
    let (ended, ()) = play(runner, script).await;
    assert!(matches!(ended, Err(SessionError::Encryption(_))), "{ended:?}");
    assert_eq!(user.out.text(), "");
}
