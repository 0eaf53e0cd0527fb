//! What a recording looks like to people: as text, as a page, as a cast for players, as a picture of a terminal.
//!
//! What a node printed is hostile. Whoever looks at it later must not have a title set, a clipboard written, a question
//! answered into their shell or a page scripted by it. So everything goes through one [`Filter`] first, which lets text
//! through and the sequences that move a cursor or colour a cell, each written anew, and nothing else. What is drawn is
//! drawn from the cells of a terminal in memory ([`Screen`]).
//!
//! Pure: no files, no clock. Memory is bounded by the size of the screen and of one event.

pub mod cast;
mod filter;
mod html;
mod length;
mod notes;
mod screen;
mod style;
mod text;

pub use filter::{Filter, Lines};
pub use html::Page;
pub use screen::{MAX_COLS, MAX_ROWS, Screen};
pub use text::Text;
