//! Tollway against published numbers, and against what the SDKs of others write and read.
//!
//! `tests/values` computes the golden values. `tests/sdks` lets the reference SDK (npm) and the Python SDK (PyPI), both
//! unmodified, write down what they say in every role, reads it, writes it again, and lets them read that. This crate is
//! what the latter stands on: fetching the SDKs, and running the programs in `js/` and `python/`, which use them.
//!
//! | module | what is there |
//! |---|---|
//! | [`Sdk`] | one SDK: what it emits, and what it says to what others emit |
//! | [`Item`] | one thing that went over the wire |
//! | `child` | running programs, and not for ever |
//! | [`python`] | Python packages in virtual environments of their own, the Python SDK among them |
//! | `sdk` | the reference SDK, where `tests/interop` keeps it too |

mod child;
mod item;
mod programs;
pub mod python;
// The interop tests' own way to the reference SDK, so that both share one manifest, one lock file and one cache.
#[path = "../../interop/src/sdk.rs"]
#[allow(unreachable_pub, reason = "it is public where it is at home")]
mod sdk;

pub use item::{Header, Item, Verdict};
pub use programs::{KEY, NOW, Sdk};
