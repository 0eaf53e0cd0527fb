//! A bounded mailbox that forgets the oldest message rather than make its sender wait.
//!
//! Written for ten thousand idle subscriptions: an empty mailbox allocates no queue. It refuses to grow, to block a
//! publisher, and to hide that something was forgotten.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::{Delivery, MAILBOX_MESSAGES};

#[derive(Default)]
struct State {
    messages: VecDeque<Bytes>,
    /// Something before the first message in `messages` is gone.
    lost: bool,
    /// No more messages will come; what is queued is still delivered.
    closed: bool,
    waker: Option<Waker>,
}

struct Shared(Mutex<State>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every critical section leaves the state valid at each step, so a panic elsewhere cannot have broken it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sending half, kept by a bus. Clones feed the same subscription.
#[derive(Clone)]
pub struct Mailbox(Arc<Shared>);

/// The receiving half. Dropping it ends the subscription.
pub struct Subscription {
    shared: Arc<Shared>,
    /// Runs when the subscription is dropped, so that the bus can forget it at once.
    on_drop: Option<Box<dyn FnOnce() + Send + Sync>>,
}

/// A connected pair. `on_drop` runs once, when the subscription is dropped.
#[must_use]
pub fn mailbox(on_drop: impl FnOnce() + Send + Sync + 'static) -> (Mailbox, Subscription) {
    let shared = Arc::new(Shared(Mutex::default()));
    (Mailbox(Arc::clone(&shared)), Subscription { shared, on_drop: Some(Box::new(on_drop)) })
}

impl Mailbox {
    /// Puts a message in, pushing the oldest out when the mailbox is full.
    pub fn deliver(&self, message: Bytes) {
        self.change(|state| {
            if state.messages.len() >= MAILBOX_MESSAGES {
                state.messages.pop_front();
                state.lost = true;
            }
            state.messages.push_back(message);
        });
    }

    /// Tells the receiver that something is gone, and forgets what was queued: it is older than the loss.
    pub fn deliver_lost(&self) {
        self.change(|state| {
            state.messages.clear();
            state.lost = true;
        });
    }

    /// Ends the subscription after what is queued.
    pub fn close(&self) {
        self.change(|state| state.closed = true);
    }

    /// Whether both halves belong to the same subscription.
    #[must_use]
    pub fn is_same(&self, other: &Mailbox) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn change(&self, apply: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = self.0.lock();
            apply(&mut state);
            state.waker.take()
        };
        // Outside the lock: a waker may run the receiver on this very thread.
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Subscription {
    /// The next delivery, or nothing once the bus is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<Delivery> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The next delivery if there is one now.
    pub fn try_next(&mut self) -> Option<Delivery> {
        take(&mut self.shared.lock())
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Delivery>> {
        let mut state = self.shared.lock();
        if let Some(delivery) = take(&mut state) {
            return Poll::Ready(Some(delivery));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

/// Takes the next delivery out; an emptied queue gives its memory back.
fn take(state: &mut State) -> Option<Delivery> {
    if std::mem::take(&mut state.lost) {
        return Some(Delivery::Lost);
    }
    let message = state.messages.pop_front()?;
    if state.messages.is_empty() {
        state.messages = VecDeque::new();
    }
    Some(Delivery::Message(message))
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(on_drop) = self.on_drop.take() {
            on_drop();
        }
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("queued", &self.shared.lock().messages.len()).finish_non_exhaustive()
    }
}
