//! The agent's end of the control channel.
//!
//! It refuses nothing but what cannot be read: an agent must stay reachable whatever the service
//! says. Run Command is declined politely; message types unknown here are ignored.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::liveness::{Liveness, Verdict};
use super::{ControlTransmit, encode};
use crate::Now;
use crate::channel::PeerError;
use crate::wire::payload::{
    AgentJob, AgentJobAck, ChannelClosed, InteractiveShell, JsonPayload, TaskAcknowledge, TaskComplete,
};
use crate::wire::{Frame, MessageId, MessageIds, MessageType};

/// What an agent's control channel is built from.
#[derive(Clone, Debug)]
pub struct AgentControlConfig {
    /// How long the socket may be silent before a ping is sent.
    pub ping_interval: Duration,
    /// How long after a ping the socket may stay silent before it counts as dead.
    pub pong_timeout: Duration,
    /// Where the message ids come from.
    pub message_id_seed: u64,
}

impl AgentControlConfig {
    /// The usual settings: a dead service is noticed within 30 s. The stock agent pings every 54 s
    /// and gives up after 114 s, then 60 s after the last pong (spec agent-control-channel 1.3).
    pub const fn new(message_id_seed: u64) -> Self {
        Self { ping_interval: Duration::from_secs(15), pong_timeout: Duration::from_secs(15), message_id_seed }
    }
}

/// What the agent has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentControlEvent {
    /// Start this session, unless it runs already. The service does not hear whether it could be;
    /// it waits for the session's data channel or for a report.
    StartSession(InteractiveShell),
    /// End this session, if it runs.
    TerminateSession(ChannelClosed),
    /// The service has heard of this session's end: nothing of it needs to be kept any longer.
    TaskAcknowledged {
        /// The session, as given to [`AgentControl::complete_task`].
        task_id: String,
    },
    /// The socket is dead: drop it, connect again, then call [`AgentControl::handle_connected`].
    ServiceSilent,
}

/// How often a report is sent in quick succession, which is as often as the stock agent sends it.
const QUICK_SENDS: i64 = 3;
const QUICK_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is sent after that: the stock agent forgets it, we do not.
const SLOW_INTERVAL: Duration = Duration::from_secs(30);
/// The most reports that are kept. An agent runs 1,000 sessions at most.
const MAX_REPORTS: usize = 1024;
/// The most events and answers that wait. Drivers poll after every message, so one is usual.
const MAX_WAITING: usize = 256;

/// The agent's end; it lives as long as the agent and sees many sockets. See the
/// [grammar](crate::channel).
#[derive(Debug)]
pub struct AgentControl {
    ids: MessageIds,
    connected: bool,
    liveness: Liveness,
    wants_ping: bool,
    /// Answers to the service; what is lost with a socket is asked for again.
    answers: VecDeque<Bytes>,
    /// In the order in which the sessions ended.
    reports: VecDeque<Report>,
    events: VecDeque<AgentControlEvent>,
}

/// The end of a session that the service has not heard of yet.
#[derive(Debug)]
struct Report {
    task: TaskComplete,
    /// Sends on this socket.
    sends: i64,
    next: Next,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// As soon as the socket takes it.
    Send,
    /// Again then, unless it is acknowledged.
    Wait(Instant),
}

