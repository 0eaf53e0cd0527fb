//! With the system's own tools and real accounts, which need root. Names are random, and what a test has made goes with it.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use postern_model::document::OwnPreferences;
use serde_json::{Value, json};

use super::record::State;
use super::*;
use crate::service::new_uuid;

/// An agent's state folder and a name that nobody has.
struct World {
    folder: tempfile::TempDir,
    name: OsUserName,
}

impl World {
    /// Nothing where there is no root to make users with.
    fn new() -> Option<Self> {
        if Account::current().unwrap().uid != 0 {
            postern_testkit::skip("accounts are looked after by root alone");
            return None;
        }
        let name = format!("postern-t-{}", &new_uuid()[..8]).parse().unwrap();
        Some(Self { folder: tempfile::tempdir().unwrap(), name })
    }

    fn users(&self) -> Users {
        Users::new(self.folder.path())
    }

    async fn enter(&self, run_as: Value, session: &str) -> Result<Option<Account>, UserError> {
        let inputs = json!({"postern": {"runAs": run_as}});
        let preferences = OwnPreferences::parse(inputs.as_object().unwrap()).unwrap().run_as;
        let wanted = Some(&preferences).filter(|preferences| preferences.create_user);
        self.users().enter(&self.name, wanted, &everything_allowed(), session).await
    }

    async fn made(&self, run_as: Value, session: &str) -> Account {
        self.enter(run_as, session).await.unwrap().unwrap()
    }

    fn account(&self) -> Option<Account> {
        Account::by_name(self.name.as_str()).unwrap()
    }

    fn record(&self) -> Record {
        self.users().records.read(&self.name).unwrap().unwrap()
    }
}

/// The home is nobody's any more when the test ends, and so is the account if the test has failed.
impl Drop for World {
    fn drop(&mut self) {
        if let Some(account) = self.account() {
            let _ = sudoers::forbid(Path::new(sudoers::FOLDER), account.uid);
            let _ = Command::new("userdel").arg(self.name.as_str()).status();
        }
        let _ = fs::remove_dir_all(Path::new("/home").join(self.name.as_str()));
    }
}

fn everything_allowed() -> UserPolicy {
    let groups = ["games", "users"].map(|name| name.parse().unwrap()).into();
    UserPolicy { create: true, groups, sudo: true, settings_file: "/etc/postern/agent.toml".into() }
}

fn rule_of(uid: u32) -> Option<String> {
    fs::read_to_string(format!("{}/postern-{uid}", sudoers::FOLDER)).ok()
}

fn groups_of(name: &OsUserName) -> String {
    let groups = Command::new("id").args(["-nG", name.as_str()]).output().unwrap();
    String::from_utf8(groups.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_user_is_made_for_the_first_session_and_goes_with_the_last() {
    let Some(world) = World::new() else { return };
    let run_as = || json!({"createUser": true, "removeUser": true, "removeHome": true});
    let account = world.made(run_as(), "a-1").await;
    assert_eq!((account.name.as_str(), fs::metadata(&account.home).unwrap().uid()), (world.name.as_str(), account.uid));
    assert_eq!(world.made(run_as(), "a-2").await, account);
    world.users().leave("a-1").await;
    assert_eq!(world.account(), Some(account.clone()));
    world.users().leave("a-2").await;
    assert_eq!(world.account(), None);
    assert!(!account.home.exists());
    world.users().leave("a-2").await;
}

#[tokio::test]
async fn groups_and_the_sudo_rule_are_what_the_preferences_say_by_now() {
    let Some(world) = World::new() else { return };
    let account =
        world.made(json!({"createUser": true, "groups": ["games"], "sudo": "ALL=(ALL) NOPASSWD: ALL"}), "a-1").await;
    assert_eq!(groups_of(&world.name), format!("{} games", world.name));
    let path = format!("{}/postern-{}", sudoers::FOLDER, account.uid);
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o440);
    assert!(rule_of(account.uid).unwrap().ends_with(&format!("\n{} ALL=(ALL) NOPASSWD: ALL\n", world.name)));
    // sudo itself says what it has understood.
    let listed = Command::new("sudo").args(["-l", "-U", world.name.as_str()]).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("NOPASSWD: ALL"), "{listed:?}");

    let bad = world.enter(json!({"createUser": true, "sudo": "ALL=((ALL)) ALL"}), "a-2").await;
    assert!(matches!(bad, Err(UserError::SudoRule(_))), "{bad:?}");
    assert!(rule_of(account.uid).unwrap().contains("NOPASSWD"), "what holds goes on");
    world.made(json!({"createUser": true, "groups": ["users"]}), "a-2").await;
    assert_eq!((groups_of(&world.name), rule_of(account.uid)), (format!("{} users", world.name), None));
}

