//! One file of the node's as a stream of bytes: nothing is written but to that stream.

use std::io::{Read, Write};

use postern_protocol::transfer::{Answer, Intake, Message, NameRules, Step, Violation};
use ring::digest::{Context, SHA256};

use crate::error::{CopyError, about};
use crate::problems::Problems;
use crate::progress::{Progress, Summary};
use crate::send::finish;
use crate::stream::{Incoming, Outgoing};

const OUTPUT: &str = "standard output";

/// Receives the only file that comes, and writes it as it comes.
pub(crate) fn receive<R: Read, W: Write>(
    incoming: &mut Incoming<R>,
    out: &mut Outgoing<W>,
    output: &mut dyn Write,
    progress: &mut dyn Progress,
) -> Result<Summary, CopyError> {
    let mut intake = Intake::new(NameRules::here());
    let mut context = Context::new(&SHA256);
    let mut summary = Summary::default();
    let mut problems = Problems::new(false);
    let failed = |error: std::io::Error| CopyError::Local(about(OUTPUT, &error));
    loop {
        match intake.handle(incoming.next()?)? {
            Step::Total(total) if total.roots != 1 => {
                return Err(CopyError::Local(format!("{OUTPUT} takes one file, and {} are meant", total.roots)));
            }
            Step::Total(total) => progress.total(total),
            Step::Problem(text) => problems.heard(text, progress)?,
            Step::Failed(text) => return Err(CopyError::Peer(text.to_owned())),
            Step::Offer { .. } => {
                let answer = Answer::Want { offset: 0, digest: [0; 32] };
                intake.answered(answer);
                out.send(&answer.message())?;
                out.flush()?;
            }
            Step::Begin { .. } => {}
            Step::Data(data) => {
                output.write_all(data).map_err(failed)?;
                context.update(data);
                summary.bytes += data.len() as u64;
                progress.advanced(data.len() as u64);
            }
            Step::End(digest) => {
                output.flush().map_err(failed)?;
                if finish(context.clone()) != digest {
                    let sentence = "what was written to standard output is damaged: its checksum is wrong";
                    return Err(CopyError::Local(sentence.to_owned()));
                }
                summary.files += 1;
            }
            // The sender has told the problem.
            Step::Abandon => {}
            // A folder is skipped by a sender that was not told to go into folders.
            Step::Enter { .. } | Step::Leave | Step::Link { .. } | Step::OfferStream { .. } => {
                return Err(Violation::Unexpected.into());
            }
            Step::Finish if summary.files == 0 && problems.count() == 0 => {
                return Err(CopyError::Broken("it sent no file".to_owned()));
            }
            Step::Finish => {
                out.send(&Message::Finished)?;
                out.flush()?;
                summary.problems = problems.count();
                return Ok(summary);
            }
        }
    }
}
