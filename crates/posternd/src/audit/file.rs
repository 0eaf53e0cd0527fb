//! A file of JSON lines, one event each, which others may rotate: it is opened anew when it was moved or removed.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use postern_audit::link_before;
use postern_control::KeptEvent;

use super::Sink;

/// No event has more bytes.
const MAX_LINE: u64 = 256 * 1024;

/// The file.
pub(crate) struct File {
    path: PathBuf,
    open: Option<Open>,
}

struct Open {
    file: fs::File,
    /// The number of the next event that is not in it.
    next: u64,
}

impl File {
    /// Opens nothing yet.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: None }
    }

    /// Whether it could be written, without changing it.
    ///
    /// # Errors
    /// A sentence with the cause and the fix.
    pub(crate) fn check(path: &Path) -> Result<String, String> {
        let told = |error: io::Error| cannot(path, &error);
        if path.exists() {
            fs::OpenOptions::new().append(true).open(path).map_err(told)?;
            return Ok(format!("{} can be written", path.display()));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match fs::metadata(folder) {
            Ok(metadata) if metadata.is_dir() && !metadata.permissions().readonly() => {
                Ok(format!("{} is made by the first event", path.display()))
            }
            Ok(_) => Err(format!("{} is not a folder that can be written; choose another path", folder.display())),
            Err(error) => Err(cannot(path, &error)),
        }
    }
}

fn cannot(path: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}; make its folder, and let the service's user write there", path.display())
}

#[async_trait]
impl Sink for File {
    fn name(&self) -> &'static str {
        "file"
    }

    async fn take(&mut self, events: &[KeptEvent]) -> Result<(), String> {
        let (path, open, events) = (self.path.clone(), self.open.take(), events.to_vec());
        let written = tokio::task::spawn_blocking(move || {
            let open = write(&path, open, &events).map_err(|error| cannot(&path, &error))?;
            Ok::<_, String>(open)
        });
        self.open = Some(written.await.map_err(|error| error.to_string())??);
        Ok(())
    }
}

fn write(path: &Path, open: Option<Open>, events: &[KeptEvent]) -> io::Result<Open> {
    let mut open = match open {
        Some(open) if is_still(&open.file, path) => open,
        _ => reopen(path)?,
    };
    let lines: String =
        events.iter().filter(|event| event.number >= open.next).map(|event| format!("{}\n", event.record)).collect();
    open.file.write_all(lines.as_bytes())?;
    open.file.sync_data()?;
    if let Some(last) = events.last() {
        open.next = open.next.max(last.number + 1);
    }
    Ok(open)
}

/// Whether the file is the one that is at this place now.
fn is_still(file: &fs::File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        match (file.metadata(), fs::metadata(path)) {
            (Ok(own), Ok(there)) => own.dev() == there.dev() && own.ino() == there.ino(),
            _ => false,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}

/// Opens it at its end. What was written of an event when the service was killed is taken away, and what is in it already
/// is not written again.
fn reopen(path: &Path) -> io::Result<Open> {
    let mut options = fs::OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(2 * MAX_LINE);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    (&file).take(2 * MAX_LINE).read_to_end(&mut tail)?;
    let end = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if end < tail.len() && (end > 0 || from == 0) {
        file.set_len(from + end as u64)?;
    }
    let whole = &tail[..end.saturating_sub(1)];
    let last = whole.iter().rposition(|byte| *byte == b'\n').map_or(whole, |at| &whole[at + 1..]);
    let next = std::str::from_utf8(last).ok().and_then(link_before).map_or(0, |link| link.count + 1);
    Ok(Open { file, next })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn event(number: u64) -> KeptEvent {
        let data = format!("{{\"sequenceNumber\":{number},\"previousHash\":\"{}\"}}", "00".repeat(32));
        KeptEvent { number, at: 0, record: format!("{{\"eventName\":\"E\",\"additionalEventData\":{data}}}") }
    }

    fn numbers(path: &Path) -> Vec<u64> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| link_before(line).unwrap().count).collect()
    }

    #[test]
    fn a_moved_file_is_opened_anew_and_no_line_is_twice() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("audit.jsonl"), folder.path().join("audit.jsonl.1"));
        let open = write(&path, None, &[event(0), event(1)]).unwrap();
        let open = write(&path, Some(open), &[event(2)]).unwrap();
        assert_eq!(numbers(&path), [0, 1, 2]);
        fs::rename(&path, &moved).unwrap();
        let open = write(&path, Some(open), &[event(3)]).unwrap();
        assert_eq!((numbers(&moved), numbers(&path)), (vec![0, 1, 2], vec![3]));
        drop(open);
        // Killed before it was noted that these are there, and in the middle of the next.
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"eventName\":\"E\",\"addi").unwrap();
        write(&path, None, &[event(3), event(4)]).unwrap();
        assert_eq!(numbers(&path), [3, 4]);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert!(File::check(&folder.path().join("audit.jsonl")).is_ok());
        let error = File::check(&folder.path().join("none/audit.jsonl")).unwrap_err();
        assert!(error.contains("make its folder"), "{error}");
    }
}
