//! Acceptance tests of what Tollway says about money: that predicted costs are the ones paid, that a payment takes as
//! few round trips as promised, and that routing is optimal.
//!
//! | test | asks |
//! |---|---|
//! | `prediction` | is a settlement's predicted cost what the settler's balance then loses? |
//! | `paths` | is the predicted gas of each way to settle what the receipts say, and do the ways rank as they cost? |
//! | `round_trips` | how many requests does a payment make on its way through a facilitator? |
//! | `optimal` | do 1,000 random 402s come out as a second program, written apart, says? |
//!
//! The first three run on real local chains; the last runs the real router over real networks whose nodes are scripted.
//! What the tests share is here.

pub mod bed;
pub mod percent;
pub mod token;
pub mod walk;
