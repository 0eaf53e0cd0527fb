//! OpenSSH's programs through sessions: with `postern ssh`, with the lines of `postern ssh-config`, and with AWS's own
//! line for `~/.ssh/config` and our plugin.

use std::path::Path;

use postern_testkit::{
    Behaviour, Output, PythonEnvironment, SshServer, VERSION, closed_port, program, run, system_program,
    temporary_folder,
};

use crate::PATIENCE;
use crate::nodes::World;

/// A user's `~/.ssh/config`, as far as it is not the same for everybody.
fn write_config(server: &SshServer, name: &str, proxy: &str) -> String {
    let config = format!(
        "{proxy}\nHost *\n  User {}\n  IdentityFile {}\n  IdentitiesOnly yes\n  StrictHostKeyChecking accept-new\n  \
         UserKnownHostsFile {}\n  Port {}\n  LogLevel ERROR\n",
        server.user(),
        server.file("user").display(),
        server.file("known").display(),
        server.port()
    );
    let file = server.file(name);
    std::fs::write(&file, config).expect("the folder is writable");
    file.display().to_string()
}

/// Enough to fill every window on the way, both ways.
fn big() -> String {
    (0..60_000).map(|number| format!("{number}\n")).collect()
}

fn shell(world: &World, command: &str) -> Output {
    run(Path::new("sh"), ["-c", command], &world.environment(), PATIENCE)
}

fn every_program_works(world: &World, server: &SshServer) {
    let (Some(_ssh), Some(_rsync)) = (system_program("ssh"), system_program("rsync")) else { return };
    let printed = world.service.postern(["ssh-config"]).stdout;
    let config = write_config(server, "config", &printed);
    let (node, at) = (world.node.id(), |name: &str| server.file(name).display().to_string());
    std::fs::write(server.file("big"), big()).expect("the folder is writable");

    let done = shell(world, &format!("ssh -F {config} {node} 'cat; echo err >&2; exit 5' < {}", at("big")));
    assert_eq!(done.status, Some(5), "{}", done.stderr);
    assert!(done.stdout == big(), "{} of {} bytes came back", done.stdout.len(), big().len());
    assert_eq!(done.stderr, "err\n", "nothing of ours is said");
    let known = std::fs::read_to_string(server.file("known")).expect("ssh has noted the key");
    assert!(known.starts_with(&format!("[{node}]:{} ", server.port())), "{known}");

    let same = |name: &str| {
        let got = std::fs::read_to_string(server.file(name)).unwrap_or_default();
        assert!(got == big(), "{name} differs");
    };
    shell(world, &format!("scp -q -F {config} {} {node}:{}", at("big"), at("scp"))).expect_success("scp");
    same("scp");
    let batch =
        format!("printf 'put {}\\nget {} {}\\n'", format_args!("{} {}", at("big"), at("put")), at("put"), at("got"));
    shell(world, &format!("{batch} | sftp -q -b - -F {config} {node}")).expect_success("sftp");
    same("got");
    std::fs::create_dir_all(server.file("tree/below")).expect("the folder is writable");
    for name in ["tree/a", "tree/below/b"] {
        std::fs::copy(server.file("big"), server.file(name)).expect("the folder is writable");
    }
    shell(world, &format!("rsync -a -e 'ssh -F {config}' {}/ {node}:{}/", at("tree"), at("copy")))
        .expect_success("rsync");
    same("copy/a");
    same("copy/below/b");
    world.wait_until_no_session_is_active();
}

