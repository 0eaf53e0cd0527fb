//! The data channel's state machine and the link under it, moved together: whatever kind of session runs over them,
//! frames that came are handed in, frames that are due go out, and losses are mended.

use std::time::{Duration, Instant};

use postern_protocol::channel::data_channel::{Config, DataChannel, Role};
use postern_protocol::{Clock as _, Entropy as _};
use postern_transport::{SystemClock, SystemEntropy, sleep_until};

use crate::access::Access;
use crate::link::{Link, LinkError, LinkEvent};

/// A loss shorter than this is not worth a word.
const SAY_AFTER: Duration = Duration::from_secs(3);

/// What happened under the session.
pub(crate) enum LegEvent {
    /// Something came, went or fell due: the channel may have events or room.
    Moved,
    /// There has been no connection for long enough to be told; why.
    Missing(String),
    /// There is one again after a loss that was told.
    Back,
    /// The service says that the session has ended.
    Ended,
    /// There will be no connection.
    Failed(LinkError),
}

/// One session's channel over its link.
pub(crate) struct Leg<A> {
    link: Link<A>,
    /// The channel; what is written to it is sent by [`Leg::next`].
    pub(crate) channel: DataChannel,
    /// The loss that lasts was told.
    missing: bool,
}

impl<A: Access + 'static> Leg<A> {
    /// A channel with at most `send_window_bytes` under way.
    pub(crate) fn new(link: Link<A>, send_window_bytes: usize) -> Leg<A> {
        let mut seed = [0; 8];
        SystemEntropy.fill(&mut seed);
        let config = Config { send_window_bytes, ..Config::new(Role::Client, u64::from_le_bytes(seed)) };
        Leg { link, channel: DataChannel::new(config), missing: false }
    }

    /// Whether the session has been without a connection for so long that the user was told.
    pub(crate) fn is_missing(&self) -> bool {
        self.missing
    }

    /// Back-pressure: with this much untaken the socket is read no further.
    pub(crate) fn read_below(&mut self, backlog_bytes: usize) {
        self.link.set_reading(self.channel.receive_backlog_bytes() < backlog_bytes);
    }

    /// Sends what is to be sent and waits for the next thing to happen. Cancel-safe.
    pub(crate) async fn next(&mut self) -> LegEvent {
        let now = SystemClock.now();
        if self.channel.poll_timeout().is_some_and(|at| at <= now.instant) {
            self.channel.handle_timeout(now);
            return LegEvent::Moved;
        }
        if let Some(say_at) = self.say_at()
            && say_at <= now.instant
        {
            self.missing = true;
            return LegEvent::Missing(self.link.trouble().to_owned());
        }
        while self.link.can_feed()
            && let Some(frame) = self.channel.poll_transmit(now)
        {
            self.link.feed(frame);
        }
        let wake_at = [self.channel.poll_timeout(), self.say_at()].into_iter().flatten().min();
        tokio::select! {
            biased;
            event = self.link.next() => self.on_link(event),
            () = sleep_until(wake_at) => LegEvent::Moved,
        }
    }

    fn say_at(&self) -> Option<Instant> {
        self.link.down_since().filter(|_| !self.missing).map(|since| since + SAY_AFTER)
    }

    fn on_link(&mut self, event: LinkEvent) -> LegEvent {
        let now = SystemClock.now();
        match event {
            LinkEvent::Opened => {
                self.channel.handle_connected(now);
                if std::mem::take(&mut self.missing) {
                    return LegEvent::Back;
                }
            }
            LinkEvent::Frame(frame) => {
                if let Err(error) = self.channel.handle_message(frame, now) {
                    tracing::debug!(%error, "a message of the session was dropped");
                }
            }
            LinkEvent::Writable => {}
            LinkEvent::Lost => self.channel.handle_disconnected(now),
            LinkEvent::Ended => return LegEvent::Ended,
            LinkEvent::Failed(error) => return LegEvent::Failed(error),
        }
        LegEvent::Moved
    }
}
