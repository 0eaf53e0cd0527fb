//! A service behind a real reverse proxy: sessions work through it, and the client is whom the proxy has seen.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use postern_testkit::{
    Agent, Behaviour, FaultyProxy, PythonEnvironment, ReverseProxy, Scheme, Service, Terminal, VERSION, program, run,
    temporary_folder,
};

const PATIENCE: Duration = Duration::from_secs(60);
/// Another machine, as far as the proxy can tell.
const OFFICE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
const FROM_THE_OFFICE: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"ssm:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.9"}}}]}"#;

#[test]
fn policies_see_the_client_behind_the_proxy() {
    let Some(python) = PythonEnvironment::get() else { return };
    let service = Service::start_with(Scheme::Http, &[("POSTERN_TRUSTED_PROXIES", "127.0.0.1")]);
    let Some(proxy) = ReverseProxy::start(service.address(), &[]) else { return };
    let programs = [("aws", python.version("awscli")), ("postern", VERSION), ("postern-agent", VERSION)];
    let behaviour = Behaviour::of("shell through a reverse proxy (Caddy); aws:SourceIp is the client's", &programs);
    // The node is behind it, too.
    let agent = Agent::start_through(&service, proxy.address());
    let folder = temporary_folder();
    let office = FaultyProxy::start_from(OFFICE, proxy.address());
    let aws = |words: &[&str], environment: &[(String, String)]| run(&python.aws(), words, environment, PATIENCE);
    let administrator = |words: &[&str]| aws(words, &service.environment()).expect_success(&words.join(" ")).stdout;
    administrator(&["iam", "create-user", "--user-name", "jane"]);
    let policy = ["--user-name", "jane", "--policy-name", "office", "--policy-document", FROM_THE_OFFICE];
    administrator(&[&["iam", "put-user-policy"], &policy[..]].concat());
    let query = "AccessKey.[AccessKeyId,SecretAccessKey]";
    let key = ["iam", "create-access-key", "--user-name", "jane", "--output", "text", "--query", query];
    let key = administrator(&key);
    let (id, secret) = key.trim().split_once('\t').expect("two columns");
    let through = |address| {
        let mut environment = service.environment_at(address);
        environment.retain(|(name, _)| name != "AWS_ACCESS_KEY_ID" && name != "AWS_SECRET_ACCESS_KEY");
        environment.push(("AWS_ACCESS_KEY_ID".to_owned(), id.to_owned()));
        environment.push(("AWS_SECRET_ACCESS_KEY".to_owned(), secret.to_owned()));
        environment.push(("PATH".to_owned(), python.path_with_plugin(folder.path(), &program("postern"))));
        environment
    };

    let start = ["ssm", "start-session", "--target", agent.node_id()];
    let mut terminal = Terminal::start(&python.aws(), &start, &through(office.address()));
    terminal.type_text("echo through-$((40+2)); exit\r");
    terminal.expect("through-42", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);
    for elsewhere in [proxy.address(), service.address()] {
        let refused = aws(&start, &through(elsewhere));
        assert!(refused.stderr.contains("AccessDenied"), "{refused:#?}");
    }
    behaviour.holds();
}

#[test]
fn check_says_who_is_believed() {
    let service = Service::start(Scheme::Http);
    let folder = service.folder().to_str().expect("temporary folders have UTF-8 names").to_owned();
    let check = |proxies: &str| {
        let settings =
            [("POSTERN_TRUSTED_PROXIES", proxies), ("POSTERN_PLAIN_HTTP", "true"), ("POSTERN_LISTEN", "127.0.0.1:0")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        run(&program("posternd"), ["check", "--data-dir", &folder], &settings, PATIENCE)
    };
    let good = check("10.0.0.7,fd00::/8");
    assert_eq!(good.status, Some(0), "{good:#?}");
    assert!(good.stdout.contains("trusted_proxies: X-Forwarded-For counts from 10.0.0.7/32, fd00::/8"), "{good:#?}");
    assert!(check("").stdout.contains("trusted_proxies: nobody is one"));
    for (proxies, fault) in [("proxy.example.org", "is neither"), ("0.0.0.0/0", "is everybody")] {
        let bad = check(proxies);
        assert_eq!(bad.status, Some(1), "{bad:#?}");
        assert!(bad.stderr.contains("`trusted_proxies`") && bad.stderr.contains(fault), "{bad:#?}");
    }
}
