//! One stream's state. It knows nothing of the others; [`super::machine`] keeps the counts that span them.

use std::collections::VecDeque;

use super::byte_queue::ByteQueue;
use super::frame::Control;
use super::reset::Reset;
use super::window::ReceiveWindow;

/// How far this end's direction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    Open,
    /// The peer has ended the stream and takes nothing more; this end has not ended it yet. Without half-close only.
    Stopped,
    /// Told to end behind what is unsent.
    Ending,
    /// Told to drop the stream behind what is unsent. There is something.
    Breaking,
    /// Its end was sent, or the stream was dropped.
    Over,
}

/// What the application has not been told yet.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) opened: bool,
    pub(super) connected: bool,
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) reset: Option<Reset>,
}

/// In which of the machine's queues the stream stands. It stands in none twice.
#[derive(Debug, Default)]
pub(super) struct Queued {
    pub(super) control: bool,
    pub(super) data: bool,
    pub(super) news: bool,
}

pub(super) struct Stream {
    pub(super) sending: Sending,
    pub(super) unsent: ByteQueue,
    /// What the peer allows to be sent. Without windows there is always enough.
    pub(super) credit: usize,
    /// The peer was told that the credit is used up.
    pub(super) has_starved: bool,
    /// The application found no room and waits for some.
    pub(super) wants_room: bool,
    /// The last write was a large one.
    pub(super) is_bulk: bool,

    pub(super) unread: ByteQueue,
    /// None without windows.
    pub(super) window: Option<ReceiveWindow>,
    /// The peer has ended its direction.
    pub(super) has_ended: bool,
    /// The application knows.
    pub(super) knows_end: bool,

    /// The acceptor's connection is made; the opener was told that it is.
    pub(super) is_connected: bool,
    /// Dropped by either end: nothing of it is of interest any more.
    pub(super) is_dropped: bool,
    /// What is to be said, or to be told, behind the data that waits: by the end that breaks off, and at the other one.
    pub(super) last_word: Option<Reset>,
    /// Frames that go before data, at most one of each kind.
    pub(super) control: VecDeque<Control>,
    pub(super) news: News,
    pub(super) queued: Queued,
}

impl Stream {
    pub(super) fn new(credit: usize, window: Option<ReceiveWindow>) -> Self {
        Self {
            sending: Sending::Open,
            unsent: ByteQueue::default(),
            credit,
            has_starved: false,
            wants_room: false,
            is_bulk: false,
            unread: ByteQueue::default(),
            window,
            has_ended: false,
            knows_end: false,
            is_connected: false,
            is_dropped: false,
            last_word: None,
            control: VecDeque::new(),
            news: News::default(),
            queued: Queued::default(),
        }
    }

    /// Whether there is something for the data queue: a slice that may be sent, or the end.
    pub(super) fn has_slice(&self) -> bool {
        match self.sending {
            Sending::Open => !self.unsent.is_empty() && self.credit > 0,
            Sending::Ending => self.unsent.is_empty() || self.credit > 0,
            Sending::Breaking => self.credit > 0,
            Sending::Stopped | Sending::Over => false,
        }
    }

    /// Adds to what is to be granted.
    pub(super) fn grant_more(&mut self, more: u32) {
        for control in &mut self.control {
            if let Control::Grant(grant) | Control::Connected { window: grant } = control {
                *grant = grant.saturating_add(more);
                return;
            }
        }
        self.control.push_back(Control::Grant(more));
    }

    /// Nothing is left to happen.
    pub(super) fn is_over(&self) -> bool {
        let told = self.news.reset.is_none() && self.control.is_empty();
        let ended = self.sending == Sending::Over && self.has_ended && self.knows_end;
        told && (self.is_dropped || ended)
    }
}
