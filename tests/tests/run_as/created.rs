//! Users that are made for sessions, and go with them.

use std::time::Duration;

use postern_testkit::{Agent, Behaviour, VERSION, eventually};
use serde_json::{Value, json};

use crate::world::{Account, Environment, PATIENCE, World};

const ALLOWED: &str = "create_users = true\ncreate_users_groups = [\"games\"]\ncreate_users_sudo = true\n";

fn preferences() -> Value {
    json!({"runAsEnabled": true, "postern": {"runAs": {"createUser": true, "groups": ["games"],
        "sudo": "ALL=(ALL) NOPASSWD: ALL", "removeUser": true, "removeHome": true}}})
}

/// Somebody who runs sessions as a user that does not exist.
fn stranger(world: &World) -> (Account, Environment) {
    let account = Account::unused();
    let joe = world.user("joe");
    world.tag("joe", &account.0);
    world.prefer(&preferences());
    (account, joe)
}

fn is_gone(account: &Account) {
    eventually("the user that was made to be removed", PATIENCE, || (!account.exists()).then_some(()));
    assert!(!account.home().exists(), "its home was to go, too");
}

#[test]
fn a_user_is_made_for_sessions_and_goes_with_the_last() {
    let Some(world) = World::new(ALLOWED) else { return };
    let programs = [("aws", world.python.version("awscli")), ("postern", VERSION), ("postern-agent", VERSION)];
    let behaviour = Behaviour::of("run-as: users made for sessions, with groups and sudo, and removed", &programs);
    let (account, joe) = stranger(&world);
    // Two at once.
    let script = "id -un; id -nG; sudo -n id -un; id -u; sleep 2";
    let said: Vec<String> = std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| world.exec(&joe, script).expect_success("postern exec").stdout));
        both.map(|one| one.join().expect("it ends")).into()
    });
    let expected = format!("{0}\n{0} games\nroot\n", account.0);
    assert!(said[0].starts_with(&expected), "{said:?}");
    assert_eq!(said[0], said[1], "one user for both");
    is_gone(&account);

    // A shell by the stock CLI, with something left running.
    let mut terminal = world.session(&joe, &[]);
    terminal.type_text("nohup sleep 1000 >/dev/null 2>&1 & echo made-$((40+2)); exit\r");
    terminal.expect("made-42", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);
    is_gone(&account);

    // What runs nothing makes nobody.
    let parameters = r#"{"portNumber":["9"]}"#;
    let port = ["--document-name", "AWS-StartPortForwardingSession", "--parameters", parameters];
    let mut terminal = world.session(&joe, &port);
    terminal.expect("Port ", PATIENCE);
    assert!(!account.exists());
    terminal.type_bytes(&[3]);
    terminal.wait(PATIENCE);
    behaviour.holds();
}

#[test]
fn what_a_crash_leaves_is_removed_by_the_next_agent() {
    let Some(mut world) = World::new(ALLOWED) else { return };
    let (account, joe) = stranger(&world);
    let mut terminal = world.session(&joe, &[]);
    terminal.type_text("echo made-$((40+2))\r");
    terminal.expect("made-42", PATIENCE);
    // The main process alone: the session and its user go on.
    world.agent.kill();
    terminal.type_text("echo still-$((40+2))\r");
    terminal.expect("still-42", PATIENCE);
    world.agent.launch();
    world.agent.wait_until_online(&world.service);
    terminal.type_text("echo adopted-$((40+2))\r");
    terminal.expect("adopted-42", PATIENCE);
    assert!(account.exists());
    // Everything: nobody is left who would remove it.
    world.agent.kill();
    for worker in world.agent.session_workers() {
        postern_testkit::run("kill".as_ref(), ["-9", &worker.to_string()], &[], PATIENCE).expect_success("kill");
    }
    eventually("the workers to be gone", Duration::from_secs(30), || {
        world.agent.session_workers().is_empty().then_some(())
    });
    assert!(account.exists());
    world.agent.launch();
    is_gone(&account);
}

#[test]
fn the_nodes_settings_have_the_last_word() {
    let Some(world) = World::new("") else { return };
    let (account, joe) = stranger(&world);
    let refusals = [
        ("", "create_users in "),
        ("create_users = true\n", "create_users_groups in "),
        ("create_users = true\ncreate_users_groups = [\"games\"]\n", "create_users_sudo in "),
    ];
    for (settings, expected) in refusals {
        let node = Agent::start_configured(&world.service, settings);
        let refused = world.postern(&joe, &["exec", node.node_id(), "--", "true"]);
        assert_eq!(refused.status, Some(255), "{refused:#?}");
        assert!(refused.stderr.contains(expected), "{expected:?} is not in {}", refused.stderr);
        assert!(!account.exists());
    }
}
