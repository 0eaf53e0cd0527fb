//! Tests of the application as its faces use it.
