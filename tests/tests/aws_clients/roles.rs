//! Sessions with nodes by whoever acts as a role.

use postern_testkit::{
    Agent, Behaviour, Output, PythonEnvironment, Scheme, Service, VERSION, program, run, temporary_folder,
};
use serde_json::{Value, json};

use crate::PATIENCE;

#[test]
fn a_role_narrowed_to_one_node_opens_a_session_there_and_nothing_else() {
    let Some(python) = PythonEnvironment::get() else {
        return;
    };
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    let folder = temporary_folder();
    let programs = [("aws", python.version("awscli")), ("postern", VERSION), ("postern-agent", VERSION)];
    let behaviour = Behaviour::of("a session by whoever acts as a role, narrowed by a session policy", &programs);
    let mut environment = service.environment();
    environment.push(("PATH".to_string(), python.path_with_plugin(folder.path(), &program("postern"))));
    let aws = |words: &[&str], environment: &[(String, String)]| -> Output {
        run(&python.aws(), [&["--output", "json"], words].concat(), environment, PATIENCE)
    };
    let done = |words: &[&str]| -> Value {
        let done = aws(words, &environment).expect_success(&words.join(" "));
        serde_json::from_str(&done.stdout).unwrap_or_default()
    };
    let me = done(&["sts", "get-caller-identity"]);
    let principal = json!({"AWS": me["Arn"]});
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"},
    ]});
    done(&["iam", "create-role", "--role-name", "ops", "--assume-role-policy-document", &trust.to_string()]);
    let everything = "arn:aws:iam::aws:policy/AdministratorAccess";
    done(&["iam", "attach-role-policy", "--role-name", "ops", "--policy-arn", everything]);
    let node = format!("arn:aws:ssm:*:*:managed-instance/{}", agent.node_id());
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ssm:StartSession",
         "Resource": [node, "arn:aws:ssm:*:*:document/AWS-StartNonInteractiveCommand"]},
        {"Effect": "Allow", "Action": ["ssm:TerminateSession", "ssmmessages:OpenDataChannel"],
         "Resource": "arn:aws:ssm:*:*:session/${aws:userid}-*"},
    ]})
    .to_string();
    let role = format!("arn:aws:iam::{}:role/ops", me["Account"].as_str().expect("it was asked for"));
    let words = ["sts", "assume-role", "--role-arn", &role, "--role-session-name", "jane", "--policy", &policy];
    let issued = &done(&words)["Credentials"];
    let secret = |name: &str| issued[name].as_str().expect("it is a text").to_owned();
    let mut hers = environment.clone();
    hers.retain(|(name, _)| !name.starts_with("AWS_ACCESS_KEY") && !name.starts_with("AWS_SECRET"));
    hers.push(("AWS_ACCESS_KEY_ID".to_owned(), secret("AccessKeyId")));
    hers.push(("AWS_SECRET_ACCESS_KEY".to_owned(), secret("SecretAccessKey")));
    hers.push(("AWS_SESSION_TOKEN".to_owned(), secret("SessionToken")));

    let start = |document: &str| {
        let command = r#"{"command":["echo hello-42"]}"#;
        let words = ["ssm", "start-session", "--target", agent.node_id(), "--document-name", document];
        aws(&[&words[..], &["--parameters", command]].concat(), &hers)
    };
    let ran = start("AWS-StartNonInteractiveCommand").expect_success("the session");
    assert!(ran.stdout.contains("hello-42"), "{ran:?}");
    let denied = start("AWS-StartInteractiveCommand");
    let reason = "because no session policy allows the ssm:StartSession action";
    assert!(
        denied.stderr.contains("assumed-role/ops/jane is not authorized") && denied.stderr.contains(reason),
        "{denied:?}"
    );
    let denied = aws(&["ssm", "describe-sessions", "--state", "Active"], &hers);
    assert!(denied.stderr.contains("(AccessDeniedException)"), "{denied:?}");
    let history = done(&["ssm", "describe-sessions", "--state", "History"]);
    let session = &history["Sessions"][0];
    assert!(session["SessionId"].as_str().is_some_and(|id| id.starts_with("jane-")), "{session}");
    assert!(session["Owner"].as_str().is_some_and(|owner| owner.ends_with(":assumed-role/ops/jane")), "{session}");

    done(&["iam", "detach-role-policy", "--role-name", "ops", "--policy-arn", everything]);
    done(&["iam", "delete-role", "--role-name", "ops"]);
    let refused = start("AWS-StartNonInteractiveCommand");
    assert!(refused.stderr.contains("(UnrecognizedClientException)"), "{refused:?}");
    behaviour.holds();
}
