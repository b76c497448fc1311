//! The knobs of a running chain, as methods of [`Chain`](crate::Chain).

pub(crate) mod blocks;
mod fees;
mod money;
mod prices;
mod tokens;
