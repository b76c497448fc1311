//! Scripted fakes of HTTP facilitators, on loopback: every answer that a real one has ever given, and worse.
//!
//! A [`Script`] says for each path which [`Reply`] comes first, second and so on; the last one is given again and again. What
//! was asked is kept. It speaks just enough HTTP/1.1, by hand, so that it can also break off anywhere and talk nonsense,
//! which a proper HTTP server would not let it do.
//!
//! ```
//! use tollway_core::Code;
//! use tollway_testkit::facilitator::{Reply, Script};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let fake = Script::new()
//!     .verify([Reply::status(503), Reply::valid()])
//!     .settle([Reply::settled("0xabc", "sim:1").cut_after(20), Reply::failed(Code::InsufficientFunds)])
//!     .start()
//!     .await?;
//! assert!(fake.url().starts_with("http://127.0.0.1:"));
//! assert!(fake.heard().is_empty());
//! # std::io::Result::Ok(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod heard;
mod reply;
mod serve;

pub use heard::Heard;
pub use reply::Reply;
pub use serve::{FakeFacilitator, Script};
