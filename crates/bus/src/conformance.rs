//! What every bus has to do, as one function to call from an implementation's tests.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::{Bus, Delivery, MAILBOX_MESSAGES, MAX_MESSAGE_BYTES, Subscription};

/// How long a delivery may take before a case fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs every case, each on a bus of its own.
///
/// # Panics
/// A case failed; the message says which.
pub async fn run<F, B>(mut new_bus: F)
where
    F: FnMut() -> B,
    B: Future<Output = Arc<dyn Bus>>,
{
    delivers_in_order_to_every_subscriber(new_bus().await).await;
    keeps_subjects_apart(new_bus().await).await;
    forgets_the_oldest_of_a_slow_receiver_and_says_so(new_bus().await).await;
    replaces_an_oversize_message_by_a_loss(new_bus().await).await;
    refuses_what_is_not_a_subject(new_bus().await).await;
    publishing_to_nobody_is_nothing(new_bus().await).await;
    waiting_can_be_cancelled(new_bus().await).await;
}

async fn subscribe(bus: &Arc<dyn Bus>, subject: &str) -> Subscription {
    bus.subscribe(subject).await.expect("a valid subject can be subscribed to")
}

async fn next(subscription: &mut Subscription) -> Delivery {
    tokio::time::timeout(PATIENCE, subscription.next())
        .await
        .expect("a delivery arrives within ten seconds")
        .expect("the bus is alive")
}

fn message(number: usize) -> Bytes {
    Bytes::from(number.to_string())
}

async fn delivers_in_order_to_every_subscriber(bus: Arc<dyn Bus>) {
    let mut receivers = [subscribe(&bus, "session.a").await, subscribe(&bus, "session.a").await];
    for number in 0..MAILBOX_MESSAGES {
        bus.publish("session.a", message(number));
    }
    for receiver in &mut receivers {
        for number in 0..MAILBOX_MESSAGES {
            assert_eq!(next(receiver).await, Delivery::Message(message(number)), "order per subject");
        }
    }
}

async fn keeps_subjects_apart(bus: Arc<dyn Bus>) {
    let mut one = subscribe(&bus, "session.a").await;
    let mut two = subscribe(&bus, "session.ab").await;
    bus.publish("session.a", message(1));
    bus.publish("session.ab", message(2));
    assert_eq!(next(&mut one).await, Delivery::Message(message(1)));
    assert_eq!(next(&mut two).await, Delivery::Message(message(2)));
    assert_eq!(one.try_next(), None, "nothing of the other subject");
}

async fn forgets_the_oldest_of_a_slow_receiver_and_says_so(bus: Arc<dyn Bus>) {
    let mut slow = subscribe(&bus, "session.a").await;
    let last = 4 * MAILBOX_MESSAGES;
    for number in 0..=last {
        bus.publish("session.a", message(number));
    }
    let mut lost = false;
    let mut previous = None;
    loop {
        match next(&mut slow).await {
            Delivery::Lost => lost = true,
            Delivery::Message(bytes) => {
                let number: usize = String::from_utf8_lossy(&bytes).parse().expect("the messages are numbers");
                assert!(previous.is_none_or(|previous| previous < number), "order survives a loss");
                previous = Some(number);
                if number == last {
                    break;
                }
            }
        }
    }
    assert!(lost, "a loss is told before what follows it");
}

async fn replaces_an_oversize_message_by_a_loss(bus: Arc<dyn Bus>) {
    let mut receiver = subscribe(&bus, "session.a").await;
    bus.publish("session.a", Bytes::from(vec![0; MAX_MESSAGE_BYTES + 1]));
    assert_eq!(next(&mut receiver).await, Delivery::Lost);
}

async fn refuses_what_is_not_a_subject(bus: Arc<dyn Bus>) {
    for subject in ["", "a b", "a\n", "node.*", "node.>", &"a".repeat(1000)] {
        assert!(bus.subscribe(subject).await.is_err(), "{subject:?} is no subject");
    }
}

async fn publishing_to_nobody_is_nothing(bus: Arc<dyn Bus>) {
    bus.publish("session.a", message(1));
    let mut late = subscribe(&bus, "session.a").await;
    bus.publish("session.a", message(2));
    assert_eq!(next(&mut late).await, Delivery::Message(message(2)), "no history");
}

async fn waiting_can_be_cancelled(bus: Arc<dyn Bus>) {
    let mut receiver = subscribe(&bus, "session.a").await;
    let cancelled = tokio::time::timeout(Duration::from_millis(1), receiver.next()).await;
    assert!(cancelled.is_err(), "there is nothing to deliver");
    bus.publish("session.a", message(1));
    assert_eq!(next(&mut receiver).await, Delivery::Message(message(1)), "a cancelled wait loses nothing");
}
