//! Managed nodes: as users see them (`describe`), as they come to be (`register`), as they speak for themselves
//! (`report`).

mod describe;
mod register;
mod report;
