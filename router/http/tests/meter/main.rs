//! Answers that are charged as they go out, over real sockets.

mod abroad;
mod counting;
mod cuts;
mod ends;
mod frail;
mod h2;
mod shelf;
mod tab;
mod trouble;
mod veiled;
mod world;
