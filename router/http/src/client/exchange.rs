//! One signature on its way: sent, sent again where that is safe, read.

use super::body::AnswerBody;
use super::classify::{self, Heard, Verdict};
use super::outcome::{PayError, Standing, Undelivered};
use super::settings::ClientSettings;
use super::streamed::{self, StreamedPayment};
use super::tail::Tail;
use super::unfinished::{Key, Out, Signed, Unfinished};
use super::wire::{Failure, Stamp, Wire};
use crate::tasks::{Tasks, Watch};
use http::{Response, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{Blame, Code, Error, Family, Next, Payment, Requirement, Result, async_trait};
use tollway_route::{Exchange, Later, Paid, Reply, Router};

/// An answer for the caller, and where its payment stands.
pub(super) type Handed<B> = (Response<AnswerBody<B>>, Standing);

/// The way to one server, for one request.
pub(super) struct Paying<'a, W: Wire> {
    wire: &'a mut W,
    tasks: &'a Tasks,
    settings: &'a ClientSettings,
    families: &'a [Family],
    /// The last answer that can be handed over.
    answer: Option<Response<AnswerBody<W::Body>>>,
    /// Why there is none.
    lost: Option<Error>,
    /// What was sent last, for an answer whose receipt comes later.
    sent: Option<(Requirement, Stamp)>,
    /// Where it is remembered, and as what, should it bring nothing.
    memory: Option<(Arc<Unfinished>, Key)>,
    out: Option<Out>,
}

/// What happened to one sending.
#[allow(clippy::large_enum_variant, reason = "one per sending, consumed at once")]
enum Sent {
    /// The last word.
    Final(Reply),
    /// The server works on it.
    InFlight(Option<u64>),
    /// No answer; the payment may have arrived.
    Silence(Error),
    /// Nothing left this process.
    Nowhere(Error),
}

impl<'a, W: Wire> Paying<'a, W> {
    pub(super) fn new(
        wire: &'a mut W,
        tasks: &'a Tasks,
        settings: &'a ClientSettings,
        families: &'a [Family],
        memory: Option<(Arc<Unfinished>, Key)>,
    ) -> Self {
        Self { wire, tasks, settings, families, answer: None, lost: None, sent: None, memory, out: None }
    }

    /// Sends what was signed, as often as that is safe, until there is a last word.
    pub(super) async fn deliver(&mut self, signed: Signed) -> Reply {
        self.lost = None;
        let Signed { payment, stamp } = &signed;
        self.sent = Some((payment.accepted.clone(), stamp.clone()));
        self.keep(signed.clone());
        let mut tries = Tries::new(self.tasks, self.settings, payment, self.wire.target().idempotent);
        loop {
            let wait = match self.once(stamp, payment).await {
                Sent::Final(reply) => return tries.weigh(reply),
                Sent::InFlight(wait_ms) => {
                    self.answer = None;
                    tries.in_flight(wait_ms)
                }
                Sent::Silence(e) => tries.silence(e),
                Sent::Nowhere(e) => tries.nowhere(e),
            };
            match wait {
                Some(wait) => self.tasks.sleep(wait).await,
                None => {
                    let reply = tries.give_up();
                    if let Reply::Lost(e) = &reply {
                        self.lost = Some(e.clone());
                    }
                    return reply;
                }
            }
        }
    }

    /// Remembers it, unless the conversation ends well: in the place of what was sent before, which was refused or is this
    /// one.
    pub(super) fn keep(&mut self, signed: Signed) {
        let out = self.memory.as_ref().map(|(memory, key)| memory.out(*key, signed, self.tasks));
        if let Some(before) = std::mem::replace(&mut self.out, out) {
            before.done();
        }
    }

    /// What was sent so far can never be used any more, and what came back says nothing about what is sent next.
    pub(super) fn forget(&mut self) {
        (self.answer, self.lost) = (None, None);
        if let Some(dead) = self.out.take() {
            dead.done();
        }
    }

