//! Terminal size, payload type 3.

use serde::{Deserialize, Serialize};

use super::JsonPayload;
use super::json::null_is_default;

/// Size of the user's terminal in character cells. The only payload with lower-case keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Size {
    /// Columns. The stock agent keeps the low 16 bits.
    #[serde(deserialize_with = "null_is_default")]
    pub cols: u32,
    /// Rows, likewise.
    #[serde(deserialize_with = "null_is_default")]
    pub rows: u32,
}

impl JsonPayload for Size {
    const NAME: &'static str = "Size";
    const MAX_BYTES: usize = 1024;
}
