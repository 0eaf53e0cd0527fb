//! The principal's tag, else the preferences, else nobody: for every type of session.

use std::os::unix::fs::MetadataExt as _;

use postern_testkit::{Behaviour, VERSION, echo_server};
use serde_json::json;

use crate::world::{Account, PATIENCE, World};

#[test]
fn the_tag_names_the_user_else_the_preferences_else_nobody() {
    let Some(world) = World::new("default_user = \"nobody\"\n") else { return };
    let programs = [("aws", world.python.version("awscli")), ("postern", VERSION), ("postern-agent", VERSION)];
    let behaviour =
        Behaviour::of("run-as: the principal's tag, the preferences, or nobody; policies see whom", &programs);
    let (preferred, tagged) = (Account::made(), Account::made());
    let joe = world.user("joe");
    world.prefer(&json!({"runAsEnabled": true, "runAsDefaultUser": preferred.0}));
    world.shell_is(&joe, &preferred.0);
    world.tag("joe", &tagged.0);
    world.shell_is(&joe, &tagged.0);

    // A tag of a session of a role comes before the role's own.
    let jane = world.role_session(&joe, "operators", &preferred.0);
    world.shell_is(&jane, &preferred.0);

    // Policies see the user, whoever has named it.
    world.may_start("joe", &json!({"StringEquals": {"postern:RunAsUser": preferred.0}}));
    world.is_refused(&joe, &["AccessDenied", "no identity-based policy allows"]);
    world.may_start("joe", &json!({"StringEquals": {"postern:RunAsUser": "${aws:PrincipalTag/SSMSessionRunAs}"}}));
    world.shell_is(&joe, &tagged.0);
    world.may_start("joe", &json!({}));

    // Nobody falls back to anything.
    world.tag("joe", "nobody-here");
    let mut terminal = world.session(&joe, &[]);
    terminal.expect("failed to start pty since RunAs user nobody-here does not exist", PATIENCE);
    terminal.wait(PATIENCE);
    world.tag("joe", "-rf");
    world.is_refused(
        &joe,
        &["AccessDenied", "The tag SSMSessionRunAs of arn:aws:iam::000000000000:user/joe names no user"],
    );
    world.tag("joe", "root");
    world.is_refused(&joe, &["AccessDenied", "names root", "inputs.postern.runAs.allowRoot"]);
    world.aws(&["iam", "untag-user", "--user-name", "joe", "--tag-keys", "SSMSessionRunAs"]);
    world.prefer(&json!({"runAsEnabled": true}));
    world.is_refused(&joe, &["InvalidDocument", "no user is named", "inputs.runAsDefaultUser"]);
    let allowed = json!({"runAs": {"allowRoot": true}});
    world.prefer(&json!({"runAsEnabled": true, "runAsDefaultUser": "root", "postern": allowed}));
    world.shell_is(&joe, "root");
    behaviour.holds();
}

#[test]
fn every_type_of_session_obeys() {
    let Some(world) = World::new("default_user = \"nobody\"\n") else { return };
    let account = Account::made();
    let joe = world.user("joe");
    world.tag("joe", &account.0);
    world.prefer(&json!({"runAsEnabled": true}));

    let command =
        ["--document-name", "AWS-StartInteractiveCommand", "--parameters", r#"{"command":["echo is-$(id -un)"]}"#];
    let mut terminal = world.session(&joe, &command);
    terminal.expect(&format!("is-{}", account.0), PATIENCE);
    terminal.wait(PATIENCE);

    let done = world.exec(&joe, "id -un; echo $HOME").expect_success("postern exec");
    assert_eq!(done.stdout, format!("{}\n{}\n", account.0, account.home().display()));

    let file = world.folder.path().join("file");
    std::fs::write(&file, "copied").expect("the folder is writable");
    let there = format!("{}:{}/file", world.agent.node_id(), account.home().display());
    world.postern(&joe, &["cp", file.to_str().expect("UTF-8"), &there]).expect_success("postern cp");
    let uid = |path: &std::path::Path| std::fs::metadata(path).expect("it is there").uid();
    assert_eq!(uid(&account.home().join("file")), uid(&account.home()));

    // A tunnel runs nothing. Whoever may have no shell there has no tunnel either.
    let echo = echo_server("127.0.0.1:0").port();
    world.tag("joe", "nobody-here");
    let parameters = format!(r#"{{"portNumber":["{echo}"]}}"#);
    let mut terminal =
        world.session(&joe, &["--document-name", "AWS-StartPortForwardingSession", "--parameters", &parameters]);
    terminal.expect("RunAs user nobody-here does not exist", PATIENCE);
    terminal.wait(PATIENCE);
    let refused = world.exec(&joe, "true");
    assert_eq!(refused.status, Some(255));
    assert!(refused.stderr.contains("RunAs user nobody-here does not exist"), "{refused:#?}");
}
