//! Commands without a terminal.

use super::*;

#[tokio::test]
async fn a_command_has_two_streams_and_a_status() {
    let commands = r"sh -c 'echo out; echo err >&2; cat; exit 9'";
    let separate = json!({"commands": commands, "separateOutputStream": "true",
        "stdOutSeparatorPrefix": "O:", "stdErrSeparatorPrefix": "E:"});
    // Stock clients hear the status of such a command too.
    for offer in [ours(), None] {
        let (client, end) = start(document("NonInteractiveCommands", &separate), offer).end().await;
        assert_eq!((client.stdout.as_slice(), client.stderr.as_slice()), (&b"O:out\n"[..], &b"E:err\n"[..]));
        assert_eq!((client.exit_code, end), (Some(9), End::Finished));
        assert_eq!(client.states, [SessionState::Connected, SessionState::Terminating]);
    }
    let together = json!({"commands": "sh -c 'echo 1; echo 2 >&2; echo 3; exit 9'"});
    for (offer, exit_code) in [(ours(), Some(9)), (None, None)] {
        let (client, _) = start(document("NonInteractiveCommands", &together), offer).end().await;
        assert_eq!((client.output().as_str(), client.exit_code), ("1\n2\n3\n", exit_code));
    }
}

#[tokio::test]
async fn a_command_can_be_interrupted_and_ended() {
    let properties = json!({"commands": "sh -c 'echo go; exec sleep 1234'", "separateOutputStream": true});
    for (offer, exit_code) in [(ours(), 130), (None, -1)] {
        let mut running = start(document("NonInteractiveCommands", &properties), offer);
        running.client.until_output("go\n").await;
        running.client.type_text("anything but \u{3}");
        let (client, end) = running.end().await;
        assert_eq!((client.exit_code, end), (Some(exit_code), End::Finished));
    }
    let mut running = start(document("NonInteractiveCommands", &properties), ours());
    running.client.until_output("go\n").await;
    running.mailbox.send(Terminate).await.unwrap();
    let (client, end) = running.end().await;
    assert_eq!((client.exit_code, end), (None, End::Terminated));
    assert_eq!(client.states, [SessionState::Connected, SessionState::Terminating]);
}

fn ours_with_input() -> Option<ClientOffer> {
    ours().map(|offer| ClientOffer { standard_input: true, ..offer })
}

#[tokio::test]
async fn a_command_reads_what_the_client_reads_to_the_last_byte() {
    let properties = json!({"commands": "sh -c 'cat; echo end >&2; exit 4'", "separateOutputStream": true});
    let mut running = start(document("NonInteractiveCommands", &properties), ours_with_input());
    running.client.until("the session begins", |client| client.has_begun).await;
    assert!(running.client.agent_offer.as_ref().unwrap().standard_input);
    // The bytes that mean signals to others are bytes here.
    let input: Vec<u8> = (0..1_500_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    running.client.send(PayloadType::OUTPUT, input.clone());
    running.client.send(PayloadType::FLAG, StreamFlag::EndOfInput.encode());
    let (client, end) = running.end().await;
    assert!(client.stdout == input, "the streams differ");
    assert_eq!((client.stderr.as_slice(), client.exit_code, end), (&b"end\n"[..], Some(4), End::Finished));
}

#[tokio::test]
async fn a_signal_does_not_wait_behind_input_that_nobody_reads() {
    let properties = json!({"commands": "sh -c 'echo go; exec sleep 1234'", "separateOutputStream": true});
    let mut running = start(document("NonInteractiveCommands", &properties), ours_with_input());
    running.client.until_output("go\n").await;
    running.client.send(PayloadType::OUTPUT, vec![0; 500_000]);
    running.client.send(PayloadType::SIGNAL, CommandSignal::Interrupt.encode());
    let (client, end) = running.end().await;
    assert_eq!((client.exit_code, end), (Some(130), End::Finished));
}

#[tokio::test]
async fn a_signal_is_delivered_once_whether_it_overtook_or_not() {
    // The signal may come before the shell waits: then its trap has ended what would be waited for.
    let script = "trap 'echo caught; kill $!' INT; sleep 1234 & echo go; wait; wc -c; echo end";
    let commands = shell_words::join(["bash", "-c", script]);
    let properties = json!({"commands": commands, "separateOutputStream": true});
    let mut running = start(document("NonInteractiveCommands", &properties), ours_with_input());
    running.client.until_output("go\n").await;
    running.client.send(PayloadType::OUTPUT, vec![b'x'; 400_000]);
    running.client.send(PayloadType::SIGNAL, CommandSignal::Interrupt.encode());
    running.client.until_output("caught\n").await;
    running.client.send(PayloadType::FLAG, StreamFlag::EndOfInput.encode());
    let (client, _) = running.end().await;
    assert_eq!(client.output(), "go\ncaught\n400000\nend\n");
}

#[tokio::test]
async fn a_command_that_closes_its_input_goes_on() {
    let properties = json!({"commands": "sh -c 'exec <&-; echo deaf; exec sleep 1234'", "separateOutputStream": true});
    let mut running = start(document("NonInteractiveCommands", &properties), ours_with_input());
    running.client.until_output("deaf\n").await;
    running.client.send(PayloadType::OUTPUT, vec![b'x'; 900_000]);
    running.client.until("word that no more is wanted", |client| client.is_input_unwanted).await;
    running.client.send(PayloadType::SIGNAL, CommandSignal::Terminate.encode());
    let (client, end) = running.end().await;
    assert_eq!((client.exit_code, end), (Some(143), End::Finished));
}

#[tokio::test]
async fn a_command_that_does_not_start_says_so() {
    let properties = json!({"commands": "/no/such/program x", "separateOutputStream": true});
    for (offer, exit_code) in [(ours(), 127), (None, 1)] {
        let (client, end) = start(document("NonInteractiveCommands", &properties), offer).end().await;
        assert_eq!(String::from_utf8_lossy(&client.stderr), "/no/such/program: command not found\n");
        assert_eq!((client.exit_code, end), (Some(exit_code), End::Finished));
    }
}
