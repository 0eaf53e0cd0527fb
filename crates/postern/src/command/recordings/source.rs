//! Where a recording comes from: the service, or a file that was exported before.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use anyhow::Context as _;
use postern_client::Service;
use postern_model::recording::{
    DescribeRecordingRequest, DescribeRecordingResponse, GetRecordingRequest, GetRecordingResponse,
};

use crate::context::ServiceFlags;

/// What is read from a file at once.
const PIECE_BYTES: usize = 256 * 1024;

/// Where the next piece begins.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// The token with which a service goes on; nothing at the beginning.
    Service(Option<String>),
    /// Bytes of a file.
    File(u64),
}

/// A recording, piece by piece.
pub(crate) enum Source {
    /// A service's.
    Service { service: Box<Service>, session_id: String, next_token: Option<String>, is_at_end: bool },
    /// A file.
    File(PathBuf, File),
}

impl Source {
    /// The file of this name, if there is one; a session of the service's otherwise.
    pub(crate) fn open(flags: &ServiceFlags, named: &str) -> anyhow::Result<Self> {
        let path = PathBuf::from(named);
        if path.is_file() {
            let file = File::open(&path).with_context(|| format!("cannot read {named}"))?;
            return Ok(Self::File(path, file));
        }
        let service = Box::new(flags.service()?);
        Ok(Self::Service { service, session_id: named.to_owned(), next_token: None, is_at_end: false })
    }

    /// The next piece of its stream; nothing at the end.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        match self {
            Self::Service { is_at_end: true, .. } => Ok(None),
            Self::Service { service, session_id, next_token, is_at_end } => {
                let request = GetRecordingRequest { session_id: session_id.clone(), next_token: next_token.take() };
                let GetRecordingResponse { data, next_token: next } = service.call(&request).await?;
                (*is_at_end, *next_token) = (next.is_none(), next);
                Ok(Some(data))
            }
            Self::File(path, file) => {
                let mut piece = vec![0; PIECE_BYTES];
                let len = file.read(&mut piece).with_context(|| format!("cannot read {}", path.display()))?;
                piece.truncate(len);
                Ok((len > 0).then_some(piece))
            }
        }
    }

    /// Where it is.
    pub(crate) fn place(&mut self) -> anyhow::Result<Place> {
        match self {
            Self::Service { next_token, .. } => Ok(Place::Service(next_token.clone())),
            Self::File(path, file) => {
                let at = file.stream_position().with_context(|| format!("cannot read {}", path.display()))?;
                Ok(Place::File(at))
            }
        }
    }

    /// Goes on at a place where it was.
    pub(crate) fn go_to(&mut self, place: &Place) -> anyhow::Result<()> {
        match (self, place) {
            (Self::Service { next_token, is_at_end, .. }, Place::Service(token)) => {
                (*next_token, *is_at_end) = (token.clone(), false);
            }
            (Self::File(path, file), Place::File(at)) => {
                file.seek(SeekFrom::Start(*at)).with_context(|| format!("cannot read {}", path.display()))?;
            }
            _ => anyhow::bail!("a place of another recording"),
        }
        Ok(())
    }

    /// What the service knows of it. Nothing of a file.
    pub(crate) async fn describe(&self) -> anyhow::Result<Option<DescribeRecordingResponse>> {
        match self {
            Self::Service { service, session_id, .. } => {
                let request = DescribeRecordingRequest { session_id: session_id.clone() };
                Ok(Some(service.call(&request).await?))
            }
            Self::File(..) => Ok(None),
        }
    }
}
