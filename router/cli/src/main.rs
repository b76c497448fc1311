//! The hand of Tollway: the tollway command
fn main() {}
