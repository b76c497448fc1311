//! A meter for handlers that charge as they go: a language model's tokens, a stream's events, a proxy's bytes.
//!
//! The paywall puts a [`Meter`] into the extensions of every request that was paid for. What it has counted when the
//! answer ends is what is charged, and nothing else can be: there is no way to name a sum.
//!
//! ```
//! use bytes::Bytes;
//! use futures::stream::{self, StreamExt};
//! use std::convert::Infallible;
//! use tollway_http::meter::{Meter, MeteredBody};
//!
//! fn story(meter: &Meter) -> tollway_core::Result<MeteredBody> {
//!     let token = meter.parts(500)?; // the price that is offered pays for 500 tokens, on every rail
//!     token.charge(12)?; // what the prompt cost; refused where the price does not cover it
//!     let words = stream::iter(["once ", "upon ", "a ", "time"]);
//!     Ok(meter.stream(words.map(move |word| Ok::<_, Infallible>((Bytes::from(word), token.price(1))))))
//! }
//! # let asset = tollway_core::AssetId::new(tollway_core::ChainId::new("sim:1")?, "usd")?;
//! # let meter = Meter::unpaid(tollway_core::Amount::new(asset, 10_000));
//! # story(&meter)?;
//! # assert_eq!(meter.counted().atomic, 240);
//! # Ok::<(), tollway_core::Error>(())
//! ```
//!
//! # What is charged when
//! * [`Meter::charge`] counts at once; [`Meter::stream`] and [`Meter::body`] count each chunk in the moment it is handed
//!   to the transport, and end before one that the price does not cover.
//! * A scheme that is not metered takes the whole price, whatever was counted ([`Meter::is_metered`]).
//! * An answer that the meter streams is passed on as it comes, where the scheme is metered and settles afterwards.
//!   Anywhere else it is gathered first, as any other answer is, so that a stream that breaks off costs nothing.
//! * A client that leaves, a handler that fails half way, a paywall that is told to end its streams: what had been
//!   counted is charged, once.
//!
//! ```compile_fail,E0624
//! # fn example(meter: &tollway_http::meter::Meter) {
//! meter.close(); // only the paywall ends the counting, and turns it into a charge
//! # }
//! ```

mod body;
mod tally;

pub use body::MeteredBody;
pub(crate) use tally::Tally;

use body::Chunks;
use bytes::Bytes;
use futures::stream::{Stream, StreamExt};
use http_body::{Body, Frame};
use http_body_util::BodyStream;
use std::fmt;
use std::sync::Arc;
use tollway_core::{Amount, Ceiling, Charge, Code, Error, Result};

/// Any error of a body.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Counts what one paid request costs. Cheap to clone; clones count together.
#[derive(Clone)]
pub struct Meter {
    tally: Arc<Tally>,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Meter({} of {})", self.tally.counted(), self.ceiling())
    }
}

impl Meter {
    pub(crate) fn new(ceiling: Ceiling, metered: bool) -> Self {
        Self { tally: Arc::new(Tally::new(ceiling, metered)) }
    }

    /// A meter that charges nobody, for a handler's own tests.
    pub fn unpaid(most: Amount) -> Self {
        Self::new(Ceiling(most), true)
    }

    /// The most that may be counted.
    pub fn ceiling(&self) -> Amount {
        self.tally.ceiling().0
    }
    /// What has been counted so far.
    pub fn counted(&self) -> Amount {
        Amount::new(self.tally.ceiling().asset(), self.tally.counted())
    }
    /// What may still be counted; nothing once the counting has ended.
    pub fn left(&self) -> Amount {
        Amount::new(self.tally.ceiling().asset(), self.tally.left())
    }
    /// False where the payment is of a fixed amount: then the whole price is taken, whatever is counted.
    pub fn is_metered(&self) -> bool {
        self.tally.is_metered()
    }

    /// Counts `atomic` units of the asset that is paid in.
    ///
    /// # Errors
    /// [`Code::ChargeExceedsCeiling`], with what is left, when the price does not cover it: nothing is counted, and less
    /// may still be. The same when the counting has ended.
    pub fn charge(&self, atomic: u128) -> Result<()> {
        self.tally.count(atomic).map_err(|left| {
            let ceiling = self.ceiling();
            let words = format!("{atomic} more units, and {left} are left of {ceiling}");
            Error::caller(Code::ChargeExceedsCeiling).detail(words)
        })
    }

    /// A price for one unit of whatever is sold, so that the price that is offered pays for `units` of them: the same
    /// on every rail, in whichever token it is paid. Rounded down to whole atomic units.
    ///
    /// # Errors
    /// [`Code::InvalidAmount`] for no units, or for so many that one would cost nothing.
    pub fn parts(&self, units: u64) -> Result<Rate> {
        let atomic = self.ceiling().atomic.checked_div(u128::from(units)).filter(|n| *n > 0);
        let atomic = atomic.ok_or_else(|| {
            let words = format!("{} cannot be divided into {units} parts", self.ceiling());
            Error::caller(Code::InvalidAmount).detail(words)
        })?;
        Ok(self.per_unit(atomic))
    }

    /// A price of `atomic` units of the asset that is paid in.
    pub fn per_unit(&self, atomic: u128) -> Rate {
        Rate { meter: self.clone(), atomic }
    }

    /// A body of chunks with their prices in atomic units. Each is counted in the moment it is handed on; the body ends
    /// before the first that the price does not cover. An error breaks the answer off, and what was handed on before is
    /// charged.
    pub fn stream<S, D, E>(&self, chunks: S) -> MeteredBody
    where
        S: Stream<Item = Result<(D, u128), E>> + Send + 'static,
        D: Into<Bytes>,
        E: Into<BoxError>,
    {
        let framed = |(data, price): (D, u128)| (Frame::data(data.into()), price);
        self.metered(Box::pin(chunks.map(move |chunk| chunk.map(framed).map_err(Into::into))))
    }

    /// Somebody else's body, each chunk at what `price` says of it, in atomic units: for a proxy. As [`Self::stream`].
    pub fn body<B, P>(&self, body: B, mut price: P) -> MeteredBody
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
        P: FnMut(&Bytes) -> u128 + Send + 'static,
    {
        let priced = move |frame: Frame<Bytes>| {
            let atomic = frame.data_ref().map_or(0, &mut price);
            (frame, atomic)
        };
        let mut priced = priced;
        self.metered(Box::pin(BodyStream::new(body).map(move |f| f.map(&mut priced).map_err(Into::into))))
    }

    fn metered(&self, chunks: Chunks) -> MeteredBody {
        self.tally.will_stream();
        MeteredBody::new(Arc::clone(&self.tally), chunks)
    }

    pub(crate) fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Ends the counting. What was counted until now is the charge.
    pub(crate) fn close(&self) -> Result<Charge> {
        let counted = self.tally.close();
        self.tally.ceiling().charge(counted)
    }
}

/// What one unit costs: a token, an event, a kilobyte. Made by [`Meter::parts`] and [`Meter::per_unit`].
#[derive(Debug, Clone)]
pub struct Rate {
    meter: Meter,
    atomic: u128,
}

impl Rate {
    /// What `units` cost, in atomic units. A price that does not fit is more than any ceiling covers.
    pub fn price(&self, units: u64) -> u128 {
        self.atomic.saturating_mul(u128::from(units))
    }
    /// Counts `units`.
    ///
    /// # Errors
    /// As [`Meter::charge`].
    pub fn charge(&self, units: u64) -> Result<()> {
        self.meter.charge(self.price(units))
    }
}
