//! Bytes to messages and back, for both channels.
//!
//! Everything here is a value or a function from bytes to a value. Order, acknowledgement,
//! retransmission and every other thing that takes time belong to [`crate::channel`].

mod fault;
mod frame;
mod message_id;
mod message_type;
pub mod open;
pub mod payload;
mod payload_type;
pub(crate) mod reader;
pub mod websocket;

pub use fault::Fault;
pub use frame::{
    FRAME_OVERHEAD, Frame, FrameError, HEADER_LENGTH, Header, MAX_FRAME_BYTES, MAX_PAYLOAD_BYTES, SENT_PAYLOAD_BYTES,
};
pub use message_id::{MessageId, MessageIdError, MessageIds};
pub use message_type::{MessageType, MessageTypeError, OtherMessageType};
pub use payload_type::{Flags, PayloadType};
