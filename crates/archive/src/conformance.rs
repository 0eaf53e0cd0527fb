//! What every archive has to do, as one function to call from an implementation's tests.

use std::sync::Arc;

use postern_recording::recorder::Tail;

use crate::{Archive, ArchiveError, RecordingName};

fn name(session: &str) -> RecordingName {
    RecordingName { session_id: session.parse().expect("a session's id"), started_at: 1_795_384_779_000 }
}

async fn whole(archive: &dyn Archive, name: &RecordingName) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let piece = archive.read(name, whole.len() as u64, 5).await.expect("reads");
        assert!(piece.len() <= 5, "no more is read than was asked for");
        if piece.is_empty() {
            return whole;
        }
        whole.extend(piece);
    }
}

fn append(tail: &mut Box<dyn Tail>, bytes: &[u8]) {
    tail.append(bytes).expect("appends");
}

/// Runs every case. `reopened` is another instance over the same place, as after a restart.
///
/// # Panics
/// A case failed; the message says which promise was broken.
pub async fn run(archive: Arc<dyn Archive>, reopened: Arc<dyn Archive>) {
    what_is_appended_can_be_read_at_once(&*archive, &*reopened).await;
    a_recording_goes_on_where_it_is_cut(&*archive, &*reopened).await;
    a_recording_is_replaced_whole_or_not_at_all(&*archive, &*reopened).await;
    a_recording_is_made_once_and_forgotten(&*archive).await;
}

async fn what_is_appended_can_be_read_at_once(archive: &dyn Archive, reopened: &dyn Archive) {
    let name = name("alice-00000000000000001");
    let mut tail = archive.create(&name, b"start ".to_vec()).await.expect("makes it");
    append(&mut tail, b"one ");
    assert_eq!(whole(archive, &name).await, b"start one ");
    append(&mut tail, b"two");
    assert_eq!(whole(reopened, &name).await, b"start one two", "also by another process");
}

async fn a_recording_goes_on_where_it_is_cut(archive: &dyn Archive, reopened: &dyn Archive) {
    let name = name("alice-00000000000000002");
    let mut tail = archive.create(&name, b"start ".to_vec()).await.expect("makes it");
    append(&mut tail, b"one torn");
    drop(tail);
    let mut tail = reopened.resume(&name, 10).await.expect("goes on");
    assert_eq!(whole(archive, &name).await, b"start one ");
    append(&mut tail, b"two");
    assert_eq!(whole(archive, &name).await, b"start one two");
}

async fn a_recording_is_replaced_whole_or_not_at_all(archive: &dyn Archive, reopened: &dyn Archive) {
    let name = name("alice-00000000000000003");
    drop(archive.create(&name, b"long and wordy".to_vec()).await.expect("makes it"));
    assert!(matches!(archive.replace(&name).await, Err(ArchiveError::Missing(_))), "there is no replacement");
    let mut tail = archive.replacement(&name, b"never ".to_vec()).await.expect("begins");
    append(&mut tail, b"seen");
    assert_eq!(whole(archive, &name).await, b"long and wordy", "until it is put in place");
    drop(tail);
    let mut tail = reopened.replacement(&name, b"sh".to_vec()).await.expect("begins anew");
    append(&mut tail, b"ort");
    drop(tail);
    assert_eq!(reopened.replace(&name).await.expect("replaces"), 5);
    assert_eq!(whole(archive, &name).await, b"short");
}

async fn a_recording_is_made_once_and_forgotten(archive: &dyn Archive) {
    let name = name("alice-00000000000000004");
    assert!(matches!(archive.read(&name, 0, 5).await, Err(ArchiveError::Missing(_))));
    assert!(matches!(archive.resume(&name, 0).await, Err(ArchiveError::Missing(_))));
    drop(archive.create(&name, b"one".to_vec()).await.expect("makes it"));
    assert!(matches!(archive.create(&name, b"two".to_vec()).await, Err(ArchiveError::Present(_))));
    assert_eq!(whole(archive, &name).await, b"one");
    archive.remove(&name).await.expect("forgets it");
    archive.remove(&name).await.expect("and once more");
    assert!(matches!(archive.read(&name, 0, 5).await, Err(ArchiveError::Missing(_))));
}
