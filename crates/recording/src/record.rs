//! One record: what happened, when, and which message of the session it was.

/// The largest data of one record: the largest payload of a data channel's message is 1 MiB (spec data-channel 10).
pub const MAX_DATA_BYTES: usize = 1024 * 1024 + 1024;

/// What precedes the data.
pub(crate) const HEADER_BYTES: usize = 1 + 8 + 8 + 4;

/// What a record is about. The letters are those of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Always the first: what is recorded ([`Opening`](crate::Opening), JSON).
    Opening = b'O',
    /// The chain of keys that heads are signed with from here on ([`KeyChain`](crate::signing::KeyChain), JSON).
    Keys = b'K',
    /// A signature over everything before it ([`Head`](crate::chain::Head)).
    Head = b'H',
    /// The program's output, or its standard output.
    Output = b'o',
    /// Its standard error, where that travels apart.
    StandardError = b'e',
    /// What the user typed, if it is recorded: lines, each when it is known whether the terminal showed it. What it did
    /// not show is masked with `*`.
    Input = b'i',
    /// So many bytes came from the user (u32), whether or not they are recorded.
    InputCount = b'n',
    /// The user's terminal has this size now: columns and rows (u16 each).
    Resize = b'r',
    /// The exit status, as the agent said it.
    ExitStatus = b'x',
    /// A message from the node with nothing to record but its number, so that nobody looks for it.
    OtherOutput = b'p',
    /// The same from the user.
    OtherInput = b'q',
    /// One of the two ends came or went ([`Leg`](crate::Leg), JSON).
    Leg = b'l',
    /// Something is missing here ([`Gap`](crate::Gap), JSON).
    Gap = b'g',
    /// The service was restarted ([`Resumption`](crate::Resumption), JSON).
    Resumption = b's',
    /// The session is over ([`Closing`](crate::Closing), JSON). A head follows, and nothing else.
    Closing = b'z',
}

impl Kind {
    const ALL: [Self; 15] = [
        Self::Opening,
        Self::Keys,
        Self::Head,
        Self::Output,
        Self::StandardError,
        Self::Input,
        Self::InputCount,
        Self::Resize,
        Self::ExitStatus,
        Self::OtherOutput,
        Self::OtherInput,
        Self::Leg,
        Self::Gap,
        Self::Resumption,
        Self::Closing,
    ];

    fn of(letter: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == letter)
    }
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What it is about.
    pub kind: Kind,
    /// Microseconds since the recording began. Never less than in the record before.
    pub time: u64,
    /// The sequence number of the message that it came in, in its direction; -1 where there was none. A message may be
    /// recorded before one of a lower number, if that is how they came.
    pub number: i64,
    /// What [`Kind`] says.
    pub data: &'a [u8],
}

/// What is wrong with the bytes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// There are not enough bytes yet.
    #[error("the record is cut off")]
    Incomplete,
    /// Not one of [`Kind`].
    #[error("there is no kind of record {0:#04x}")]
    Kind(u8),
    /// More than [`MAX_DATA_BYTES`].
    #[error("the record claims to have {0} bytes, and may have {MAX_DATA_BYTES}")]
    TooLong(u32),
}

impl<'a> Record<'a> {
    /// Appends it as the format has it.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let len = u32::try_from(self.data.len()).expect("records are written with at most MAX_DATA_BYTES");
        out.reserve(HEADER_BYTES + self.data.len());
        out.push(self.kind as u8);
        out.extend(self.time.to_be_bytes());
        out.extend(self.number.to_be_bytes());
        out.extend(len.to_be_bytes());
        out.extend_from_slice(self.data);
    }

    /// Reads the record at the beginning of `bytes`; the second is how many bytes it takes.
    ///
    /// # Errors
    /// [`RecordError::Incomplete`] when more is needed; the others are final.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<(Self, usize), RecordError> {
        let (letter, rest) = bytes.split_first().ok_or(RecordError::Incomplete)?;
        let kind = Kind::of(*letter).ok_or(RecordError::Kind(*letter))?;
        let (time, rest) = rest.split_first_chunk().ok_or(RecordError::Incomplete)?;
        let (number, rest) = rest.split_first_chunk().ok_or(RecordError::Incomplete)?;
        let (len, rest) = rest.split_first_chunk().ok_or(RecordError::Incomplete)?;
        let claimed = u32::from_be_bytes(*len);
        let len = usize::try_from(claimed).ok().filter(|len| *len <= MAX_DATA_BYTES);
        let len = len.ok_or(RecordError::TooLong(claimed))?;
        let data = rest.get(..len).ok_or(RecordError::Incomplete)?;
        let record = Self { kind, time: u64::from_be_bytes(*time), number: i64::from_be_bytes(*number), data };
        Ok((record, HEADER_BYTES + len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for kind in Kind::ALL {
            let record = Record { kind, time: u64::MAX - 1, number: -1, data: b"some data" };
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            assert_eq!(Record::decode(&bytes), Ok((record, bytes.len())));
            for cut in 0..bytes.len() {
                assert_eq!(Record::decode(&bytes[..cut]), Err(RecordError::Incomplete), "cut at {cut}");
            }
        }
    }

    #[test]
    fn nothing_is_allocated_for_what_a_length_claims() {
        let mut bytes = vec![b'o'];
        bytes.extend([0; 16]);
        bytes.extend(u32::MAX.to_be_bytes());
        assert_eq!(Record::decode(&bytes), Err(RecordError::TooLong(u32::MAX)));
        assert_eq!(Record::decode(b"?"), Err(RecordError::Kind(b'?')));
    }
}
