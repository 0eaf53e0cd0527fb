//! Where a replay stands, and how fast it goes.

use std::time::{Duration, Instant};

use postern_protocol::Clock;
use postern_transport::{SystemClock, sleep_until};

use super::keys::Key;
use super::tape::Tape;

/// A picture is drawn at most so often: what happens meanwhile is in the next one.
const PICTURE: Duration = Duration::from_millis(15);
/// Things that happen between two looks at the keyboard.
const MAX_EVENTS: usize = 2000;
const SPEEDS: [f64; 9] = [0.25, 0.5, 1.0, 1.5, 2.0, 4.0, 8.0, 16.0, 64.0];

/// What follows a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    GoOn,
    Leave,
}

/// See the module.
pub(super) struct Player {
    speed: f64,
    idle_limit: Option<Duration>,
    /// The moment of the recording that is now.
    position: u64,
    /// Since when it runs from there; nothing while it stands.
    running_since: Option<Instant>,
}

impl Player {
    /// One that runs from the beginning.
    pub(super) fn new(speed: f64, idle_limit: Option<Duration>) -> Self {
        Self { speed, idle_limit, position: 0, running_since: Some(instant()) }
    }

    pub(super) fn speed(&self) -> f64 {
        self.speed
    }

    pub(super) fn is_running(&self) -> bool {
        self.running_since.is_some()
    }

    /// The moment of the recording that is now, in microseconds since its beginning.
    pub(super) fn now(&self) -> u64 {
        let run = self.running_since.map(|since| instant().saturating_duration_since(since).as_secs_f64() * self.speed);
        self.position.saturating_add(micros(run.unwrap_or_default()))
    }

    /// Shows what has happened up to now. Where nothing happens for long, time is taken out.
    pub(super) async fn catch_up(&mut self, tape: &mut Tape) -> anyhow::Result<()> {
        if !self.is_running() {
            return Ok(());
        }
        self.skip_idle(tape);
        let now = self.now();
        for _ in 0..MAX_EVENTS {
            if tape.next_time().is_none_or(|next| next > now) {
                break;
            }
            tape.advance().await?;
        }
        if tape.next_time().is_none() {
            self.stand_at(tape.time());
        }
        Ok(())
    }

    fn skip_idle(&mut self, tape: &Tape) {
        let (Some(limit), Some(next)) = (self.idle_limit, tape.next_time()) else { return };
        // The limit is what the viewer waits, at any speed.
        let longest = micros(limit.as_secs_f64() * self.speed);
        if next.saturating_sub(tape.time()) > longest {
            let earliest = next - longest;
            if self.now() < earliest {
                self.run_from(earliest);
            }
        }
    }

    /// Until something is to be shown.
    pub(super) async fn wait(&self, tape: &Tape) {
        let next = tape.next_time().filter(|_| self.is_running());
        let Some(next) = next else { return std::future::pending().await };
        let seconds = Duration::from_micros(next.saturating_sub(self.now())).as_secs_f64() / self.speed;
        // The clock in the status line goes on, too.
        let wait =
            Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).clamp(PICTURE, Duration::from_millis(200));
        sleep_until(Some(instant() + wait)).await;
    }

    /// Does what a key means.
    pub(super) async fn press(&mut self, key: Key, tape: &mut Tape) -> anyhow::Result<Then> {
        match key {
            Key::Quit => return Ok(Then::Leave),
            Key::Resized => {}
            Key::Pause if self.is_running() => self.stand_at(self.now()),
            Key::Pause if tape.next_time().is_none() => {
                self.seek(0, tape).await?;
                self.run_from(0);
            }
            Key::Pause => self.run_from(self.position),
            Key::Begin => self.seek(0, tape).await?,
            Key::Seek(seconds) => {
                let by = u64::from(seconds.unsigned_abs()) * 1_000_000;
                let now = self.now();
                let to = if seconds < 0 { now.saturating_sub(by) } else { now.saturating_add(by) };
                self.seek(to, tape).await?;
            }
            Key::Step => {
                if let Some(next) = tape.next_time() {
                    tape.advance().await?;
                    self.stand_at(next);
                }
            }
            Key::Faster => self.set_speed(SPEEDS.into_iter().find(|speed| *speed > self.speed)),
            Key::Slower => self.set_speed(SPEEDS.into_iter().rev().find(|speed| *speed < self.speed)),
        }
        Ok(Then::GoOn)
    }

    async fn seek(&mut self, to: u64, tape: &mut Tape) -> anyhow::Result<()> {
        if to < tape.time() {
            tape.go_back(to).await?;
        }
        while tape.next_time().is_some_and(|next| next <= to) {
            tape.advance().await?;
        }
        // Behind the end there is nothing to wait for.
        let to = if tape.next_time().is_none() { to.min(tape.time()) } else { to };
        match self.is_running() {
            true => self.run_from(to),
            false => self.stand_at(to),
        }
        Ok(())
    }

    fn set_speed(&mut self, speed: Option<f64>) {
        let now = self.now();
        self.speed = speed.unwrap_or(self.speed);
        match self.is_running() {
            true => self.run_from(now),
            false => self.stand_at(now),
        }
    }

    fn run_from(&mut self, position: u64) {
        (self.position, self.running_since) = (position, Some(instant()));
    }

    fn stand_at(&mut self, position: u64) {
        (self.position, self.running_since) = (position, None);
    }
}

fn instant() -> Instant {
    SystemClock.now().instant
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "no recording lasts for 500,000 years")]
fn micros(seconds: f64) -> u64 {
    (seconds * 1e6) as u64
}
