//! Managed nodes: as users see them (`describe`, `properties`), as they come to be (`register`), as they speak for
//! themselves (`report`).

mod describe;
mod filter;
mod properties;
mod register;
mod report;
mod role;
mod view;
