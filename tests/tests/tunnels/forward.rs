//! `postern forward`: what is open, what flows, what fails, and that nothing is left.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use postern_testkit::{closed_port, echo_is_exact, echo_server, program, run, temporary_folder};

use crate::PATIENCE;
use crate::nodes::{World, connect, forwarded_port};

fn several_at_once_and_what_flowed(world: &World) {
    let (near, far) = (echo_server("127.0.0.1:0"), echo_server("127.9.8.7:0"));
    let third = echo_server("127.0.0.1:0");
    let folder = temporary_folder();
    let socket = folder.path().join("socket");
    let specs = [
        format!("0:{}", near.port()),
        format!("0:127.9.8.7:{}", far.port()),
        format!("{}:{}", socket.display(), third.port()),
    ];
    let mut forward = world.forward(&specs.each_ref().map(String::as_str));
    let to_near = forwarded_port(&forward, &format!("localhost:{}", near.port()));
    let to_far = forwarded_port(&forward, &format!("127.9.8.7:{}", far.port()));
    forward.expect(&format!("{} → localhost:{} via {}", socket.display(), third.port(), world.node.id()), PATIENCE);
    assert_eq!(world.active_sessions().len(), 3, "each destination is a session, for policy and audit");
    let both = [to_near, to_far].map(|port| std::thread::spawn(move || echo_is_exact(connect(port), 500)));
    both.into_iter().for_each(|connection| connection.join().expect("each echo is exact"));
    let mut local = UnixStream::connect(&socket).expect("the client listens");
    local.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    local.write_all(b"hello").expect("the tunnel takes it");
    let mut echo = [0; 5];
    local.read_exact(&mut echo).expect("the echo comes");
    drop(local);
    world.proxy.cut();
    echo_is_exact(connect(to_near), 500);

    forward.interrupt();
    assert_eq!(forward.wait(PATIENCE), Some(0));
    let total = |destination: String, rest: &str| {
        forward.expect(&format!("→ {destination}: {rest}"), PATIENCE);
    };
    total(format!("localhost:{}", near.port()), "2 connections, 64.0 kB sent, 64.0 kB received");
    total(format!("127.9.8.7:{}", far.port()), "1 connection, 32.0 kB sent, 32.0 kB received");
    forward.expect(": 1 connection, 5 B sent, 5 B received", PATIENCE);
    world.wait_until_no_session_is_active();
    assert!(!socket.exists());
}

fn failures_are_one_sentence(world: &World) {
    let environment = world.environment();
    let fails = |spec: &str| {
        let done = run(&program("postern"), ["forward", world.node.id(), spec], &environment, PATIENCE);
        assert_eq!(done.status, Some(255), "{spec}: {done:#?}");
        assert_eq!(done.stdout, "");
        done.stderr
    };
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let local = taken.local_addr().expect("it is bound");
    let said = fails(&format!("{}:80", local.port()));
    assert!(said.starts_with(&format!("postern: cannot listen on {local}: ")) && said.lines().count() == 1, "{said}");
    assert!(world.active_sessions().is_empty(), "nothing was started");

    let said = fails("0:169.254.169.254:80");
    assert!(
        said.contains("forbidden") && said.lines().last().is_some_and(|line| line.starts_with("postern: ")),
        "{said}"
    );
    world.wait_until_no_session_is_active();

    // A port that refuses is told when somebody connects; the others go on.
    let (closed, server) = (closed_port(), echo_server("127.0.0.1:0"));
    let mut forward = world.forward(&[&format!("0:{closed}"), &format!("0:{}", server.port())]);
    let mut refused = connect(forwarded_port(&forward, &format!("localhost:{closed}")));
    let said = forward.expect(&format!("localhost:{closed} via {}: ", world.node.id()), PATIENCE);
    assert!(world.node.is_ours() <= said.contains("refuse"), "{said}");
    assert!(matches!(refused.read(&mut [0]), Ok(0) | Err(_)), "the connection is closed");
    echo_is_exact(connect(forwarded_port(&forward, &format!("localhost:{}", server.port()))), 10);
    forward.interrupt();
    assert_eq!(forward.wait(PATIENCE), Some(0));
    world.wait_until_no_session_is_active();
}

