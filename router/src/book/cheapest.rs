//! What "cheapest" means.
//!
//! In every merged x402 scheme the *facilitator* sends the transaction that settles a payment, so the payer's bill does
//! not move with gas: it is the amount, plus what the payer must do on chain itself first (an approval, a deposit), plus
//! penalties, which are preferences expressed as money. Ranking a payer's routes by gas alone would therefore be a lie,
//! and ranking them by price alone would be blind: the seller has to price settlement in, sooner or later.
//!
//! So there are three points of view and one engine ([`PointOfView`](crate::route::PointOfView)). A payer's routes are
//! ordered by
//! 1. the payer's whole bill in USD,
//! 2. what settling costs, in USD, whoever bears it,
//! 3. expected time to settle,
//! 4. name: chain, scheme, asset, payee; then the server's own order.
//!
//! A seller's offers are ordered by the settlement's cost; a facilitator's by what it pays itself.
//!
//! So of two entries that ask the same price, the one that is cheaper to settle wins; of two at different prices, the
//! lower price wins, whatever settling costs. `cargo demo` shows the first case: the same cent on six networks.
//!
//! # One token, two methods
//! A server may offer the same token by EIP-3009 and by Permit2. Permit2 wants an approval first, once per token, and
//! settling by it takes more gas (of USDC, in thousands, for a payee that holds some):
//!
//! | the allowance | the payer pays for | the settler pays for |
//! |---|---|---|
//! | not needed: EIP-3009 | nothing | 86 |
//! | is there | nothing | 98 |
//! | comes by an EIP-2612 permit | nothing | 135 |
//! | comes by an approval that the seller's side sponsors | nothing, or the coins that its account holds | 98, the approval's 56, and 21 for sending its coins |
//! | is missing | the approval, 56, shared by `approval_payments` payments (20 unless set) | 98 |
//!
//! So at one price EIP-3009 wins; and a server that asks less by Permit2 is paid by it where the payer expects enough
//! payments to share the approval, or has approved already. The share only ranks: a cap and a budget look at the whole.
//!
//! A signed approval spends the coins of the account that signed it, and a sponsor adds only what is missing. So an account
//! that holds what its approval may cost is never sponsored: it approves by itself or not at all. Fewer coins than that count
//! whole as the payer's cost, for whoever gets the signed approval can have them spent.
//!
//! # What settling costs
//! A scheme says what will be done ([`Effort`](crate::core::Effort)), a chain what that costs now
//! ([`Tariff`](crate::core::Tariff)):
//! * **execution**: gas × the next block's base fee, the last entry of `eth_feeHistory`. Gas is learned from receipts,
//!   per token and kind of payee, because a transfer to somebody who holds none of the token yet writes one slot more.
//! * **priority**: gas × a tip from recent blocks, by [`Purpose`](crate::core::Purpose); none where tips buy nothing.
//! * **L1 data**: on rollups, what publishing the transaction's bytes costs: by the chain's own formula, on the unsigned
//!   transaction, because compressors charge by content and not by length.
//! * **operator**: the surcharge of OP-stack chains that have one.
//! * **rent** and **fee**: state that is paid for, and plain fees.
//!
//! # Arithmetic
//! USD are integers of 10⁻¹⁸. Worth is `atomic × answer ÷ 10^(feed decimals + asset decimals)`, rounded up per part,
//! and a total is the sum of its parts as shown. Ties are broken by rules, never by chance: equal input, equal output.
//!
//! # What is missing is never free
//! A quote that did not come in time, a feed that is stale, a token nobody knows: the entry is rejected with that
//! reason. Every entry of `accepts` comes back, ranked or rejected.
