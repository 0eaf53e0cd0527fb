//! Hostile output: what a node may print to do something to whoever looks at it later.

/// Each with a name. Together more than 200.
pub(crate) fn hostile() -> Vec<(String, Vec<u8>)> {
    let mut corpus = Vec::new();
    let mut put = |name: String, bytes: &[u8]| corpus.push((name, bytes.to_vec()));

    // Strings to the terminal: titles, colours, folders, links, notes, the clipboard, marks, pictures.
    for number in [
        0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 46, 50, 51, 52, 60, 61, 66, 99, 104,
        105, 106, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 133, 176, 440, 552, 555, 633, 666, 701, 704, 777,
        1337, 5522, 7770, 99_999_999,
    ] {
        put(format!("OSC {number} ended by BEL"), format!("\x1b]{number};payload\x07").as_bytes());
    }
    for (name, text) in [
        ("title by ST", "\x1b]0;pwned\x1b\\"),
        ("title by C1 in UTF-8", "\u{9d}0;pwned\u{9c}"),
        ("clipboard is written", "\x1b]52;c;cm0gLXJmIH4=\x07"),
        ("clipboard is asked for", "\x1b]52;c;?\x07"),
        ("a link with a script", "\x1b]8;;javascript:alert(1)\x1b\\click\x1b]8;;\x1b\\"),
        ("a link to a file", "\x1b]8;;file:///etc/passwd\x07click\x1b]8;;\x07"),
        ("a link that seems another", "\x1b]8;;http://evil.example\x07http://good.example\x1b]8;;\x07"),
        ("a file is taken (iTerm2)", "\x1b]1337;File=name=eA==;inline=1:AAAA\x07"),
        ("a key is set (iTerm2)", "\x1b]1337;SetUserVar=a=Yg==\x07"),
        ("a colour is asked for", "\x1b]11;?\x07"),
        ("a font is asked for", "\x1b]50;?\x07"),
        ("a note with an action", "\x1b]777;notify;title;body\x07"),
        ("a working folder", "\x1b]7;file://host/$(id)\x07"),
        ("a title that never ends", "\x1b]0;"),
        ("a title of screen's", "\x1bkpwned\x1b\\"),
        ("a title with an escape inside", "\x1b]0;a\x1b[31mb\x07"),
        ("a title that is cancelled", "\x1b]0;a\x18b"),
        ("a title that is substituted", "\x1b]0;a\x1ab"),
    ] {
        put(name.to_owned(), text.as_bytes());
    }
    for (name, text) in [
        ("a picture (sixel)", "\x1bPq#0;2;0;0;0#0~~@@vv@@~~$-\x1b\\"),
        ("a setting is asked for", "\x1bP$qm\x1b\\"),
        ("a capability is asked for", "\x1bP+q544e\x1b\\"),
        ("a capability is set", "\x1bP+p544e=41\x1b\\"),
        ("keys are defined", "\x1bP0;1|17/726d202d7266\x1b\\"),
        ("a macro is defined", "\x1bP1;0;0!zrm\x1b\\"),
        ("a macro is run", "\x1b[1*z"),
        ("a font is loaded", "\x1bP1;1;1{ A???\x1b\\"),
        ("through tmux", "\x1bPtmux;\x1b\x1b]52;c;AAAA\x07\x1b\\"),
        ("through screen", "\x1bP\x1b]0;x\x07\x1b\\"),
        ("a picture (ReGIS)", "\x1bPpS(E)\x1b\\"),
        ("a status is restored", "\x1bP1$t1;1;1;@;@;A;0;2;@;BB\x1b\\"),
        ("updates are synchronised", "\x1bP=1s\x1b\\"),
        ("a picture (kitty)", "\x1b_Gf=100,a=T;AAAA\x1b\\"),
        ("a file is read (kitty)", "\x1b_Gt=f;L2V0Yy9wYXNzd2Q=\x1b\\"),
        ("an application's command", "\x1b_anything\x1b\\"),
        ("a private message", "\x1b^anything\x1b\\"),
        ("a start of string", "\x1bXanything\x1b\\"),
        ("a string that never ends", "\x1bPq"),
        ("a device string in 8 bits", "\u{90}q#0\u{9c}"),
        ("a command in 8 bits", "\u{9f}G\u{9c}"),
        ("a message in 8 bits", "\u{9e}x\u{9c}"),
        ("a start of string in 8 bits", "\u{98}x\u{9c}"),
    ] {
        put(name.to_owned(), text.as_bytes());
    }

    // Questions, whose answers would be typed into the viewer's shell.
    for tail in [
        "c",
        "0c",
        ">c",
        ">0c",
        "=c",
        "?c",
        "5n",
        "6n",
        "?6n",
        "?15n",
        "?25n",
        "?26n",
        "?53n",
        "?55n",
        "?56n",
        "?62n",
        "?63;1n",
        "?75n",
        "?85n",
        "?996n",
        "x",
        "1x",
        ">q",
        ">0q",
        "?u",
        "?1$p",
        "?2004$p",
        "4$p",
        "1$w",
        "2$w",
        "1;1;1;1;1;1*y",
        "#S",
        "#R",
        "?1;1;0S",
        "?2;1;0S",
        ">4m",
        "?4m",
        "11t",
        "13t",
        "14t",
        "15t",
        "16t",
        "18t",
        "19t",
        "20t",
        "21t",
    ] {
        put(format!("question CSI {tail}"), format!("\x1b[{tail}").as_bytes());
    }
    put("question ENQ".to_owned(), b"\x05");
    put("question ESC Z".to_owned(), b"\x1bZ");

    // The window, the printer, modes, keys.
    for operation in 0..=24 {
        put(format!("window operation {operation}"), format!("\x1b[{operation};100;100t").as_bytes());
    }
    for mode in [
        1, 2, 3, 4, 5, 8, 9, 12, 18, 19, 35, 40, 42, 44, 45, 46, 66, 67, 69, 80, 95, 1000, 1001, 1002, 1003, 1004,
        1005, 1006, 1007, 1010, 1011, 1015, 1016, 1034, 1035, 1036, 1037, 1039, 1042, 1043, 1046, 1050, 1051, 1052,
        1053, 1060, 1061, 1070, 2004, 2026, 2027, 2031, 2048, 9001, 65_535,
    ] {
        put(format!("mode {mode} is set"), format!("\x1b[?{mode}h").as_bytes());
    }
    for (name, text) in [
        ("the keyboard is locked", "\x1b[2h"),
        ("the keyboard echoes", "\x1b[12l"),
        ("modes in one sequence with one of ours", "\x1b[?25;1000;1004;2004l"),
        ("other keys are reported", "\x1b[>4;2m"),
        ("keys are reported (kitty)", "\x1b[>31u"),
        ("keys are reported, set", "\x1b[=31;1u"),
        ("printing begins", "\x1b[5i"),
        ("printing ends", "\x1b[4i"),
        ("the screen is printed", "\x1b[i"),
        ("printing goes on beside", "\x1b[?5i"),
        ("a lamp", "\x1b[1q"),
        ("a cursor's form", "\x1b[5 q"),
        ("a bell's tone", "\x1b[7 t"),
        ("a key's click", "\x1b[8 u"),
        ("a checksum", "\x1b[1;1;1;1;1;1*y"),
        ("a rectangle is copied", "\x1b[1;1;9;9;1;1;1;1$v"),
        ("a rectangle is filled", "\x1b[65;1;1;9;9$x"),
        ("protection", "\x1b[1\"q"),
        ("conformance level", "\x1b[61;1\"p"),
        ("what has scrolled away is erased", "\x1b[3J"),
        ("a mouse is highlighted", "\x1b[1;2;3;4;5T"),
        ("a locator", "\x1b['|"),
        ("a reset of everything", "\x1bc"),
        ("a soft reset", "\x1b[!p"),
        ("a test pattern", "\x1b#8"),
        ("double height", "\x1b#3"),
        ("seven-bit answers", "\x1b F"),
        ("eight-bit answers", "\x1b G"),
        ("another coding", "\x1b%@"),
        ("UTF-8 for good", "\x1b%/G"),
        ("memory is locked", "\x1bl"),
        ("application keys", "\x1b="),
        ("number keys", "\x1b>"),
        ("a shift that stays", "\x1bn"),
        ("another shift that stays", "\x1b~"),
        ("a single shift", "\x1bNx"),
        ("a foreign character set", "\x1b(%5"),
        ("a character set of 96", "\x1b-A"),
        ("a Tektronix picture", "\x1b[?38h\x1b\x0c"),
        ("bells", "\x07\x07\x07\x07"),
    ] {
        put(name.to_owned(), text.as_bytes());
    }

    // Numbers and lengths that nobody expects.
    put("a move without end".to_owned(), b"\x1b[99999999999999999999C");
    put("a repetition without end".to_owned(), b"x\x1b[2147483647b");
    put("lines without end".to_owned(), b"\x1b[2147483647L");
    put("a scroll without end".to_owned(), b"\x1b[2147483647S");
    put("characters without end".to_owned(), b"\x1b[2147483647@");
    put("tabs without end".to_owned(), b"\x1b[2147483647I");
    put("numbers without end".to_owned(), [b"\x1b[".to_vec(), b"1;".repeat(10_000), b"m".to_vec()].concat().as_slice());
    put(
        "a number without end".to_owned(),
        [b"\x1b[".to_vec(), b"9".repeat(100_000), b"A".to_vec()].concat().as_slice(),
    );
    put(
        "a title of a megabyte".to_owned(),
        [b"\x1b]0;".to_vec(), b"x".repeat(1 << 20), b"\x07".to_vec()].concat().as_slice(),
    );
    put("a margin outside".to_owned(), b"\x1b[9999;1r");
    put("an empty margin".to_owned(), b"\x1b[5;5r\x1b[99S");
    put("a colour with parts without end".to_owned(), b"\x1b[38:2:1:2:3:4:5:6:7:8:9:10m");
    put("an escape in a sequence".to_owned(), b"\x1b[3\x1b[1m");
    put("a line end in a sequence".to_owned(), b"\x1b[3\n1m");
    put("a bell in a sequence".to_owned(), b"\x1b[3\x071m");
    put("a sequence that never ends".to_owned(), b"\x1b[");
    put("an escape alone".to_owned(), b"\x1b");
    put("escapes".to_owned(), &[0x1b; 50]);

    // The same in other bytes.
    for (name, bytes) in [
        ("CSI as one byte", &b"\x9b31m"[..]),
        ("OSC as one byte", b"\x9d0;x\x9c"),
        ("DCS as one byte", b"\x90q\x9c"),
        ("CSI in UTF-8", "\u{9b}6n".as_bytes()),
        ("ESC in two bytes, overlong", b"\xc0\x9b[6n"),
        ("ESC in three bytes, overlong", b"\xe0\x80\x9b[6n"),
        ("ESC in four bytes, overlong", b"\xf0\x80\x80\x9b[6n"),
        ("half a surrogate", b"\xed\xa0\x80"),
        ("behind Unicode's end", b"\xf4\x90\x80\x80"),
        ("a character that is cut off", b"\xe2\x82"),
        ("bytes that are none", b"\xfe\xff"),
        ("NUL", b"a\0b"),
        ("DEL", b"a\x7fb"),
        (
            "every control character",
            b"\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1c\x1d\x1e\x1f",
        ),
    ] {
        put(name.to_owned(), bytes);
    }
    // Characters that change what others look like.
    for character in [
        '\u{ad}',
        '\u{61c}',
        '\u{180e}',
        '\u{200b}',
        '\u{200e}',
        '\u{200f}',
        '\u{2028}',
        '\u{2029}',
        '\u{202a}',
        '\u{202b}',
        '\u{202c}',
        '\u{202d}',
        '\u{202e}',
        '\u{2060}',
        '\u{2066}',
        '\u{2067}',
        '\u{2068}',
        '\u{2069}',
        '\u{206f}',
        '\u{feff}',
        '\u{fff9}',
        '\u{fffa}',
        '\u{fffb}',
        '\u{e0001}',
        '\u{e0041}',
        '\u{e0100}',
    ] {
        put(format!("U+{:04X}", u32::from(character)), format!("a{character}b").as_bytes());
    }
    put("marks upon marks".to_owned(), format!("a{}", "\u{301}".repeat(5000)).as_bytes());

    // What a page or a cast would read.
    for text in [
        "<script>alert(1)</script>",
        "</pre><script src=//evil.example></script>",
        "<img src=x onerror=alert(1)>",
        "\"><svg onload=alert(1)>",
        "' onmouseover='alert(1)",
        "</style><style>*{display:none}</style>",
        "<!-- --><base href=//evil.example>",
        "&lt;script&gt;",
        "&#60;b&#62;",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<meta http-equiv=refresh content=0>",
        "]]><x/>",
        "\\u001b[31m",
        "\",\"o\",\"x\"]\n[0,\"o\",\"",
        "{\"version\": 3}",
        "<\x1b[31mscript>",
        "<scr\x08\x08\x08script>",
    ] {
        put(format!("markup {}", text.escape_default()), text.as_bytes());
    }
    corpus
}
