//! The end of an answer that streams: finds the receipt in it, and closes the payment.

use super::events::Events;
use super::streamed::StreamedPayment;
use crate::codec;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, header};
use http_body::Frame;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

/// What watches a body on behalf of its payment.
pub(super) struct Tail {
    payment: StreamedPayment,
    events: Option<Events>,
    /// The payment being closed; under a lock that nobody waits for, so that bodies can be shared between threads.
    closing: Mutex<Option<BoxFuture<'static, ()>>>,
    over: bool,
}

impl Tail {
    pub(super) fn new(payment: StreamedPayment, head: &HeaderMap) -> Self {
        let kind = head.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let is_events = kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream");
        let events = is_events.then(|| Events::new(payment.limits().receipt_bytes));
        Self { payment, events, closing: Mutex::new(None), over: false }
    }

    /// Looks at what passes.
    pub(super) fn saw(&mut self, frame: &Frame<Bytes>) {
        let found = match (frame.data_ref(), self.events.as_mut()) {
            (Some(data), Some(events)) => events.read(data),
            _ => frame.trailers_ref().cloned(),
        };
        // What cannot be read proves nothing; the receipt can still be fetched.
        if let Some(headers) = found
            && let Ok(Some((_, told))) = codec::read_receipt(&headers, self.payment.limits())
        {
            self.payment.saw(told);
        }
    }

    /// The answer has ended: closes the payment, where the receipt is there.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.over {
            return Poll::Ready(());
        }
        let payment = &self.payment;
        if payment.seen().is_some() {
            let slot = self.closing.get_mut().unwrap_or_else(PoisonError::into_inner);
            let closing = slot.get_or_insert_with(|| {
                let payment = payment.clone();
                Box::pin(async move {
                    if let Err(e) = payment.close().await {
                        tracing::info!(code = %e.code, "a streamed payment is not closed yet");
                    }
                })
            });
            ready!(closing.as_mut().poll(cx));
            *slot = None;
        }
        self.over = true;
        Poll::Ready(())
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }
}
