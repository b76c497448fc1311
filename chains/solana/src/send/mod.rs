//! Sending: at most one transaction per key, whatever breaks and whenever.
//!
//! # The life of a transaction
//! ```text
//!  key ── co-sign ──①── journal ──②── send ──③── status ──④── finality ──⑤── result journaled ──⑥
//! ```
//! The journal holds the signed bytes before they go anywhere. From then on there is exactly one set of bytes for the
//! key: every later step sends those again or looks for their signature. Sending the same bytes twice is harmless on
//! this chain, which runs a signature once; and no transaction outlives its blockhash, so every outcome becomes known.
//!
//! # What a crash leaves, at each point
//! | at | left behind | mended by |
//! |---|---|---|
//! | ① | nothing | – |
//! | ② | a journaled transaction that was never sent | `recover`: sent then, once whoever launched it cannot be asking any more, unless its `not_after` has passed; then it is waited for until it can be in no block any more |
//! | ③ | a journaled transaction that may be anywhere | `recover`: the same bytes again |
//! | ④ ⑤ | the same, in a block | `recover` finds its status and writes the result |
//! | ⑥ | the result | `sent(key)` and `send` with the same key answer from it |
//!
//! # When an outcome is definite
//! * A node **refused** the very first submission in words that mean that it forwarded nothing (its own trial failed),
//!   or no connection came about: the record is deleted, *then* the error is returned. If the record cannot be deleted,
//!   or another process has taken the transaction up, the outcome counts as unknown.
//! * It is in a block at the set finality, whether it succeeded there or not.
//! * Its blockhash **expired**: the chain at the set finality is beyond the last height at which it can be in a block;
//!   *then* a node that has reached that very slot knows no status for it, having searched its history; the node's
//!   history reaches back to before it was sent; and a second look, slots later, says the same.
//!
//! Everything else (lost answers, time-outs, words that nobody knows) is *unknown*: the same bytes are sent again, and
//! whoever waits longer than the patience is told so with the signature.
//!
//! # Several processes over one ledger
//! Whoever finds an unfinished transaction that it did not journal only looks for it as long as its launcher may still be
//! asking the nodes. Then it takes it up, in the record, and sends it; a record that was taken up is not deleted any more.
//!
//! # How the end is learned
//! By a push (`signatureSubscribe`, asked for before the transaction goes out) where there is a WebSocket, else by
//! asking for the statuses of all that is on its way, once per slot. With pushes the question is asked too, seldom.

mod engine;
mod expire;
mod flight;
mod journal;
mod launch;
mod payers;
mod recover;
mod scribe;
mod settings;
mod takeup;
mod verdict;
mod watch;

pub(crate) use engine::{Engine, Parts};
pub(crate) use payers::{FeePayers, SharedSigner};
pub use settings::SendSettings;
