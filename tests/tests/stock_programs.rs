//! AWS's own plugin and agent, unmodified. They are in no registry: `POSTERN_AWS_PLUGIN` and `POSTERN_AWS_AGENT` name
//! them where they are installed, and every test here says "skipped: not installed" elsewhere.

use std::path::Path;
use std::time::Duration;

use postern_testkit::{
    Agent, PythonEnvironment, Scheme, Service, StockAgentProcess, StockPlugin, Terminal, eventually, program, run,
    temporary_folder,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// `aws ssm start-session` in a terminal, with `plugin` as its plugin.
struct AwsShell {
    terminal: Terminal,
    _folder: tempfile::TempDir,
}

impl AwsShell {
    fn start(service: &Service, python: &PythonEnvironment, plugin: &Path, node_id: &str) -> Self {
        let folder = temporary_folder();
        let mut environment = service.environment();
        environment.push(("PATH".to_string(), python.path_with_plugin(folder.path(), plugin)));
        let words = ["ssm", "start-session", "--target", node_id];
        let mut terminal = Terminal::start(&python.aws(), &words, &environment);
        terminal.expect("Starting session with SessionId: ", PATIENCE);
        Self { terminal, _folder: folder }
    }
}

fn talk(terminal: &mut Terminal, word: &str) {
    terminal.type_text(&format!("echo {word}-$((40+2))\r"));
    terminal.expect(&format!("{word}-42"), PATIENCE);
}

/// A shell, a restart of the service in the middle of it, and its end.
fn shell_survives_a_restart_of_the_service(service: &mut Service, mut terminal: Terminal) {
    talk(&mut terminal, "first");
    terminal.resize(41, 101);
    // The stock plugin looks at its size twice a second.
    eventually("the new size to arrive", PATIENCE, || {
        terminal.type_text("stty size; echo size-$((40+2))\r");
        terminal.expect("size-42", PATIENCE).contains("41 101").then_some(())
    });
    service.kill();
    service.restart();
    // A stock plugin that types while it has no socket gives up: that is its limit, so it is let come back first. What
    // the service shows in its first moments may be what it knew before, so it is asked more than once.
    let mut answers = 0;
    eventually("the session to be connected again", PATIENCE, || {
        let active = service.postern(["sessions", "--active", "--json"]).stdout;
        let active: serde_json::Value = serde_json::from_str(&active).ok()?;
        answers = if active[0]["Status"] == "Connected" { answers + 1 } else { 0 };
        (answers == 5).then_some(())
    });
    talk(&mut terminal, "second");
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);
}

#[test]
fn the_stock_plugin_with_our_agent() {
    let (Some(plugin), Some(python)) = (StockPlugin::get(), PythonEnvironment::get()) else {
        return;
    };
    for scheme in [Scheme::Http, Scheme::Https] {
        let mut service = Service::start(scheme);
        let agent = Agent::start(&service);
        let shell = AwsShell::start(&service, python, &plugin, agent.node_id());
        shell_survives_a_restart_of_the_service(&mut service, shell.terminal);

        let folder = temporary_folder();
        let mut environment = service.environment();
        environment.push(("PATH".to_string(), python.path_with_plugin(folder.path(), &plugin)));
        let done = run(
            &python.aws(),
            [
                "ssm",
                "start-session",
                "--target",
                agent.node_id(),
                "--document-name",
                "AWS-StartNonInteractiveCommand",
                "--parameters",
                r#"{"command":["sh -c 'echo from-the-node; exit 7'"],"separateOutputStream":["true"]}"#,
            ],
            &environment,
            PATIENCE,
        );
        // Standard input is empty, and the stock plugin leaves as soon as it sees that: what it printed depends on
        // who was first. That it ends with status 0 does not.
        assert_eq!(done.status, Some(0), "{done:#?}");
    }
}

#[test]
fn our_client_with_the_stock_agent() {
    let mut service = Service::start(Scheme::Https);
    let Some(agent) = StockAgentProcess::start(&service) else {
        return;
    };
    let node_id = agent.node_id().to_string();
    let done = run(
        &program("postern"),
        ["exec", &node_id, "--", "sh", "-c", "echo out; echo err >&2; exit 9"],
        &service.environment(),
        PATIENCE,
    );
    assert_eq!((done.stdout.as_str(), done.stderr.as_str(), done.status), ("out\n", "err\n", Some(9)));

    let terminal = Terminal::start(&program("postern"), &["start", &node_id], &service.environment());
    shell_survives_a_restart_of_the_service(&mut service, terminal);

    // A stock agent's control channel takes its time to come back.
    agent.wait_until_online(&service);
    let mut terminal = Terminal::start(&program("postern"), &["start", &node_id], &service.environment());
    talk(&mut terminal, "third");
    let active = service.postern(["sessions", "--active", "--json"]).stdout;
    let active: serde_json::Value = serde_json::from_str(&active).expect("JSON was asked for");
    let id = active[0]["SessionId"].as_str().expect("one is active").to_string();
    service.postern(["terminate", &id]);
    terminal.wait(PATIENCE);
    eventually("no session to be active", PATIENCE, || {
        (service.postern(["sessions", "--active", "--json"]).stdout.trim() == "[]").then_some(())
    });
}

#[test]
fn the_stock_plugin_with_the_stock_agent() {
    let (Some(plugin), Some(python)) = (StockPlugin::get(), PythonEnvironment::get()) else {
        return;
    };
    let mut service = Service::start(Scheme::Https);
    let Some(agent) = StockAgentProcess::start(&service) else {
        return;
    };
    let shell = AwsShell::start(&service, python, &plugin, agent.node_id());
    shell_survives_a_restart_of_the_service(&mut service, shell.terminal);
}
