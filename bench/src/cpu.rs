//! The time that a process has spent on a core.

use std::time::Duration;

use anyhow::{Context, Result};

/// User and system time of a process at one moment. The kernel counts in ticks of 10 ms.
pub(crate) struct CpuTime {
    process_id: u32,
    ticks: u64,
}

impl CpuTime {
    /// Of the process with this id, all of its threads.
    pub(crate) fn of(process_id: u32) -> Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process_id}/stat"))?;
        // The program's name, in parentheses, may contain blanks.
        let fields = stat.rsplit(')').next().context("stat has a name in parentheses")?;
        let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Self { process_id, ticks })
    }

    /// What it has spent since.
    pub(crate) fn passed(&self) -> Result<Duration> {
        let now = Self::of(self.process_id)?;
        Ok(Duration::from_millis(now.ticks.saturating_sub(self.ticks) * 10))
    }
}

/// The same of several processes and of everything below them.
pub(crate) struct TreeCpuTime {
    roots: Vec<u32>,
    ticks: u64,
}

impl TreeCpuTime {
    /// Of the processes with these ids and all their descendants, those that have ended and were waited for included.
    pub(crate) fn of(roots: &[u32]) -> Result<Self> {
        let processes: Vec<Process> = std::fs::read_dir("/proc")?
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(Process::read)
            .collect();
        let mut counted = roots.to_vec();
        let mut next = 0;
        while let Some(&parent) = counted.get(next) {
            next += 1;
            let children = processes.iter().filter(|process| process.parent == parent).map(|process| process.id);
            let new: Vec<u32> = children.filter(|child| !counted.contains(child)).collect();
            counted.extend(new);
        }
        let ticks = processes.iter().filter(|process| counted.contains(&process.id)).map(|process| process.ticks).sum();
        Ok(Self { roots: roots.to_vec(), ticks })
    }

    /// What they have spent since.
    pub(crate) fn passed(&self) -> Result<Duration> {
        let now = Self::of(&self.roots)?;
        Ok(Duration::from_millis(now.ticks.saturating_sub(self.ticks) * 10))
    }
}

struct Process {
    id: u32,
    parent: u32,
    ticks: u64,
}

impl Process {
    /// None if it has ended meanwhile.
    fn read(id: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        let parent = fields.get(1)?.parse().ok()?;
        let ticks = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
        Some(Self { id, parent, ticks })
    }
}
