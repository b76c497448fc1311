//! The body of an answer that goes out before it is settled: it ends with the receipt.

use super::receipts::Form;
use super::service::BoxError;
use crate::meter::Tally;
use bytes::Bytes;
use futures::channel::oneshot;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tollway_core::wire::SettleResponse;

/// A handler's body, whichever type it has.
pub(super) type Inner = Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>;

/// What the visit hears when a stream has ended; where the body is dropped before, the client has left.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// True when the handler failed half way.
    pub(super) broken: bool,
    /// What the handler said in its trailers.
    pub(super) overrides: Option<HeaderValue>,
}

/// The visit's side of a stream.
pub(super) struct Ends {
    pub(super) ended: oneshot::Receiver<Ended>,
    pub(super) told: oneshot::Sender<Box<SettleResponse>>,
}

/// The body of a metered answer: chunks as they come, then the receipt, as a last event where the answer is a stream of
/// events, and as a trailer.
pub struct StreamedBody {
    /// `None` once it has ended or the counting has.
    inner: Option<Inner>,
    tally: Arc<Tally>,
    form: Form,
    ended: Option<oneshot::Sender<Ended>>,
    told: oneshot::Receiver<Box<SettleResponse>>,
    trailers: HeaderMap,
    failed: Option<BoxError>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Streaming,
    /// Waiting for the receipt.
    Settling,
    /// What was written has to leave before an error closes the connection.
    Leaving,
    Trailing,
    Over,
}

impl StreamedBody {
    pub(super) fn new(inner: Inner, tally: Arc<Tally>, form: Form) -> (Self, Ends) {
        let ((ending, ended), (telling, told)) = (oneshot::channel(), oneshot::channel());
        let body = Self {
            inner: Some(inner),
            tally,
            form,
            ended: Some(ending),
            told,
            trailers: HeaderMap::new(),
            failed: None,
            stage: Stage::Streaming,
        };
        (body, Ends { ended, told: telling })
    }

    /// The handler's next chunk; `None` when there is none to be had any more.
    fn chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            self.tally.register(cx);
            let Some(inner) = self.inner.as_mut().filter(|_| !self.tally.is_closed()) else {
                return Poll::Ready(None);
            };
            match ready!(inner.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Poll::Ready(Some(data)),
                    Err(frame) => self.trailers.extend(frame.into_trailers().unwrap_or_default()),
                },
                Some(Err(e)) => {
                    self.failed = Some(e);
                    return Poll::Ready(None);
                }
                None => return Poll::Ready(None),
            }
        }
    }

    /// Says that no more goes out.
    fn end(&mut self) {
        self.inner = None;
        let overrides = super::headers::strip_response(&mut self.trailers);
        if let Some(ended) = self.ended.take() {
            // The visit may have ended the counting before.
            let _ = ended.send(Ended { broken: self.failed.is_some(), overrides });
        }
        // Whoever hears of an error only by a broken connection need not wait for anything.
        let wait = self.failed.is_none() || self.form.is_events();
        self.stage = if wait { Stage::Settling } else { Stage::Leaving };
    }

    /// Takes the receipt into the answer's last event, if it has any, and into the trailers.
    fn receipt(&mut self, told: Option<Box<SettleResponse>>) -> Option<Bytes> {
        self.stage = if self.failed.is_some() { Stage::Leaving } else { Stage::Trailing };
        self.form.write(told?.as_ref(), &mut self.trailers)
    }
}

impl Body for StreamedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        loop {
            match this.stage {
                Stage::Streaming => match ready!(this.chunk(cx)) {
                    Some(data) => {
                        this.form.saw(&data);
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                    None => this.end(),
                },
                Stage::Settling => {
                    let told = ready!(Pin::new(&mut this.told).poll(cx)).ok();
                    if let Some(event) = this.receipt(told) {
                        return Poll::Ready(Some(Ok(Frame::data(event))));
                    }
                }
                Stage::Leaving => {
                    // A transport flushes where it has to wait, and forgets what it holds where a body fails.
                    this.stage = Stage::Trailing;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Stage::Trailing => {
                    this.stage = Stage::Over;
                    if let Some(e) = this.failed.take() {
                        return Poll::Ready(Some(Err(e)));
                    }
                    if !this.trailers.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::trailers(std::mem::take(&mut this.trailers)))));
                    }
                }
                Stage::Over => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stage == Stage::Over
    }
}

impl fmt::Debug for StreamedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamedBody")
    }
}
