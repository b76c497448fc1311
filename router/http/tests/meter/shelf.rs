//! Goods.

use crate::world::chunk;
use axum::body::Body;
use axum::response::Response;
use futures::stream::{self, StreamExt};
use tollway_http::meter::{Meter, MeteredBody};

/// A stream of events.
pub(crate) fn events(body: MeteredBody) -> Response {
    Response::builder().header("content-type", "text/event-stream").body(Body::new(body)).unwrap()
}

/// So many chunks at so much.
pub(crate) fn chunks(meter: &Meter, count: usize, each: u128) -> MeteredBody {
    meter.stream(stream::iter(0..count).map(move |n| Ok::<_, std::io::Error>((chunk(n), each))))
}

/// The same, and then it breaks.
pub(crate) fn broken(meter: &Meter, count: usize, each: u128) -> MeteredBody {
    let good = stream::iter(0..count).map(move |n| Ok((chunk(n), each)));
    meter.stream(good.chain(stream::iter([Err(std::io::Error::other("the model has fallen over"))])))
}
