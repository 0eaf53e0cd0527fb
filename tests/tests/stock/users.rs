//! The users that sessions run as, and what is refused.

use postern_testkit::{Terminal, run, temporary_folder};
use serde_json::json;

use crate::pair::{PATIENCE, Pair, wait_until_no_session_is_active, with_document};

fn who_am_i(terminal: &mut Terminal) -> String {
    terminal.type_text("echo $((40+2))-$(id -un):$(id -u)-$((40+3))\r");
    terminal.expect("42-", PATIENCE);
    terminal.expect("-43", PATIENCE).trim_end_matches("-43").to_string()
}

#[test]
fn sessions_run_as_the_preferred_user_or_not_at_all() {
    let Some(pair) = Pair::start() else { return };
    let behaviour = pair
        .behaviour("run-as: the principal's tag, the user of the preferences, one that is missing, one that is none");
    let etc = pair.agent.etc_folder();
    for (file, lines) in [
        ("passwd", "runner:x:4321:4321::/home/runner:/bin/sh\ntagged:x:4322:4322::/home/tagged:/bin/sh\n"),
        ("group", "runner:x:4321:\ntagged:x:4322:\n"),
    ] {
        let path = etc.join(file);
        let text = std::fs::read_to_string(&path).expect("it was copied") + lines;
        std::fs::write(&path, text).expect("the copy is writable");
    }
    pair.prefer(&json!({"runAsEnabled": true, "runAsDefaultUser": "runner"})).expect_success("preferences");
    let mut terminal = pair.session(&[]);
    assert_eq!(who_am_i(&mut terminal), "runner:4321");
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);

    // The tag of the user who starts the session comes first, and nobody at all is refused by the service.
    let environment = pair.client.environment(&pair.service);
    let aws = |words: &[&str]| run(&pair.client.aws(), words, &environment, PATIENCE);
    let who = aws(&["sts", "get-caller-identity", "--output", "text", "--query", "Arn"]).expect_success("who").stdout;
    let user = who.trim().rsplit('/').next().expect("a user").to_owned();
    let tag = ["iam", "tag-user", "--user-name", &user, "--tags", "Key=SSMSessionRunAs,Value=tagged"];
    aws(&tag).expect_success("tag-user");
    let mut terminal = pair.session(&[]);
    assert_eq!(who_am_i(&mut terminal), "tagged:4322");
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);
    aws(&["iam", "untag-user", "--user-name", &user, "--tag-keys", "SSMSessionRunAs"]).expect_success("untag-user");
    pair.prefer(&json!({"runAsEnabled": true})).expect_success("preferences");
    let refused = aws(&["ssm", "start-session", "--target", pair.agent.node_id()]);
    assert!(refused.stderr.contains("no user is named"), "{refused:#?}");

    pair.prefer(&json!({"runAsEnabled": true, "runAsDefaultUser": "nobody-here"})).expect_success("preferences");
    let mut terminal = pair.session(&[]);
    terminal.expect("failed to start pty since RunAs user nobody-here does not exist", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);

    // The agent hands the name to a shell as root.
    let refused = pair.prefer(&json!({"runAsEnabled": true, "runAsDefaultUser": "$(touch /tmp/pwned)"}));
    assert!(refused.stderr.contains("InvalidDocument"), "{refused:#?}");

    pair.prefer(&json!({"shellProfile": {"linux": "cd /usr; echo profile-$((40+2))", "windows": ""}}))
        .expect_success("preferences");
    let mut terminal = pair.session(&[]);
    terminal.expect("profile-42", PATIENCE);
    assert!(who_am_i(&mut terminal).starts_with("ssm-user:"));
    terminal.type_text("pwd; exit\r");
    terminal.expect("/usr\r", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);

    // A command that is to run elevated: a document of the operator's own.
    let folder = temporary_folder();
    let file = folder.path().join("elevated.json");
    let document = json!({"schemaVersion": "1.0", "sessionType": "InteractiveCommands",
        "parameters": {"word": {"type": "String", "allowedPattern": "^[a-z]+$"}},
        "properties": {"linux": {"commands": "echo {{ word }}; id -un", "runAsElevated": true}}});
    std::fs::write(&file, document.to_string()).expect("the folder is writable");
    let content = format!("file://{}", file.display());
    let create = ["ssm", "create-document", "--document-type", "Session", "--name", "Elevated", "--content", &content];
    run(&pair.client.aws(), create, &pair.client.environment(&pair.service), PATIENCE)
        .expect_success("create-document");
    let mut terminal = pair.session(&with_document("Elevated", r#"{"word":["hello"]}"#));
    terminal.expect("hello", PATIENCE);
    terminal.expect("root", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);
    wait_until_no_session_is_active(&pair.service);
    behaviour.holds();
}
