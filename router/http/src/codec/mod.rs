//! Headers and bodies: base64, UTF-8 and JSON, bounded before anything is parsed.
//!
//! ```
//! use http::HeaderMap;
//! use tollway_core::{Json, Version};
//! use tollway_http::codec::{self, Limits};
//!
//! let mut headers = HeaderMap::new();
//! let payment = Json::parse(r#"{"x402Version":2,"payload":{}}"#)?;
//! codec::set_payment(&mut headers, Version::V2, &payment)?;
//! let (version, found) = codec::payment_json(&headers, &Limits::default())?.expect("it was just set");
//! assert_eq!((version, found), (Version::V2, payment));
//! # Ok::<(), tollway_core::Error>(())
//! ```
//!
//! * Out: the standard alphabet, padded.
//! * In: the standard alphabet, padded or not. Wrong padding, the url-safe alphabet, white space and stray bits at the
//!   end are refused with [`Code::InvalidHeader`](tollway_core::Code::InvalidHeader).
//! * A text above its limit is refused unread with [`Code::TooLarge`](tollway_core::Code::TooLarge); so is JSON that
//!   nests deeper than its limit, before any recursive parser sees it.

mod base64;
mod challenge;
mod depth;
mod headers;
mod limits;
mod payment;
mod receipt;

pub use base64::{decode, encode, parse};
pub use challenge::{read_challenge, write_challenge};
pub use limits::Limits;
pub use payment::{payment_json, read_payment, set_payment};
pub use receipt::{read_receipt, settle_response, write_receipt};
