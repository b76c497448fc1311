//! The side that pays: an HTTP client, and a tower layer for any other, that meet a 402, pay it by the best allowed
//! route and ask again with the payment attached.
//!
//! ```no_run
//! # async fn example(router: std::sync::Arc<tollway_route::Router>) -> Result<(), Box<dyn std::error::Error>> {
//! use tollway_http::client::{ClientSettings, PayError, PayingClient, Standing};
//!
//! let client = PayingClient::new(reqwest::Client::builder(), router, ClientSettings::default())?;
//! match client.get("https://api.example/report").await {
//!     Ok(answer) => {
//!         match &answer.standing {
//!             Standing::Free => println!("nothing was asked"),
//!             Standing::Paid(paid) => println!("paid {}", paid.charged),
//!             // Served or not: a signature is out, and nobody has proven what became of it.
//!             Standing::Unsettled(why) => println!("not settled: {why}"),
//!             _ => {}
//!         }
//!         println!("{}", answer.response.text().await?);
//!     }
//!     // Money moved and the content was lost: keep the receipt, do not pay again.
//!     Err(PayError::Undelivered(lost)) => println!("{:?}", lost.paid.receipt),
//!     Err(other) => println!("{other}"),
//! }
//! # Ok(()) }
//! ```
//!
//! # The rules
//! * **Never paid twice.** A request that carries a payment already is refused; one answer is paid by one signature,
//!   or by two when the server corrected its terms (the router counts). A lost answer is followed by the very same
//!   bytes or by a look at the chain, never by another signature. Once a signature may have arrived unanswered, no
//!   later 402 counts as a correction.
//! * **Only the origin that asked is paid.** Redirects are followed on the way to a 402, never with a payment: a
//!   redirect that answers a paid request is handed to the caller as it is.
//! * **No payment over plain HTTP**, but for loopback and by [`ClientSettings::plain_http`].
//! * **Asking for the same thing again does not pay again** while an earlier payment for it brought nothing: see below.
//! * **A `HEAD` is not paid**: its 402 is the answer, and says what a `GET` would cost ([`PayingClient::quote`] explains it).
//! * **Only what can be sent twice is paid.** A body that streams is sent once, refused, or buffered
//!   ([`Streaming`]).
//! * **Nothing is lost.** An answer is handed over even where the payment's fate is open ([`Standing`]); money that
//!   moved without an answer comes back with its receipt ([`PayError::Undelivered`]).
//!
//! # How an answer to a paid request is read
//! | answer | reading |
//! |---|---|
//! | a receipt of success, any status | paid, once the payer has found in it what was signed |
//! | a receipt of failure | settlement failed; looked at before the challenge |
//! | 2xx without receipt that announces one for later (`Trailer`), or streams events | handed over; see below |
//! | 2xx without receipt | served; the chain is asked |
//! | 402 or 412 with terms | corrected (signed once more) or refused |
//! | 402 or 412 with neither | settlement failed, outcome unknown; the chain is asked |
//! | `payment_in_flight` | the same bytes again after `Retry-After`, bounded |
//! | 502, 503, 504, reset, timeout | the same bytes again where the method is idempotent; then the chain is asked |
//! | a connection that was never made | the same bytes again, whatever the method |
//! | anything else | handed over; nothing is proven, the chain is asked |

//!
//! # Asking for the same thing again
//! Somebody above may repeat a request: a person, a retrying layer, a time limit that drops the first try and makes a
//! second. Where a payment for the same request (method, address, headers, body) went out and brought no good answer
//! (none, an error status, an open outcome, or nobody waited for it), the very same payment is sent again instead of a
//! second signature. A server of ours then answers from memory, or runs its handler if the first try never got there. If the
//! server will not take it, the chain says what became of it: taken is [`PayError::Undelivered`], dead is paid anew, and
//! while nobody knows nothing more is signed for this request. It is remembered for an hour, by the client and its clones,
//! not across restarts ([`ClientSettings::resume`] turns it off). A request that was answered well and is made once more is
//! another purchase.
//!
//! # An answer that streams
//! A server that charges for what it delivers knows the charge when it has delivered. Such an answer is handed over at once
//! ([`Standing::Streams`]); its body finds the receipt at its end, as a trailer or an event, and closes the payment before it
//! ends. [`StreamedPayment::paid`] has the charge then; where the receipt did not come along it is fetched, with the very same
//! payment.
//!
//! ```no_run
//! # async fn example(client: &tollway_http::client::PayingClient) -> Result<(), Box<dyn std::error::Error>> {
//! use tollway_http::client::Standing;
//!
//! let mut answer = client.get("https://api.example/story").await?;
//! while let Some(chunk) = answer.response.chunk().await? {
//!     print!("{}", String::from_utf8_lossy(&chunk));
//! }
//! if let Standing::Streams(payment) = &answer.standing {
//!     println!("that was {}", payment.paid().await?.charged);
//! }
//! # Ok(()) }
//! ```

mod body;
mod classify;
mod converse;
mod events;
mod exchange;
mod guard;
mod layer;
mod line;
mod outcome;
mod paying;
mod redirect;
mod settings;
mod streamed;
mod tail;
mod unfinished;
mod wire;

pub use body::AnswerBody;
pub use layer::{PayLayer, PayService};
pub use outcome::{Asked, PaidResponse, PayError, Quoted, Standing, Undelivered};
pub use paying::PayingClient;
pub use settings::{ClientSettings, Streaming};
pub use streamed::StreamedPayment;
