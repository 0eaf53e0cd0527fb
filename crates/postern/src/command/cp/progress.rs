//! What is shown while files are copied: a bar on a terminal, problems everywhere.

use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use postern_protocol::transfer::Total;
use postern_transfer::{Progress, Summary};

use crate::table::printable;

const BAR: &str = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";

/// The longest part of a path that stands before the bar, in characters.
const SHOWN_CHARACTERS: usize = 32;

/// Watches a copy. Its clones watch the same one.
#[derive(Clone)]
pub(super) struct Watch {
    bar: ProgressBar,
    is_shown: bool,
    problems: Arc<Mutex<Problems>>,
}

/// What is not copied.
#[derive(Default)]
pub(super) struct Problems {
    /// Every sentence.
    pub(super) all: Vec<String>,
    /// The only one, which was not told yet: it is the sentence that the command ends with.
    pub(super) untold: Option<String>,
}

impl Watch {
    pub(super) fn new(is_shown: bool) -> Self {
        let bar = match is_shown {
            true => ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()),
            false => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        Self { bar, is_shown, problems: Arc::default() }
    }

    /// Takes the bar away, and says what was done in its place. Gives the problems.
    pub(super) fn finish(&self, summary: Option<&Summary>) -> Problems {
        self.bar.finish_and_clear();
        if let (true, Some(summary)) = (self.is_shown, summary) {
            let Summary { files, files_in_place, bytes, bytes_resumed, .. } = *summary;
            let mut line = format!("{files} files, {} in {}", HumanBytes(bytes), HumanDuration(self.bar.elapsed()));
            if bytes_resumed > 0 {
                line.push_str(&format!("; {} were there from before", HumanBytes(bytes_resumed)));
            }
            if files_in_place > 0 {
                line.push_str(&format!("; {files_in_place} files were in place"));
            }
            eprintln!("postern: {line}");
        }
        let mut problems = std::mem::take(&mut *self.problems.lock().unwrap_or_else(PoisonError::into_inner));
        if summary.is_none()
            && let Some(untold) = problems.untold.take()
        {
            // Something else is the sentence that the command ends with.
            self.tell(&untold);
        }
        problems
    }

    fn tell(&self, problem: &str) {
        self.bar.suspend(|| eprintln!("postern: {}", printable(problem)));
    }
}

impl Progress for Watch {
    fn total(&mut self, total: Total) {
        self.bar.set_length(total.bytes);
        self.bar.reset_elapsed();
    }

    fn advanced(&mut self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn current(&mut self, path: &str) {
        if !self.is_shown {
            return;
        }
        let path = printable(path);
        let skipped = path.chars().count().saturating_sub(SHOWN_CHARACTERS);
        let tail: String = path.chars().skip(skipped).collect();
        self.bar.set_message(if skipped > 0 { format!("…{tail}") } else { tail });
    }

    fn problem(&mut self, text: &str) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.all.push(text.to_owned());
        if problems.all.len() == 1 {
            problems.untold = Some(text.to_owned());
            return;
        }
        let first = problems.untold.take();
        drop(problems);
        for problem in first.iter().map(String::as_str).chain([text]) {
            self.tell(problem);
        }
    }
}