/// Both the user's connection and the service itself go away under transfers.
fn reconnects_do_not_show(world: &mut World) {
    let server = echo_server("127.0.0.1:0");
    let mut forward = world.forward_at(world.proxy.address(), &[&format!("0:{}", server.port())]);
    let port = forwarded_port(&forward, &format!("localhost:{}", server.port()));
    let records = if world.node.is_ours() { 100_000 } else { 10_000 };
    let connections: Vec<_> =
        (0..3).map(|_| std::thread::spawn(move || echo_is_exact(connect(port), records))).collect();
    for _ in 0..3 {
        std::thread::sleep(std::time::Duration::from_millis(200));
        world.proxy.cut();
    }
    world.service.kill();
    world.service.restart();
    connections.into_iter().for_each(|connection| connection.join().expect("each echo is exact"));
    forward.interrupt();
    assert_eq!(forward.wait(PATIENCE), Some(0));
    world.wait_until_no_session_is_active();
}

fn json_is_for_programs(world: &World) {
    let server = echo_server("127.0.0.1:0");
    let mut forward = world.forward(&["--json", &format!("0:{}", server.port())]);
    let open: serde_json::Value = serde_json::from_str(&forward.expect("open", PATIENCE)).expect("it is JSON");
    let local = open["local"].as_str().and_then(|local| local.rsplit_once(':')).expect("it is an address");
    echo_is_exact(connect(local.1.parse().expect("it is a port")), 10);
    forward.interrupt();
    assert_eq!(forward.wait(PATIENCE), Some(0));
    let total: serde_json::Value = serde_json::from_str(&forward.expect("total", PATIENCE)).expect("it is JSON");
    assert_eq!((&total["connections"], &total["sentBytes"]), (&1.into(), &640.into()));
}

/// Programs that connect to one SOCKS port and ask nothing hold up no other port, and their own only until they go.
fn silent_socks_clients_hold_up_themselves_alone(world: &World) {
    let mut forward = world.forward(&["-D", "127.0.0.1:0", "-D", "127.0.0.2:0"]);
    let address = |at: &str| {
        let line = forward.expect(&format!("{at}:"), PATIENCE);
        line.split(" → ").next().expect("an address comes first").parse::<SocketAddr>().expect("it is one")
    };
    let (first, second) = (address("127.0.0.1"), address("127.0.0.2"));
    let greeted = |at: SocketAddr| {
        let mut program = TcpStream::connect(at).expect("the proxy listens");
        program.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        program.write_all(&[5, 1, 0]).expect("the proxy takes it");
        let mut answer = [0; 2];
        program.read_exact(&mut answer).expect("the proxy answers");
        assert_eq!(answer, [5, 0]);
    };
    let silent: Vec<_> = (0..200).map(|_| TcpStream::connect(first).expect("the proxy listens")).collect();
    // These are all heard out by the other one, while the first is full.
    (0..200).for_each(|_| greeted(second));
    drop(silent);
    greeted(first);
    forward.interrupt();
    assert_eq!(forward.wait(PATIENCE), Some(0));
}

#[test]
fn to_our_agent() {
    let mut world = World::ours();
    several_at_once_and_what_flowed(&world);
    failures_are_one_sentence(&world);
    json_is_for_programs(&world);
    silent_socks_clients_hold_up_themselves_alone(&world);
    reconnects_do_not_show(&mut world);
}

#[test]
fn to_a_stock_agent() {
    let Some(mut world) = World::stock() else { return };
    several_at_once_and_what_flowed(&world);
    failures_are_one_sentence(&world);
    json_is_for_programs(&world);
    reconnects_do_not_show(&mut world);
}
