//! Real programs, real terminals.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::Duration;

use postern_pty::{Account, ExitStatus, Pipes, Program, Signal, Terminal, TerminalSize, spawn_piped, spawn_terminal};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

fn program(args: &[&str]) -> Program {
    Program {
        program: args[0].into(),
        argv0: None,
        args: args[1..].iter().map(Into::into).collect(),
        env: vec![
            ("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into()),
            ("TERM".into(), "xterm-256color".into()),
            ("LANG".into(), "C.UTF-8".into()),
        ],
        directory: PathBuf::from("/"),
        run_as: None,
    }
}

fn shell(script: &str) -> Program {
    program(&["bash", "--norc", "--noprofile", "-c", script])
}

fn start(program: &Program) -> Terminal {
    spawn_terminal(program, TerminalSize { cols: 91, rows: 33 }).unwrap()
}

async fn read_to_end(terminal: &Terminal) -> Vec<u8> {
    timeout(PATIENCE, async {
        let mut all = Vec::new();
        let mut buffer = vec![0; 32 * 1024];
        loop {
            match terminal.master.read(&mut buffer).await.unwrap() {
                0 => return all,
                count => all.extend_from_slice(&buffer[..count]),
            }
        }
    })
    .await
    .unwrap()
}

async fn read_until(terminal: &Terminal, wanted: &str) -> String {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    let found = timeout(PATIENCE, async {
        while !String::from_utf8_lossy(&seen).contains(wanted) {
            let count = terminal.master.read(&mut buffer).await.unwrap();
            assert_ne!(count, 0, "ended before {wanted:?}: {:?}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&buffer[..count]);
        }
    })
    .await;
    let seen = String::from_utf8_lossy(&seen).into_owned();
    assert!(found.is_ok(), "no {wanted:?} in {seen:?}");
    seen
}

async fn type_all(terminal: &Terminal, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let count = timeout(PATIENCE, terminal.master.write(bytes)).await.unwrap().unwrap();
        bytes = &bytes[count..];
    }
}

async fn ended(terminal: &mut Terminal) -> ExitStatus {
    timeout(PATIENCE, terminal.child.wait()).await.unwrap().unwrap()
}

#[tokio::test]
async fn the_exit_code_and_all_of_the_output_arrive() {
    let mut terminal = start(&shell("seq 1 20000; exit 7"));
    let output = String::from_utf8(read_to_end(&terminal).await).unwrap();
    let numbers: Vec<u32> = output.lines().map(|line| line.trim().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=20000).collect::<Vec<u32>>());
    assert_eq!(ended(&mut terminal).await, ExitStatus::Code(7));
    assert_eq!(terminal.master.try_read(&mut [0; 8]).unwrap(), Some(0), "the end stays the end");
}

#[tokio::test]
async fn a_signal_is_told_from_a_code() {
    let mut terminal = start(&shell("kill -TERM $$"));
    assert_eq!(ended(&mut terminal).await, ExitStatus::Signal(15));
}

#[tokio::test]
async fn the_size_is_there_from_the_start_and_follows() {
    let terminal = start(&shell("stty size; trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done"));
    let seen = read_until(&terminal, "ready").await;
    assert!(seen.contains("33 91"), "{seen:?}");
    terminal.master.resize(TerminalSize { cols: 132, rows: 50 }).unwrap();
    read_until(&terminal, "50 132").await;
}

#[tokio::test]
async fn the_program_leads_a_session_with_this_terminal() {
    let terminal = start(&shell("ps -o pid=,sid=,tpgid= -p $$; tty; echo $0; ls /proc/self/fd"));
    let output = String::from_utf8(read_to_end(&terminal).await).unwrap();
    let mut lines = output.lines();
    let ids: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(ids[0], ids[1], "session leader: {output:?}");
    assert!(lines.next().unwrap().starts_with("/dev/pts/"), "{output:?}");
    // ls sees its own three streams and the folder it reads, nothing of ours.
    let descriptors: Vec<&str> = output.lines().skip(3).flat_map(str::split_whitespace).collect();
    assert_eq!(descriptors, ["0", "1", "2", "3"], "{output:?}");
}

#[tokio::test]
async fn a_leading_dash_makes_a_login_shell() {
    let mut program = program(&["/bin/bash", "--noprofile"]);
    program.argv0 = Some("-bash".into());
    let mut terminal = start(&program);
    type_all(&terminal, b"shopt -q login_shell && echo is-a-login-$((1+1)); exit 4\n").await;
    read_until(&terminal, "is-a-login-2").await;
    assert_eq!(ended(&mut terminal).await, ExitStatus::Code(4));
}

