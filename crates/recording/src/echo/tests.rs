use proptest::prelude::*;

use super::*;

/// Types and shows, and says what would be recorded.
struct Terminal {
    echo: Echo,
    now: Instant,
    recorded: Vec<u8>,
}

impl Terminal {
    fn new() -> Self {
        Self { echo: Echo::default(), now: Instant::now(), recorded: Vec::new() }
    }

    fn typed(&mut self, text: impl AsRef<[u8]>) {
        self.echo.typed(text.as_ref(), self.now);
        self.recorded.extend(self.echo.take());
    }

    fn shown(&mut self, text: impl AsRef<[u8]>) {
        self.echo.shown(text.as_ref());
        self.recorded.extend(self.echo.take());
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.echo.pass_time(self.now);
        self.recorded.extend(self.echo.take());
    }

    fn recorded(&self) -> String {
        String::from_utf8_lossy(&self.recorded).into_owned()
    }

    fn ended(mut self) -> String {
        self.echo.finish();
        self.recorded.extend(self.echo.take());
        assert_eq!(self.echo.held_bytes, 0);
        self.recorded()
    }
}

#[test]
fn a_command_is_recorded_and_a_password_is_not() {
    let mut terminal = Terminal::new();
    terminal.shown("\x1b]0;jane@web\x07$ ");
    for key in "sudo -i".chars() {
        terminal.typed(key.to_string());
        assert_eq!(terminal.recorded(), "", "a line is recorded as a whole");
        terminal.shown(key.to_string());
    }
    terminal.typed("\r");
    assert_eq!(terminal.recorded(), "sudo -i\r");
    terminal.shown("\r\n[sudo] password for jane: ");
    for key in "hunter2".chars() {
        terminal.typed(key.to_string());
    }
    terminal.typed("\r");
    terminal.shown("\r\nSorry, try again: hunter2\r\n");
    assert_eq!(terminal.recorded(), "sudo -i\r*******\r");
}

#[test]
fn whole_lines_and_corrections_are_recognized() {
    let mut terminal = Terminal::new();
    terminal.typed("echo grüße\r");
    terminal.shown("echo \x1b[1mgr");
    terminal.shown("üße\x1b[0m\r\ngrüße\r\n$ ");
    assert_eq!(terminal.recorded(), "echo grüße\r");
    terminal.typed("lx");
    terminal.shown("lx");
    terminal.typed("\x7f");
    terminal.shown("\x08 \x08");
    terminal.typed("s\r");
    terminal.shown("s\r\n");
    assert_eq!(terminal.ended(), "echo grüße\rlx\x7fs\r");
}

#[test]
fn what_is_doubtful_is_masked() {
    for (what, typed, shown, recorded) in [
        ("an echo of something else", "secret\r", "******\r\n", "******\r"),
        ("a word of the answer", "root\r", "\r\nroot@web", "****\r"),
        ("a beginning that is shown by chance", "hunter2\r", "hello", "*******\r"),
        ("completion", "cat pass\t\r", "cat passwd \r\n", "*********\r"),
        ("history", "\x1b[A\r", "cat passwd\r\n", "***\r"),
        ("a line that wraps", "long\r", "lo\r\nng\r\n", "****\r"),
        ("lines ahead of their echo", "a\rb\r", "a\r\nb\r\n", "a\r*\r"),
        ("the end in the middle", "half", "half", "****"),
        ("a break in the middle", "hun\x03", "^C\r\n", "***\x03"),
        ("one star for a character", "pä\r", "\r\n", "**\r"),
    ] {
        let mut terminal = Terminal::new();
        terminal.typed(typed);
        terminal.shown(shown);
        assert_eq!(terminal.ended(), recorded, "{what}");
    }
    let mut terminal = Terminal::new();
    terminal.typed("h");
    terminal.shown("h");
    terminal.shown("ere is what another program prints");
    terminal.typed("unter2\r");
    terminal.shown("unter2\r\n");
    assert_eq!(terminal.ended(), "*******\r", "more is shown than was typed");
}

#[test]
fn nothing_is_held_for_long_nor_much_of_it() {
    let mut terminal = Terminal::new();
    terminal.typed("pass");
    assert_eq!(terminal.echo.due(), Some(terminal.now + ECHO_WAIT));
    terminal.wait(ECHO_WAIT);
    assert_eq!(terminal.recorded(), "****");
    assert_eq!(terminal.echo.due(), None);
    terminal.typed("word");
    terminal.shown("word");
    terminal.typed("\r");
    assert_eq!(terminal.recorded(), "********\r", "masked to its end");

    terminal.typed("slow");
    terminal.shown("slow");
    terminal.wait(LINE_WAIT);
    assert_eq!(terminal.recorded(), "********\r****");

    let mut terminal = Terminal::new();
    for _ in 0..10 {
        terminal.typed([b'x'; 1000]);
        assert!(terminal.echo.held_bytes <= MAX_HELD_BYTES);
    }
    assert_eq!(terminal.ended(), "*".repeat(10_000));
}

/// A line of somebody's, and whether the terminal echoes it.
fn lines() -> impl Strategy<Value = Vec<(String, bool)>> {
    prop::collection::vec(("[a-zA-Z0-9 /.;-]{1,20}", any::<bool>()), 1..20)
}

proptest! {
    #[test]
    fn what_is_echoed_is_recorded_and_what_is_not_never(lines in lines(), cut in 1_usize..8) {
        let (mut terminal, mut expected) = (Terminal::new(), String::new());
        for (line, is_echoed) in &lines {
            terminal.shown("\r\n\x1b[32mprompt\x1b[0m> ");
            for keys in line.as_bytes().chunks(cut) {
                terminal.typed(keys);
                if *is_echoed {
                    terminal.shown(keys);
                }
            }
            terminal.typed("\r");
            terminal.shown("\r\nan answer");
            let as_recorded = if *is_echoed { line.clone() } else { "*".repeat(line.len()) };
            expected.push_str(&as_recorded);
            expected.push('\r');
        }
        prop_assert_eq!(terminal.recorded(), expected);
    }

    /// Whatever is printed meanwhile: a line that is not masked was shown, sign by sign, while it was typed.
    #[test]
    fn whatever_comes_nothing_is_recorded_that_was_not_shown(
        acts in prop::collection::vec((0_u8..3, prop::collection::vec(prop::sample::select(b"abc\r\x1b[ \x7f\t\x08*".to_vec()), 0..12)), 0..60),
    ) {
        let mut terminal = Terminal::new();
        let (mut typed, mut shown) = (Vec::<u8>::new(), Vec::<u8>::new());
        for (act, bytes) in &acts {
            match act {
                0 => { terminal.typed(bytes); typed.extend(bytes); }
                1 => { terminal.shown(bytes); shown.extend(bytes); }
                _ => terminal.wait(Duration::from_millis(500)),
            }
        }
        terminal.echo.finish();
        terminal.recorded.extend(terminal.echo.take());
        // Each byte is what was typed, or a star.
        prop_assert_eq!(terminal.recorded.len(), typed.len());
        for (recorded, typed) in terminal.recorded.iter().zip(&typed) {
            prop_assert!(recorded == typed || *recorded == b'*');
        }
        // What is legible was shown, in this order.
        let mut screen = shown.iter();
        for (index, byte) in terminal.recorded.iter().enumerate() {
            let is_text = *byte >= b' ' && *byte != 0x7f && *byte != b'*';
            prop_assert!(!is_text || screen.any(|shown| shown == byte), "byte {} of {:?}", index, terminal.recorded());
        }
    }
}
