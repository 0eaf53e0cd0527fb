//! What a person feels: time to prompt, key to echo, output rate, and how soon ^C stops a flood.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use postern_testkit::{Agent, Scheme, Service, Terminal, program};

use crate::Row;
use crate::stats::Samples;
use crate::yardstick::OpenSsh;

const PATIENCE: Duration = Duration::from_secs(60);

/// A way to get a shell, and what was measured through it.
pub(crate) struct Way {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    prompt: Samples,
    pub(crate) echo: Samples,
    pub(crate) output: Samples,
    interrupt: Samples,
}

impl Way {
    pub(crate) fn new(
        name: &'static str,
        program: impl Into<PathBuf>,
        arguments: &[&str],
        environment: Vec<(String, String)>,
    ) -> Self {
        Self {
            name,
            program: program.into(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            environment,
            prompt: Samples::default(),
            echo: Samples::default(),
            output: Samples::default(),
            interrupt: Samples::default(),
        }
    }

    fn open(&mut self) -> Result<Terminal> {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let started = Instant::now();
        let mut terminal = Terminal::start(&self.program, &arguments, &self.environment);
        wait_for_prompt(&mut terminal)?;
        self.prompt.add(started.elapsed());
        Ok(terminal)
    }

    /// All of it once.
    pub(crate) fn round(&mut self, keys: usize, megabytes: usize) -> Result<()> {
        let mut terminal = self.open()?;
        self.measure_interrupt(&mut terminal)?;
        self.measure_output(&mut terminal, megabytes)?;
        self.measure_echo(&mut terminal, keys)?;
        Ok(())
    }

    /// A flood is running; from ^C to the prompt's answer.
    fn measure_interrupt(&mut self, terminal: &mut Terminal) -> Result<()> {
        terminal.type_text("yes flood\r");
        let until = Instant::now() + Duration::from_millis(500);
        while Instant::now() < until {
            terminal.read_some(Duration::from_millis(50));
        }
        let started = Instant::now();
        terminal.type_bytes(b"\x03");
        wait_for_prompt(terminal)?;
        self.interrupt.add(started.elapsed());
        Ok(())
    }

    fn measure_output(&mut self, terminal: &mut Terminal, megabytes: usize) -> Result<()> {
        let bytes = megabytes * 1_000_000;
        terminal.type_text(&format!("head -c {bytes} /dev/zero | tr '\\0' x | fold -w 99; echo; echo end-$((40+2))\r"));
        let started = Instant::now();
        let mut tail = Vec::new();
        let mut arrived = 0;
        loop {
            let piece = terminal.read_some(PATIENCE);
            if piece.is_empty() {
                bail!("{}: the output stopped after {arrived} bytes", self.name);
            }
            arrived += piece.len();
            tail.extend_from_slice(&piece);
            let keep = tail.len().saturating_sub(64);
            tail.drain(..keep);
            if tail.windows(6).any(|window| window == b"end-42") {
                break;
            }
        }
        let rate = arrived as f64 / 1e6 / started.elapsed().as_secs_f64();
        self.output.add_number(rate);
        Ok(())
    }

    fn measure_echo(&mut self, terminal: &mut Terminal, keys: usize) -> Result<()> {
        terminal.type_text("stty raw -echo; echo raw-$((40+2)); exec cat\r");
        terminal.expect("raw-42\n", PATIENCE);
        // The shell has still to become cat: one key that is not counted.
        for key in 0..=keys {
            let started = Instant::now();
            terminal.type_bytes(b"k");
            let seen = terminal.read_some(PATIENCE);
            if seen != b"k" {
                bail!("{}: typed k, saw {seen:?}", self.name);
            }
            if key > 0 {
                self.echo.add(started.elapsed());
            }
        }
        Ok(())
    }
}

/// Reads until the screen ends with a shell's prompt.
fn wait_for_prompt(terminal: &mut Terminal) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut tail = Vec::new();
    while Instant::now() < deadline {
        let piece = terminal.read_some(Duration::from_millis(500));
        tail.extend_from_slice(&piece);
        let keep = tail.len().saturating_sub(4096);
        tail.drain(..keep);
        let text = String::from_utf8_lossy(&tail);
        // What follows the prompt sign, if anything, is an escape sequence such as "bracketed paste on".
        let text = text.trim_end_matches("\u{1b}[?2004h");
        if text.ends_with("# ") || text.ends_with("$ ") {
            return Ok(());
        }
    }
    bail!("no prompt: {:?}", String::from_utf8_lossy(&tail))
}

/// Measures all ways in turn, round by round.
pub(crate) fn measure(rounds: usize, keys: usize, megabytes: usize) -> Result<Vec<Row>> {
    let service = Service::start(Scheme::Https);
    let agent = Agent::start(&service);
    let mut ways = vec![Way::new("postern", program("postern"), &["start", agent.node_id()], service.environment())];
    let ssh = OpenSsh::start()?;
    if let Some(ssh) = &ssh {
        let config = ssh.client_config();
        let config = config.to_str().unwrap_or_default();
        for (name, host) in [("ssh", "direct"), ("ssh -J", "jumped")] {
            ways.push(Way::new(name, Path::new("/usr/bin/ssh"), &["-tt", "-F", config, host], Vec::new()));
        }
    }
    for round in 0..rounds {
        eprintln!("terminals: round {} of {rounds}", round + 1);
        for way in &mut ways {
            way.round(keys, megabytes)?;
        }
    }
    Ok(rows(&ways))
}

fn rows(ways: &[Way]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |measure: &str, goal: &'static str, show: &dyn Fn(&Way) -> String| {
        for (index, way) in ways.iter().enumerate() {
            rows.push(Row {
                measure: format!("{measure}, {}", way.name),
                result: show(way),
                goal: if index == 0 { goal } else { "" },
            });
        }
    };
    row("key to echo p50 / p99 (ms)", "P7: p50 and p99 <= 1.0 x ssh -J", &|way| {
        format!("{:.3} / {:.3}", way.echo.median(), way.echo.percentile(99.0))
    });
    row("time to prompt, median / worst (ms)", "P8: <= 0.3 x ssh", &|way| {
        format!("{:.0} / {:.0}", way.prompt.median(), way.prompt.percentile(100.0))
    });
    row("terminal output (MB/s)", "P9: >= 1.0 x ssh", &|way| format!("{:.1}", way.output.median()));
    row("^C in a flood to prompt (ms)", "P9: <= 1.0 x ssh", &|way| format!("{:.1}", way.interrupt.median()));
    rows
}
