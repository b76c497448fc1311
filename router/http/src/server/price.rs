//! What a route costs.

use bytes::Bytes;
use http::{HeaderMap, Method};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tollway_core::Result;
use tollway_route::{Rail, Tag};

type Compute = dyn Fn(Question) -> Pin<Box<dyn Future<Output = Result<Tag>> + Send>> + Send + Sync;

/// A price, and the rails on which it may be paid.
#[derive(Clone)]
pub struct Priced {
    pub(super) rails: Arc<[Rail]>,
    pub(super) price: Price,
}

#[derive(Clone)]
pub(super) enum Price {
    Fixed(Tag),
    Computed(Arc<Compute>),
}

impl Priced {
    /// The same price for every request. An offer shown for one request of the route pays any other.
    pub fn fixed(tag: Tag, rails: impl Into<Arc<[Rail]>>) -> Self {
        Self { rails: rails.into(), price: Price::Fixed(tag) }
    }

    /// A price computed from the request. An offer shown for one request pays that very request and no other: same
    /// method, host, path, query and body.
    ///
    /// An error that blames the payer is answered with 400, any other with 500.
    pub fn by<F>(rails: impl Into<Arc<[Rail]>>, compute: F) -> Self
    where
        F: Fn(&Question) -> Result<Tag> + Send + Sync + 'static,
    {
        Self::by_async(rails, move |question| std::future::ready(compute(&question)))
    }

    /// As [`Self::by`], for prices that have to be asked for.
    pub fn by_async<F, Fut>(rails: impl Into<Arc<[Rail]>>, compute: F) -> Self
    where
        F: Fn(Question) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Tag>> + Send + 'static,
    {
        let compute = move |question| -> Pin<Box<dyn Future<Output = Result<Tag>> + Send>> {
            Box::pin(compute(question))
        };
        Self { rails: rails.into(), price: Price::Computed(Arc::new(compute)) }
    }
}

impl std::fmt::Debug for Priced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let price = match &self.price {
            Price::Fixed(tag) => format!("{tag:?}"),
            Price::Computed(_) => "computed".to_owned(),
        };
        f.debug_struct("Priced").field("price", &price).field("rails", &self.rails.len()).finish()
    }
}

/// A request whose price is asked. `Debug` shows neither headers nor body.
#[derive(Clone)]
#[non_exhaustive]
pub struct Question {
    /// Its method; `GET` for a `HEAD`, which costs the same.
    pub method: Method,
    /// Its host, as the paywall knows it.
    pub host: String,
    /// Its path in RFC 3986's normal form.
    pub path: String,
    /// What the pattern's parameters stand for, decoded.
    pub params: Vec<(String, String)>,
    /// Its query, undecoded.
    pub query: Option<String>,
    /// Its headers, without the payment.
    pub headers: HeaderMap,
    /// Its whole body.
    pub body: Bytes,
}

impl Question {
    /// One of the pattern's parameters.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
