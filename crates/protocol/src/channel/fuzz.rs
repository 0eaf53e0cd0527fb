//! Entries for fuzzing: total on any bytes.
