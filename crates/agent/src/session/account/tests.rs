#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

use serde_json::{Value, json};

use super::*;

/// What a shell of these preferences asks for.
fn asked(inputs: &Value, tag: &str) -> Result<Asked, AccountError> {
    let start = json!({"SessionId": "tester-1", "RunAsUser": tag,
        "DocumentContent": {"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs}});
    let start: SessionStart = serde_json::from_value(start).unwrap();
    let plan = SessionPlan::read(&start).unwrap();
    Asked::read(&start, &plan)
}

fn run_as(default_user: &str) -> Value {
    json!({"runAsEnabled": true, "runAsDefaultUser": default_user})
}

fn root_allowed(mut inputs: Value) -> Value {
    inputs["postern"] = json!({"runAs": {"allowRoot": true}});
    inputs
}

fn policy(default_user: Option<&str>) -> AccountPolicy {
    let default_user = default_user.map(|name| name.parse().unwrap());
    AccountPolicy { default_user, settings_file: "/etc/postern/agent.toml".into(), ..AccountPolicy::default() }
}

fn choice(inputs: &Value, tag: &str, policy: &AccountPolicy, is_root: bool) -> Result<Choice, String> {
    asked(inputs, tag).and_then(|asked| asked.choose(policy, is_root)).map_err(|error| error.to_string())
}

#[cfg(unix)]
#[test]
fn run_as_comes_before_the_default_user_and_the_tag_before_the_preferences() {
    let with_default = policy(Some("ssm-user"));
    let named = |name: &str| Choice::RunAs(name.parse().unwrap());
    let disabled = json!({"runAsEnabled": false, "runAsDefaultUser": "bob"});
    for (inputs, tag, wanted) in [
        (run_as("bob"), "alice", named("alice")),
        (run_as("bob"), " ", named("bob")),
        (root_allowed(run_as("root")), "", named("root")),
        (disabled, "alice", Choice::Default("ssm-user".parse().unwrap())),
    ] {
        assert_eq!(choice(&inputs, tag, &with_default, true).unwrap(), wanted);
    }
}

#[test]
fn a_root_agent_without_an_account_names_the_setting() {
    let nothing = json!({});
    let error = choice(&nothing, "", &policy(None), true).unwrap_err();
    assert!(error.contains("default_user") && error.contains("/etc/postern/agent.toml"), "{error}");
    assert_eq!(choice(&nothing, "", &policy(None), false).unwrap(), Choice::Own);
}

#[cfg(unix)]
#[test]
fn quickstart_is_the_invoking_user_unless_run_as_names_another() {
    let invoking = AccountPolicy { run_as_invoking_user: true, ..policy(None) };
    assert_eq!(choice(&json!({}), "alice", &invoking, true).unwrap(), Choice::Own);
    assert_eq!(choice(&run_as("bob"), "alice", &invoking, true).unwrap(), Choice::RunAs("alice".parse().unwrap()));
}

#[cfg(unix)]
#[test]
fn run_as_refuses_what_it_cannot_do() {
    let refuse = |inputs: &Value, tag: &str| choice(inputs, tag, &policy(Some("ssm-user")), true).unwrap_err();
    assert!(refuse(&run_as(""), "").starts_with("please set the RunAs default user"));
    assert!(refuse(&run_as("$(id)"), "").contains("no account can have"));
    assert!(refuse(&run_as("bob"), "-f").contains("no account can have"));
    assert!(refuse(&run_as("root"), "").contains("inputs.postern.runAs.allowRoot"));
    assert!(refuse(&run_as("bob"), "root").contains("inputs.postern.runAs.allowRoot"));
    let own = json!({"runAsEnabled": true, "postern": {"runAs": {"sudo": "ALL"}}});
    assert!(refuse(&own, "bob").contains("the session preferences cannot be used"));
}

/// The names of root are the node's own affair, so the service cannot know them.
#[cfg(unix)]
#[test]
fn root_is_recognised_by_its_number() {
    let policy = policy(None);
    let account = Account { name: "toor".into(), comment: String::new(), ..Account::by_uid(0).unwrap().unwrap() };
    let judge = |inputs: Value| asked(&inputs, "").unwrap().refuse_root(&"toor".parse().unwrap(), &account, &policy);
    assert!(matches!(judge(run_as("toor")), Err(AccountError::Root(_))));
    assert!(matches!(judge(json!({})), Err(AccountError::RootByDefault(..))));
    judge(root_allowed(run_as("toor"))).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn an_agent_that_is_not_root_runs_sessions_as_itself_alone() {
    let own = Account::current().unwrap();
    let ask = |name: &str| asked(&root_allowed(run_as(name)), "").unwrap();
    let login = ask(&own.name).login(&policy(None)).await.unwrap();
    assert_eq!((login.account.uid, login.run_as), (own.uid, None));
    ask(&own.name).check(&policy(None)).unwrap();
    if own.uid != 0 {
        assert!(matches!(ask("root").login(&policy(None)).await, Err(AccountError::NotRoot(_))));
        assert!(matches!(ask("root").check(&policy(None)), Err(AccountError::NotRoot(_))));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn accounts_are_checked_after_they_are_found() {
    if Account::current().unwrap().uid != 0 {
        postern_testkit::skip("accounts are looked after by root alone");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let policy = |default_user| AccountPolicy { state_dir: folder.path().to_path_buf(), ..policy(default_user) };
    let login = async |inputs: &Value, tag: &str, policy| asked(inputs, tag)?.login(policy).await;
    let none = policy(None);
    let missing = login(&run_as("nosuch"), "", &none).await.unwrap_err().to_string();
    assert_eq!(missing, "failed to start pty since RunAs user nosuch does not exist");
    assert!(matches!(login(&run_as("bob"), "root", &none).await, Err(AccountError::Root(_))));
    assert!(matches!(login(&run_as("daemon"), "", &none).await, Err(AccountError::NoShell(..))));
    let root = login(&root_allowed(run_as("root")), "", &none).await.unwrap();
    assert_eq!((root.account.uid, root.run_as), (0, None));
    let default = login(&json!({}), "", &policy(Some("root"))).await;
    assert!(matches!(default, Err(AccountError::RootByDefault(..))));
    assert!(!folder.path().join("users").exists(), "where nothing is made, nothing is written down");
    // A session that runs nothing.
    let check = |inputs: &Value| asked(inputs, "").unwrap().check(&none);
    check(&run_as("daemon")).unwrap();
    assert!(matches!(check(&run_as("nosuch")), Err(AccountError::UnknownUser(_))));
    check(&json!({"runAsEnabled": true, "runAsDefaultUser": "nosuch", "postern": {"runAs": {"createUser": true}}}))
        .unwrap();
    assert!(matches!(check(&run_as("root")), Err(AccountError::Root(_))));
}