fn postern_ssh_is_ssh(world: &World, server: &SshServer) {
    if system_program("ssh").is_none() {
        return;
    }
    let (config, node) = (write_config(server, "plain", ""), world.node.id());
    let environment = world.environment();
    let postern = |words: &[&str]| {
        run(&program("postern"), [&["ssh", node, "-F", config.as_str()], words].concat(), &environment, PATIENCE)
    };
    let done = postern(&["-T", "echo out; echo err >&2; exit 7"]);
    assert_eq!((done.status, done.stdout.as_str(), done.stderr.as_str()), (Some(7), "out\n", "err\n"));
    // Another port, where nobody is: ssh says 255, and we say why. A stock agent's session process dies of it with
    // status 1 instead of saying so, and its service hears nothing for a minute.
    if world.node.is_ours() {
        let port = closed_port().to_string();
        let done = postern(&["-p", &port, "true"]);
        assert_eq!(done.status, Some(255));
        assert!(done.stderr.contains("Unable to connect to specified port"), "{}", done.stderr);
    }
    let unknown = run(&program("postern"), ["ssh", "me@nobody", "true"], &environment, PATIENCE);
    assert_eq!(unknown.status, Some(255));
    assert!(unknown.stderr.starts_with("postern: no managed node has"), "{}", unknown.stderr);
    world.wait_until_no_session_is_active();
}

fn awss_own_line_works(world: &World, server: &SshServer) {
    if PythonEnvironment::get().is_none() || system_program("ssh").is_none() {
        return;
    }
    let behaviour =
        Behaviour::of("AWS-StartSSHSession, as ProxyCommand of ssh", &[("postern", VERSION), world.node.program()]);
    // Word for word what AWS's manual has in ~/.ssh/config.
    let proxy = "Host mi-*\n  ProxyCommand aws ssm start-session --target %h --document-name AWS-StartSSHSession \
                 --parameters portNumber=%p";
    let config = write_config(server, "aws", proxy);
    let big_file = server.file("big-for-aws");
    std::fs::write(&big_file, big()).expect("the folder is writable");
    let done = shell(world, &format!("ssh -F {config} {} 'cat; exit 5' < {}", world.node.id(), big_file.display()));
    assert_eq!(done.status, Some(5), "{}", done.stderr);
    assert!(done.stdout == big(), "{} of {} bytes came back", done.stdout.len(), big().len());
    world.wait_until_no_session_is_active();
    behaviour.holds();
}

/// Older versions of ssh give any host, also one out of somebody's link, to the shell that starts the ProxyCommand.
#[test]
fn a_host_that_is_no_node_reaches_no_shell() {
    let Some(ssh) = system_program("ssh") else { return };
    let folder = temporary_folder();
    let file = folder.path().join("config");
    let printed = run(&program("postern"), ["ssh-config"], &[], PATIENCE).expect_success("ssh-config");
    std::fs::write(&file, printed.stdout).expect("the folder is writable");
    let file = file.to_str().expect("UTF-8");
    let proxy = |host: &str| {
        let said = run(&ssh, ["-F", file, "-G", "--", host], &[], PATIENCE);
        said.stdout.lines().find_map(|line| line.strip_prefix("proxycommand ")).map(str::to_owned)
    };
    let command = proxy("mi-0123456789abcdef0").expect("ids are nodes");
    assert!(command.ends_with(" ssh-proxy '%h' %p"), "{command}");
    // As ssh expands it, and sh reads it.
    let witness = folder.path().join("witness");
    let host = format!("mi-$(touch {0})`touch {0}`;touch {0};", witness.display());
    let command = command.replace("%h", &host).replace("%p", "22");
    run(Path::new("sh"), ["-c", &command], &[], PATIENCE);
    assert!(!witness.exists(), "{command}");
    assert_eq!(proxy("mi-';touch x;'"), None);
}

#[test]
fn to_our_agent() {
    let Some(server) = SshServer::start() else { return };
    let world = World::ours();
    every_program_works(&world, &server);
    postern_ssh_is_ssh(&world, &server);
    awss_own_line_works(&world, &server);
}

#[test]
fn to_a_stock_agent() {
    let Some(server) = SshServer::start() else { return };
    let Some(world) = World::stock() else { return };
    every_program_works(&world, &server);
    postern_ssh_is_ssh(&world, &server);
    awss_own_line_works(&world, &server);
}
