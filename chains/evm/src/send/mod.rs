//! Sending: at most one transaction per key, whatever breaks and whenever.
//!
//! # The life of a transaction
//! ```text
//!  key ── nonce ── sign ──①── journal ──②── broadcast ──③── receipt ──④── finality ──⑤── result journaled ──⑥
//! ```
//! The journal holds the signed bytes before they go anywhere. From then on the key has one nonce: every later step sends
//! those bytes again, looks for their hash, or offers more for the same call at the same nonce; and nothing signs for the
//! key at another nonce while they might be mined.
//!
//! # What a crash leaves, at each point
//! | at | left behind | mended by |
//! |---|---|---|
//! | ① | nothing: nonces are counted in memory only | the nonce is given out again |
//! | ② | a journaled transaction that was never sent | `recover`: sent then, unless its `not_after` has passed; then its nonce is used up by a transfer of nothing to itself |
//! | ③ | a journaled transaction that may be in a pool or a block | `recover`: the same bytes again ("already known", "nonce too low" and a receipt all end well) |
//! | ③, more offered | a journaled higher offer that was never sent, beside the first in a pool or a block | `recover`: the higher one is sent; receipts are looked for under every hash |
//! | ④ ⑤ | the same, in a block | `recover` finds the receipt and writes the result |
//! | ⑥ | the result | `sent(key)` and `send` with the same key answer from it |
//!
//! The order of nonces survives too: each `open` record holds one, so a restart goes on after the highest of them and
//! of what the chain has seen.
//!
//! # When an error is definite
//! * The node **refused** the very first submission with words that mean that nothing entered its pool (too little
//!   coin, too low a fee, …), or no connection came about: the record is deleted, *then* the nonce is put back, *then*
//!   the error is returned. If the record cannot be deleted, the outcome counts as unknown.
//! * **Another transaction used the nonce** (somebody else has the same key): the chain's nonce has passed ours and
//!   there is no receipt for our hash, in three looks at different times.
//!
//! Everything else (lost answers, time-outs, words that nobody knows) is *unknown*: the same bytes are sent again
//! until there is a receipt, and whoever waits longer than the patience is told so with the hash.
//!
//! # Gaps
//! A nonce that was put back while higher ones are out would block them. The next send takes it; if none comes within
//! a moment, a transfer of nothing to itself fills it (`gap`). The watcher also compares the chain's nonce with
//! the lowest open one, which finds gaps that a reorganisation tore.
//!
//! # What no node takes
//! A transaction that is refused again and again after a lost answer (its fee fell behind the market, or a node speaks
//! in words that nobody knows) must not block what comes after it. It is given up: if no node knows its hash, a
//! transfer of nothing at today's fees takes its nonce. Whichever of the two is mined, the other never will be; the
//! caller hears of the receipt, or that the nonce was used by another transaction, which is definite.
//!
//! # What the market leaves behind
//! A transaction whose fee falls behind is offered more for (`bid`): the same call at the same nonce, so that at most one
//! of the offers can be mined, journaled under the same key before it is sent. Every hash leads to the same key, and
//! whichever is mined is the result.
//!
//! # Reorganisations
//! Up to the set finality, a receipt that is gone puts its transaction back where it was: it is sent again and looked for.
//! At finality the receipt's block must still be the chain's, by every node's word.
//!
//! # Senders
//! Each sender has its own nonces; a new key goes to the one with the fewest on their way, of those with coin enough
//! (`purse`), and stays with it whatever happens.
//!
//! # Several processes with the same keys
//! Each key is used by one process at a time, which holds its lease ([`tollway_core::ledger::Leases`], `tenure`). The next
//! holder goes on from the chain's nonces and the journal, as a restart does. Transactions on another's key are looked for here
//! as long as somebody waits for them, and neither sent nor outbid.

mod again;
mod bid;
mod engine;
mod flight;
mod gap;
mod journal;
mod lane;
mod launch;
mod open;
mod purse;
mod recover;
mod scribe;
mod seek;
mod settings;
mod submit;
mod tenure;
mod tx;
mod verdict;
mod watch;

pub(crate) use engine::{Engine, Parts};
pub(crate) use lane::{Lane, SenderKey};
pub use purse::{SignerState, Standing};
pub use settings::{Inclusion, SendSettings};
pub(crate) use tx::{Offer, body as unsigned, unsigned_sample};
