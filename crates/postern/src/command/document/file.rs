//! A document's text: where it comes from, in which form it is, how it is shown.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use postern_model::document::{Content, DocumentFormat, DocumentType, MAX_DOCUMENT_BYTES};

use crate::table;

#[derive(clap::Args)]
pub(crate) struct Text {
    /// File with the document's text; - is standard input
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// In which form it is; without it, what the file's name or its first sign says
    #[arg(long, value_name = "json|yaml", value_parser = super::format)]
    format: Option<DocumentFormat>,
}

impl Text {
    /// The text and its form. No more is read than the service takes.
    pub(super) fn read(&self) -> anyhow::Result<(String, DocumentFormat)> {
        let unreadable = || format!("cannot read the document from {}", self.file.display());
        let mut text = String::new();
        let limit = u64::try_from(MAX_DOCUMENT_BYTES).unwrap_or(u64::MAX) + 1;
        if self.file == Path::new("-") {
            std::io::stdin().take(limit).read_to_string(&mut text).with_context(unreadable)?;
        } else {
            let file = std::fs::File::open(&self.file).with_context(unreadable)?;
            file.take(limit).read_to_string(&mut text).with_context(unreadable)?;
        }
        if text.len() > MAX_DOCUMENT_BYTES {
            anyhow::bail!("the document in {} has more than 64 KB", self.file.display());
        }
        let format = self.format.unwrap_or_else(|| guess_format(&self.file, &text));
        Ok((text, format))
    }
}

fn guess_format(file: &Path, text: &str) -> DocumentFormat {
    let ending = file.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    match ending.as_deref() {
        Some("json") => DocumentFormat::Json,
        Some("yaml" | "yml") => DocumentFormat::Yaml,
        _ if text.trim_start().starts_with('{') => DocumentFormat::Json,
        _ => DocumentFormat::Yaml,
    }
}

/// Session documents have a schema version that no other documents have. The service says what is wrong with the rest.
pub(super) fn guess_type(text: &str, format: DocumentFormat) -> DocumentType {
    let content = Content::parse(text, format).ok();
    let schema = content.as_ref().and_then(|content| content.member("schemaVersion")?.text());
    match schema {
        Some("1.0") | None => DocumentType::Session,
        Some(_) => DocumentType::Command,
    }
}

/// Prints a text as it is; on a terminal, without what could steer it.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if out.is_terminal() {
        drop(out);
        return table::write_lines(text.lines().map(|line| table::printable(&line.replace('\t', "    "))));
    }
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_types_are_guessed() {
        for (file, text, format) in [
            ("a.json", "x: y", DocumentFormat::Json),
            ("a.YML", "{}", DocumentFormat::Yaml),
            ("-", " \n{}", DocumentFormat::Json),
            ("document", "a: b", DocumentFormat::Yaml),
        ] {
            assert_eq!(guess_format(Path::new(file), text), format, "{file}");
        }
        for (text, document_type) in [
            ("schemaVersion: '1.0'", DocumentType::Session),
            ("schemaVersion: '2.2'", DocumentType::Command),
            ("schemaVersion: '1.2'", DocumentType::Command),
            ("[", DocumentType::Session),
        ] {
            assert_eq!(guess_type(text, DocumentFormat::Yaml), document_type, "{text}");
        }
    }
}
