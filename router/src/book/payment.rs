//! One payment through the rooms.
//!
//! # The side that pays
//! A server answers 402. [`http`](crate::http) decodes the header (bounded in size and depth) and
//! [`core::wire`](crate::core::wire) reads it into a [`Challenge`](crate::core::Challenge): every entry of `accepts`,
//! readable or with the reason why not. Then, in [`route`](crate::route):
//!
//! 1. **consider** — each entry meets the registry; the scheme's [`Payer::plan`](crate::core::Payer::plan) says what
//!    paying it would mean: the most that the signature can spend, until when, and what everybody will do on chain. While
//!    balances are warm it says so on the spot ([`Payer::plan_now`](crate::core::Payer::plan_now)).
//! 2. **quotes** — fee markets and prices that are missing are fetched, all at once, with a deadline. Usually none
//!    are: the book is kept warm.
//! 3. **rank** — pure integers on that snapshot. See [`cheapest`](super::cheapest).
//! 4. **policy** — lists, caps and budgets, on each candidate and again on the winner, right before signing.
//! 5. **reserve** — the ledger holds the plan's exposure under every budget line and against the wallet's balance,
//!    so two payments in flight never sign for the same money. Only a [`Reserved`](crate::core::Reserved) plan can be
//!    signed.
//! 6. **authorize** — one signature. It is read back with the same function that the seller will use, and journaled
//!    before it is sent.
//! 7. **send** — the request goes out once more, with the payment. The receipt is checked against what was signed.
//!
//! Steps 1 to 4 are [`Router::consider`](crate::route::Router::consider), which signs nothing; all seven are
//! [`Router::pay`](crate::route::Router::pay); the HTTP around them is `http::client::PayingClient`.
//!
//! # The side that sells
//! One price and a list of rails become offers, each priced for what settling costs now, the unprofitable ones dropped
//! or repriced, the rest in cost order ([`route::Gate`](crate::route::Gate)). What was offered is honoured for at
//! least its `maxTimeoutSeconds`, though gas moves and processes restart.
//!
//! A payment that comes back is matched to its offer, read, verified, and only *then* claimed: a forged payload cannot
//! burn an honest payer's nonce. Then the handler runs, and only when it has succeeded is the payment settled. The
//! whole visit runs in a task of its own; a client that hangs up cannot stop it.
//!
//! Where a scheme is metered, a handler may charge as it goes (`http::meter::Meter`): its answer streams, each chunk is
//! counted as it is handed to the transport, and what was counted when the answer ends, however it ends, is settled. What
//! was delivered is noted in the journal on the way, so a crash in the middle costs the seller a known part of the price
//! at most, and the payer never more than what went out. The receipt comes last: as a trailer, as an event, or for the
//! asking. Until the payer has it, the whole ceiling stays reserved; then what was not charged is free again.
//!
//! # The side that settles
//! A [`Settler`](crate::core::Settler) is our own chain code, or somebody's facilitator behind HTTP: the same trait.
//! `verify` asks the chain once; `settle` journals the signed transaction and then sends it; `resume` finds out what
//! became of it. [`SettleOnce`](crate::core::flow::SettleOnce) makes that safe to repeat.
//!
//! # Between them
//! ```text
//! payer                         seller                          facilitator            chain
//! ──── GET /weather ──────────▶
//! ◀─── 402, accepts: … ────────  offers, cheapest to settle first
//! consider · quotes · rank
//! policy · reserve · authorize
//! ──── GET, with the payment ──▶ match · read ─── /verify ─────▶ one look ────────────▶
//!                                claim · handler
//!                                                ─── /settle ─────▶ journal · send ──────▶ transfer
//!                                                ◀── receipt ────── done at its finality ◀─
//! ◀─── 200, with the receipt ──  concluded
//! check · book
//! ```
//!
//! # What the types refuse
//! ```text
//! read(order) → Terms ─┐ checked against the order        Ceiling.charge(n) → Charge ─┐
//! settler.verify → Proof ┴→ Verified ──────────────────────────────── .due(charge) ───┴→ Due → settler.settle
//! ledger.reserve(plan) → Reserved → payer.authorize
//! ```
//! Nothing else makes these values. A facilitator that approves a payment to somebody else never gets past `Terms`,
//! which Tollway reads itself.