    async fn once(&mut self, stamp: &Stamp, payment: &Payment) -> Sent {
        self.answer = None;
        let limit = Duration::from_millis(self.settings.paid_timeout_ms);
        let response = match self.tasks.timeout(limit, self.wire.send(Some(stamp))).await {
            Some(Ok(response)) => response,
            Some(Err(Failure { sent: true, error, .. })) => return Sent::Silence(error),
            Some(Err(Failure { sent: false, error, .. })) => return Sent::Nowhere(error),
            None => {
                let words = format!("no answer to a payment within {} ms", self.settings.paid_timeout_ms);
                return Sent::Silence(Error::network(Code::TimedOut).detail(words));
            }
        };
        let mut response = response.map(AnswerBody::new);
        let limits = &self.settings.limits;
        let wanted = classify::body_bytes(response.status(), response.headers(), limits);
        let body = look_into(&mut response, wanted, self.tasks, self.settings).await;
        let heard = Heard { status: response.status(), headers: response.headers(), body: &body };
        let verdict = classify::classify(&heard, payment, self.families, limits);
        self.answer = Some(response);
        match verdict {
            Verdict::Final(reply) => Sent::Final(reply),
            Verdict::InFlight(wait_ms) => Sent::InFlight(wait_ms),
            Verdict::Nobody(e) => Sent::Silence(e),
        }
    }

    /// The answer that streams, and the payment that its end will close.
    pub(super) fn stream(mut self, router: &Arc<Router>, later: Later) -> Result<Handed<W::Body>, PayError> {
        // From here on the stream looks after its payment.
        if let Some(out) = self.out.take() {
            out.done();
        }
        let (Some(mut answer), Some((accepted, stamp))) = (self.answer, self.sent) else {
            return Err(streamed::lost().into());
        };
        // A server that knows nothing of late receipts might do again what it was asked.
        let safe = self.wire.target().idempotent || classify::announced(answer.headers());
        let again = if safe { self.wire.again(&stamp) } else { None };
        let payment = StreamedPayment::new(router, self.tasks, self.settings, later, accepted, again);
        let tail = Tail::new(payment.clone(), answer.headers());
        answer.body_mut().watch(tail);
        Ok((answer, Standing::Streams(payment)))
    }

    /// What the router found, together with the answer that is there.
    pub(super) fn close(mut self, found: Result<Paid>) -> Result<Handed<W::Body>, PayError> {
        let out = self.out.take();
        let closed = self.closed(found);
        let again = match &closed {
            Ok((answer, _)) => answer.status().as_u16() >= 400,
            Err(PayError::Undelivered(_)) => true,
            // What a facilitator could not do just then, it may do when it is asked again.
            Err(e) if e.error().blame == Blame::Settler => true,
            Err(e) => matches!(e.error().next, Next::Unknown(_) | Next::Later),
        };
        if let Some(out) = out.filter(|_| !again) {
            out.done();
        }
        closed
    }

    fn closed(self, found: Result<Paid>) -> Result<Handed<W::Body>, PayError> {
        // A 402 is never what was paid for.
        let served = self.answer.filter(|a| !asks(a.status()));
        match (found, served) {
            (Ok(paid), Some(answer)) if self.lost.is_none() => {
                Ok((answer, Standing::Paid(Box::new(Paid { delivered: true, ..paid }))))
            }
            (Ok(paid), _) => {
                let why = self.lost.unwrap_or_else(|| {
                    Error::payee(Code::InvalidAnswer)
                        .next(Next::Never)
                        .detail("it took the money and asks again")
                });
                let paid = Paid { delivered: false, ..paid };
                tracing::warn!(charged = %paid.charged, why = %why.code, "paid, and nothing was delivered");
                Err(PayError::Undelivered(Box::new(Undelivered { paid, why })))
            }
            (Err(e), Some(answer)) => Ok((answer, Standing::Unsettled(e))),
            (Err(e), None) => Err(PayError::Failed(e)),
        }
    }
}

pub(super) fn asks(status: StatusCode) -> bool {
    matches!(status, StatusCode::PAYMENT_REQUIRED | StatusCode::PRECONDITION_FAILED)
}

/// So much of the body; nothing when it is longer, broken or late. The reader gets all of it in any case.
pub(super) async fn look_into<B: http_body::Body>(
    response: &mut Response<AnswerBody<B>>,
    wanted: Option<usize>,
    tasks: &Tasks,
    settings: &ClientSettings,
) -> Vec<u8> {
    let Some(max) = wanted else { return Vec::new() };
    match tasks.timeout(Duration::from_millis(settings.body_timeout_ms), response.body_mut().peek(max)).await
    {
        Some(peeked) if peeked.whole && peeked.bytes.len() <= max => peeked.bytes,
        _ => Vec::new(),
    }
}

