//! What copying costs: one large file and many small ones, to the node and back, by `postern cp` and by `scp`, in turn,
//! round by round. Both sides are on one disk, so what is measured is the way and not a medium; every copy is compared
//! with what was copied.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use postern_testkit::{Agent, Scheme, Service, program, temporary_folder};

use crate::Row;
use crate::stats::Samples;
use crate::yardstick::OpenSsh;

/// The size of each of the small files.
const SMALL_BYTES: usize = 4096;
/// Small files in one folder.
const FILES_PER_FOLDER: usize = 500;

/// A way to copy: how it is called with a source and a destination, and what was measured.
struct Way {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// What stands before a path on the far side.
    far: String,
    up: Samples,
    down: Samples,
    up_files: Samples,
    down_files: Samples,
}

impl Way {
    fn copy(&self, recursive: bool, source: &str, destination: &str) -> Result<Duration> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment.iter().cloned());
        if recursive {
            command.arg("-r");
        }
        command.args([source, destination]).stdin(Stdio::null()).stdout(Stdio::null());
        let begun = Instant::now();
        let status = command.status().with_context(|| self.program.display().to_string())?;
        ensure!(status.success(), "{} did not copy {source}", self.name);
        Ok(begun.elapsed())
    }

    /// There and back again; compares and removes what came back.
    fn round(&self, recursive: bool, source: &Path, folder: &Path) -> Result<(Duration, Duration)> {
        let (there, back) = (folder.join("there"), folder.join("back"));
        let up = self.copy(recursive, &text(source), &format!("{}{}", self.far, text(&there)))?;
        let down = self.copy(recursive, &format!("{}{}", self.far, text(&there)), &text(&back))?;
        let same = Command::new("diff").arg("-r").args([source, back.as_path()]).status().context("diff")?;
        ensure!(same.success(), "{}: what came back is not what was copied", self.name);
        for copied in [&there, &back] {
            if recursive { fs::remove_dir_all(copied)? } else { fs::remove_file(copied)? }
        }
        Ok((up, down))
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Measures both ways in turn, round by round.
pub(crate) fn measure(rounds: usize, bytes: u64, files: usize) -> Result<Vec<Row>> {
    let service = Service::start(Scheme::Https);
    let agent = Agent::start(&service);
    let ssh = OpenSsh::start()?;
    let folder = temporary_folder();
    let (large, small) = (folder.path().join("large"), folder.path().join("small"));
    make_large(&large, bytes)?;
    make_small(&small, files)?;

    let node = agent.node_id().to_owned();
    let mut ways = vec![way("postern cp", program("postern"), &["cp"], service.environment(), format!("{node}:"))];
    if let Some(ssh) = &ssh {
        let config = text(&ssh.client_config());
        for (name, host) in [("scp", "direct"), ("scp through a bastion", "jumped")] {
            ways.push(way(name, "/usr/bin/scp".into(), &["-q", "-p", "-F", &config], Vec::new(), format!("{host}:")));
        }
    }
    for round in 0..rounds {
        for way in &mut ways {
            eprintln!("copies: round {} of {rounds}, {}", round + 1, way.name);
            let (up, down) = way.round(false, &large, folder.path())?;
            way.up.add_number(bytes as f64 / 1e6 / up.as_secs_f64());
            way.down.add_number(bytes as f64 / 1e6 / down.as_secs_f64());
            let (up, down) = way.round(true, &small, folder.path())?;
            way.up_files.add_number(files as f64 / up.as_secs_f64());
            way.down_files.add_number(files as f64 / down.as_secs_f64());
        }
    }
    Ok(rows(&ways))
}

fn way(
    name: &'static str,
    program: PathBuf,
    arguments: &[&str],
    environment: Vec<(String, String)>,
    far: String,
) -> Way {
    let arguments = arguments.iter().map(ToString::to_string).collect();
    let (up, down, up_files, down_files) = <(Samples, Samples, Samples, Samples)>::default();
    Way { name, program, arguments, environment, far, up, down, up_files, down_files }
}

/// Bytes without a pattern that a copy could profit from.
fn make_large(path: &Path, bytes: u64) -> Result<()> {
    let random = fs::File::open("/dev/urandom")?;
    let copied = io::copy(&mut random.take(bytes), &mut fs::File::create(path)?)?;
    ensure!(copied == bytes, "{copied} random bytes instead of {bytes}");
    Ok(())
}

fn make_small(folder: &Path, files: usize) -> Result<()> {
    for number in 0..files {
        let sub = folder.join(format!("{:03}", number / FILES_PER_FOLDER));
        fs::create_dir_all(&sub)?;
        let byte = u8::try_from(number % 251).expect("a remainder below 251");
        fs::write(sub.join(number.to_string()), vec![byte; SMALL_BYTES])?;
    }
    Ok(())
}

fn rows(ways: &[Way]) -> Vec<Row> {
    let mut rows = Vec::new();
    for way in ways {
        rows.push(Row {
            measure: format!("one large file, to the node / back (MB/s), {}", way.name),
            result: format!("{:.0} / {:.0}", way.up.median(), way.down.median()),
            goal: "",
        });
    }
    for way in ways {
        rows.push(Row {
            measure: format!("files of {SMALL_BYTES} bytes, to the node / back (1/s), {}", way.name),
            result: format!("{:.0} / {:.0}", way.up_files.median(), way.down_files.median()),
            goal: "",
        });
    }
    rows
}
