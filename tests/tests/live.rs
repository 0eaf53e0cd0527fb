//! What is not allowed any more ends, within seconds and with a sentence for whoever is in it. The stock `aws` CLI changes
//! who may do what and starts the session; our plugin is in it.

use std::time::Duration;

use postern_testkit::{
    Agent, Behaviour, PythonEnvironment, Scheme, Service, Terminal, VERSION, program, run, temporary_folder,
};

const PATIENCE: Duration = Duration::from_secs(60);
/// What the service promises is ten seconds; a machine that is busy with other tests may need more.
const PROMISED: Duration = Duration::from_secs(30);

const STARTS: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:StartSession","Resource":"*"}]}"#;
const DENIES: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ssm:*","Resource":"*"}]}"#;
const STARTS_ON_PROD: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"ssm:StartSession","Resource":"*","Condition":{"StringEquals":{"ssm:resourceTag/env":"prod"}}},
    {"Effect":"Allow","Action":"ssm:StartSession","Resource":"arn:aws:ssm:*:*:document/*"}]}"#;

struct World {
    python: &'static PythonEnvironment,
    service: Service,
    agent: Agent,
    folder: tempfile::TempDir,
}

type Environment = Vec<(String, String)>;

impl World {
    fn new() -> Option<Self> {
        let python = PythonEnvironment::get()?;
        let service = Service::start(Scheme::Https);
        let agent = Agent::start(&service);
        Some(Self { python, service, agent, folder: temporary_folder() })
    }

    /// The administrator's, or that of somebody with another key.
    fn environment(&self, key: Option<(&str, &str)>) -> Environment {
        let mut environment = self.service.environment();
        if let Some((id, secret)) = key {
            environment.retain(|(name, _)| name != "AWS_ACCESS_KEY_ID" && name != "AWS_SECRET_ACCESS_KEY");
            environment.push(("AWS_ACCESS_KEY_ID".to_owned(), id.to_owned()));
            environment.push(("AWS_SECRET_ACCESS_KEY".to_owned(), secret.to_owned()));
        }
        let path = self.python.path_with_plugin(self.folder.path(), &program("postern"));
        environment.push(("PATH".to_owned(), path));
        environment.push(("AWS_PAGER".to_owned(), String::new()));
        environment
    }

    fn aws(&self, words: &[&str]) -> String {
        let done = run(&self.python.aws(), words, &self.environment(None), PATIENCE);
        done.expect_success(&words.join(" ")).stdout
    }

    fn user(&self, name: &str) -> (String, Environment) {
        self.aws(&["iam", "create-user", "--user-name", name]);
        self.key(name)
    }

    /// A new key, and an environment with it.
    fn key(&self, name: &str) -> (String, Environment) {
        let query = "AccessKey.[AccessKeyId,SecretAccessKey]";
        let text = ["iam", "create-access-key", "--user-name", name, "--output", "text", "--query", query];
        let made = self.aws(&text);
        let (id, secret) = made.trim().split_once('\t').expect("two columns");
        (id.to_owned(), self.environment(Some((id, secret))))
    }

    fn put_policy(&self, user: &str, name: &str, document: &str) {
        let named = ["--user-name", user, "--policy-name", name, "--policy-document", document];
        self.aws(&[&["iam", "put-user-policy"], &named[..]].concat());
    }

    fn delete_policy(&self, user: &str, name: &str) {
        self.aws(&["iam", "delete-user-policy", "--user-name", user, "--policy-name", name]);
    }

    fn tag(&self, words: &[&str]) {
        let node = ["--resource-type", "ManagedInstance", "--resource-id", self.agent.node_id()];
        self.aws(&[&["ssm", words[0]], &node[..], &words[1..]].concat());
    }

    /// A shell, by the stock CLI and our plugin.
    fn shell(&self, environment: &Environment) -> Terminal {
        let start = ["ssm", "start-session", "--target", self.agent.node_id()];
        let mut terminal = Terminal::start(&self.python.aws(), &start, environment);
        answers(&mut terminal, "ready");
        terminal
    }
}

fn answers(terminal: &mut Terminal, word: &str) {
    terminal.type_text(&format!("echo {word}-$((40+2))\r"));
    terminal.expect(&format!("{word}-42"), PATIENCE);
}

/// The session ends, and its user reads why.
fn is_cut(mut terminal: Terminal, because: &str) {
    terminal.expect("Ended by the service: arn:aws:iam::000000000000:user/", PROMISED);
    terminal.expect(because, PROMISED);
    terminal.wait(PROMISED);
}

const NOT_ALLOWED: &str = "because no identity-based policy allows the ssm:StartSession action";
const NO_KEY: &str = "because the access key that it was started with is not active any more";

