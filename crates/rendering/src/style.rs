//! How a cell looks.

use std::fmt::Write as _;

use avt::{Color, Pen};

/// Colours and such.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) foreground: Option<Color>,
    pub(crate) background: Option<Color>,
    pub(crate) is_bold: bool,
    pub(crate) is_faint: bool,
    pub(crate) is_italic: bool,
    pub(crate) is_underlined: bool,
    pub(crate) is_struck: bool,
    pub(crate) is_inverse: bool,
}

impl Style {
    pub(crate) fn of(pen: &Pen) -> Self {
        Self {
            foreground: pen.foreground(),
            background: pen.background(),
            is_bold: pen.is_bold(),
            is_faint: pen.is_faint(),
            is_italic: pen.is_italic(),
            is_underlined: pen.is_underline(),
            is_struck: pen.is_strikethrough(),
            is_inverse: pen.is_inverse(),
        }
    }

    /// Sets a terminal to it, whatever it was set to.
    pub(crate) fn set(&self, out: &mut String) {
        out.push_str("\u{1b}[0");
        for (is_on, code) in [
            (self.is_bold, ";1"),
            (self.is_faint, ";2"),
            (self.is_italic, ";3"),
            (self.is_underlined, ";4"),
            (self.is_inverse, ";7"),
            (self.is_struck, ";9"),
        ] {
            if is_on {
                out.push_str(code);
            }
        }
        for (colour, base) in [(self.foreground, 38), (self.background, 48)] {
            match colour {
                Some(Color::Indexed(index)) => write!(out, ";{base};5;{index}"),
                Some(Color::RGB(rgb)) => write!(out, ";{base};2;{};{};{}", rgb.r, rgb.g, rgb.b),
                None => Ok(()),
            }
            .expect("a string takes everything");
        }
        out.push('m');
    }

    /// As the value of an HTML attribute; empty for what looks like everything else.
    pub(crate) fn css(&self) -> String {
        let (mut foreground, mut background) = (self.foreground.map(hex), self.background.map(hex));
        if self.is_inverse {
            (foreground, background) = (
                Some(background.unwrap_or_else(|| "#16181d".to_owned())),
                Some(foreground.unwrap_or_else(|| "#d8dbe2".to_owned())),
            );
        }
        let mut css = String::new();
        for (property, colour) in [("color", foreground), ("background", background)] {
            if let Some(colour) = colour {
                write!(css, "{property}:{colour};").expect("a string takes everything");
            }
        }
        for (is_on, rule) in [
            (self.is_bold, "font-weight:bold;"),
            (self.is_faint, "opacity:.6;"),
            (self.is_italic, "font-style:italic;"),
        ] {
            if is_on {
                css.push_str(rule);
            }
        }
        match (self.is_underlined, self.is_struck) {
            (true, true) => css.push_str("text-decoration:underline line-through;"),
            (true, false) => css.push_str("text-decoration:underline;"),
            (false, true) => css.push_str("text-decoration:line-through;"),
            (false, false) => {}
        }
        css
    }
}

/// The sixteen that have names, on a dark ground.
const NAMED: [u32; 16] = [
    0x2b_2e36, 0xe0_6c75, 0x98_c379, 0xd1_9a66, 0x61_afef, 0xc6_78dd, 0x56_b6c2, 0xab_b2bf, 0x5c_6370, 0xff_7b86,
    0xb5_e890, 0xe5_c07b, 0x7c_c4ff, 0xd8_93f0, 0x6f_d3df, 0xff_ffff,
];

fn hex(colour: Color) -> String {
    let rgb = match colour {
        Color::RGB(rgb) => u32::from_be_bytes([0, rgb.r, rgb.g, rgb.b]),
        Color::Indexed(index) => indexed(index),
    };
    format!("#{rgb:06x}")
}

/// xterm's 256 colours: the named ones, a cube of six steps each way, and greys.
fn indexed(index: u8) -> u32 {
    let step = |level: u8| if level == 0 { 0 } else { 55 + 40 * u32::from(level) };
    match index {
        0..=15 => NAMED[usize::from(index)],
        16..=231 => {
            let at = index - 16;
            step(at / 36) << 16 | step(at / 6 % 6) << 8 | step(at % 6)
        }
        232..=255 => (8 + 10 * u32::from(index - 232)) * 0x01_0101,
    }
}
