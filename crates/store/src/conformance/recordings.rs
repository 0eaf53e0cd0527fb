//! Cases about what is known of recordings.

use super::fixture::{NOW, other_scope, scope, session_id};
use crate::{RecordingEnd, RecordingHead, RecordingKeyRecord, RecordingRecord, SessionCursor, Store};

fn head(count: u64) -> RecordingHead {
    let filler = u8::try_from(count % 251).expect("a byte");
    RecordingHead {
        count,
        hash: [filler; 32],
        time: count * 1000,
        key_id: format!("key {count}"),
        signature: [filler; 64],
    }
}

const END: RecordingEnd = RecordingEnd { at: NOW + 60_000, output_bytes: 12, input_bytes: 3, gaps: 1 };

pub(super) async fn the_latest_signature_is_kept_and_an_end_is_final(store: &dyn Store) {
    let (here, id) = (scope(), session_id(1));
    let read = async || store.recording(&here, &id).await.expect("reads");
    assert_eq!(read().await, None);
    store.put_recording_head(&here, &id, NOW, head(5)).await.expect("writes");
    store.put_recording_head(&here, &id, NOW, head(9)).await.expect("writes");
    store.put_recording_head(&here, &id, NOW, head(7)).await.expect("writes");
    let mut expected =
        RecordingRecord { session_id: id.clone(), started_at: NOW, head: head(9), end: None, stored_bytes: None };
    assert_eq!(read().await, Some(expected.clone()), "the one that covers most counts");
    assert_eq!(store.recording(&other_scope(), &id).await.expect("reads"), None);

    assert!(store.end_recording(&here, &id, NOW, head(12), END).await.expect("writes"));
    assert!(!store.end_recording(&here, &id, NOW, head(14), END).await.expect("writes"), "it has ended");
    store.put_recording_head(&here, &id, NOW, head(20)).await.expect("writes");
    (expected.head, expected.end) = (head(12), Some(END));
    assert_eq!(read().await, Some(expected), "nothing changes any more");
}

pub(super) async fn ended_recordings_are_found_until_they_are_stored(store: &dyn Store) {
    let here = scope();
    for number in 1..=4 {
        let (id, at) = (session_id(number), NOW + u64::from(number));
        store.put_recording_head(&here, &id, at, head(1)).await.expect("writes");
        if number != 2 {
            assert!(store.end_recording(&here, &id, at, head(2), END).await.expect("writes"));
        }
    }
    let loose = async |after: Option<u8>| -> Vec<_> {
        let cursor = |number| SessionCursor { started_at: NOW + u64::from(number), session_id: session_id(number) };
        let after = after.map(cursor);
        let page = store.loose_recordings(&here, after.as_ref(), 2).await.expect("reads");
        page.into_iter().map(|recording| recording.session_id).collect()
    };
    assert_eq!(loose(None).await, [session_id(1), session_id(3)]);
    assert_eq!(loose(Some(3)).await, [session_id(4)]);
    store.recording_stored(&here, &session_id(1), 77).await.expect("writes");
    assert_eq!(loose(None).await, [session_id(3), session_id(4)]);
    let stored = store.recording(&here, &session_id(1)).await.expect("reads").expect("it is known");
    assert_eq!(stored.stored_bytes, Some(77));
}

pub(super) async fn keys_have_their_places_and_only_the_last_can_sign(store: &dyn Store) {
    let key = |place: u32| RecordingKeyRecord {
        place,
        certificate: format!("certificate {place}"),
        sealed_seed: Some(vec![7; 3]),
    };
    assert_eq!(store.recording_keys().await.expect("reads"), []);
    assert!(!store.add_recording_key(key(2)).await.expect("answers"), "there is no first one");
    assert!(store.add_recording_key(key(1)).await.expect("writes"));
    assert!(!store.add_recording_key(key(1)).await.expect("answers"), "somebody was faster");
    assert!(store.add_recording_key(key(2)).await.expect("writes"));
    let retired = RecordingKeyRecord { sealed_seed: None, ..key(1) };
    assert_eq!(store.recording_keys().await.expect("reads"), [retired, key(2)]);
}
