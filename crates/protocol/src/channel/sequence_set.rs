//! Sets of sequence numbers as ranges.
