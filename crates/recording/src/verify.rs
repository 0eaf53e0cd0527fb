//! What a stream proves, and to whom.

use serde::Serialize;

use crate::chain::Link;
use crate::opening::{Closing, Gap, Opening, Resumption};
use crate::reader::{ReadError, Reader};
use crate::record::Kind;

/// What is known of a recording from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// The fingerprint of the first key, from the day the service was set up.
    pub fingerprint: Option<String>,
    /// A head that the service's database, or somebody else, remembers.
    pub head: Option<Link>,
}

/// What is wrong with a recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It cannot be read to its end.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The bytes end in the middle of a record.
    #[error("{0} bytes at the end are no whole record: the recording was cut off")]
    CutOff(usize),
    /// Records lie behind the last signature of a recording that is not finished.
    #[error("the last {0} records are signed by nobody")]
    Unsigned(u64),
    /// It is not finished.
    #[error("the recording does not come to its end: the session goes on, or the end was cut off")]
    Unfinished,
    /// Its keys do not come from the one that is known.
    #[error("its keys come from {found}, and not from {expected}")]
    Fingerprint {
        /// The first key that it names.
        found: String,
        /// The first key that is known.
        expected: String,
    },
    /// The head that is known is not in it.
    #[error("{known} records are known to have been signed, and {}", match found {
        Some(count) => format!("the recording has {count}: its end was cut off"),
        None => "the recording says something else there: it is another one, or was made anew".to_owned(),
    })]
    Head {
        /// How many the known head covers.
        known: u64,
        /// How many there are, if those are too few.
        found: Option<u64>,
    },
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What is recorded, as the recording itself says.
    pub opening: Option<Opening>,
    /// Whole records that are linked to each other.
    pub records: u64,
    /// How many of them are signed.
    pub signed: u64,
    /// Signatures that were checked.
    pub heads: u64,
    /// The fingerprint of the first key.
    pub fingerprint: Option<String>,
    /// The latest time, in microseconds since the beginning.
    pub duration: u64,
    /// How the session ended.
    pub closing: Option<Closing>,
    /// What the recording itself says is missing.
    pub gaps: Vec<Gap>,
    /// How often the service was restarted meanwhile.
    pub resumptions: Vec<Resumption>,
    /// Bytes of output and standard error.
    pub output_bytes: u64,
    /// What is wrong; nothing if it is all there and unchanged.
    #[serde(skip)]
    pub faults: Vec<Fault>,
}

/// More gaps than these are counted and not listed.
const MAX_LISTED: usize = 1000;

/// Reads a whole stream and says what it proves.
#[must_use]
pub fn verify(stream: &[u8], proof: &Proof) -> Report {
    let mut verifier = Verifier::new(proof);
    verifier.push(stream);
    verifier.finish()
}

/// Reads a stream that comes in pieces, and says in the end what it proves.
pub struct Verifier<'a> {
    proof: &'a Proof,
    reader: Reader,
    report: Report,
    /// Something was wrong: what comes behind it is not looked at.
    is_over: bool,
    /// What the recording says where the known head ends.
    link_at_head: Option<Link>,
}

impl<'a> Verifier<'a> {
    /// One that has read nothing.
    #[must_use]
    pub fn new(proof: &'a Proof) -> Self {
        let report = Report {
            opening: None,
            records: 0,
            signed: 0,
            heads: 0,
            fingerprint: None,
            duration: 0,
            closing: None,
            gaps: Vec::new(),
            resumptions: Vec::new(),
            output_bytes: 0,
            faults: Vec::new(),
        };
        Self { proof, reader: Reader::new(), report, is_over: false, link_at_head: None }
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        if self.is_over {
            return;
        }
        self.reader.push(piece);
        if let Err(error) = self.read() {
            self.report.faults.push(error.into());
            self.is_over = true;
        }
    }

    fn read(&mut self) -> Result<(), ReadError> {
        loop {
            let report = &mut self.report;
            let Some(record) = self.reader.next_record()? else { return Ok(()) };
            match record.kind {
                Kind::Head => report.heads += 1,
                Kind::Output | Kind::StandardError => {
                    report.output_bytes += u64::try_from(record.data.len()).unwrap_or(u64::MAX);
                }
                Kind::Closing => report.closing = serde_json::from_slice(record.data).ok(),
                Kind::Gap if report.gaps.len() < MAX_LISTED => {
                    report.gaps.extend(serde_json::from_slice::<Gap>(record.data))
                }
                Kind::Resumption if report.resumptions.len() < MAX_LISTED => {
                    report.resumptions.extend(serde_json::from_slice::<Resumption>(record.data));
                }
                _ => {}
            }
            let link = self.reader.position().map(|position| position.link);
            if link.map(|link| link.count) == self.proof.head.map(|head| head.count) {
                self.link_at_head = link;
            }
        }
    }

    /// There are no more pieces.
    #[must_use]
    pub fn finish(mut self) -> Report {
        let (report, reader) = (&mut self.report, &self.reader);
        report.opening = reader.opening().cloned();
        report.fingerprint = reader.keys().map(|keys| keys.fingerprint()).filter(|print| !print.is_empty());
        report.signed = reader.head().map_or(0, |head| head.link.count + 1);
        if let Some(position) = reader.position() {
            (report.records, report.duration) = (position.link.count, position.time);
        }
        if !self.is_over {
            let unsigned = reader.position().map_or(0, |position| position.unsigned);
            if reader.left_over() > 0 {
                report.faults.push(Fault::CutOff(reader.left_over()));
            }
            if !reader.is_finished() {
                report.faults.push(Fault::Unfinished);
            }
            if unsigned > 0 {
                report.faults.push(Fault::Unsigned(unsigned));
            }
        }
        if let Some(expected) = &self.proof.fingerprint {
            let found = report.fingerprint.clone().unwrap_or_else(|| "nowhere".to_owned());
            if found != *expected {
                report.faults.push(Fault::Fingerprint { found, expected: expected.clone() });
            }
        }
        if let Some(known) = self.proof.head.filter(|known| Some(*known) != self.link_at_head) {
            let found = Some(report.records).filter(|records| *records < known.count);
            report.faults.push(Fault::Head { known: known.count, found });
        }
        self.report
    }
}
