//! Nothing of the corpus, however it is cut, reaches whoever looks: a checker of its own reads all that is made of it.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

mod corpus;

use postern_recording::playback::What;
use postern_recording::{Mode, Opening};
use postern_rendering::cast::{Cast, Version};
use postern_rendering::{Filter, Lines, Page, Screen, Text};
use proptest::prelude::*;

/// Whether this is text and the sequences that may be in it, by a grammar of the test's own.
fn check(text: &str, finals: &str, modes: &[&str], escapes: &str, controls: &str) -> Result<(), String> {
    let characters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        at += 1;
        if character != '\u{1b}' {
            if character.is_control() && !controls.contains(character) {
                return Err(format!("the control character {character:?} comes through"));
            }
            continue;
        }
        let next = characters.get(at).copied().unwrap_or('?');
        at += 1;
        match next {
            '[' => {
                let from = at;
                while characters
                    .get(at)
                    .is_some_and(|character| !character.is_ascii_alphabetic() && !"@`".contains(*character))
                {
                    at += 1;
                }
                let body: String = characters[from..at].iter().collect();
                let last = characters.get(at).copied().unwrap_or('?');
                at += 1;
                let is_ours = match body.strip_prefix('?') {
                    Some(mode) => modes.contains(&mode) && "hl".contains(last),
                    None if body == "!" => last == 'p' && finals.contains('p'),
                    None => {
                        finals.contains(last)
                            && last != 'p'
                            && body
                                .split([';', ':'])
                                .all(|number| number.len() <= 4 && number.chars().all(|digit| digit.is_ascii_digit()))
                    }
                };
                if !is_ours {
                    return Err(format!("the sequence CSI {body}{last} comes through"));
                }
            }
            '(' | ')' if !escapes.is_empty() => {
                if !characters.get(at).is_some_and(|set| "0AB".contains(*set)) {
                    return Err("a foreign character set comes through".to_owned());
                }
                at += 1;
            }
            _ if escapes.contains(next) => {}
            _ => return Err(format!("ESC {next:?} comes through")),
        }
    }
    Ok(())
}

fn is_inert(text: &str) -> Result<(), String> {
    let modes = ["6", "7", "25", "1047", "1048", "1049"];
    check(text, "ABCDEFGHIJKLMPSTXZ@`abdefghlmrsup", &modes, "78DEHM", "\u{8}\t\n\u{b}\u{c}\r\u{e}\u{f}")?;
    match text.contains("\u{1b}[3J") {
        true => Err("what has scrolled away is erased".to_owned()),
        false => Ok(()),
    }
}

fn opening(of: &str) -> Opening {
    Opening {
        session_id: format!("alice-{of}"),
        node_id: of.to_owned(),
        owner: of.to_owned(),
        document_name: of.to_owned(),
        session_type: "Standard_Stream".to_owned(),
        reason: Some(of.to_owned()),
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        started_at: 1_795_384_779_000,
        mode: Mode::Required,
        records_input: false,
    }
}

/// The sequence between two words, whole and in single bytes.
fn pieces(bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let whole = [b"before ", bytes, b" after\r\n"].concat();
    let mut ways = vec![vec![whole.clone()]];
    if whole.len() < 5000 {
        ways.push(whole.chunks(1).map(<[u8]>::to_vec).collect());
    }
    ways
}

fn for_all(mut look: impl FnMut(&[Vec<u8>], &[u8]) -> Result<(), String>) {
    let corpus = corpus::hostile();
    assert!(corpus.len() >= 200, "{}", corpus.len());
    for (name, bytes) in corpus {
        for way in pieces(&bytes) {
            if let Err(error) = look(&way, &bytes) {
                panic!("{name}, in {} pieces: {error}", way.len());
            }
        }
    }
}

#[test]
fn the_checker_knows_what_is_hostile() {
    let corpus = corpus::hostile();
    let is_found = |bytes: &[u8]| is_inert(&String::from_utf8_lossy(bytes)).is_err();
    let found = corpus.iter().filter(|(_, bytes)| is_found(bytes)).count();
    // The rest deceives eyes, pages and decoders, and not terminals.
    assert!(found >= 250, "{found} of {}", corpus.len());
}

