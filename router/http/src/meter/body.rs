use super::BoxError;
use super::tally::{Counted, Tally};
use bytes::Bytes;
use futures::stream::Stream;
use http_body::{Body, Frame};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Frames and their prices.
pub(super) type Chunks = Pin<Box<dyn Stream<Item = Result<(Frame<Bytes>, u128), BoxError>> + Send>>;

/// A body whose chunks are counted as they are handed on. It reads one chunk ahead at most, and that only while it waits
/// for the journal. Made by [`super::Meter::stream`] and [`super::Meter::body`].
pub struct MeteredBody {
    tally: Arc<Tally>,
    /// `None` once it has ended.
    chunks: Option<Chunks>,
    /// Read, and not handed on yet.
    next: Option<(Frame<Bytes>, u128)>,
}

impl MeteredBody {
    pub(super) fn new(tally: Arc<Tally>, chunks: Chunks) -> Self {
        Self { tally, chunks: Some(chunks), next: None }
    }

    fn end(&mut self) {
        self.chunks = None;
        self.next = None;
    }
}

impl fmt::Debug for MeteredBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MeteredBody({} counted)", self.tally.counted())
    }
}

impl Body for MeteredBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.next.is_none() {
            let Some(chunks) = self.chunks.as_mut() else { return Poll::Ready(None) };
            match ready!(chunks.as_mut().poll_next(cx)) {
                Some(Ok(next)) => self.next = Some(next),
                Some(Err(e)) => {
                    self.end();
                    return Poll::Ready(Some(Err(e)));
                }
                None => {
                    self.end();
                    return Poll::Ready(None);
                }
            }
        }
        let price = self.next.as_ref().map_or(0, |(_, price)| *price);
        match ready!(self.tally.hand_on(price, cx)) {
            Counted::Yes => Poll::Ready(self.next.take().map(|(frame, _)| Ok(frame))),
            Counted::No => {
                self.end();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_none() && self.next.is_none()
    }
}
