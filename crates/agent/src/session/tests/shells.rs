//! Programs in a terminal.

use super::*;

#[tokio::test]
async fn a_login_shell_begins_with_the_clients_terminal_and_reports_its_status() {
    let mut running = start(json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream"}), ours());
    let client = &mut running.client;
    client.until("the session begins", |client| client.has_begun).await;
    let offer = AgentOffer {
        version: 1,
        exit_status: true,
        channel: ChannelOffer { cumulative_acknowledgements: true, digest_optional: true },
        ..AgentOffer::default()
    };
    assert_eq!(client.agent_offer, Some(offer));
    client.type_text("stty size; echo term=$TERM home=$HOME in=$PWD 'user'=$USER zero=$0; exit 5\n");
    let (client, end) = running.end().await;
    let output = client.output();
    assert_eq!(end, End::Finished);
    assert!(output.contains("33 91"), "{output:?}");
    let home = postern_pty::Account::current().unwrap().home;
    let home = home.to_str().unwrap();
    assert!(output.contains(&format!("term=vt220 home={home} in={home}")), "{output:?}");
    assert!(output.contains("zero=-"), "a login shell: {output:?}");
    assert_eq!(client.exit_code, Some(5));
    assert_eq!(client.states, [SessionState::Connected, SessionState::Terminating]);
}

#[tokio::test]
async fn a_stock_client_tells_its_size_afterwards_and_hears_no_status() {
    let mut running = start(bash("stty size; read line; stty size; exit 5"), None);
    running.client.until("the session begins", |client| client.has_begun).await;
    running.client.send(PayloadType::SIZE, r#"{"cols":120,"rows":40}"#);
    running.client.until_output("40 120").await;
    running.client.send(PayloadType::SIZE, r#"{"cols":70000,"rows":10}"#);
    running.client.type_text("\n");
    let (client, end) = running.end().await;
    assert_eq!(end, End::Finished);
    assert!(client.output().contains("10 65535"), "{:?}", client.output());
    assert_eq!(client.exit_code, None);
}

#[tokio::test]
async fn a_client_without_a_size_gets_its_shell_all_the_same() {
    let running = start(bash("stty size"), None);
    let (client, end) = running.end().await;
    assert_eq!((client.output().trim(), end), ("24 80", End::Finished));
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_the_connection_breaks_again_and_again() {
    let mut running = start(bash("stty -echo -onlcr; echo go; head -n 20000; seq 1 40000; exit 3"), ours());
    running.client.until_output("go\n").await;
    running.client.stdout.clear();
    let lines: String = (1..=20_000).map(|number| format!("in{number}\n")).collect();
    let mut input = Bytes::from(lines.clone());
    for round in 1..=12 {
        let cut = input.len().min(14_000);
        running.client.send(PayloadType::OUTPUT, input.split_to(cut));
        let wanted = round * 9_000;
        let is_back = |client: &Client| client.connections >= round && client.stdout.len() >= wanted;
        running.client.until("a connection with some output", is_back).await;
        running.client.cut();
    }
    running.client.send(PayloadType::OUTPUT, input);
    let (client, end) = running.end().await;
    assert_eq!(end, End::Finished);
    let numbers: String = (1..=40_000).map(|number| format!("{number}\n")).collect();
    assert!(client.stdout == (lines + &numbers).as_bytes(), "the streams differ");
    assert!(client.connections > 10, "{}", client.connections);
    assert_eq!(client.exit_code, Some(3));
    assert_eq!(client.states, [SessionState::Connected, SessionState::Terminating], "once each");
}

#[tokio::test]
async fn control_c_stops_a_flood_that_nobody_reads() {
    let mut running = start(bash("trap 'echo; echo stopped; exit 7' INT; yes; sleep 1"), ours());
    running.client.until_output("y\r\ny\r\n").await;
    // The client's terminal stands still: the window fills, and the agent stops reading the program.
    running.client.is_taking = false;
    let before = running.client.stdout.len();
    let still = tokio::time::timeout(Duration::from_millis(300), async {
        loop {
            running.client.step().await;
        }
    });
    still.await.unwrap_err();
    running.client.type_text("\u{3}");
    running.client.until("the input has left", |client| client.channel.is_drained()).await;
    running.client.is_taking = true;
    let (client, end) = running.end().await;
    assert_eq!((client.exit_code, end), (Some(7), End::Finished));
    assert!(client.output().ends_with("stopped\r\n"));
    let rest = client.stdout.len() - before;
    assert!(rest <= 256 * 1024, "{rest} bytes still came");
}

#[tokio::test]
async fn a_program_that_does_not_read_holds_its_client_back_and_loses_nothing() {
    let mut running = start(bash("stty raw -echo; echo ready; sleep 0.7; exec head -c 1500000"), ours());
    running.client.until_output("ready\n").await;
    running.client.stdout.clear();
    let pasted: Vec<u8> = (0..1_500_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    running.client.send(PayloadType::OUTPUT, pasted.clone());
    let (client, end) = running.end().await;
    assert_eq!(end, End::Finished);
    assert!(client.stdout == pasted, "the streams differ");
}

#[tokio::test]
async fn the_service_ends_a_session_and_nothing_stays_behind() {
    for by_mailbox in [true, false] {
        let mut running = start(bash("sleep 1234 & echo pids=$$,$!,; wait"), ours());
        running.client.until("the process ids", |client| client.output().matches(',').count() == 2).await;
        let pids: Vec<i32> = running
            .client
            .output()
            .split_once('=')
            .unwrap()
            .1
            .split(',')
            .take(2)
            .map(|pid| pid.trim().parse().unwrap())
            .collect();
        if by_mailbox {
            running.mailbox.send(Terminate).await.unwrap();
        } else {
            running.client.close_channel();
        }
        let (client, end) = running.end().await;
        assert_eq!(end, End::Terminated);
        assert_eq!(client.exit_code, None);
        let gone = tokio::time::timeout(PATIENCE, async {
            while pids.iter().any(|pid| is_alive(*pid)) {
                tokio::task::yield_now().await;
            }
        });
        gone.await.expect("the processes are gone");
    }
}

#[tokio::test]
async fn a_foreground_job_that_is_deaf_to_hangups_ends_with_its_session() {
    let properties = json!({"commands": "exec bash --norc --noprofile -i"});
    let mut running = start(document("InteractiveCommands", &properties), ours());
    running.client.until("the session begins", |client| client.has_begun).await;
    running.client.type_text("(trap '' HUP; echo pid=$BASHPID, $((1+1)); while :; do sleep 0.05; done)\n");
    running.client.until_output(", 2").await;
    let output = running.client.output();
    let pid: i32 = output.rsplit_once("pid=").unwrap().1.split(',').next().unwrap().parse().unwrap();
    running.mailbox.send(Terminate).await.unwrap();
    let (_, end) = running.end().await;
    assert_eq!(end, End::Terminated);
    tokio::time::timeout(PATIENCE, async {
        while is_alive(pid) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the job is gone");
}

#[tokio::test]
async fn the_shell_profile_is_typed_first() {
    let profile = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream",
        "inputs": {"shellProfile": {"linux": "cd /tmp; PS1='p> '"}}});
    let mut running = start(profile, ours());
    running.client.until("the session begins", |client| client.has_begun).await;
    running.client.type_text("echo now in $PWD; exit\n");
    let (client, _) = running.end().await;
    assert!(client.output().contains("now in /tmp"), "{:?}", client.output());
}
