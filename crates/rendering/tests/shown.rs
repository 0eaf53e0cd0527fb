//! What people see of what happened.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

use postern_recording::playback::What;
use postern_recording::{Gap, Leg, Mode, Opening};
use postern_rendering::cast::{Cast, Version};
use postern_rendering::{Lines, Page, Screen, Text};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000;

fn output(text: &str) -> What {
    What::Output(text.as_bytes().to_vec())
}

fn gap() -> What {
    What::Gap(Gap {
        output_bytes: 12,
        input_bytes: 0,
        messages: 1,
        since: 61 * SECOND,
        reason: "the disk is full".to_owned(),
    })
}

fn text_of(lines: Lines, happened: &[(u64, What)]) -> String {
    let (mut text, mut out) = (Text::new(lines), String::new());
    for (time, what) in happened {
        text.push(*time, what, &mut out);
    }
    text.finish(&mut out);
    out
}

fn opening() -> Opening {
    Opening {
        session_id: "alice-1".to_owned(),
        node_id: "mi-1".to_owned(),
        owner: "arn:aws:iam::000000000000:user/alice".to_owned(),
        document_name: "SSM-SessionManagerRunShell".to_owned(),
        session_type: "Standard_Stream".to_owned(),
        reason: Some("a <b>reason</b>".to_owned()),
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        started_at: 1_795_384_779_000,
        mode: Mode::Required,
        records_input: false,
    }
}

#[test]
fn text_is_what_was_left_of_each_line() {
    let typed = "$ ls -x\u{8} \u{8}l\r\nfile\r\n";
    let bar = "10 %\r 50 %\r100 %\r\n";
    let coloured = "\u{1b}[31mred\u{1b}[0m and \u{1b}]0;title\u{7}plain\r\n";
    let long = "x".repeat(200);
    let all = format!("{typed}{bar}{coloured}{long}\r\n");
    assert_eq!(text_of(Lines::Feeds, &[(0, output(&all))]), format!("$ ls -l\nfile\n100 %\nred and plain\n{long}\n"));
}

#[test]
fn text_says_what_it_does_not_show() {
    let happened = [
        (0, output("$ vi\r\n")),
        (SECOND, output("\u{1b}[?1049h\u{1b}[2Jthe file")),
        (75 * SECOND, output("\u{1b}[?1049l$ ")),
        (76 * SECOND, gap()),
        (77 * SECOND, output("exit\r\n")),
    ];
    assert_eq!(
        text_of(Lines::Feeds, &happened),
        "$ vi\n[recording: a program had the whole screen from 0:01.0 to 1:15.0]\n$\n\
         [recording: 12 bytes of output from 1:01.0 on are missing here]\nexit\n"
    );
    let unfinished = text_of(Lines::Feeds, &happened[..2]);
    assert_eq!(unfinished, "$ vi\n[recording: a program had the whole screen from 0:01.0 to 0:01.0]\n");
}

#[test]
fn many_lines_come_out_once_and_in_order_with_little_held_back() {
    let (mut text, mut out) = (Text::new(Lines::Ends), String::new());
    let mut expected = String::new();
    for number in 0..10_000 {
        let line = format!("line {number}\n");
        text.push(number, &output(&line), &mut out);
        expected.push_str(&line);
    }
    assert!(expected.len() - out.len() < 24 * "line 10000\n".len(), "only a screen waits");
    text.finish(&mut out);
    assert_eq!(out, expected);
}

