//! Users, groups, roles and policies through boto3 and the aws CLI.

use postern_model::{Operation, Protocol};
use postern_testkit::{Behaviour, PythonEnvironment, Scheme, Service, run};

use crate::{PATIENCE, expect_shown, script};

/// The operations about temporary credentials, which have a script of their own.
const TEMPORARY: [Operation; 10] = [
    Operation::AssumeRole,
    Operation::GetSessionToken,
    Operation::GetAccessKeyInfo,
    Operation::CreateVirtualMFADevice,
    Operation::EnableMFADevice,
    Operation::DeactivateMFADevice,
    Operation::ListMFADevices,
    Operation::ListVirtualMFADevices,
    Operation::DeleteVirtualMFADevice,
    Operation::ResyncMFADevice,
];

/// The operations about what policies would say, which have one, too.
const SIMULATIONS: [Operation; 4] = [
    Operation::SimulatePrincipalPolicy,
    Operation::SimulateCustomPolicy,
    Operation::GetContextKeysForPrincipalPolicy,
    Operation::GetContextKeysForCustomPolicy,
];

fn query_operations(which: impl Fn(Operation) -> bool) -> Vec<&'static str> {
    let is_form = |operation: &Operation| matches!(operation.service().protocol(), Protocol::Query(_));
    let operations = Operation::ALL.iter().copied().filter(is_form).filter(|operation| which(*operation));
    operations.map(Operation::name).collect()
}

#[test]
fn a_boto3_script_acts_as_roles_and_shows_one_time_codes() {
    let Some(python) = PythonEnvironment::get() else {
        return;
    };
    let service = Service::start(Scheme::Http);
    let behaviours = ["a role is acted as, until it is gone", "one-time codes are a second factor, once each"];
    expect_shown(&behaviours, ("boto3", python.version("boto3")), || {
        let operations = query_operations(|operation| TEMPORARY.contains(&operation));
        let script = script("temporary_credentials.py").into_os_string();
        let words = [script, operations.join(",").into(), python.aws().into()];
        run(&python.python(), words, &service.environment(), PATIENCE * 3)
    });
    let log = service.log();
    assert!(log.contains("a wrong one-time code"), "it is written down");
    for secret in ["SessionToken", "TokenCode", "Base32StringSeed", "a-secret"] {
        assert!(!log.contains(secret), "{secret} reached a log");
    }
}

#[test]
fn a_boto3_script_tries_policies_out() {
    let Some(python) = PythonEnvironment::get() else {
        return;
    };
    let service = Service::start(Scheme::Http);
    let behaviours = ["policies are tried out on requests that nobody makes"];
    expect_shown(&behaviours, ("boto3", python.version("boto3")), || {
        let operations = query_operations(|operation| SIMULATIONS.contains(&operation));
        let words = [script("simulations.py").into_os_string(), operations.join(",").into()];
        run(&python.python(), words, &service.environment(), PATIENCE)
    });
}

#[test]
fn a_boto3_script_calls_every_operation_on_identities() {
    let Some(python) = PythonEnvironment::get() else {
        return;
    };
    let service = Service::start(Scheme::Http);
    let behaviours = [
        "who is calling, and as whom",
        "users, groups and their access keys are made, changed and removed",
        "roles and their trust are made, changed and removed",
        "policies are kept in versions, attached and detached",
    ];
    let operations = query_operations(|operation| {
        let others = [&TEMPORARY[..], &SIMULATIONS, &crate::web_identity::OPERATIONS];
        !others.iter().any(|others| others.contains(&operation))
    });
    expect_shown(&behaviours, ("boto3", python.version("boto3")), || {
        let words = [script("identities.py").into_os_string(), operations.join(",").into()];
        run(&python.python(), words, &service.environment(), PATIENCE)
    });
    assert!(!service.log().contains("SecretAccessKey"), "no answer reaches a log");
}

#[test]
fn the_aws_cli_makes_a_user_who_may_nothing_until_allowed() {
    let Some(python) = PythonEnvironment::get() else {
        return;
    };
    let service = Service::start(Scheme::Http);
    let behaviour = Behaviour::of(
        "users, groups and their access keys are made, changed and removed",
        &[("aws", python.version("awscli"))],
    );
    let mut environment = service.environment();
    environment.push(("AWS_PAGER".to_string(), String::new()));
    let aws = |words: &[&str], environment: &[(String, String)]| run(&python.aws(), words, environment, PATIENCE);
    let done = |words: &[&str]| aws(words, &environment).expect_success(&words.join(" ")).stdout;
    done(&["iam", "create-user", "--user-name", "jane"]);
    let text = ["iam", "create-access-key", "--user-name", "jane", "--output", "text", "--query"];
    let made = done(&[&text[..], &["AccessKey.[AccessKeyId,SecretAccessKey]"]].concat());
    let (id, secret) = made.trim().split_once('\t').expect("two columns");
    let hers: Vec<(String, String)> = environment
        .iter()
        .filter(|(name, _)| !name.starts_with("AWS_ACCESS_KEY") && !name.starts_with("AWS_SECRET"))
        .cloned()
        .chain([
            ("AWS_ACCESS_KEY_ID".to_string(), id.to_string()),
            ("AWS_SECRET_ACCESS_KEY".to_string(), secret.to_string()),
        ])
        .collect();
    let denied = aws(&["iam", "list-users"], &hers);
    assert!(
        denied.stderr.contains("(AccessDenied)") && denied.stderr.contains(":user/jane is not authorized"),
        "{denied:?}"
    );
    let denied = aws(&["ssm", "describe-sessions", "--state", "Active"], &hers);
    assert!(denied.stderr.contains("(AccessDeniedException)"), "{denied:?}");
    let policy = "arn:aws:iam::aws:policy/AdministratorAccess";
    done(&["iam", "attach-user-policy", "--user-name", "jane", "--policy-arn", policy]);
    aws(&["ssm", "describe-sessions", "--state", "Active"], &hers).expect_success("as an administrator");
    done(&["iam", "update-access-key", "--user-name", "jane", "--access-key-id", id, "--status", "Inactive"]);
    let refused = aws(&["iam", "list-users"], &hers);
    assert!(refused.stderr.contains("(InvalidClientTokenId)"), "{refused:?}");
    behaviour.holds();
}
