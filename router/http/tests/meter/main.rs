//! Answers that are charged as they go out, over real sockets.

mod counting;
mod cuts;
mod ends;
mod frail;
mod shelf;
mod tab;
mod trouble;
mod world;
