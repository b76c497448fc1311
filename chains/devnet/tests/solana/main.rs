//! Solana on surfpool: what is there, what payments cost, what the proxy hides and breaks.
mod faults;
mod kit;
mod quirks;
mod time;
mod tokens;