#[test]
fn the_filter_lets_nothing_through() {
    for_all(|pieces, _| {
        let (mut filter, mut out) = (Filter::new(Lines::Feeds), String::new());
        pieces.iter().for_each(|piece| filter.push(piece, &mut out));
        filter.finish(&mut out);
        is_inert(&out)?;
        // What came through once comes through again as it is.
        let (mut again, mut same) = (Filter::new(Lines::Feeds), String::new());
        again.push(out.as_bytes(), &mut same);
        again.finish(&mut same);
        if same == out { Ok(()) } else { Err(format!("{out:?} becomes {same:?}")) }
    });
}

proptest! {
    #[test]
    fn whatever_comes_nothing_comes_through(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\x1b[]?;:0123456789mhlPX^_\\\x07\x9b\xc2"[..])], 0..300),
        cut in 0_usize..300,
    ) {
        let (head, tail) = bytes.split_at(cut.min(bytes.len()));
        let (mut filter, mut out) = (Filter::new(Lines::Feeds), String::new());
        filter.push(head, &mut out);
        filter.push(tail, &mut out);
        filter.finish(&mut out);
        prop_assert_eq!(is_inert(&out), Ok(()));
        let mut screen = Screen::new(Lines::Ends);
        screen.resize(20, 5);
        screen.feed(&bytes);
        out.clear();
        screen.draw(20, 5, &mut out);
        prop_assert_eq!(check(&out, "HmK", &[], "", ""), Ok(()));
    }
}

#[test]
fn what_is_drawn_is_cells() {
    for_all(|pieces, _| {
        let mut screen = Screen::new(Lines::Feeds);
        pieces.iter().for_each(|piece| screen.feed(piece));
        let mut out = String::new();
        screen.draw(80, 24, &mut out);
        check(&out, "HmK", &[], "", "")
    });
}

#[test]
fn text_has_no_control_characters() {
    for_all(|pieces, _| {
        let (mut text, mut out) = (Text::new(Lines::Feeds), String::new());
        pieces.iter().for_each(|piece| text.push(0, &What::Output(piece.clone()), &mut out));
        text.finish(&mut out);
        check(&out, "", &[], "", "\n")
    });
}

#[test]
fn pages_have_no_markup_but_ours() {
    for_all(|pieces, bytes| {
        let mut out = String::new();
        let mut page = Page::begin(&opening(&String::from_utf8_lossy(bytes)), Lines::Feeds, &mut out);
        pieces.iter().for_each(|piece| page.push(0, &What::Output(piece.clone()), &mut out));
        page.finish(&mut out);
        check(&out, "", &[], "", "\n")?;
        let body = out.split_once("</head>").unwrap().1;
        for tag in body.split('<').skip(1) {
            let tag = tag.split_once('>').ok_or("a tag is not closed")?.0;
            let name = tag.trim_start_matches('/').split(' ').next().unwrap();
            let is_ours =
                ["body", "header", "h1", "dl", "dt", "dd", "main", "div", "time", "span", "b", "html"].contains(&name);
            let attribute = tag.strip_prefix(name).filter(|rest| !rest.is_empty());
            let is_style =
                |rest: &str| rest.starts_with(" style=\"") && !rest.contains("url") && rest.matches('"').count() == 2;
            if !is_ours || attribute.is_some_and(|rest| !is_style(rest)) {
                return Err(format!("the tag {tag:?} is in the page"));
            }
        }
        Ok(())
    });
}

#[test]
fn casts_are_lines_of_json_with_nothing_for_a_terminal() {
    for_all(|pieces, bytes| {
        for version in [Version::Two, Version::Three] {
            let (mut cast, mut out) = (Cast::new(version, Lines::Feeds), String::new());
            cast.push(0, &What::Opened(Box::new(opening(&String::from_utf8_lossy(bytes)))), &mut out);
            for piece in pieces {
                cast.push(1, &What::Output(piece.clone()), &mut out);
                cast.push(1, &What::Input(piece.clone()), &mut out);
            }
            cast.finish(&mut out);
            let mut lines = out.lines();
            let header: serde_json::Value =
                serde_json::from_str(lines.next().unwrap()).map_err(|error| error.to_string())?;
            check(header["title"].as_str().unwrap(), "", &[], "", "")?;
            for line in lines {
                let (_, _, data): (f64, String, String) =
                    serde_json::from_str(line).map_err(|error| error.to_string())?;
                is_inert(&data)?;
            }
        }
        Ok(())
    });
}
