//! Each group of operations through the stock `aws` CLI, in the forms that scripts use: filters in shorthand, text and
//! table output, queries, pages, and errors with their words and exit status.

use postern_testkit::{Agent, Behaviour, Output, PythonEnvironment, Scheme, Service, run};

use crate::PATIENCE;

/// A user with the stock `aws` CLI, a service and a node.
struct User {
    python: &'static PythonEnvironment,
    service: Service,
    agent: Agent,
}

impl User {
    fn start() -> Option<Self> {
        let python = PythonEnvironment::get()?;
        let service = Service::start(Scheme::Http);
        let agent = Agent::start(&service);
        Some(Self { python, service, agent })
    }

    fn behaviour(&self, name: &str) -> Behaviour {
        Behaviour::of(name, &[("aws", self.python.version("awscli"))])
    }

    /// Runs a line of words; `NODE` stands for the node's id.
    fn aws(&self, line: &str) -> Output {
        let words = line.split(' ').map(|word| word.replace("NODE", self.agent.node_id()));
        run(&self.python.aws(), words, &self.service.environment(), PATIENCE)
    }

    /// What a command prints, without the last line break.
    fn prints(&self, line: &str) -> String {
        self.aws(line).expect_success(line).stdout.trim_end().to_owned()
    }

    /// The error that a command ends with.
    #[track_caller]
    fn fails(&self, line: &str, expected: &str) {
        let done = self.aws(line);
        assert!(done.stderr.contains(expected), "{line}: {done:#?}");
        assert_eq!(done.status, Some(255), "{line}: {done:#?}");
    }
}

#[test]
fn sessions() {
    let Some(user) = User::start() else { return };
    let behaviour = user.behaviour("describe-sessions: filters, pages, text and table");
    // Without a plugin: the CLI ends the session that it has started.
    let mut ids = Vec::new();
    for reason in ["one", "two", "three"] {
        let line = format!("ssm start-session --target NODE --reason {reason}");
        let done = user.aws(&line);
        assert!(done.stderr.contains("SessionManagerPlugin is not found"), "{done:#?}");
        let listed = format!("ssm describe-sessions --state History --query Sessions[?Reason=='{reason}'].SessionId");
        ids.push(postern_testkit::eventually("the session to be over", PATIENCE, || {
            Some(user.prints(&format!("{listed} --output text"))).filter(|id| !id.is_empty())
        }));
    }
    ids.reverse();
    let history = "ssm describe-sessions --state History";
    let text = user.prints(&format!("{history} --query Sessions[].[SessionId] --output text"));
    assert_eq!(text.lines().collect::<Vec<_>>(), ids, "newest first");
    let table = user.prints(&format!("{history} --output table"));
    assert!(table.contains("DescribeSessions") && ids.iter().all(|id| table.contains(id.as_str())), "{table}");
    let filters = format!("key=Target,value=NODE key=Status,value=Terminated key=SessionId,value={}", ids[1]);
    let filtered = user.prints(&format!("{history} --filters {filters} --query Sessions[].[SessionId] --output text"));
    assert_eq!(filtered, ids[1]);
    let since = "key=InvokedAfter,value=2120-01-01T00:00:00Z";
    let none = user.prints(&format!("{history} --filters {since} --query length(Sessions) --output text"));
    assert_eq!(none, "0");
    let paged = user.prints(&format!("{history} --page-size 1 --query Sessions[].[SessionId] --output text"));
    assert_eq!(paged, text);
    user.fails(
        "ssm describe-sessions --state History --filters key=Colour,value=red",
        "An error occurred (InvalidFilterKey) when calling the DescribeSessions operation: ",
    );
    behaviour.holds();
}

#[test]
fn nodes_and_activations() {
    let Some(user) = User::start() else { return };
    let behaviour = user.behaviour("nodes are listed, filtered and deregistered");
    let nodes = "ssm describe-instance-information";
    let row = "--query InstanceInformationList[].[InstanceId,PingStatus] --output text";
    let online = user.prints(&format!("{nodes} --filters Key=PingStatus,Values=Online,ConnectionLost {row}"));
    assert_eq!(online, format!("{}\tOnline", user.agent.node_id()));
    let older = "--instance-information-filter-list key=InstanceIds,valueSet=NODE";
    assert_eq!(user.prints(&format!("{nodes} {older} {row}")), online);
    let table = user.prints(&format!("{nodes} --output table"));
    assert!(table.contains(user.agent.node_id()), "{table}");
    user.fails(&format!("{nodes} --filters Key=Colour,Values=red"), "(InvalidFilterKey)");
    user.fails(&format!("{nodes} --max-results 51"), "(ValidationException)");
    user.fails("ssm start-session --target mi-00000000000000000", "mi-00000000000000000 is not connected.");

    let activations = user.behaviour("activations are made, listed and deleted");
    let create = "ssm create-activation --iam-role PosternNode --default-instance-name web --registration-limit 2 \
                  --tags Key=env,Value=prod Key=team,Value=db --query ActivationId --output text";
    let id = user.prints(create);
    let filter = format!("--filters FilterKey=ActivationIds,FilterValues={id}");
    let shown = "--query ActivationList[].[DefaultInstanceName,RegistrationLimit,RegistrationsCount,Tags[0].Value]";
    let listed = user.prints(&format!("ssm describe-activations {filter} {shown} --output text"));
    assert_eq!(listed, "web\t2\t0\tprod");
    assert_eq!(user.prints(&format!("ssm delete-activation --activation-id {id}")), "");
    user.fails(&format!("ssm delete-activation --activation-id {id}"), "(InvalidActivation)");
    activations.holds();

    user.prints("ssm deregister-managed-instance --instance-id NODE");
    assert_eq!(user.prints(&format!("{nodes} {row}")), "");
    behaviour.holds();
}
