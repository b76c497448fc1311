//! Every default, with its reason.
//!
//! | default | value | why |
//! |---|---|---|
//! | cap for a payment | none: paying is refused | the caller's money needs the caller's word |
//! | mainnets | refused | a forgotten flag must not cost money |
//! | unknown tokens | never signed for | an EIP-712 domain that a peer names may belong to something else |
//! | longest window of a signature | 600 s | a longer one binds money for nothing |
//! | ledger | none: must be given | a process that forgets what it signed can pay twice |
//! | tariff's life | two blocks, at least 2 s | a base fee moves by an eighth per block at most |
//! | price's life | 10 s | feeds move by their own threshold, within seconds rarely at all |
//! | stale quotes | used for 4 s more while a new one is fetched | a slow node must not stop payments, an old price must not mislead |
//! | deadline for quotes | 1.5 s | somebody waits for a page, and one slow chain must not hold up the others |
//! | settlement's share of a price | at most half | above that, most of what the buyer pays is burnt |
//! | honour time of an offer | its `maxTimeoutSeconds` and 60 s | clocks differ, and people think |
//! | patience with an unknown settlement | 15 s | longer than a block everywhere, shorter than most clients wait |
//! | SQLite's `synchronous` | `FULL` | what the ledger answered must be on disk |
//! | signatures per request | one, and one more for corrected terms | each is spendable until it expires |
//! | plain HTTP | only to loopback | a payment header is money in transit |
//! | redirects with a payment | none across origins | the payee that asked is the only one that is paid |
