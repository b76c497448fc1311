//! Every default, with its reason.
//!
//! # Money
//! | default | value | why |
//! |---|---|---|
//! | cap for a payment ([`Policy::cap`](crate::route::Policy)) | none: paying is refused | the caller's money needs the caller's word |
//! | mainnets | refused | a forgotten flag must not cost money |
//! | unknown tokens | never signed for | an EIP-712 domain that a peer names may belong to something else |
//! | longest window of a signature | 600 s; the `exact` plugin itself signs up to 86,400 s | a longer one binds money for nothing; who raises the policy still meets a day's limit |
//! | signatures per request | one, and one more for corrected terms | each is spendable until it expires |
//! | ledger | none: must be given | a process that forgets what it signed can pay twice |
//! | SQLite's `synchronous` | `FULL` | what the ledger answered must be on disk |
//! | concluded replay claims are kept | until [`purge`](crate::ledger::SqliteLedger::purge) is called, and 7 days past their window | the receipt is what a repeated request gets; nothing is forgotten unasked |
//!
//! # Quotes
//! | default | value | why |
//! |---|---|---|
//! | tariff's life | two blocks, at least 2 s | a base fee moves by an eighth per block at most |
//! | price's life | 10 s | feeds move by their own threshold, within seconds rarely at all |
//! | sources of a price | more than half must agree within 3 % | one that lies or is gone must not decide; on-chain feeds follow the market in steps |
//! | stale quotes | used for 4 s more while a new one is fetched | a slow node must not stop payments, an old price must not mislead |
//! | deadline for quotes | 1.5 s | somebody waits for a page, and one slow chain must not hold up the others |
//! | the book is kept warm | every 250 ms | often enough for blocks of a quarter of a second; a look at the book costs nothing |
//! | balances | given for 3 s, renewed in the background until 30 s | a payer's money moves by its own doing; its open payments are counted in any case |
//! | a feed's answer is stale | after 4,500 s for coins, 90,000 s for USDC and Arbitrum's coin | the feed's heartbeat and some slack: its updates come when the heartbeat ends, not before |
//! | a tip | the median of 5 blocks: at 60 % of a block's gas for who waits, 30 % in the background | one overpaid transaction between empty blocks is no market |
//! | gas of a call | the median of the last 5 receipts | right after the first one, and follows an upgraded contract within three |
//!
//! # The client
//! | default | value | why |
//! |---|---|---|
//! | plain HTTP | only to loopback | a payment header is money in transit |
//! | redirects | 5 on the way to a 402, none with a payment | the origin that asked is the only one that is paid |
//! | wait for an answer | 30 s, with and without a payment | what most clients wait; a seller settles before it answers, and slow mainnets make a block in 12 s |
//! | one signature is sent for | 75 s, at most its own window | two full attempts and the waits between |
//! | sent again without an answer | twice, after 250 ms and 500 ms | the very same bytes, so that nothing is paid twice; idempotent methods only, unless nothing was sent |
//! | a 402's body | 5 s | it is small, and the payer waits |
//! | the same request again | paid with the same payment, while an earlier one brought nothing; for an hour | a layer that retries must not pay twice |
//! | a `HEAD` | never paid | it brings nothing |
//! | a body that streams | sent once, never paid for | it cannot be sent a second time with the payment |
//! | headers and bodies read | 64 KiB of payment or receipt, 256 KiB of challenge, 64 levels, 256 entries | 256 entries with their schemas fit; nothing a peer sends can fill memory |
//!
//! # The paywall
//! | default | value | why |
//! |---|---|---|
//! | settlement's share of a price | at most half | above that, most of what the buyer pays is burnt |
//! | a rail above that | not offered | a higher price for the same thing is the seller's decision |
//! | honour time of an offer | its `maxTimeoutSeconds` and 60 s | clocks differ, and people think |
//! | a rail's `maxTimeoutSeconds` | 120 s | time for a handler (60 s at most) and a slow block |
//! | patience with an unknown settlement | 15 s | longer than a block everywhere, shorter than most clients wait |
//! | `PAYMENT-REQUIRED` header | 6 KiB, the rest in the body | proxies and clients commonly take 8 KiB of headers in all |
//! | request body | 1 MiB, within 30 s | it is held in memory and hashed |
//! | response body | 8 MiB | it is held in memory until it is paid for |
//! | handler | 60 s | a payment expires while a handler works; set it below the rails' `maxTimeoutSeconds` where handlers are slow |
//! | a stream past a meter | 1 h, and ten seconds (or a quarter) before its payment is no good any more | what is delivered has to be settled in time; a rail's `maxTimeoutSeconds` is the bound that counts |
//! | notes of what a stream has delivered | 8 to the price | a crash costs the seller an eighth of the price at most, for 16 writes at most |
//! | visits at once | 1,024 | each holds a request and a response; one more is told to come back |
//! | paid answers kept | off; once on, 64 KiB each, until the payment's window ends, a day at most | what was sold lies there in the clear |
//! | case of paths | ignored | some services do not tell them apart, and a spelling must not get around the price |
//! | other origins (CORS) | off | `OPTIONS` goes to the service behind, but for routes where every method has a price |
//!
//! # The facilitator, and other people's
//! | default | value | why |
//! |---|---|---|
//! | patience with an unknown settlement | 20 s, then `settlement_pending` | it goes on in the background, and asking again finds the receipt |
//! | a caller of `/settle` waits | 60 s | below the 90 s after which the SDKs' clients give up |
//! | a member of a [`pool`](crate::route::pool) rests | after 3 failures in a row: 5 s, then twice as long each time, at most 60 s, and up to a quarter more by chance; then it is asked for its `/health` once | one failure may be chance; one that is back is missed no longer than a minute; a fleet does not come back in step |
//! | verifying with a member, while there is another | 5 s | somebody waits for a page |
//! | a kind that a member refused as unsupported | is not taken to it for 10 minutes | it said that it does this, and was believed once |
//! | `/verify`, `/supported` | 15 s | within what callers wait: 30 s |
//! | request body | 128 KiB, 64 levels, within 10 s | a payment is a few KiB |
//! | requests and settlements at once | 1,024 each | a flood is told to come back; settlements whose callers have left count |
//! | API keys, gas limits, lists, screening | off in the library; the command has keys, limits and lists (below) | a facilitator inside a shop serves nobody else |
//! | settlements of one caller at once | as many as of all; the command: 256 | one caller must not take all places |
//! | shutdown waits | 30 s | what is left then is in the journal, and the next start takes it up |
//! | a remote facilitator may take | 5 s to connect, 30 s to verify, 90 s to settle | as in the SDKs; after 90 s the outcome is unknown |
//! | a remote's `/supported` is remembered | 5 min; an hour while it rests or does not answer | a dead facilitator must not hold up every 402 |
//!
//! # A facilitator's gas ([`GuardSettings`](crate::route::GuardSettings), `tollway facilitator`)
//! | default | value | why |
//! |---|---|---|
//! | gas of a settlement, of the amount | at most 100 % | nobody's gas is worth more than what it moves; a seller's own limit is lower |
//! | gas of a settlement, of a plain payment's | at most 400 % | a contract's signature check takes two to three times the gas of a key's |
//! | settlements of one payer at once | 32 | all pass on one balance, and all fail when it is moved away |
//! | held under the budgets before sending | 500 % of the prediction | a transaction's own limits allow 2.4 times the gas (the payee may be a new one after all) at twice the price; what is offered more for what is stuck is charged, but not held before: only a fee cap bounds that |
//! | failures before somebody is refused | 3 of a payer, 20 of a payee, 50 of a caller, within an hour | an honest payer hardly ever fails; shops and callers have many payers |
//! | failures count for a payee or caller | once they ate half of its gas | a stranger must not end an honest shop's service |
//! | least amount (the command) | $0.0001 | below it even the cheapest rollup costs more |
//! | gas of one settlement (the command) | at most $5 | no wallet's contract is worth more |
//! | gas a day (the command) | $100; $50 for a caller, $25 for a payee | what an attack may cost at the very most; one caller must not take it all |
//! | callers without a key (the command) | served on loopback alone, or with `open = true`; all are one caller | its gas is the operator's money |
//! | what a screening's silence means | no default | either is somebody's decision |
//! | a screening may take (the command) | 2 s | a payer waits; its verdict on an address is used for 30 s |
//!
//! # On an EVM chain
//! | default | value | why |
//! |---|---|---|
//! | done means | included in a block (`evm::Finality::Included`) | one sequencer orders a rollup; on a layer 1, who sells what cannot be taken back asks for confirmations |
//! | a call to the node | 10 s | longer than a healthy node takes; the deadline for quotes is its own |
//! | fee offered | twice the base fee and the tip | room for the base fee to double; what is not used is not paid |
//! | fee offered for what is stuck | up to 100 times the first offer (`bid_times_max`), no bound in wei (`fee_cap_wei`) | a nonce that is stuck holds up all after it; the hard bound of an operator's cost is the fee cap |
//! | gas limit of a transfer | twice the dearer kind | running out costs all of it and fails the payment; more would be a hostile token's to burn |
//! | settled before `validBefore` | by 6 s | a later transfer may miss its block; x402 asks for it |
//! | patience of a send | ten blocks, at least a minute | the transaction is looked after for longer; the caller is told that the outcome is unknown |
//! | transactions on their way | 16,384 | more are refused, not queued without end |
//! | results of sends are kept | 7 days | as long as the claims that point to them |
//!
//! # The command
//! | default | value | why |
//! |---|---|---|
//! | configuration, ledger | `tollway.toml` here, `tollway.sqlite` beside it | from wherever the command is called, it must be the same memory |
//! | the facilitator listens on | `127.0.0.1:8402` | it speaks plain HTTP: a proxy with TLS stands before it |
//! | a lease of a key lasts | 10 s | so long a dead facilitator's keys lie idle, where several share them over one database |
//! | earlier payments asked after | when open for more than 60 s | a younger one may be under way in another command |
//!
//! What can be read from outside is checked here:
//!
//! ```
//! # #[cfg(all(feature = "client", feature = "facilitator", feature = "exact-eip3009"))]
//! # {
//! use tollway::evm::{Finality, SendSettings};
//! use tollway::http::{client::ClientSettings, codec::Limits, facilitator};
//! use tollway::route::{GuardSettings, Policy, QuoteSettings, SellerPolicy, Unprofitable};
//!
//! let (policy, quotes, seller) = (Policy::default(), QuoteSettings::default(), SellerPolicy::default());
//! assert!(policy.cap.is_none() && !policy.allow_mainnet);
//! assert_eq!((quotes.price_ttl_ms, quotes.stale_ms, quotes.deadline_ms), (10_000, 4_000, 1_500));
//! let median = tollway::route::MedianSettings::default();
//! assert_eq!((median.apart_bps_max, median.agree_min, median.timeout_ms), (300, None, 1_000));
//! assert_eq!((seller.settlement_share_bps_max, seller.honour_extra_ms), (Some(5_000), 60_000));
//! assert_eq!(seller.unprofitable, Unprofitable::Drop);
//!
//! let client = ClientSettings::default();
//! assert_eq!((client.first_timeout_ms, client.paid_timeout_ms, client.paid_total_ms), (30_000, 30_000, 75_000));
//! assert_eq!((client.resends, client.backoff_ms, client.body_timeout_ms), (2, 250, 5_000));
//! assert_eq!((client.redirects, client.plain_http), (5, false));
//! let limits = Limits::default();
//! assert_eq!((limits.payment_bytes, limits.challenge_bytes, limits.depth), (64 << 10, 256 << 10, 64));
//! assert_eq!((limits.receipt_bytes, tollway::core::wire::ACCEPTS_MAX), (64 << 10, 256));
//!
//! let settles = facilitator::Settings::default();
//! assert_eq!((settles.patience_ms, settles.settle_wait_ms, settles.verify_ms), (20_000, 60_000, 15_000));
//! assert_eq!((settles.body_bytes, settles.body_ms, settles.depth), (128 << 10, 10_000, 64));
//! assert_eq!((settles.requests_max, settles.settles_max), (1024, 1024));
//! assert_eq!(settles.settles_per_caller_max, 1024);
//! let gas = GuardSettings::default();
//! assert_eq!((gas.gas_percent_max, gas.gas_over_plain_percent_max), (Some(100), Some(400)));
//! assert_eq!((gas.hold_percent, gas.gas_all, gas.gas_caller, gas.gas_payee), (500, None, None, None));
//! assert_eq!(gas.at_once_payer, Some(32));
//! let strikes = gas.strikes.map(|s| (s.payer, s.payee, s.caller, s.lost_percent, s.window_ms));
//! assert_eq!(strikes, Some((3, 20, 50, 50, 3_600_000)));
//!
//! let sending = SendSettings::default();
//! assert_eq!((sending.in_flight_max, sending.retention_ms), (16_384, 7 * 24 * 3_600_000));
//! assert_eq!((sending.bid_times_max, sending.fee_cap_wei), (100, 0)); // times the first offer; no bound in wei
//! assert_eq!((sending.low_payments, sending.reserve_payments), (100, 20)); // a signer: reported, out of the rotation
//! assert_eq!(Finality::default(), Finality::Included);
//! assert_eq!(tollway::ledger::RETENTION_MS, 7 * 24 * 3_600_000);
//! # }
//! ```
