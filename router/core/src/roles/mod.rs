//! The three parts a scheme can play. Each is a small trait, each is optional in a plugin's entry.
//!
//! What follows an error is read from its [`crate::Next`]: `Never` ends the matter, `Later` and `OtherRoute` say that
//! nothing moved, `Unknown` that money may have. All amounts are in the token's smallest units, all times in chain or Unix
//! time as [`crate::Time`].

mod payer;
mod seller;
mod settler;

pub use payer::Payer;
pub use seller::{Event, Job, Move, Price, Seller, Visit, Wish};
pub use settler::Settler;