#[test]
fn a_cast_of_either_version_is_what_the_formats_say() {
    let happened = [
        (0, What::Opened(Box::new(opening()))),
        (1000, What::Leg(Leg { side: "agent".to_owned(), attached: true })),
        (1500, What::Resized(100, 40)),
        (SECOND, output("caf\u{e9}\u{1b}[6n\r\n")),
        (2 * SECOND, What::Resized(120, 50)),
        (3 * SECOND, What::Input(b"ls\r".to_vec())),
        (3 * SECOND + 500_000, gap()),
        (4 * SECOND, What::ExitStatus(b"9".to_vec())),
    ];
    let cast = |version| {
        let (mut cast, mut out) = (Cast::new(version, Lines::Feeds), String::new());
        for (time, what) in &happened {
            cast.push(*time, what, &mut out);
        }
        cast.finish(&mut out);
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<serde_json::Value>>()
    };
    let label = "12 bytes of output are missing here: the disk is full";
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let two = cast(Version::Two);
    assert_eq!(
        two[0],
        json(r#"{"version": 2, "width": 100, "height": 40, "timestamp": 1795384779, "title": "alice-1 on mi-1"}"#)
    );
    assert_eq!(two[1], json(r#"[1.0, "o", "café\r\n"]"#));
    assert_eq!(two[2], json(r#"[2.0, "r", "120x50"]"#));
    assert_eq!(two[3], json(r#"[3.0, "i", "ls\r"]"#));
    assert_eq!(two[4], serde_json::json!([3.5, "m", label]));
    assert_eq!(two.len(), 5, "version 2 has no exit status");
    let three = cast(Version::Three);
    assert_eq!(
        three[0],
        json(
            r#"{"version": 3, "term": {"cols": 100, "rows": 40}, "timestamp": 1795384779, "title": "alice-1 on mi-1"}"#
        )
    );
    assert_eq!(
        three[1..4],
        [json(r#"[1.0, "o", "café\r\n"]"#), json(r#"[1.0, "r", "120x50"]"#), json(r#"[1.0, "i", "ls\r"]"#)]
    );
    assert_eq!(three[4..], [serde_json::json!([0.5, "m", label]), json(r#"[0.5, "x", "9"]"#)]);
}

#[test]
fn a_cast_keeps_characters_together_that_came_in_pieces() {
    let (mut cast, mut out) = (Cast::new(Version::Two, Lines::Ends), String::new());
    cast.push(0, &What::Opened(Box::new(opening())), &mut out);
    for (time, byte) in (1..).zip("é\n".bytes()) {
        cast.push(time * SECOND, &What::Output(vec![byte]), &mut out);
    }
    cast.push(9 * SECOND, &What::StandardError(b"oops\xe2".to_vec()), &mut out);
    cast.finish(&mut out);
    let lines: Vec<&str> = out.lines().skip(1).collect();
    assert_eq!(lines, [r#"[2.0,"o","é"]"#, r#"[3.0,"o","\r\n"]"#, r#"[9.0,"o","oops"]"#, "[9.0,\"o\",\"\u{fffd}\"]"]);
}

#[test]
fn a_page_has_text_colours_and_times() {
    let mut out = String::new();
    let mut page = Page::begin(&opening(), Lines::Feeds, &mut out);
    page.push(0, &output("plain \u{1b}[1;32mgreen\u{1b}[0m\r\n"), &mut out);
    page.push(SECOND / 2, &output("soon\r\n"), &mut out);
    page.push(65 * SECOND, &output("\u{1b}[38;2;1;2;3;7mlate & <loud>\u{1b}[0m\r\n"), &mut out);
    page.finish(&mut out);
    for line in [
        "<dt>reason</dt><dd>a &lt;b&gt;reason&lt;/b&gt;</dd>",
        "<dt>began</dt><dd>2026-11-22 21:59:39 UTC</dd>",
        "<div><time>0:00.0</time><span>plain </span><span style=\"color:#98c379;font-weight:bold;\">green</span></div>",
        "<div><time></time><span>soon</span></div>",
        "<div><time>1:05.0</time><span style=\"color:#16181d;background:#010203;\">late &amp; &lt;loud&gt;</span></div>",
    ] {
        assert!(out.contains(line), "{line} in {out}");
    }
    assert!(out.ends_with("</main>\n</body>\n</html>\n"));
}

/// What a viewer's terminal of this size shows behind the drawing.
fn drawn(screen: &Screen, cols: u16, rows: u16) -> Vec<String> {
    let mut out = "\u{1b}[2J".to_owned();
    screen.draw(cols.into(), rows.into(), &mut out);
    let mut viewer = Screen::new(Lines::Feeds);
    viewer.resize(cols, rows);
    viewer.feed(out.as_bytes());
    viewer.lines()
}

proptest! {
    #[test]
    fn what_is_drawn_is_what_is_there(
        fed in "(\\PC|[\u{1b}\r\n\t\u{8}]|\u{1b}\\[[0-9]{0,2}[ABCDHJKLMPX@]|\u{1b}\\[[0-9;]{0,6}m|界|\u{1b}\\[\\?1049[hl]){0,60}",
        cols in 1_u16..40,
        rows in 1_u16..12,
    ) {
        let mut screen = Screen::new(Lines::Feeds);
        screen.resize(cols, rows);
        screen.feed(fed.as_bytes());
        prop_assert_eq!(drawn(&screen, cols, rows), screen.lines());
        prop_assert_eq!(screen.copied().lines(), screen.lines());
        // A viewer whose terminal is smaller sees the part that fits.
        let (narrow, low) = (cols.div_ceil(2), rows.div_ceil(2));
        let part = drawn(&screen, narrow, low);
        prop_assert_eq!(part.len(), usize::from(low));
        for (seen, whole) in part.iter().zip(screen.lines()) {
            prop_assert!(whole.starts_with(seen.as_str()), "{} in {}", seen, whole);
        }
    }
}
