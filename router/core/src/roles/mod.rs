//! The three parts a scheme can play. Each is a small trait, each is optional in a plugin's entry.

mod payer;
mod seller;
mod settler;

pub use payer::Payer;
pub use seller::{Event, Job, Move, Price, Seller, Visit, Wish};
pub use settler::Settler;