#[test]
fn whatever_takes_the_right_away_cuts_the_session_and_no_other() {
    let Some(world) = World::new() else { return };
    let programs = [("aws", world.python.version("awscli")), ("postern", VERSION), ("postern-agent", VERSION)];
    let behaviour = Behaviour::of("a session that is not allowed any more: cut, and its user told", &programs);
    let (_, his) = world.user("joe");
    world.put_policy("joe", "start", STARTS);
    let mut undisturbed = world.shell(&his);

    let (key, hers) = world.user("jane");
    world.put_policy("jane", "start", STARTS);
    let shell = world.shell(&hers);
    world.delete_policy("jane", "start");
    is_cut(shell, NOT_ALLOWED);
    answers(&mut undisturbed, "deleted");

    let everything = "arn:aws:iam::aws:policy/AdministratorAccess";
    let attached = ["--user-name", "jane", "--policy-arn", everything];
    world.aws(&[&["iam", "attach-user-policy"], &attached[..]].concat());
    let shell = world.shell(&hers);
    world.aws(&[&["iam", "detach-user-policy"], &attached[..]].concat());
    is_cut(shell, NOT_ALLOWED);
    answers(&mut undisturbed, "detached");

    world.put_policy("jane", "start", STARTS);
    let shell = world.shell(&hers);
    world.put_policy("jane", "deny", DENIES);
    is_cut(shell, "with an explicit deny in an identity-based policy");
    world.delete_policy("jane", "deny");
    answers(&mut undisturbed, "denied");

    world.put_policy("jane", "start", STARTS_ON_PROD);
    world.tag(&["add-tags-to-resource", "--tags", "Key=env,Value=prod"]);
    let shell = world.shell(&hers);
    world.tag(&["remove-tags-from-resource", "--tag-keys", "env"]);
    is_cut(shell, NOT_ALLOWED);
    world.put_policy("jane", "start", STARTS);
    answers(&mut undisturbed, "untagged");

    let shell = world.shell(&hers);
    let of_key = ["--user-name", "jane", "--access-key-id", &key];
    world.aws(&[&["iam", "update-access-key"], &of_key[..], &["--status", "Inactive"]].concat());
    is_cut(shell, NO_KEY);
    answers(&mut undisturbed, "inactive");

    let (other, hers) = world.key("jane");
    let shell = world.shell(&hers);
    for key in [&key, &other] {
        world.aws(&["iam", "delete-access-key", "--user-name", "jane", "--access-key-id", key]);
    }
    world.delete_policy("jane", "start");
    world.aws(&["iam", "delete-user", "--user-name", "jane"]);
    is_cut(shell, NO_KEY);
    answers(&mut undisturbed, "gone");

    let (_, hers) = world.user("june");
    world.put_policy("june", "start", STARTS);
    let shell = world.shell(&hers);
    world.service.postern(["lock", "june", "--reason", "she left"]);
    is_cut(shell, "because the user is locked, whatever policies say");
    let start = ["ssm", "start-session", "--target", world.agent.node_id()];
    let refused = run(&world.python.aws(), start, &hers, PATIENCE);
    assert!(refused.stderr.contains("because the user is locked"), "{refused:?}");
    world.service.postern(["unlock", "june"]);
    let shell = world.shell(&hers);
    answers(&mut undisturbed, "locked");

    let query = "Sessions[].Details";
    let history = world.aws(&["ssm", "describe-sessions", "--state", "History", "--output", "text", "--query", query]);
    assert_eq!(history.matches("Ended by the service: ").count(), 7, "the history says why: {history}");
    assert!(world.service.log().contains("a session that is not allowed any more is ended"), "and so does the log");

    world.service.postern(["lock", world.agent.node_id()]);
    for shell in [undisturbed, shell] {
        is_cut(shell, "because the node is locked, whatever policies say");
    }
    let refused = run(&world.python.aws(), start, &hers, PATIENCE);
    assert!(refused.stderr.contains("because the node is locked"), "{refused:?}");
    world.service.postern(["unlock", world.agent.node_id()]);
    let mut shell = world.shell(&hers);
    shell.type_text("exit\r");
    assert_eq!(shell.wait(PATIENCE), 0);
    behaviour.holds();
}

