//! Tests of the whole product live in `tests/`; this library is empty.