#[tokio::test]
async fn interrupts_reach_the_foreground_job_only() {
    let mut program = program(&["bash", "--norc", "--noprofile", "-i"]);
    program.env.push(("PS1".into(), "ready> ".into()));
    let mut terminal = start(&program);
    read_until(&terminal, "ready> ").await;
    // A shell of its own says "go", so that nothing of the interactive one is between the word and the wait: a ^C that
    // comes while it forks would be its own, and the command would go on.
    type_all(&terminal, b"sh -c 'echo go-$((1+1)); exec sleep 1000'\n").await;
    read_until(&terminal, "go-2").await;
    // The job may not have the terminal yet: interrupt until the shell's prompt is back. Nothing is typed before it: the
    // line editor throws away what comes together with an interrupt.
    let interrupted = timeout(PATIENCE, async {
        loop {
            terminal.killer.signal_foreground(Signal::Interrupt).unwrap();
            if timeout(Duration::from_millis(500), read_until(&terminal, "ready> ")).await.is_ok() {
                break;
            }
        }
    });
    interrupted.await.unwrap();
    type_all(&terminal, b"echo alive-$?\n").await;
    let seen = read_until(&terminal, "alive-130").await;
    if !seen.ends_with("ready> ") {
        read_until(&terminal, "ready> ").await;
    }
    type_all(&terminal, b"exit 3\n").await;
    assert_eq!(ended(&mut terminal).await, ExitStatus::Code(3));
}

#[tokio::test]
async fn typed_control_c_interrupts_and_control_d_ends() {
    let mut program = program(&["bash", "--norc", "--noprofile", "-i"]);
    program.env.push(("PS1".into(), "ready> ".into()));
    let mut terminal = start(&program);
    read_until(&terminal, "ready> ").await;
    // It speaks itself: between a shell's own words and the start of its next program a ^C can get lost.
    type_all(&terminal, b"sh -c 'echo go-$((1+1)); exec sleep 1000'\n").await;
    read_until(&terminal, "go-2").await;
    type_all(&terminal, b"\x03").await;
    // The prompt is printed after the line editor has taken the terminal over; what is typed before may be lost.
    read_until(&terminal, "ready> ").await;
    type_all(&terminal, b"\x04").await;
    assert_eq!(ended(&mut terminal).await, ExitStatus::Code(130));
}

#[tokio::test]
async fn a_megabyte_pasted_in_raw_mode_is_exact() {
    let terminal = start(&shell("stty raw -echo; echo ready; exec head -c 1048576"));
    read_until(&terminal, "ready").await;
    let mut state = 0x9e37_79b9_u32;
    let pasted: Vec<u8> = (0..1 << 20)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect();
    let (_, output) = tokio::join!(type_all(&terminal, &pasted), read_to_end(&terminal));
    let start = output.len() - pasted.len();
    assert!(output[start..] == pasted[..], "the bytes differ");
    assert!(start <= 2, "only what is left of the line end comes before: {start}");
}

#[tokio::test]
async fn a_background_job_does_not_hold_the_session_open() {
    let mut terminal = start(&shell("sleep 1000 & echo started; exit 0"));
    assert_eq!(ended(&mut terminal).await, ExitStatus::Code(0));
    // The kernel hangs the terminal up when its session leader ends, so the end of file comes in spite of the job.
    assert!(String::from_utf8_lossy(&read_to_end(&terminal).await).contains("started"));
}

#[tokio::test]
async fn dropping_the_master_hangs_up() {
    let Terminal { master, mut child, .. } = start(&shell("echo x; sleep 1000"));
    let mut buffer = [0; 16];
    assert_ne!(master.read(&mut buffer).await.unwrap(), 0);
    drop(master);
    assert_eq!(timeout(PATIENCE, child.wait()).await.unwrap().unwrap(), ExitStatus::Signal(1));
}

#[tokio::test]
async fn a_program_deaf_to_hangups_can_still_be_killed() {
    let mut terminal = start(&shell("trap '' HUP; echo deaf; while :; do sleep 0.05; done"));
    read_until(&terminal, "deaf").await;
    terminal.killer.signal_group(Signal::Hangup).unwrap();
    terminal.killer.signal_group(Signal::Kill).unwrap();
    assert_eq!(ended(&mut terminal).await, ExitStatus::Signal(9));
    terminal.killer.signal_group(Signal::Kill).unwrap();
}

