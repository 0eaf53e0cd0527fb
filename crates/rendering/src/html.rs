//! A recording as one page that needs nothing else: no script, no link, no picture.

mod lines;

use std::fmt::Write as _;

use postern_recording::Opening;
use postern_recording::playback::What;

use crate::filter::Lines;
use crate::length::clock;
use crate::notes::Notes;
use crate::screen::Screen;
use crate::style::Style;
use lines::{Line, Watch};

/// Lines show their time when so much has passed since the last one that did, in microseconds.
const BETWEEN_TIMES: u64 = 1_000_000;

/// Nothing of a page may be fetched, run, or sent anywhere, whatever is in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const RULES: &str = "\
:root{color-scheme:dark}
body{margin:0;background:#16181d;color:#d8dbe2;font:14px/1.35 ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace}
header{padding:1em 1.5em;border-bottom:1px solid #2b2e36;font-family:system-ui,sans-serif;color:#9aa0ad}
header h1{margin:0 0 .4em;font-size:1.1em;color:#fff}
dl{display:grid;grid-template-columns:max-content auto;gap:.1em 1em;margin:0}
dd{margin:0;color:#d8dbe2;overflow-wrap:anywhere}
main{padding:1em 0;overflow-x:auto}
main div{display:flex;white-space:pre;min-height:1.35em}
time{flex:none;width:8em;padding-right:1.5em;text-align:right;color:#6b7280;user-select:none}
main b{font-weight:normal;color:#e5c07b}
";

/// Turns what happened into a page, as soon as lines have left the screen.
pub struct Page {
    screen: Screen,
    watch: Watch,
    notes: Notes,
    times: Times,
}

/// Shows nothing of what was shown.
impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").field("screen", &self.screen).finish_non_exhaustive()
    }
}

impl Page {
    /// The beginning of the page of this recording.
    #[must_use]
    pub fn begin(opening: &Opening, lines: Lines, out: &mut String) -> Self {
        let title = escaped(&format!("Session {}", opening.session_id));
        let policy = escaped(POLICY);
        write!(
            out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n<title>{title}</title>\n<style>\n{RULES}</style>\n</head>\n\
             <body>\n<header>\n<h1>{title}</h1>\n<dl>\n"
        )
        .expect("a string takes everything");
        let began = i64::try_from(opening.started_at).unwrap_or(i64::MAX);
        let facts = [
            ("node", Some(opening.node_id.as_str())),
            ("user", Some(opening.owner.as_str())),
            ("document", Some(opening.document_name.as_str())),
            ("reason", opening.reason.as_deref()),
            ("began", Some(&*crate::length::moment(began))),
        ];
        for (name, value) in facts {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                writeln!(out, "<dt>{name}</dt><dd>{}</dd>", escaped(value)).expect("a string takes everything");
            }
        }
        out.push_str("</dl>\n</header>\n<main>\n");
        Self { screen: Screen::new(lines), watch: Watch::default(), notes: Notes::default(), times: Times::default() }
    }

    /// Takes what happened at this time, in microseconds since the beginning, and appends the lines that are finished.
    pub fn push(&mut self, time: u64, what: &What, out: &mut String) {
        let Self { screen, watch, notes, times } = self;
        watch.time = time;
        match what {
            What::Output(data) | What::StandardError(data) => screen.feed_with(data, watch, |screen, watch, lines| {
                times.append(lines, out);
                if let Some(note) = notes.on_screen(time, screen.is_alternate()) {
                    times.append(screen.note(&note, watch), out);
                }
            }),
            What::Resized(cols, rows) => times.append(screen.resize_with(*cols, *rows, watch), out),
            What::Gap(gap) => times.append(screen.note(&notes.on_gap(gap), watch), out),
            _ => {}
        }
    }

    /// Nothing follows: appends what is on the screen, and the end of the page.
    pub fn finish(mut self, out: &mut String) {
        let rest = std::mem::take(&mut self.watch).rest(self.screen.terminal());
        self.times.append(rest, out);
        if let Some(note) = self.notes.at_end() {
            writeln!(out, "<div><time></time><b>{}</b></div>", escaped(&note)).expect("a string takes everything");
        }
        out.push_str("</main>\n</body>\n</html>\n");
    }
}

/// Which lines show their times.
#[derive(Default)]
struct Times {
    /// The latest that was shown.
    shown: Option<u64>,
}

impl Times {
    fn append(&mut self, lines: Vec<Line>, out: &mut String) {
        for Line { time, runs } in lines {
            let shows_time = self.shown.is_none_or(|shown| time >= shown.saturating_add(BETWEEN_TIMES));
            let time = if shows_time { Some(time) } else { None };
            self.shown = time.or(self.shown);
            write!(out, "<div><time>{}</time>", time.map(clock).unwrap_or_default())
                .expect("a string takes everything");
            for (style, text) in runs {
                run(&style, &text, out);
            }
            out.push_str("</div>\n");
        }
    }
}

fn run(style: &Style, text: &str, out: &mut String) {
    let (css, text) = (style.css(), escaped(text));
    let written = match css.is_empty() {
        true => write!(out, "<span>{text}</span>"),
        false => write!(out, "<span style=\"{css}\">{text}</span>"),
    };
    written.expect("a string takes everything");
}

/// Text as text, also within an attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ if character.is_control() || crate::filter::deceives(character) => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}
