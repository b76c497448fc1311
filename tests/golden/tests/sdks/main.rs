//! What the SDKs of others write is read, echoed and written again; what Tollway writes, they read.
//!
//! Each SDK writes its corpus when the tests begin; it can be looked at in the target directory's `tmp`.
//!
//! | module | what is there |
//! |---|---|
//! | `challenges`, `payments`, `facilitators`, `receipts` | by what travels |
//! | `signatures` | payments signed by either side, verified by the other |
//! | `malformed` | what they refuse and we refuse, and where the two differ |
//! | `bed` | the corpora, and asking the SDKs |
//! | `views` | when two readings are the same |
//! | `payer` | Tollway's own payer, on a chain that only holds money |

mod bed;
mod challenges;
mod facilitators;
mod malformed;
mod payer;
mod payments;
mod receipts;
mod signatures;
mod views;
