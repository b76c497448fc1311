//! Answers that are charged as they go out, over real sockets.

mod cuts;
mod tab;
mod world;
