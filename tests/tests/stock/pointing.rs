//! The four documented ways of pointing an unmodified agent at a service, with TLS from the built-in authority.

use std::net::{IpAddr, SocketAddr};

use postern_testkit::{
    Behaviour, FaultyProxy, Scheme, Service, StockAgentProcess, StockAgentSetup, Terminal, names_under,
    private_loopback, program,
};

use crate::pair::{AGENT, PATIENCE, talk};

/// A service that is known by these names beside its own.
fn service_named(names: &[String]) -> Service {
    Service::start_with(Scheme::Https, &[("POSTERN_NAMES", &names.join(","))])
}

/// The agent registers, comes online and serves a shell.
fn registers_and_serves_a_shell(service: &Service, mut agent: StockAgentProcess) {
    agent.register(service);
    agent.launch();
    agent.wait_until_online(service);
    let mut terminal = Terminal::start(&program("postern"), &["start", agent.node_id()], &service.environment());
    talk(&mut terminal, "shell");
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);
}

/// Port 443 of an address of this test's own; agents that compute names know no other port.
fn at_443(service: &Service) -> (FaultyProxy, IpAddr) {
    let address = private_loopback();
    (FaultyProxy::start_at(SocketAddr::from((address, 443)), service.address()), address.into())
}

fn may_listen_on_443() -> bool {
    let may = std::net::TcpListener::bind((private_loopback(), 443)).is_ok();
    if !may {
        postern_testkit::skip("only root may listen on port 443");
    }
    may
}

#[test]
fn by_service_domain() {
    if !may_listen_on_443() {
        return;
    }
    let service = service_named(&["*.us-east-1.postern.test".to_string()]);
    let (_door, address) = at_443(&service);
    let setup = StockAgentSetup::service_domain("postern.test", address);
    let Some(agent) = StockAgentProcess::install(&service, &setup) else { return };
    let behaviour =
        Behaviour::of("registration and a shell, pointed by Agent.ServiceDomain", &[(AGENT, agent.version())]);
    registers_and_serves_a_shell(&service, agent);
    behaviour.holds();
}

#[test]
fn by_explicit_endpoints() {
    let service = Service::start(Scheme::Https);
    let setup = StockAgentSetup::endpoints(&service.endpoint());
    let Some(agent) = StockAgentProcess::install(&service, &setup) else { return };
    let behaviour =
        Behaviour::of("registration and a shell, pointed by explicit endpoints", &[(AGENT, agent.version())]);
    registers_and_serves_a_shell(&service, agent);
    behaviour.holds();
}

#[test]
fn by_the_names_of_aws() {
    if !may_listen_on_443() {
        return;
    }
    let service = service_named(&names_under("amazonaws.com"));
    let (_door, address) = at_443(&service);
    let setup = StockAgentSetup::names_of_aws(address);
    let Some(agent) = StockAgentProcess::install(&service, &setup) else { return };
    let behaviour = Behaviour::of(
        "registration and a shell, pointed by AWS's names in the hosts file",
        &[(AGENT, agent.version())],
    );
    registers_and_serves_a_shell(&service, agent);
    behaviour.holds();
}

#[test]
fn by_an_https_proxy() {
    let service = service_named(&names_under("amazonaws.com"));
    let proxy = FaultyProxy::start_tunnels(service.address());
    let setup = StockAgentSetup::proxy(proxy.address());
    let Some(agent) = StockAgentProcess::install(&service, &setup) else { return };
    let behaviour = Behaviour::of("registration and a shell, pointed by an HTTPS proxy", &[(AGENT, agent.version())]);
    registers_and_serves_a_shell(&service, agent);
    let asked = proxy.asked();
    for name in ["ssm.us-east-1.amazonaws.com:443", "ssmmessages.us-east-1.amazonaws.com:443"] {
        assert!(asked.iter().any(|host| host == name), "{name} was not asked for: {asked:?}");
    }
    behaviour.holds();
}