#[tokio::test]
async fn a_foreground_job_can_be_ended_after_its_shell() {
    let mut terminal = start(&program(&["bash", "--norc", "--noprofile", "-i"]));
    assert!(terminal.killer.foreground_job().is_none(), "the shell itself is in the foreground");
    type_all(&terminal, b"(trap '' HUP; echo deaf-$((1+1)); while :; do sleep 0.05; done)\n").await;
    read_until(&terminal, "deaf-2").await;
    let job = terminal.killer.foreground_job().unwrap();
    terminal.killer.signal_group(Signal::Hangup).unwrap();
    ended(&mut terminal).await;
    assert!(job.is_alive());
    job.signal(Signal::Kill).unwrap();
    timeout(PATIENCE, async {
        while job.is_alive() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_missing_program_is_an_error_at_once() {
    let error = spawn_terminal(&program(&["/no/such/program"]), TerminalSize::default()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_missing_directory_becomes_the_root() {
    let mut program = shell("pwd");
    program.directory = PathBuf::from("/no/such/home");
    let terminal = start(&program);
    assert_eq!(read_to_end(&terminal).await, b"/\r\n");
}

#[tokio::test]
async fn another_user_gets_their_ids_groups_and_terminal() {
    if Account::current().unwrap().uid != 0 {
        eprintln!("skipped: needs root");
        return;
    }
    let account = Account::by_name("nobody").unwrap().unwrap();
    let mut program = shell("id -u; id -g; stat -c %U $(tty); echo > /etc/postern-probe || echo refused");
    program.run_as = Some(account.run_as().unwrap());
    let terminal = start(&program);
    let output = String::from_utf8(read_to_end(&terminal).await).unwrap();
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], account.uid.to_string());
    assert_eq!(lines[1], account.gid.to_string());
    assert_eq!(lines[2], "nobody");
    assert!(output.contains("refused"), "{output:?}");
}

async fn read_pipe(output: &mut postern_pty::Output) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 4096];
    loop {
        match timeout(PATIENCE, output.read(&mut buffer)).await.unwrap().unwrap() {
            0 => return all,
            count => all.extend_from_slice(&buffer[..count]),
        }
    }
}

const SEPARATE: Pipes = Pipes { stdin: false, stderr: true };
const TOGETHER: Pipes = Pipes { stdin: false, stderr: false };

#[tokio::test]
async fn input_reaches_the_program_as_fast_as_it_reads_and_ends_when_dropped() {
    let mut piped = spawn_piped(&shell("cat | wc -c"), Pipes { stdin: true, stderr: true }).unwrap();
    let mut stdin = piped.stdin.take().unwrap();
    let input = vec![b'x'; 3 * 1024 * 1024];
    let writer = async {
        let mut left = &input[..];
        while !left.is_empty() {
            let count = stdin.write(left).await.unwrap();
            left = &left[count..];
        }
        drop(stdin);
    };
    let (output, ()) = tokio::join!(read_pipe(&mut piped.stdout), writer);
    assert_eq!(std::str::from_utf8(&output).unwrap().trim(), input.len().to_string());
    assert_eq!(piped.child.wait().await.unwrap(), ExitStatus::Code(0));
}

#[tokio::test]
async fn input_that_nobody_reads_any_more_is_a_broken_pipe() {
    let mut piped =
        spawn_piped(&shell("exec <&-; echo deaf; sleep 1000"), Pipes { stdin: true, stderr: false }).unwrap();
    let mut buffer = [0; 16];
    assert_eq!(piped.stdout.read(&mut buffer).await.unwrap(), 5);
    let mut stdin = piped.stdin.take().unwrap();
    assert_eq!(stdin.write(b"x").await.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    piped.killer.signal_remaining(Signal::Kill).unwrap();
    piped.child.wait().await.unwrap();
}

#[tokio::test]
async fn piped_streams_are_separate_and_input_is_empty() {
    let mut piped = spawn_piped(&shell("cat; echo out; echo err >&2; exit 9"), SEPARATE).unwrap();
    assert_eq!(read_pipe(&mut piped.stdout).await, b"out\n");
    assert_eq!(read_pipe(piped.stderr.as_mut().unwrap()).await, b"err\n");
    assert_eq!(piped.child.wait().await.unwrap(), ExitStatus::Code(9));
}

#[tokio::test]
async fn piped_streams_can_share_one_pipe_in_order() {
    let mut piped = spawn_piped(&shell("echo 1; echo 2 >&2; echo 3"), TOGETHER).unwrap();
    assert!(piped.stderr.is_none());
    assert_eq!(read_pipe(&mut piped.stdout).await, b"1\n2\n3\n");
}

#[tokio::test]
async fn signals_reach_the_whole_piped_group() {
    let mut piped = spawn_piped(&shell("echo go; sleep 1000 | cat; echo no"), SEPARATE).unwrap();
    let mut buffer = [0; 16];
    assert_eq!(piped.stdout.read(&mut buffer).await.unwrap(), 3);
    piped.killer.signal_foreground(Signal::Interrupt).unwrap();
    assert_eq!(timeout(PATIENCE, piped.child.wait()).await.unwrap().unwrap(), ExitStatus::Signal(2));
    // The end of file proves that sleep and cat, which held the pipe, are gone as well.
    assert_eq!(read_pipe(&mut piped.stdout).await, b"");
}

#[tokio::test]
async fn what_a_command_left_behind_can_be_ended() {
    let mut piped = spawn_piped(&shell("sleep 1000 & echo done"), SEPARATE).unwrap();
    assert_eq!(piped.child.wait().await.unwrap(), ExitStatus::Code(0));
    piped.killer.signal_remaining(Signal::Terminate).unwrap();
    assert_eq!(read_pipe(&mut piped.stdout).await, b"done\n");
}
