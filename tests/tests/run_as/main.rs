//! Who sessions run as: real accounts of this machine, sessions by the stock `aws` CLI and by ours, our agent as root.

mod created;
mod decided;
mod world;
