//! When nobody answers.
//!
//! A lost answer is the dangerous moment of a payment: retry, and it may be paid twice; give up, and it may be paid for
//! nothing. Tollway's rule is the same on all sides: *an unknown outcome is resolved by looking, never by signing or
//! sending something new.*
//!
//! | who | writes down first | finds out by |
//! |---|---|---|
//! | payer | the signature, before it is sent | [`Payer::resolve`](crate::core::Payer::resolve): the authorization's state on chain |
//! | seller | "settling", before the settler is told | [`Settler::resume`](crate::core::Settler::resume) |
//! | facilitator | the signed transaction, before it is broadcast | its own hash; the very same bytes are sent again |
//!
//! * A signed authorization stays spendable until it is used, cancelled or expired. Until one of these is proven, its
//!   amount stays reserved in the payer's budgets, whatever the server said. It is called dead only from chain time past
//!   its window, at the configured finality.
//! * The same payment on the same request never runs a handler twice: it gets the stored receipt. On any other request it
//!   is a replay. The fingerprint covers method, host, path, query, body and the whole payment.
//! * A restart reads the journal: what was never sent is released, what may have been sent is asked after. What the settler was
//!   told and never began to send is sent then, for the very amount that was noted, by whoever holds the claim.
//! * Errors say which case it is: [`Next::Unknown`](crate::core::Next::Unknown) means that money may have moved.
//!
//! After a crash of the paying side, [`Router::settle_up`](crate::route::Router::settle_up) asks the chains about every
//! open signature; `tollway pay --settle-up` does the same from the shell.