#[async_trait]
impl<W: Wire> Exchange for Paying<'_, W> {
    async fn send(&mut self, payment: &Payment) -> Reply {
        let stamp = match Stamp::new(payment, self.families) {
            Ok(stamp) => stamp,
            Err(e) => return Reply::NotSent(e),
        };
        self.deliver(Signed { payment: payment.clone(), stamp }).await
    }
}

/// How often one signature was sent, and whether an earlier sending may have arrived.
struct Tries<'a> {
    settings: &'a ClientSettings,
    idempotent: bool,
    begun: Watch,
    window_ms: u64,
    resends: u8,
    waits: u8,
    /// The last error of a sending that may have arrived.
    doubt: Option<Error>,
    /// The last error of one that did not.
    nowhere: Option<Error>,
}

impl<'a> Tries<'a> {
    fn new(tasks: &Tasks, settings: &'a ClientSettings, payment: &Payment, idempotent: bool) -> Self {
        let window_ms = payment.accepted.timeout_s.saturating_mul(1000).min(settings.paid_total_ms);
        Self {
            settings,
            idempotent,
            begun: tasks.watch(),
            window_ms,
            resends: 0,
            waits: 0,
            doubt: None,
            nowhere: None,
        }
    }

    /// The server has the payment, and the same one again does not run its handler twice: safe with any method.
    fn in_flight(&mut self, wait_ms: Option<u64>) -> Option<Duration> {
        let words = format!("still in flight after {} times asking", self.waits.saturating_add(1));
        self.doubt = Some(Error::unknown(Code::InFlight, None).detail(words));
        if self.waits >= self.settings.in_flight_waits {
            return None;
        }
        let own = self.backoff(self.waits);
        self.waits = self.waits.saturating_add(1);
        self.within(wait_ms.unwrap_or(own).max(1).min(self.settings.retry_after_max_ms))
    }

    fn silence(&mut self, e: Error) -> Option<Duration> {
        self.doubt = Some(classify::unknown(e));
        if self.idempotent { self.again() } else { None }
    }

    fn nowhere(&mut self, e: Error) -> Option<Duration> {
        self.nowhere = Some(e);
        self.again()
    }

    fn again(&mut self) -> Option<Duration> {
        if self.resends >= self.settings.resends {
            return None;
        }
        let wait = self.backoff(self.resends);
        self.resends = self.resends.saturating_add(1);
        tracing::debug!(resend = self.resends, "no answer; the same payment is sent again");
        self.within(wait)
    }

    fn backoff(&self, n: u8) -> u64 {
        self.settings.backoff_ms.saturating_mul(2u64.saturating_pow(u32::from(n)))
    }

    /// Waiting past the signature's window would only collect refusals.
    fn within(&self, wait_ms: u64) -> Option<Duration> {
        let then_ms = self.begun.ms().saturating_add(wait_ms);
        (then_ms <= self.window_ms).then_some(Duration::from_millis(wait_ms))
    }

    /// After a sending that may have arrived, only a receipt or the chain proves anything: "used already" may mean
    /// used by us, and terms are no longer a correction of something that was not taken.
    fn weigh(self, reply: Reply) -> Reply {
        match (reply, self.doubt) {
            (Reply::Challenged(terms), Some(doubt)) => {
                let code = terms.error.unwrap_or(doubt.code);
                Reply::Refused(Error::unknown(code, None).detail(format!(
                    "asked again after an earlier sending of the same payment had no answer: {}",
                    doubt.detail
                )))
            }
            (Reply::Refused(e), Some(_)) => Reply::Refused(classify::unknown(e)),
            (reply, _) => reply,
        }
    }

    /// Nothing was sent only when no sending at all may have arrived.
    fn give_up(self) -> Reply {
        let none = || Error::us(Code::Internal).detail("no sending of a payment left an error");
        match (self.doubt, self.nowhere) {
            (Some(doubt), _) => Reply::Lost(doubt),
            (None, Some(nowhere)) => Reply::NotSent(nowhere),
            (None, None) => Reply::Lost(none()),
        }
    }
}