#[tokio::test]
async fn the_node_has_the_last_word() {
    let Some(world) = World::new() else { return };
    let wanted = |run_as: Value| {
        let inputs = json!({"postern": {"runAs": run_as}});
        OwnPreferences::parse(inputs.as_object().unwrap()).unwrap().run_as
    };
    let all = wanted(json!({"createUser": true, "groups": ["games"], "sudo": "ALL=(ALL) ALL"}));
    for (policy, setting) in [
        (UserPolicy { create: false, ..everything_allowed() }, "create_users"),
        (UserPolicy { groups: Vec::new(), ..everything_allowed() }, "create_users_groups"),
        (UserPolicy { sudo: false, ..everything_allowed() }, "create_users_sudo"),
    ] {
        let error = world.users().enter(&world.name, Some(&all), &policy, "a-1").await.unwrap_err().to_string();
        assert!(error.contains(setting) && error.contains("/etc/postern/agent.toml"), "{error}");
    }
    let create = wanted(json!({"createUser": true}));
    for name in ["ALL", "Admins", "jane@corp.example", &"x".repeat(33)] {
        let entered = world.users().enter(&name.parse().unwrap(), Some(&create), &everything_allowed(), "a-1").await;
        assert!(matches!(entered, Err(UserError::Name(_))), "{name}");
    }
    assert_eq!(world.account(), None);
}

#[tokio::test]
async fn a_failure_half_way_leaves_nothing() {
    let Some(world) = World::new() else { return };
    let error = world.enter(json!({"createUser": true, "sudo": "ALL=((ALL)) ALL"}), "a-1").await.unwrap_err();
    assert!(matches!(error, UserError::SudoRule(_)), "{error}");
    assert_eq!(world.account(), None);
    let policy = UserPolicy { groups: vec!["no-such-group".parse().unwrap()], ..everything_allowed() };
    let inputs = json!({"postern": {"runAs": {"createUser": true, "groups": ["no-such-group"]}}});
    let wanted = OwnPreferences::parse(inputs.as_object().unwrap()).unwrap().run_as;
    let error = world.users().enter(&world.name, Some(&wanted), &policy, "a-1").await.unwrap_err();
    assert!(error.to_string().contains("no-such-group"), "{error}");
    assert_eq!(world.account(), None);
}

#[tokio::test]
async fn a_home_that_stays_is_closed_until_its_owner_comes_back() {
    let Some(world) = World::new() else { return };
    let account = world.made(json!({"createUser": true, "removeUser": true}), "a-1").await;
    fs::write(account.home.join("notes"), "mine").unwrap();
    world.users().leave("a-1").await;
    let home = fs::metadata(&account.home).unwrap();
    assert_eq!((world.account(), home.uid(), home.mode() & 0o777), (None, 0, 0o700));
    // Somebody else who is made meanwhile does not get the number.
    let other = World { folder: tempfile::tempdir().unwrap(), name: format!("{}x", world.name).parse().unwrap() };
    let inputs = json!({"postern": {"runAs": {"createUser": true, "removeUser": true, "removeHome": true}}});
    let wanted = OwnPreferences::parse(inputs.as_object().unwrap()).unwrap().run_as;
    let users = world.users();
    let neighbour = users.enter(&other.name, Some(&wanted), &everything_allowed(), "b-1").await.unwrap().unwrap();
    assert_ne!(neighbour.uid, account.uid);
    let again = world.made(json!({"createUser": true}), "a-2").await;
    assert_eq!((again.uid, fs::metadata(&again.home).unwrap().uid()), (account.uid, account.uid));
    assert_eq!(fs::read_to_string(again.home.join("notes")).unwrap(), "mine");
    users.leave("b-1").await;
}

/// Somebody's account with a number of its own choice, for as long as this lives.
struct Squatter(String);

impl Squatter {
    fn with_number(uid: u32) -> Self {
        let name = format!("postern-t-{}", &new_uuid()[..8]);
        let made = Command::new("useradd").args(["--uid", &uid.to_string(), "--no-create-home", &name]).status();
        assert!(made.unwrap().success());
        Self(name)
    }
}

