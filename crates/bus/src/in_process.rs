//! The default bus: subscribers of this process, found in one ordered map.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Bus, BusError, MAX_MESSAGE_BYTES, Mailbox, Subscription, is_subject, mailbox};

type Subjects = BTreeMap<Box<str>, Vec<Mailbox>>;

/// A bus inside one process. Clones are the same bus.
#[derive(Clone, Default)]
pub struct InProcess {
    subjects: Arc<Mutex<Subjects>>,
}

impl InProcess {
    /// An empty bus.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many subjects have a subscriber.
    #[must_use]
    pub fn subject_count(&self) -> usize {
        lock(&self.subjects).len()
    }
}

#[async_trait]
impl Bus for InProcess {
    fn publish(&self, subject: &str, message: Bytes) {
        let subjects = lock(&self.subjects);
        let Some(mailboxes) = subjects.get(subject) else {
            return;
        };
        // Under the lock, so that two publishers cannot reach two subscribers in different orders.
        for mailbox in mailboxes {
            if message.len() > MAX_MESSAGE_BYTES {
                mailbox.deliver_lost();
            } else {
                mailbox.deliver(message.clone());
            }
        }
    }

    async fn subscribe(&self, subject: &str) -> Result<Subscription, BusError> {
        if !is_subject(subject) {
            return Err(BusError::Subject(subject.chars().take(64).collect()));
        }
        let mut subjects = lock(&self.subjects);
        // The subscription outlives this call but not the knowledge of where it is listed.
        let listed = Arc::new(Mutex::new(None::<Mailbox>));
        let (sender, subscription) = mailbox({
            let (bus, listed, subject) = (Arc::downgrade(&self.subjects), Arc::clone(&listed), subject.to_owned());
            move || {
                let Some(bus) = bus.upgrade() else { return };
                let listed = listed.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(mailbox) = listed {
                    forget(&mut lock(&bus), &subject, &mailbox);
                }
            }
        });
        *listed.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender.clone());
        subjects.entry(subject.into()).or_default().push(sender);
        Ok(subscription)
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        // The last clone is going: nobody can publish any more, and nobody should wait for it.
        if Arc::strong_count(&self.subjects) == 1 {
            for mailbox in lock(&self.subjects).values().flatten() {
                mailbox.close();
            }
        }
    }
}

fn lock(subjects: &Mutex<Subjects>) -> MutexGuard<'_, Subjects> {
    subjects.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forget(subjects: &mut Subjects, subject: &str, gone: &Mailbox) {
    if let Entry::Occupied(mut entry) = subjects.entry(subject.into()) {
        entry.get_mut().retain(|mailbox| !mailbox.is_same(gone));
        if entry.get().is_empty() {
            entry.remove();
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop where it stands")]
mod tests {
    use super::*;
    use crate::{Delivery, conformance};

    #[tokio::test]
    async fn conforms() {
        conformance::run(|| async { Arc::new(InProcess::new()) as Arc<dyn Bus> }).await;
    }

    #[tokio::test]
    async fn a_dropped_subscription_leaves_nothing_behind() {
        let bus = InProcess::new();
        let one = bus.subscribe("node.a").await.unwrap();
        let two = bus.subscribe("node.a").await.unwrap();
        assert_eq!(bus.subject_count(), 1);
        drop(one);
        assert_eq!(bus.subject_count(), 1);
        drop(two);
        assert_eq!(bus.subject_count(), 0);
    }

    #[tokio::test]
    async fn the_end_of_the_bus_ends_its_subscriptions_after_what_is_queued() {
        let bus = InProcess::new();
        let mut subscription = bus.subscribe("node.a").await.unwrap();
        bus.publish("node.a", Bytes::from_static(b"last"));
        drop(bus);
        assert_eq!(subscription.next().await, Some(Delivery::Message(Bytes::from_static(b"last"))));
        assert_eq!(subscription.next().await, None);
    }
}
