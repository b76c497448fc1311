//! A paywall: a tower layer that asks for payment, and lets through what was paid for.
//!
//! ```
//! use std::sync::Arc;
//! use http::Method;
//! use tollway_core::{Result, Usd};
//! use tollway_http::server::{Paywall, Priced};
//! use tollway_route::{Gate, Rail, Tag};
//!
//! fn paywall(gate: Arc<Gate>, rails: Vec<Rail>) -> Result<Paywall> {
//!     let cent = Tag::Usd(Usd::parse("$0.01")?);
//!     let by_length = |q: &tollway_http::server::Question| Ok(Tag::Usd(Usd::from_micros(
//!         10_000u64.saturating_add(u64::try_from(q.body.len()).unwrap_or(0)),
//!     )));
//!     Paywall::builder(gate)
//!         .origin("https://api.example.com")
//!         .route(Method::GET, "/reports/{id}", Priced::fixed(cent, rails.clone()))
//!         .route(Method::POST, "/translate", Priced::by(rails, by_length))
//!         .build()
//! }
//! // Router::new().route(…).layer(paywall.clone()); paywall.recover(); … paywall.drain(limit).await;
//! ```
//!
//! # One paid request
//! ```text
//! payment header → price → offers → admitted → spawned: verify → claim → handler → settle → answer with receipt
//! ```
//! * One route speaks both versions: a 402 carries the v2 header and, where a chain has a v1 name, the v1 body; a
//!   payment is answered in its own version.
//! * The handler's response is buffered before settling, so a body that breaks off costs nothing. A handler that fails
//!   (status 400 and above, an error, a panic, a timeout, a response above the bound) costs nothing either, and its
//!   answer is passed on. In the upfront flow the money moves first, and the answer has its receipt in any case.
//! * A handler that charges as it goes finds a [`Meter`](crate::meter::Meter) in the request's extensions. What the meter
//!   streams is passed on at once where the scheme is metered and settles afterwards: see "Streams" below.
//! * A payment is for one request: method, host, path, query and body. The same header for another one is refused
//!   with `payment_replayed`; for the very same one the handler does not run again, and the receipt (with the first
//!   answer, where [kept](PaywallBuilder::answers)) is sent.
//! * Settling runs in a task that a client who hangs up cannot cancel; [`Paywall::drain`] waits for it.
//!
//! # Streams
//! ```text
//! … verify → claim → handler's head → chunks, counted as they go, noted now and then → settle → receipt
//! ```
//! * The head cannot have the receipt. It announces it (`Trailer: PAYMENT-RESPONSE`), and the receipt comes as a trailer
//!   where the transport takes any (HTTP/2, or `TE: trailers`), and as a last event `payment-response`, with what the header
//!   would hold for its data, where the answer is `text/event-stream`. In any case the same payment sent again gets it, and
//!   nothing else: what was streamed is not kept.
//! * However a stream ends (by itself, at the price, with its handler, with its client, at [`Paywall::end_streams`], before
//!   the payment is no good any more), what was counted until then is charged: once, in the visit's own task. A client that
//!   had nothing yet is charged nothing, and has the receipt for that.
//! * What was delivered is written to the ledger now and then ([`PaywallBuilder::stream_notes`]), and a stream waits where
//!   it would get too far ahead of that. After a crash [`Paywall::recover`] settles what was written: never more than went
//!   out. A stream of which nothing was written is released.
//! * A fixed price is not streamed: such an answer is gathered and settled before its first byte goes out, so that a stream
//!   that breaks off costs nothing. Nor is any answer streamed that the meter did not make.
//! * `Settlement-Overrides`, in the head or in the trailers, may lower what a meter has counted, never raise it.
//!
//! # Which status means what
//! | status | when |
//! |---|---|
//! | 402 with offers | no payment; one that cannot be read (`invalid_payload`: every SDK does this, not 400); one that is refused |
//! | 402 with a receipt `success: false` | settling failed; `settlement_pending` with the transaction: do not sign again |
//! | 412 | the payer must act on chain first (`permit2_allowance_required`) |
//! | 308 | a payment for another spelling of a path: it is taken at the normal one only |
//! | 400 | a path that can be read in two ways; a request without one valid `Host`; a price that a request makes impossible |
//! | 409 | the same payment is being worked on; `Retry-After` says when to ask again |
//! | 413, 408, 431 | the body is too large, or too slow; the payment header is too large (nothing of it was read) |
//! | 500, 502 | our ledger or settings; a facilitator or node that does not answer or makes no sense |
//! | 503 | no rail is worth offering now (never a free pass), or too many visits at once |
//!
//! # Which path is protected
//! A path is matched decoded, with dots resolved and empty segments dropped, by default without regard to case. Where
//! another reading (dots or empty segments left, decoded again, `;parameters` cut, a backslash as a slash, cut at a
//! NUL) would lead to another route than the plain one, or to a protected one where that does not, the answer is 400;
//! so it is for an escaped slash, backslash or NUL below a protected route's literal beginning. So no spelling gets
//! around the paywall, whatever the service behind makes of it, and none pays for one handler and reaches another.
//!
//! Other methods than a route's pass; a method that the service behind takes from a header or a form field
//! (`X-HTTP-Method-Override`) is not seen, so price such routes with [`Methods::any`].
//!
//! # At the edge of HTTP
//! * **HEAD** of a route whose `GET` has a price is answered 402 with that price and without a body. A payment that comes
//!   with it is not looked at (`head_not_charged`) and stays good: a `HEAD` brings nothing to charge for. Only a route
//!   that lists `HEAD` by itself sells it.
//! * **OPTIONS** is never charged. Where methods are listed it goes to the service behind; a route of [`Methods::any`]
//!   answers it with 204, because a service that serves every method would serve this one, for nothing.
//! * **Pages of other origins**: [`PaywallBuilder::allow_origins`], or a CORS layer *around* the paywall with
//!   [`cors_request_headers`] and [`cors_response_headers`]. Without either, browsers keep pages away.
//! * **Caches**: what the paywall says itself is `no-store`; what was paid for is `private` whatever the handler said, and
//!   loses what speaks to shared caches alone (`CDN-Cache-Control`, `Surrogate-Control`, …). Both vary by the payment.
//! * **Sizes**: a `PAYMENT-REQUIRED` header above [`PaywallBuilder::challenge_header_bytes_max`] holds the cheapest offers,
//!   or is left out; then the body has the challenge, in v1 or all of v2. A payment header above [`PaywallBuilder::limits`]
//!   is 431, unread; the transport has bounds of its own (hyper: 100 headers and 400 KiB over HTTP/1.1, 16 KiB over HTTP/2).
//! * **Bodies that stream** are gathered before a payment is looked at, bounded in bytes and time; without a payment, and
//!   at a fixed price, they are not read. Chunks make no difference: the same bytes are the same request.
//! * **Whoever repeats a request** (a layer in front, a reverse proxy, a mirror) with the same payment is served once, also
//!   by several servers that share a ledger.
//! * **Clients that hang up** before the request is whole have used nothing. From then on the visit goes on without them:
//!   charged, the same payment finds its receipt; not charged, it is still good.
//! * **HTTP/2** makes no difference to any of this; its trailers always carry a stream's receipt.

mod admit;
mod answers;
mod builder;
mod challenge;
mod charge;
mod cors;
mod doubts;
mod headers;
mod identity;
mod info;
mod path;
mod pattern;
mod paywall;
mod price;
mod receipts;
mod refusal;
mod run;
mod service;
mod settings;
mod stream;
mod streaming;
mod table;
mod visit;
mod visits;

pub use builder::PaywallBuilder;
pub use cors::{cors_request_headers, cors_response_headers};
pub use info::PaymentInfo;
pub use paywall::Paywall;
pub use price::{Priced, Question};
pub use service::{PaywallBody, PaywallService};
pub use settings::Origins;
pub use stream::StreamedBody;
pub use table::Methods;