impl Drop for Squatter {
    fn drop(&mut self) {
        let _ = Command::new("userdel").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_number_that_somebody_else_has_taken_is_taken_again_by_nobody() {
    let Some(world) = World::new() else { return };
    let account = world.made(json!({"createUser": true, "removeUser": true, "removeHome": true}), "a-1").await;
    world.users().leave("a-1").await;
    let squatter = Squatter::with_number(account.uid);
    let again = world.made(json!({"createUser": true, "removeUser": true}), "a-2").await;
    assert_ne!(again.uid, account.uid, "nothing was left, so any number will do");
    world.users().leave("a-2").await;
    drop(squatter);

    // What is left of the home would be the other's.
    let _squatter = Squatter::with_number(again.uid);
    let error = world.enter(json!({"createUser": true}), "a-3").await.unwrap_err();
    assert!(matches!(error, UserError::NumberTaken(_, uid, _) if uid == again.uid), "{error}");
    assert_eq!((world.account(), fs::metadata(&again.home).unwrap().uid()), (None, 0));
}

#[tokio::test]
async fn a_home_of_somebody_else_is_in_the_way() {
    let Some(world) = World::new() else { return };
    fs::create_dir(Path::new("/home").join(world.name.as_str())).unwrap();
    let error = world.enter(json!({"createUser": true}), "a-1").await.unwrap_err();
    assert!(matches!(error, UserError::HomeInTheWay(..)), "{error}");
    assert_eq!(world.account(), None);
}

#[tokio::test]
async fn accounts_that_were_there_are_never_ours() {
    let Some(world) = World::new() else { return };
    assert!(Command::new("useradd").arg(world.name.as_str()).status().unwrap().success());
    let run_as = || json!({"createUser": true, "groups": ["games"], "sudo": "ALL=(ALL) ALL", "removeUser": true});
    let account = world.made(run_as(), "a-1").await;
    assert_eq!((groups_of(&world.name), rule_of(account.uid)), (world.name.to_string(), None));
    world.users().leave("a-1").await;
    assert_eq!(world.account(), Some(account));

    // The same where one of ours was replaced meanwhile.
    assert!(Command::new("userdel").arg(world.name.as_str()).status().unwrap().success());
    let ours = world.made(run_as(), "a-2").await;
    assert!(rule_of(ours.uid).is_some());
    assert!(Command::new("userdel").args(["-r", world.name.as_str()]).status().unwrap().success());
    let uid = ours.uid.to_string();
    assert!(Command::new("useradd").args(["--uid", &uid, world.name.as_str()]).status().unwrap().success());
    world.users().leave("a-2").await;
    assert_eq!(world.account().unwrap().comment, "", "the number and the name alone are no proof");
    assert_eq!(rule_of(ours.uid), None, "the rule was ours");
}

#[tokio::test]
async fn what_a_crash_has_left_is_found_by_the_next_agent() {
    let Some(world) = World::new() else { return };
    let run_as = || json!({"createUser": true, "removeUser": true, "removeHome": true});
    // The account was made, and the agent ended before it could write that down.
    let account = world.made(run_as(), "a-1").await;
    let record = Record { state: State::Making, uid: None, ..world.record() };
    world.users().records.write(&record).unwrap();
    world.users().sweep(|session| session == "a-1").await;
    assert_eq!(world.account(), Some(account.clone()), "its session still runs");
    assert_eq!(world.made(run_as(), "a-2").await, account, "and another one finds it");
    world.users().records.write(&Record { state: State::Making, uid: None, ..world.record() }).unwrap();
    world.users().sweep(|_| false).await;
    assert_eq!(world.account(), None);
    assert_eq!(world.record().state, State::Removed);

    // Before anything was made.
    let record = Record { state: State::Making, uid: None, sessions: ["a-3".to_owned()].into(), ..world.record() };
    world.users().records.write(&record).unwrap();
    world.users().sweep(|_| false).await;
    world.made(run_as(), "a-4").await;
    world.users().leave("a-4").await;
    assert_eq!(world.account(), None);
}

#[tokio::test]
async fn what_still_runs_ends_with_the_user() {
    let Some(world) = World::new() else { return };
    let account = world.made(json!({"createUser": true, "removeUser": true, "removeHome": true}), "a-1").await;
    let program = postern_pty::Program {
        program: "sh".into(),
        argv0: None,
        args: ["-c", "trap '' HUP TERM; echo ready; sleep 1000 & sleep 1000"].map(Into::into).into(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        directory: account.home.clone(),
        run_as: Some(account.run_as().unwrap()),
    };
    let pipes = postern_pty::Pipes { stdin: false, stderr: false };
    let mut running = postern_pty::spawn_piped(&program, pipes).unwrap();
    let mut ready = [0; 16];
    assert!(running.stdout.read(&mut ready).await.unwrap() > 0);
    world.users().leave("a-1").await;
    assert_eq!(world.account(), None);
    assert_eq!(running.child.wait().await.unwrap(), postern_pty::ExitStatus::Signal(9));
}

#[tokio::test]
async fn two_sessions_at_once_make_one_user() {
    let Some(world) = World::new() else { return };
    let run_as = || json!({"createUser": true, "removeUser": true, "removeHome": true});
    let entered =
        tokio::join!(world.enter(run_as(), "a-1"), world.enter(run_as(), "a-2"), world.enter(run_as(), "a-3"));
    let accounts = [entered.0, entered.1, entered.2].map(|account| account.unwrap().unwrap());
    assert!(accounts.iter().all(|account| *account == accounts[0]));
    assert_eq!(world.record().sessions.len(), 3);
    let (users, others) = (world.users(), world.users());
    // The last one leaves while the next one comes.
    users.leave("a-1").await;
    users.leave("a-2").await;
    let (_, entered) = tokio::join!(users.leave("a-3"), async {
        others
            .enter(
                &world.name,
                Some(&RunAsPreferences { create_user: true, ..Default::default() }),
                &everything_allowed(),
                "a-4",
            )
            .await
    });
    assert_eq!(world.account(), Some(entered.unwrap().unwrap()));
}
