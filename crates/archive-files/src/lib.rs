//! Recordings as files in a folder: `YYYY-MM/SESSION.rec`, readable by this user alone.
//!
//! A frame is written with one call before anybody sees what it holds, so it survives this process; a thread makes what
//! was written durable twice a second, so it survives the machine but for its last second. A file that could not be made
//! durable takes nothing more: what it holds is uncertain from then on.

mod durable;
mod tail;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use postern_archive::{Archive, ArchiveError, RecordingName};
use postern_recording::recorder::Tail;

use durable::{Durable, Pending};
use tail::FileTail;

/// Recordings in a folder.
pub struct FileArchive {
    folder: PathBuf,
    durable: Arc<Durable>,
}

impl FileArchive {
    /// Uses this folder, making it if there is none.
    ///
    /// # Errors
    /// One sentence: the folder cannot be made.
    pub fn open(folder: &Path) -> Result<Self, String> {
        make_folder(folder).map_err(|error| unavailable(folder, &error))?;
        let durable = Durable::start().map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Self { folder: folder.to_path_buf(), durable })
    }

    fn path(&self, name: &RecordingName) -> PathBuf {
        self.folder.join(name.month()).join(format!("{}.rec", name.session_id))
    }

    fn replacement_path(&self, name: &RecordingName) -> PathBuf {
        self.path(name).with_extension("rec.new")
    }

    /// The end of a file that was made just now in this folder, or was there.
    fn tail(&self, file: File, len: u64, new_in: Option<&Path>) -> Box<dyn Tail> {
        let file = Arc::new(file);
        let pending = match new_in {
            Some(folder) => Pending::new_in(folder.to_path_buf(), Arc::clone(&file)),
            None => Pending::old(Arc::clone(&file)),
        };
        Box::new(FileTail::new(file, len, pending, Arc::clone(&self.durable)))
    }
}

/// Runs what may wait for a disk where waiting harms nobody.
async fn blocking<T: Send + 'static>(
    name: &RecordingName,
    path: PathBuf,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, ArchiveError> {
    let shown = path.clone();
    let done = tokio::task::spawn_blocking(move || work(&path)).await;
    let done = done.map_err(|_| ArchiveError::Unavailable("a task of the archive was lost".to_owned()))?;
    done.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ArchiveError::Missing(name.session_id.clone()),
        io::ErrorKind::AlreadyExists => ArchiveError::Present(name.session_id.clone()),
        _ => ArchiveError::Unavailable(unavailable(&shown, &error)),
    })
}

fn unavailable(path: &Path, error: &io::Error) -> String {
    let fix = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on its disk",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "make it writable for this user",
        _ => "see to its disk",
    };
    format!("cannot use {} for recordings: {error}; {fix}", path.display())
}

#[async_trait]
impl Archive for FileArchive {
    async fn create(&self, name: &RecordingName, start: Vec<u8>) -> Result<Box<dyn Tail>, ArchiveError> {
        let (len, path) = (start.len() as u64, self.path(name));
        let folder = path.parent().unwrap_or(&path).to_path_buf();
        let file = blocking(name, path, move |path| {
            let open = || options().create_new(true).open(path);
            let file = match open() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    make_folder(path.parent().unwrap_or(path))?;
                    open()?
                }
                opened => opened?,
            };
            write_first(&file, &start, || fs::remove_file(path))?;
            Ok(file)
        });
        // Nobody waits for the disk here: what comes next is no more durable either, for a moment.
        Ok(self.tail(file.await?, len, Some(&folder)))
    }

    async fn resume(&self, name: &RecordingName, at: u64) -> Result<Box<dyn Tail>, ArchiveError> {
        let file = blocking(name, self.path(name), move |path| {
            let file = options().open(path)?;
            file.set_len(at)?;
            file.sync_all()?;
            Ok(file)
        });
        Ok(self.tail(file.await?, at, None))
    }

    async fn read(&self, name: &RecordingName, from: u64, limit: usize) -> Result<Vec<u8>, ArchiveError> {
        blocking(name, self.path(name), move |path| {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(from))?;
            let mut piece = Vec::new();
            file.take(limit as u64).read_to_end(&mut piece)?;
            Ok(piece)
        })
        .await
    }

    async fn replacement(&self, name: &RecordingName, start: Vec<u8>) -> Result<Box<dyn Tail>, ArchiveError> {
        let len = start.len() as u64;
        let file = blocking(name, self.replacement_path(name), move |path| {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let file = options().create_new(true).open(path)?;
            write_first(&file, &start, || fs::remove_file(path))?;
            Ok(file)
        });
        Ok(self.tail(file.await?, len, None))
    }

    async fn replace(&self, name: &RecordingName) -> Result<u64, ArchiveError> {
        let place = self.path(name);
        blocking(name, self.replacement_path(name), move |path| {
            let file = File::open(path)?;
            file.sync_all()?;
            fs::rename(path, &place)?;
            sync_folder(place.parent().unwrap_or(&place))?;
            Ok(file.metadata()?.len())
        })
        .await
    }

    async fn remove(&self, name: &RecordingName) -> Result<(), ArchiveError> {
        match blocking(name, self.path(name), |path| fs::remove_file(path)).await {
            Ok(()) | Err(ArchiveError::Missing(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A file without its beginning would be in the way of the next attempt.
fn write_first(file: &File, start: &[u8], undo: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let written = tail::write_all_at(file, start, 0);
    if written.is_err() {
        // That it cannot be written is what is told.
        let _ = undo();
    }
    written
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
