//! Answers that are charged as they go out, over real sockets.

mod cuts;
mod ends;
mod shelf;
mod tab;
mod world;