/// A user is refused, learns why, and is allowed once the policy says so; when the policy is gone, the session is cut.
#[test]
fn a_refusal_is_explained_and_ends_when_the_policy_changes() {
    let Some(world) = World::new() else { return };
    let programs = [("aws", world.python.version("awscli")), ("postern", VERSION), ("postern-agent", VERSION)];
    let behaviour = Behaviour::of("a refusal: explained, statement by statement, until the policy changes", &programs);
    let node = world.agent.node_id();
    let start = ["ssm", "start-session", "--target", node];
    let about_node = ["--action", "ssm:StartSession", "--resource", node];
    let explain = |environment: &Environment, more: &[&str]| {
        let words = [&["policy", "explain"], &about_node[..], more].concat();
        run(&program("postern"), words, environment, PATIENCE)
    };
    let (admin, as_jane) = (world.environment(None), ["--as", "jane"]);
    let (_, hers) = world.user("jane");
    world.put_policy("jane", "start", STARTS_ON_PROD);

    let refused = run(&world.python.aws(), start, &hers, PATIENCE);
    let says = format!(
        "An error occurred (AccessDeniedException) when calling the StartSession operation: User: \
         arn:aws:iam::000000000000:user/jane is not authorized to perform: ssm:StartSession on resource: \
         arn:aws:ssm:us-east-1:000000000000:managed-instance/{node} {NOT_ALLOWED}"
    );
    assert!(refused.stderr.contains(&says) && refused.status == Some(255), "{refused:?}");
    let told = explain(&hers, &[]);
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(told.stdout.contains(NOT_ALLOWED) && told.stdout.contains("policies that you may not read"), "{told:?}");
    assert!(!told.stdout.contains("user/jane/start"), "she may not read policies: {told:?}");
    let told = explain(&admin, &as_jane);
    let wanted = "its condition StringEquals on ssm:resourceTag/env asks for \"prod\", and the request has no such key";
    assert!(told.stdout.contains(wanted) && told.stdout.contains("Allow in user/jane/start, statement 0"), "{told:?}");
    assert_eq!(told.status, Some(1), "{told:?}");

    let tried = Behaviour::of("policies are tried out on requests that nobody makes", &programs[..1]);
    let jane = "arn:aws:iam::000000000000:user/jane";
    let supposed = "ContextKeyName=ssm:resourceTag/env,ContextKeyValues=prod,ContextKeyType=string";
    let simulate = ["iam", "simulate-principal-policy", "--policy-source-arn", jane, "--context-entries", supposed];
    let query = "EvaluationResults[].[EvalDecision,MatchedStatements[0].SourcePolicyId]";
    let asked = ["--action-names", "ssm:StartSession", "ssm:ListNodes", "--output", "text", "--query", query];
    assert_eq!(world.aws(&[&simulate[..], &asked].concat()), "allowed\tuser_jane_start\nimplicitDeny\tNone\n");
    tried.holds();

    world.put_policy("jane", "deny", DENIES);
    let refused = run(&world.python.aws(), start, &hers, PATIENCE);
    assert!(refused.stderr.contains("with an explicit deny in an identity-based policy"), "{refused:?}");
    assert!(!refused.stderr.contains("user/jane/deny"), "which one it was is not hers to know: {refused:?}");
    let logged = "Deny in identity-based policy user/jane/deny, statement 0";
    assert!(world.service.log().contains(logged), "the log names the statement");
    let told = explain(&admin, &[&as_jane[..], &["--json"]].concat());
    let answer: serde_json::Value = serde_json::from_str(&told.stdout).expect("it is JSON");
    assert_eq!(answer["Decision"], "explicitDeny");
    assert_eq!(answer["Questions"][0]["Statements"][0]["Policy"], "user/jane/deny");
    world.delete_policy("jane", "deny");

    world.tag(&["add-tags-to-resource", "--tags", "Key=env,Value=prod"]);
    let told = explain(&admin, &as_jane);
    assert_eq!(told.status, Some(0), "{told:?}");
    let shell = world.shell(&hers);
    world.delete_policy("jane", "start");
    is_cut(shell, NOT_ALLOWED);
    let told = explain(&admin, &as_jane);
    assert!(told.status == Some(1) && told.stdout.contains(NOT_ALLOWED), "{told:?}");
    behaviour.holds();

    world.put_policy("jane", "start", STARTS);
    world.service.postern(["lock", node, "--reason", "being mended"]);
    let told = explain(&hers, &[]);
    assert!(told.stdout.contains("because the node is locked, whatever policies say"), "{told:?}");
    let nodes = world.service.postern(["nodes"]).stdout;
    assert!(nodes.contains("Online, locked"), "{nodes}");
    let locks = world.service.postern(["locks"]).stdout;
    assert!(locks.contains(node) && locks.contains("being mended"), "{locks}");
    world.service.postern(["unlock", node]);
    assert!(!world.service.postern(["nodes"]).stdout.contains("locked"));
}

/// The database says nothing for a while: nobody is cut for that, and what changed meanwhile counts as soon as it speaks.
#[test]
fn sessions_go_on_while_the_store_cannot_say_what_is_allowed() {
    let Some(world) = World::new() else { return };
    let (_, hers) = world.user("jane");
    world.put_policy("jane", "start", STARTS);
    let mut shell = world.shell(&hers);
    let script = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=30).executescript(sys.argv[2])";
    let database = world.service.folder().join("postern.db");
    let sql = |statement: &str| {
        let words = ["-c".as_ref(), script.as_ref(), database.as_os_str(), statement.as_ref()];
        run(&world.python.python(), words, &[], PATIENCE).expect_success(statement);
    };
    // Otherwise the triggers would go with the name.
    sql("PRAGMA legacy_alter_table = ON; ALTER TABLE decision RENAME TO lost");
    postern_testkit::eventually("the service says that it cannot ask", PATIENCE, || {
        world.service.log().contains("they go on meanwhile").then_some(())
    });
    answers(&mut shell, "meanwhile");
    sql("PRAGMA legacy_alter_table = ON; ALTER TABLE lost RENAME TO decision");
    world.delete_policy("jane", "start");
    is_cut(shell, NOT_ALLOWED);
}