impl AgentControl {
    /// An end whose socket is not open yet.
    pub fn new(config: AgentControlConfig) -> Self {
        Self {
            ids: MessageIds::new(config.message_id_seed),
            connected: false,
            liveness: Liveness::new(config.ping_interval, config.pong_timeout),
            wants_ping: false,
            answers: VecDeque::new(),
            reports: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// The socket is open and the opening message is on its way. Every report that was not
    /// acknowledged is sent again at once.
    pub fn handle_connected(&mut self, now: Now) {
        self.connected = true;
        self.liveness.open(now.instant);
        for report in &mut self.reports {
            report.sends = 0;
            report.next = Next::Send;
        }
    }

    /// The socket is gone.
    pub fn handle_disconnected(&mut self, _now: Now) {
        self.connected = false;
        self.wants_ping = false;
        self.liveness.close();
        self.answers.clear();
    }

    /// A binary message came.
    ///
    /// # Errors
    /// If the message is no use. It is dropped and the channel lives on.
    pub fn handle_message(&mut self, message: Bytes, now: Now) -> Result<(), PeerError> {
        self.liveness.heard(now.instant);
        // The stock agent checks no digest here.
        let frame = Frame::decode_unverified(message)?;
        let event = match frame.message_type {
            MessageType::InteractiveShell => AgentControlEvent::StartSession(InteractiveShell::decode(&frame.payload)?),
            MessageType::ChannelClosed => AgentControlEvent::TerminateSession(ChannelClosed::decode(&frame.payload)?),
            MessageType::AgentTaskAcknowledge => {
                let TaskAcknowledge { task_id, .. } = TaskAcknowledge::decode(&frame.payload)?;
                let waiting = self.reports.len();
                self.reports.retain(|report| report.task.task_id != task_id);
                if self.reports.len() == waiting {
                    return Ok(());
                }
                AgentControlEvent::TaskAcknowledged { task_id }
            }
            MessageType::AgentJob => return self.decline(&AgentJob::decode(&frame.payload)?, frame.message_id, now),
            MessageType::AgentJobReplyAck | MessageType::Other(_) => return Ok(()),
            message_type => return Err(PeerError::Unexpected { message_type }),
        };
        if self.events.len() >= MAX_WAITING {
            return Err(PeerError::TooMany);
        }
        self.events.push_back(event);
        Ok(())
    }

    /// Commands are not run here. Without an answer the service would send them again and again.
    fn decline(&mut self, job: &AgentJob, message_id: MessageId, now: Now) -> Result<(), PeerError> {
        if self.answers.len() >= MAX_WAITING {
            return Err(PeerError::TooMany);
        }
        let answer = AgentJobAck {
            job_id: job.job_id.clone(),
            acknowledged_message_id: message_id.to_string(),
            created_date: rfc3339(now.unix_millis),
            status_code: "51406".to_owned(),
            error_message: "InvalidDocument".to_owned(),
        };
        self.answers.push_back(encode(MessageType::AgentJobAck, answer.encode(), &mut self.ids, now));
        Ok(())
    }

    /// A ping or a pong came. The driver answers pings by itself.
    pub fn handle_keepalive(&mut self, now: Now) {
        self.liveness.heard(now.instant);
    }

    /// What goes on the socket next.
    pub fn poll_transmit(&mut self, now: Now) -> Option<ControlTransmit> {
        if !self.connected {
            return None;
        }
        if std::mem::take(&mut self.wants_ping) {
            return Some(ControlTransmit::Ping);
        }
        if let Some(answer) = self.answers.pop_front() {
            return Some(ControlTransmit::Message(answer));
        }
        let report = self.reports.iter_mut().find(|report| report.next == Next::Send)?;
        report.sends += 1;
        report.task.retry_number += 1;
        let pause = if report.sends < QUICK_SENDS { QUICK_INTERVAL } else { SLOW_INTERVAL };
        report.next = Next::Wait(now.instant + pause);
        let payload = report.task.encode();
        Some(ControlTransmit::Message(encode(MessageType::AgentTaskComplete, payload, &mut self.ids, now)))
    }

    /// What to do next.
    pub fn poll_event(&mut self) -> Option<AgentControlEvent> {
        self.events.pop_front()
    }

    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let report = self.reports.iter().filter_map(|report| match report.next {
            Next::Wait(until) if self.connected => Some(until),
            _ => None,
        });
        report.chain(self.liveness.poll_timeout()).min()
    }

    /// A deadline may have passed.
    pub fn handle_timeout(&mut self, now: Now) {
        for report in &mut self.reports {
            if matches!(report.next, Next::Wait(until) if until <= now.instant) {
                report.next = Next::Send;
            }
        }
        match self.liveness.handle_timeout(now.instant) {
            Some(Verdict::Ask) => self.wants_ping = true,
            Some(Verdict::Dead) => {
                self.handle_disconnected(now);
                self.events.push_back(AgentControlEvent::ServiceSilent);
            }
            None => {}
        }
    }

    /// Reports the end of a session until the service has heard it, over any number of sockets.
    /// RetryNumber is filled in here. A report on the same session replaces an earlier one; if
    /// far too many wait, the oldest is given up.
    pub fn complete_task(&mut self, mut task: TaskComplete, _now: Now) {
        task.retry_number = 0;
        self.reports.retain(|report| report.task.task_id != task.task_id);
        if self.reports.len() >= MAX_REPORTS {
            self.reports.pop_front();
        }
        self.reports.push_back(Report { task, sends: 0, next: Next::Send });
    }

    /// How many reports the service has not heard yet.
    pub fn unacknowledged_tasks(&self) -> usize {
        self.reports.len()
    }
}

/// A moment as the stock agent writes it: `2026-11-22T22:05:38.261Z`.
fn rfc3339(unix_millis: u64) -> String {
    const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;
    let (year, month, day) = civil(unix_millis / DAY_MILLIS);
    let millis = unix_millis % DAY_MILLIS;
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
}

/// Year, month and day of a day since the epoch, by counting years from March so that the leap day
/// comes last.
const fn civil(days_since_epoch: u64) -> (u64, u64, u64) {
    const DAYS_TO_EPOCH: u64 = 719_468; // from 0000-03-01
    const DAYS_OF_ERA: u64 = 146_097; // 400 years
    let days = days_since_epoch + DAYS_TO_EPOCH;
    let (era, day_of_era) = (days / DAYS_OF_ERA, days % DAYS_OF_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months + 2) / 5 + 1;
    let month = if months < 10 { months + 3 } else { months - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (unix_millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_001, "2000-03-01T00:00:00.001Z"),
            (1_795_384_961_146, "2026-11-22T22:02:41.146Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(unix_millis), text);
        }
    }
}
