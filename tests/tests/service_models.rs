//! AWS's own service models, as botocore ships them, against a running service: every operation, with the least, the most
//! and the wrong of input. What is done and how it is judged is in `service_models/walk.py`.

use std::path::Path;
use std::time::Duration;

use postern_model::{Operation, Protocol, Service as Api};
use postern_testkit::{Agent, Behaviour, PythonEnvironment, Scheme, Service, run};

const PATIENCE: Duration = Duration::from_secs(180);

#[test]
fn every_operation_is_what_botocores_model_says() {
    let Some(python) = PythonEnvironment::get() else {
        return;
    };
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    // Those of the Query protocol have no wrong types, and their errors another form; `aws_clients/identities.py` calls
    // each of them.
    // AWS has no model of what is ours alone.
    let is_json = |operation: &&Operation| {
        matches!(operation.service().protocol(), Protocol::Json(_)) && operation.service() != Api::Postern
    };
    let operations: Vec<_> =
        Operation::ALL.iter().filter(is_json).map(|operation| [operation.service().name(), operation.name()]).collect();
    let operations = serde_json::to_string(&operations).expect("texts are JSON");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/service_models/walk.py");
    let database = service.folder().join("postern.db");
    let words = [script.as_os_str(), operations.as_ref(), agent.node_id().as_ref(), database.as_os_str()];
    let mut environment = service.environment();
    environment.push(("PYTHONDONTWRITEBYTECODE".to_string(), "1".to_string()));
    let done = run(&python.python(), words, &environment, PATIENCE);
    print!("{}", done.stdout);
    let mut walked = Vec::new();
    for line in done.stdout.lines() {
        let ["walked", operation, result] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
        let behaviour = Behaviour::of(operation, &[("botocore", python.version("botocore"))]);
        if result == "passed" {
            behaviour.holds();
        }
        walked.push(operation);
    }
    assert_eq!(done.status, Some(0), "see the failures above; {}", done.stderr);
    let listed = ["ssm.", "kms.", "logs.", "cloudtrail."].map(Behaviour::listed_under).concat();
    assert!(listed.iter().all(|operation| walked.contains(operation)), "of {listed:?}, walked were {walked:?}");
}
