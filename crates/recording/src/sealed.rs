//! How a stream lies on a disk or in a bucket: in frames, each encrypted, and compressed once the recording is finished.
//!
//! A file begins with [`MAGIC`] and a header that belongs to whoever keeps recordings (it names the session and carries
//! the data key, encrypted with another key). Frames follow, each with its length before it. A frame is encrypted with
//! AES-256-GCM under the data key, which is the recording's own, together with its place in the file: frames cannot be
//! moved, and not taken from another recording. What proves that nothing is missing is the stream inside.
//!
//! ```text
//! file   = "POSTREC1" u32 header-length header frame*
//! frame  = u32 length, u8 flags, 12 bytes nonce, ciphertext, 16 bytes tag    (length counts what follows it)
//! flags  = 1: compressed with deflate before it was encrypted
//! ```

use std::io::Read as _;

use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, Tag, UnboundKey};

use crate::record::MAX_DATA_BYTES;

/// How every file begins.
pub const MAGIC: &[u8; 8] = b"POSTREC1";
/// The longest header.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;
/// The most of a stream that one frame holds.
pub const MAX_PLAIN_BYTES: usize = 4 * MAX_DATA_BYTES;
/// Length, flags and nonce.
const PREFIX_BYTES: usize = 4 + 1 + NONCE_LEN;
const TAG_BYTES: usize = 16;
const COMPRESSED: u8 = 1;

/// The key of one recording.
pub struct DataKey(LessSafeKey);

impl DataKey {
    /// The key of these bytes, which must be random and are the caller's to wipe.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("AES-256-GCM takes keys of 32 bytes")))
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey")
    }
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// It does not begin with [`MAGIC`] and a header.
    #[error("this is no recording's file")]
    Magic,
    /// A frame cannot be opened with this key at this place.
    #[error("frame {0} of the recording's file is damaged, or was moved, or belongs to another recording")]
    Frame(u64),
    /// A frame claims to be longer than frames are, or holds more.
    #[error("frame {0} of the recording's file is longer than {MAX_PLAIN_BYTES} bytes")]
    TooLong(u64),
}

/// The beginning of a file.
#[must_use]
pub fn file_start(header: &[u8]) -> Vec<u8> {
    let len = u32::try_from(header.len()).expect("headers are a few hundred bytes");
    [MAGIC.as_slice(), &len.to_be_bytes(), header].concat()
}

/// The header of a file, and where its frames begin. Nothing if more bytes are needed.
///
/// # Errors
/// It is no file of this kind.
pub fn read_start(file: &[u8]) -> Result<Option<(&[u8], usize)>, SealedError> {
    let known = file.len().min(MAGIC.len());
    if file[..known] != MAGIC[..known] {
        return Err(SealedError::Magic);
    }
    let Some((len, rest)) = file.get(MAGIC.len()..).and_then(|rest| rest.split_first_chunk()) else { return Ok(None) };
    let len = usize::try_from(u32::from_be_bytes(*len)).ok().filter(|len| *len <= MAX_HEADER_BYTES);
    let len = len.ok_or(SealedError::Magic)?;
    Ok(rest.get(..len).map(|header| (header, MAGIC.len() + 4 + len)))
}

/// Makes the frames of one file, in order.
#[derive(Debug)]
pub struct Sealer {
    key: DataKey,
    frames: u64,
}

impl Sealer {
    /// For a file that has so many frames.
    #[must_use]
    pub fn new(key: DataKey, frames: u64) -> Self {
        Self { key, frames }
    }

    /// The next frame. `plain` has at most [`MAX_PLAIN_BYTES`]; `nonce` must be random. A frame that could not be stored
    /// is made again: only [`Sealer::stored`] counts it.
    #[must_use]
    pub fn frame(&self, plain: &[u8], compress: bool, nonce: [u8; NONCE_LEN]) -> Vec<u8> {
        let mut out = Vec::with_capacity(PREFIX_BYTES + plain.len() + TAG_BYTES);
        let flags = if compress { COMPRESSED } else { 0 };
        out.extend([0; 4]);
        out.push(flags);
        out.extend(nonce);
        if compress {
            let mut encoder = DeflateEncoder::new(plain, Compression::default());
            encoder.read_to_end(&mut out).expect("reading from memory into memory cannot fail");
        } else {
            out.extend_from_slice(plain);
        }
        let body = out.get_mut(PREFIX_BYTES..).unwrap_or_default();
        let (nonce, aad) = (Nonce::assume_unique_for_key(nonce), Aad::from(place(self.frames, flags)));
        let tag = self.key.0.seal_in_place_separate_tag(nonce, aad, body);
        out.extend_from_slice(tag.expect("a frame is far shorter than what AES-GCM can encrypt").as_ref());
        let len = u32::try_from(out.len() - 4).expect("a frame is at most a few megabytes");
        out[..4].copy_from_slice(&len.to_be_bytes());
        out
    }

    /// The latest frame is in the file.
    pub fn stored(&mut self) {
        self.frames += 1;
    }
}

/// Opens the frames of one file, in order.
#[derive(Debug)]
pub struct Opener {
    key: DataKey,
    frames: u64,
}

impl Opener {
    /// For the first frame of a file.
    #[must_use]
    pub fn new(key: DataKey) -> Self {
        Self { key, frames: 0 }
    }

    /// For a frame in the middle, before which there are so many.
    #[must_use]
    pub fn at(key: DataKey, frames: u64) -> Self {
        Self { key, frames }
    }

