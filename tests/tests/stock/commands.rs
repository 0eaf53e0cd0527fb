//! Commands: in a terminal, and without one.

use postern_testkit::Terminal;

use crate::pair::{PATIENCE, Pair, wait_until_no_session_is_active, with_document};

fn ends_well(pair: &Pair, mut terminal: Terminal) {
    assert_eq!(terminal.wait(PATIENCE), 0);
    wait_until_no_session_is_active(&pair.service);
}

#[test]
fn an_interactive_command_talks_and_ends() {
    let Some(pair) = Pair::start() else { return };
    let behaviour = pair.behaviour("AWS-StartInteractiveCommand");
    let parameters = r#"{"command":["echo asked-$((40+2)); read answer; echo got-$answer; id -un"]}"#;
    let mut terminal = pair.session(&with_document("AWS-StartInteractiveCommand", parameters));
    terminal.expect("asked-42", PATIENCE);
    terminal.type_text("word\r");
    terminal.expect("got-word", PATIENCE);
    terminal.expect("ssm-user", PATIENCE);
    ends_well(&pair, terminal);
    behaviour.holds();
}

#[test]
fn a_command_without_terminal_shows_its_output_at_the_end() {
    let Some(pair) = Pair::start() else { return };
    let behaviour = pair.behaviour("AWS-StartNonInteractiveCommand");
    let parameters = r#"{"command":["sh -c 'echo out-$((40+2)); echo err-$((40+3)) >&2; exit 3'"]}"#;
    let mut terminal = pair.session(&with_document("AWS-StartNonInteractiveCommand", parameters));
    terminal.expect("out-42", PATIENCE);
    terminal.expect("err-43", PATIENCE);
    ends_well(&pair, terminal);
    behaviour.holds();
}

#[test]
fn a_command_with_separate_streams_reports_its_status_and_takes_signals() {
    let Some(pair) = Pair::start() else { return };
    let behaviour = pair.behaviour("AWS-StartNonInteractiveCommand, separateOutputStream");
    let parameters = r#"{"command":["sh -c 'echo out; echo err >&2; exit 7'"],"separateOutputStream":["true"],
                         "stdoutSeparatorPrefix":["O:"],"stderrSeparatorPrefix":["E:"]}"#;
    let mut terminal = pair.session(&with_document("AWS-StartNonInteractiveCommand", parameters));
    let printed = terminal.expect("EXIT_CODE: 7", PATIENCE);
    assert!(printed.contains("O:out") && printed.contains("E:err"), "{printed}");
    ends_well(&pair, terminal);

    let parameters = r#"{"command":["sh -c 'echo waiting; exec sleep 600'"],"separateOutputStream":["true"]}"#;
    let mut terminal = pair.session(&with_document("AWS-StartNonInteractiveCommand", parameters));
    terminal.expect("waiting", PATIENCE);
    // ^C: the plugin turns the signal into a byte, the agent turns the byte into a signal.
    terminal.type_bytes(&[3]);
    let status = terminal.expect("Exiting session with sessionId", PATIENCE);
    assert!(status.contains("EXIT_CODE: ") && !status.contains("EXIT_CODE: 0"), "{status}");
    ends_well(&pair, terminal);
    behaviour.holds();
}
