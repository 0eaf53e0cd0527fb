//! A recording as people and players read it, while it is read.

use std::io::{self, Write};

use postern_recording::Opening;
use postern_recording::playback::{Playback, What};
use postern_rendering::cast::{Cast, Version};
use postern_rendering::{Lines, Page, Text};

use super::export::Format;

/// What an exported recording becomes, event by event.
pub(super) struct Rendered {
    format: Format,
    /// Nothing before it is known what is recorded.
    form: Option<Form>,
    out: String,
}

enum Form {
    Raw,
    Text(Box<Text>),
    Page(Box<Page>),
    Cast(Box<Cast>),
}

impl Rendered {
    pub(super) fn new(format: Format) -> Self {
        Self { format, form: None, out: String::new() }
    }

    /// Writes what of the events is finished.
    pub(super) fn take(&mut self, playback: &mut Playback, out: &mut dyn Write) -> io::Result<()> {
        while let Some(event) = playback.next_event() {
            if let (None, What::Opened(opening)) = (&self.form, &event.what) {
                self.form = Some(begin(self.format, opening, &mut self.out));
            }
            match (&mut self.form, &event.what) {
                (Some(Form::Raw), What::Output(data) | What::StandardError(data)) => out.write_all(data)?,
                (Some(Form::Text(text)), what) => text.push(event.time, what, &mut self.out),
                (Some(Form::Page(page)), what) => page.push(event.time, what, &mut self.out),
                (Some(Form::Cast(cast)), what) => cast.push(event.time, what, &mut self.out),
                (Some(Form::Raw) | None, _) => {}
            }
            out.write_all(self.out.as_bytes())?;
            self.out.clear();
        }
        Ok(())
    }

    /// Nothing follows.
    pub(super) fn finish(mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.form {
            Some(Form::Text(text)) => text.finish(&mut self.out),
            Some(Form::Page(page)) => page.finish(&mut self.out),
            Some(Form::Cast(cast)) => cast.finish(&mut self.out),
            Some(Form::Raw) | None => {}
        }
        out.write_all(self.out.as_bytes())
    }
}

fn begin(format: Format, opening: &Opening, out: &mut String) -> Form {
    let lines = lines_of(opening);
    match format {
        Format::Proof | Format::Raw => Form::Raw,
        Format::Text => Form::Text(Box::new(Text::new(lines))),
        Format::Html => Form::Page(Box::new(Page::begin(opening, lines, out))),
        Format::Asciicast => Form::Cast(Box::new(Cast::new(Version::Three, lines))),
        Format::AsciicastV2 => Form::Cast(Box::new(Cast::new(Version::Two, lines))),
    }
}

/// Whether the session's program had a terminal, which turns line feeds into ends of lines.
pub(crate) fn lines_of(opening: &Opening) -> Lines {
    match opening.session_type.as_str() {
        "NonInteractiveCommands" => Lines::Ends,
        _ => Lines::Feeds,
    }
}