    /// How many frames there are before the next one.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// What the frame at the beginning of `bytes` holds, and how many bytes it takes. Nothing if more are needed.
    ///
    /// # Errors
    /// [`SealedError`]. There is no way to go on behind one.
    pub fn open(&mut self, bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, SealedError> {
        let index = self.frames;
        let Some((len, rest)) = bytes.split_first_chunk() else { return Ok(None) };
        // Compressed bytes may be a little longer than what they stand for.
        let longest = PREFIX_BYTES + MAX_PLAIN_BYTES + MAX_PLAIN_BYTES / 1000 + 64;
        let len = usize::try_from(u32::from_be_bytes(*len)).ok().filter(|len| *len <= longest);
        let len = len.ok_or(SealedError::TooLong(index))?;
        let Some(frame) = rest.get(..len) else { return Ok(None) };
        let damaged = SealedError::Frame(index);
        let (flags, frame) = frame.split_first().ok_or(damaged)?;
        let (nonce, frame) = frame.split_first_chunk::<NONCE_LEN>().ok_or(damaged)?;
        let (body, tag) = frame.split_last_chunk::<TAG_BYTES>().ok_or(damaged)?;
        let mut plain = body.to_vec();
        let (nonce, aad) = (Nonce::assume_unique_for_key(*nonce), Aad::from(place(index, *flags)));
        let opened = self.key.0.open_in_place_separate_tag(nonce, aad, Tag::from(*tag), &mut plain, 0..);
        opened.map_err(|_| damaged)?;
        if flags & COMPRESSED != 0 {
            plain = inflate(&plain).ok_or(SealedError::TooLong(index))?;
        }
        self.frames += 1;
        Ok(Some((plain, len + 4)))
    }
}

fn inflate(compressed: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let limit = u64::try_from(MAX_PLAIN_BYTES).unwrap_or(u64::MAX) + 1;
    DeflateDecoder::new(compressed).take(limit).read_to_end(&mut plain).ok()?;
    (plain.len() <= MAX_PLAIN_BYTES).then_some(plain)
}

fn place(frame: u64, flags: u8) -> [u8; 9] {
    let mut place = [0; 9];
    place[..8].copy_from_slice(&frame.to_be_bytes());
    place[8] = flags;
    place
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn file(parts: &[&[u8]], compress: bool) -> Vec<u8> {
        let mut sealer = Sealer::new(DataKey::new(&KEY), 0);
        let mut file = file_start(b"{}");
        for (part, nonce) in parts.iter().zip(0..) {
            file.extend(sealer.frame(part, compress, [nonce; 12]));
            sealer.stored();
        }
        file
    }

    fn open(file: &[u8], key: [u8; 32]) -> Result<(Vec<u8>, usize), SealedError> {
        let Some((_, mut at)) = read_start(file)? else { return Ok((Vec::new(), 0)) };
        let (mut opener, mut plain) = (Opener::new(DataKey::new(&key)), Vec::new());
        while let Some((frame, len)) = opener.open(&file[at..])? {
            plain.extend(frame);
            at += len;
        }
        Ok((plain, file.len() - at))
    }

    #[test]
    fn frames_are_opened_as_they_were_sealed() {
        let text = b"the same again and again ".repeat(400);
        for compress in [false, true] {
            let file = file(&[b"one", &text, b""], compress);
            assert_eq!(open(&file, KEY), Ok(([b"one", &text[..]].concat(), 0)));
            assert_eq!(compress, file.len() < text.len());
            assert!(!file.windows(8).any(|window| window == &text[..8]), "nothing lies there in the clear");
        }
    }

    #[test]
    fn a_cut_file_is_read_up_to_its_last_whole_frame() {
        let file = file(&[b"one", b"two"], false);
        let whole = open(&file, KEY).unwrap();
        assert_eq!(whole, (b"onetwo".to_vec(), 0));
        let second = file.len() - 36;
        for cut in 0..file.len() {
            let (plain, _) = open(&file[..cut], KEY).unwrap();
            assert_eq!(plain, if cut >= second { b"one".to_vec() } else { Vec::new() }, "cut at {cut}");
        }
    }

    #[test]
    fn frames_stay_where_they_are_and_as_they_are() {
        let (one, two) = (file(&[b"one", b"two"], false), file(&[b"two", b"one"], false));
        assert_eq!(open(&one, [8; 32]), Err(SealedError::Frame(0)));
        let first = one.len() - 36;
        let swapped = [&two[..first], &two[first - 36..first]].concat();
        assert_eq!(open(&swapped, KEY), Err(SealedError::Frame(1)));
        let start = read_start(&one).unwrap().unwrap().1;
        for at in start + 4..one.len() {
            let mut changed = one.clone();
            changed[at] ^= 1;
            assert_ne!(open(&changed, KEY), Ok((b"onetwo".to_vec(), 0)), "byte {at}");
        }
    }

    #[test]
    fn a_frame_cannot_claim_or_hold_too_much() {
        let mut opener = Opener::new(DataKey::new(&KEY));
        assert_eq!(opener.open(&[0xff; 40]), Err(SealedError::TooLong(0)));
        let bomb = Sealer::new(DataKey::new(&KEY), 0).frame(&vec![0; MAX_PLAIN_BYTES + 1], true, [0; 12]);
        assert!(bomb.len() < 64 * 1024);
        assert_eq!(opener.open(&bomb), Err(SealedError::TooLong(0)));
        assert_eq!(read_start(b"POSTREC2"), Err(SealedError::Magic));
        assert_eq!(read_start(b"POSTREC1\xff\xff\xff\xff"), Err(SealedError::Magic));
    }
}
