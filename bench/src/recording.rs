//! What recording costs: terminals and commands of two services, one of which records them, in turn, round by round.

use std::io::{self, Read as _};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use postern_testkit::{Agent, Scheme, Service, program};

use crate::Row;
use crate::cpu::CpuTime;
use crate::stats::Samples;
use crate::terminals::Way;

/// A service that records, or does not, and what was measured with it.
struct Side {
    name: &'static str,
    service: Service,
    agent: Agent,
    terminal: Way,
    command: Samples,
    /// Processor time of the service for each megabyte of a command's output, in milliseconds.
    cpu: Samples,
}

impl Side {
    fn new(name: &'static str, mode: &'static str) -> Self {
        let service = Service::start_with(Scheme::Https, &[("POSTERN_RECORDING", mode)]);
        let agent = Agent::start(&service);
        let terminal = Way::new(name, program("postern"), &["start", agent.node_id()], service.environment());
        Self { name, service, agent, terminal, command: Samples::default(), cpu: Samples::default() }
    }

    /// A command's output, which no terminal slows down.
    fn measure_command(&mut self, megabytes: usize) -> Result<()> {
        let bytes = megabytes as u64 * 1_000_000;
        let script = format!("head -c {bytes} /dev/zero");
        let mut command = Command::new(program("postern"));
        command.args(["exec", self.agent.node_id(), "--", "sh", "-c", &script]).envs(self.service.environment());
        let cpu = CpuTime::of(self.service.process_id())?;
        let begun = Instant::now();
        let mut running = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("postern exec")?;
        let mut output = running.stdout.take().context("its output is a pipe")?;
        let arrived = io::copy(&mut output.by_ref(), &mut io::sink())?;
        ensure!(running.wait()?.success() && arrived == bytes, "{}: {arrived} of {bytes} bytes came", self.name);
        self.command.add_number(arrived as f64 / 1e6 / begun.elapsed().as_secs_f64());
        self.cpu.add_number(cpu.passed()?.as_secs_f64() * 1e3 / megabytes as f64);
        Ok(())
    }
}

/// Measures both in turn.
pub(crate) fn measure(rounds: usize, keys: usize, megabytes: usize) -> Result<Vec<Row>> {
    let mut sides = [Side::new("recorded", "required"), Side::new("not recorded", "off")];
    for round in 0..rounds {
        eprintln!("recording: round {} of {rounds}", round + 1);
        for side in &mut sides {
            side.terminal.round(keys, megabytes)?;
            side.measure_command(megabytes * 10)?;
        }
    }
    let [on, off] = &sides;
    let row = |measure: &str, goal, show: &dyn Fn(&Side) -> f64, digits| Row {
        measure: format!("{measure}, recorded / not"),
        result: format!("{:.digits$} / {:.digits$}", show(on), show(off)),
        goal,
    };
    let mut rows = vec![
        row("terminal output (MB/s)", "P16: >= 0.9 x", &|side| side.terminal.output.median(), 1),
        row("key to echo p50 (ms)", "P16: + <= 0.020", &|side| side.terminal.echo.median(), 3),
        row("a command's output (MB/s)", "P16: >= 0.9 x", &|side| side.command.median(), 0),
        row("CPU of the service for it (ms per MB)", "", &|side| side.cpu.median(), 2),
    ];
    let ratio = |show: &dyn Fn(&Side) -> &Samples| {
        let mut ratios = Samples::default();
        show(on).iter().zip(show(off).iter()).for_each(|(on, off)| ratios.add_number(on / off));
        ratios.median()
    };
    let (terminal, command) = (ratio(&|side| &side.terminal.output), ratio(&|side| &side.command));
    rows.push(Row {
        measure: "throughput with recording to without, terminal / command, median of rounds".to_owned(),
        result: format!("{terminal:.2} / {command:.2}"),
        goal: "P16: >= 0.9",
    });
    Ok(rows)
}
