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
