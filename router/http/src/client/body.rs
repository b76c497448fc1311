use super::tail::Tail;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// An answer's body, part of which may have been looked at; whoever reads it gets all of it.
pub struct AnswerBody<B: Body> {
    read: VecDeque<Frame<Bytes>>,
    failed: Option<Box<B::Error>>,
    /// `None` once it has ended.
    rest: Option<Pin<Box<B>>>,
    /// Looks for the receipt, where that comes last.
    tail: Option<Box<Tail>>,
}

/// The beginning of a body.
pub(super) struct Peeked {
    /// What was read; more than was asked for by less than one frame.
    pub(super) bytes: Vec<u8>,
    /// True when there is no more.
    pub(super) whole: bool,
}

impl<B: Body> AnswerBody<B> {
    pub(super) fn new(body: B) -> Self {
        Self { read: VecDeque::new(), failed: None, rest: Some(Box::pin(body)), tail: None }
    }

    /// Closes a payment when it ends.
    pub(super) fn watch(&mut self, tail: Tail) {
        self.tail = Some(Box::new(tail));
    }

    /// Reads until the end or until more than `max` bytes are there, and keeps it all for the reader. Cancel safe.
    pub(super) async fn peek(&mut self, max: usize) -> Peeked {
        while self.read_bytes() <= max {
            let Some(rest) = self.rest.as_mut() else { break };
            match poll_fn(|cx| rest.as_mut().poll_frame(cx)).await {
                Some(Ok(frame)) => self.read.push_back(whole_frame(frame)),
                Some(Err(e)) => {
                    self.failed = Some(Box::new(e));
                    self.rest = None;
                }
                None => self.rest = None,
            }
        }
        let bytes = self.read.iter().filter_map(Frame::data_ref).flatten().copied().collect();
        Peeked { bytes, whole: self.rest.is_none() && self.failed.is_none() }
    }

    /// The next frame; `None` at the end, which may be a failure.
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        if let Some(frame) = self.read.pop_front() {
            return Poll::Ready(Some(frame));
        }
        let Some(rest) = self.rest.as_mut() else { return Poll::Ready(None) };
        match ready!(rest.as_mut().poll_frame(cx)) {
            Some(Ok(frame)) => return Poll::Ready(Some(whole_frame(frame))),
            Some(Err(e)) => self.failed = Some(Box::new(e)),
            None => {}
        }
        self.rest = None;
        Poll::Ready(None)
    }

    fn read_bytes(&self) -> usize {
        self.read.iter().filter_map(Frame::data_ref).fold(0, |sum, data| sum.saturating_add(data.len()))
    }
}

fn whole_frame<D: Buf>(frame: Frame<D>) -> Frame<Bytes> {
    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
}

impl<B: Body> Body for AnswerBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if let Some(frame) = ready!(self.next(cx)) {
            if let Some(tail) = self.tail.as_mut() {
                tail.saw(&frame);
            }
            return Poll::Ready(Some(Ok(frame)));
        }
        if let Some(tail) = self.tail.as_mut() {
            ready!(tail.poll_close(cx));
        }
        Poll::Ready(self.failed.take().map(|e| Err(*e)))
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty()
            && self.failed.is_none()
            && self.tail.as_ref().is_none_or(|t| t.is_over())
            && self.rest.as_ref().is_none_or(|b| b.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let read = u64::try_from(self.read_bytes()).unwrap_or(u64::MAX);
        let rest = self.rest.as_ref().map_or_else(|| SizeHint::with_exact(0), |b| b.size_hint());
        let mut hint = SizeHint::new();
        // The upper bound first: a lower one may not pass it.
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint.set_lower(rest.lower().saturating_add(read));
        hint
    }
}

impl<B: Body> fmt::Debug for AnswerBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnswerBody({} bytes looked at)", self.read_bytes())
    }
}
