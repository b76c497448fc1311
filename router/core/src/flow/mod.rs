//! The one driver that takes a paid request from arrival to receipt. It names no scheme and no chain.
//!
//! ```text
//! arrived → verify → claim replay keys → serve → settle → done       (authorization)
//! arrived → verify → claim → settle → serve → done                   (upfront)
//! arrived → verify → claim replay keys → serve, noting what goes out → settle that → done   (authorization, bit by bit)
//! ```
//! What the driver guarantees, whatever a plugin does:
//! * nothing is served before something is sealed or settled;
//! * replay keys are claimed after verification (a forged payload burns no honest payer's nonce) and before serving;
//! * every step that cannot be taken back is journaled before it is taken;
//! * an unknown outcome is resolved by `Settler::resume`, never by settling again;
//! * a claim is released only when nothing was sent;
//! * what a handler has noted as delivered is owed: it is tried again where nothing was sent, and settled after a crash;
//! * what was settled is booked, in the write that ends its journal entry.

mod book;
mod drive;
mod journal;
mod offer;
mod once;
mod owed;
mod simple;
mod tab;
mod tag;
mod unsent;

pub use book::{BookRecord, resource};
pub use drive::{Delivered, Driver, Handler};
pub use journal::{Stage, VisitRecord};
pub use offer::offer;
pub use once::{SettleOnce, verify};
pub use simple::{order, simple};
pub use tab::Tab;
pub use tag::tag;
pub use unsent::settle_unsent;
