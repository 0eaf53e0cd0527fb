//! The data folder: who may read it, and the secrets that live in it as files.
//!
//! Layout: the store's files, `posternd.toml`, and `keys/` (0700) with the root key, the authority and the server's
//! certificate. It never leaves a half-written secret behind. That one process at a time uses the folder is the
//! store's business.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use postern_iam::secret::SecretBytes;
use postern_protocol::Entropy;

const ROOT_KEY_BYTES: usize = 32;

/// Why a data folder cannot be used. Each text is one sentence with the cause and the fix.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// There is none.
    #[error("there is no data folder {}; make one with `posternd init --data-dir {}`", .0.display(), .0.display())]
    Missing(PathBuf),
    /// It may not be written.
    #[error("cannot write {}: {cause}; make its folder writable for this user, or name another with --data-dir", path.display())]
    Unwritable { path: PathBuf, cause: io::Error },
    /// A file in it may not be read.
    #[error("cannot read {}: {cause}; restore it from a backup, or make it readable for this user", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    /// A file in it is not what we wrote.
    #[error("{} is damaged ({what}); restore it from a backup", path.display())]
    Damaged { path: PathBuf, what: String },
}

/// A data folder. The store holds its lock, so it is opened before anything here writes.
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
}

impl DataDir {
    /// Makes the folder, or uses the one that is there.
    ///
    /// # Errors
    /// It cannot be made or written.
    pub fn create(path: &Path) -> Result<Self, DataDirError> {
        make_private_folder(&path.join("keys"))?;
        Ok(Self { path: path.to_path_buf() })
    }

    /// Uses a folder that `create` made earlier.
    ///
    /// # Errors
    /// There is none, or it cannot be written.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        match path.join("keys").is_dir() {
            true => Self::create(path),
            false => Err(DataDirError::Missing(path.to_path_buf())),
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where `posternd init` puts the settings.
    pub fn config_file(&self) -> PathBuf {
        self.path.join("posternd.toml")
    }

    /// Where the certificate of the built-in authority is, for people to hand out.
    pub fn authority_certificate(&self) -> PathBuf {
        self.key("ca.pem")
    }

    /// Where recordings lie.
    pub fn recordings(&self) -> PathBuf {
        self.path.join("recordings")
    }

    /// A secret file by its name.
    pub fn key(&self, name: &str) -> PathBuf {
        self.path.join("keys").join(name)
    }

    /// The key that seals what the service hands out and stores; drawn on the first call.
    ///
    /// # Errors
    /// The file cannot be read or written, or is not a key.
    pub fn root_key(&self, entropy: &dyn Entropy) -> Result<SecretBytes, DataDirError> {
        let path = self.key("root.key");
        if let Some(bytes) = read_optional(&path)? {
            return match bytes.len() {
                ROOT_KEY_BYTES => Ok(SecretBytes::new(bytes)),
                other => {
                    Err(DataDirError::Damaged { path, what: format!("{other} bytes instead of {ROOT_KEY_BYTES}") })
                }
            };
        }
        let mut bytes = vec![0; ROOT_KEY_BYTES];
        entropy.fill(&mut bytes);
        write_private(&path, &bytes)?;
        Ok(SecretBytes::new(bytes))
    }
}

/// The content of a file, or `None` if there is no such file.
///
/// # Errors
/// It is there but cannot be read.
pub fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, DataDirError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(DataDirError::Unreadable { path: path.to_path_buf(), cause }),
    }
}

/// Writes a file that only this user can read: whole or not at all, also across a power cut.
///
/// # Errors
/// The folder cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), DataDirError> {
    write_whole(path, bytes, private_file())
}

/// Writes a file that anybody may read, whole or not at all.
///
/// # Errors
/// The folder cannot be written.
pub fn write_public(path: &Path, bytes: &[u8]) -> Result<(), DataDirError> {
    let mut options = OpenOptions::new();
    options.write(true);
    write_whole(path, bytes, options)
}

fn write_whole(path: &Path, bytes: &[u8], mut options: OpenOptions) -> Result<(), DataDirError> {
    let unwritable = |cause| DataDirError::Unwritable { path: path.to_path_buf(), cause };
    let mut partial = path.as_os_str().to_owned();
    partial.push(".new");
    let partial = PathBuf::from(partial);
    // A leftover of a crash may have been made with other rights: make a new file, never reuse it.
    let _ = fs::remove_file(&partial);
    let mut write = || -> io::Result<()> {
        let mut file = options.create_new(true).open(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        match path.parent() {
            Some(folder) => sync_folder(folder),
            None => Ok(()),
        }
    };
    write().map_err(unwritable)
}

/// Makes a rename in the folder survive a power cut.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_private_folder(path: &Path) -> Result<(), DataDirError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|cause| DataDirError::Unwritable { path: path.to_path_buf(), cause })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, out: &mut [u8]) {
            for (index, byte) in out.iter_mut().enumerate() {
                *byte = index as u8;
            }
        }
    }

    #[test]
    fn a_folder_that_nobody_made_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let error = DataDir::open(&path).unwrap_err().to_string();
        let path = path.display();
        assert_eq!(error, format!("there is no data folder {path}; make one with `posternd init --data-dir {path}`"));
        DataDir::create(&folder.path().join("data")).unwrap();
        DataDir::open(&folder.path().join("data")).unwrap();
    }

    #[test]
    fn the_root_key_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(&folder.path().join("data")).unwrap();
        let first = data.root_key(&Counting).unwrap();
        assert_eq!(data.root_key(&Counting).unwrap().expose(), first.expose());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&data.key("root.key")), 0o600);
            assert_eq!(mode(&data.path().join("keys")), 0o700);
            assert_eq!(mode(data.path()), 0o700);
        }
    }

    #[test]
    fn a_short_root_key_is_damage_and_not_a_reason_for_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(&folder.path().join("data")).unwrap();
        fs::write(data.key("root.key"), b"short").unwrap();
        let error = data.root_key(&Counting).unwrap_err().to_string();
        assert!(error.ends_with("root.key is damaged (5 bytes instead of 32); restore it from a backup"), "{error}");
    }

    #[test]
    fn a_file_in_the_way_is_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"").unwrap();
        let error = DataDir::create(&path).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot write {}/keys: ", path.display())), "{error}");
    }
}
