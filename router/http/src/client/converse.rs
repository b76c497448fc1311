//! A whole conversation: ask, read the 402, pay, hand over. The same for every client.

use super::body::AnswerBody;
use super::exchange::{Handed, Paying, asks, look_into};
use super::guard;
use super::outcome::{PayError, Standing};
use super::settings::ClientSettings;
use super::unfinished::{Signed, Unfinished};
use super::wire::{Failure, Target, Wire};
use crate::codec;
use crate::tasks::Tasks;
use http::{Response, header::CONTENT_TYPE};
use std::sync::Arc;
use std::time::Duration;
use tollway_core::wire::header;
use tollway_core::{Blame, Challenge, Code, Error, Family, Next, Result};
use tollway_route::{Begun, Context, Later, Paid, Reply, Router};

/// An answer to an unpaid request, with the challenge when it is one.
type Asking<B> = (Response<AnswerBody<B>>, Option<Challenge>);

/// A body up to this size is read to its end before its connection is used again; a longer one costs the connection.
const DRAIN_BYTES: usize = 16 << 10;

/// Asks, and pays when that is asked.
pub(super) async fn converse<W: Wire>(
    router: &Arc<Router>,
    unfinished: &Arc<Unfinished>,
    tasks: &Tasks,
    settings: &ClientSettings,
    wire: &mut W,
) -> Result<Handed<W::Body>, PayError> {
    let families = router.registry().families();
    let challenge = match ask(tasks, settings, families, wire).await? {
        (response, None) => return Ok((response, Standing::Free)),
        // The price is what was asked for.
        (response, Some(_)) if wire.target().head => return Ok((response, Standing::Free)),
        (mut response, Some(challenge)) => {
            // Read to its end, so that the payment goes over the same connection.
            let length = http_body::Body::size_hint(response.body()).upper();
            let short = length.and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= DRAIN_BYTES);
            look_into(&mut response, short, tasks, settings).await;
            challenge
        }
    };
    let target = wire.target();
    guard::private(&target, settings.plain_http)?;
    guard::replayable(wire.replayable())?;
    let key = wire.key().filter(|_| settings.resume);
    let before = key.and_then(|key| unfinished.take(&key));
    let memory = key.map(|key| (Arc::clone(unfinished), key));
    let mut exchange = Paying::new(wire, tasks, settings, families, memory);
    if let Some(signed) = before {
        match repeat(router, &challenge, signed, &mut exchange).await {
            Repeated::Told(found) => return exchange.close(found),
            Repeated::Streams(later) => return exchange.stream(router, later),
            Repeated::Dead => {}
        }
    }
    let found = router.begin(&challenge, context(&target), &mut exchange).await;
    match found {
        Ok(Begun::Paid(paid)) => exchange.close(Ok(paid)),
        Ok(Begun::Later(later)) => exchange.stream(router, later),
        Ok(_) => Err(Error::us(Code::Internal).into()),
        Err(e) => exchange.close(Err(e)),
    }
}

/// What came of a payment that was sent before and is sent again.
#[allow(clippy::large_enum_variant, reason = "one per payment, consumed at once")]
enum Repeated {
    /// How it stands.
    Told(Result<Paid>),
    /// It is being served.
    Streams(Later),
    /// It is proven that it was never used and never will be.
    Dead,
}

/// Sends once more what was signed for the same request before, whose answer was lost or no good one. Nothing is signed
/// beside it: either the server takes it, or the chain says what became of it.
async fn repeat<W: Wire>(
    router: &Router,
    challenge: &Challenge,
    signed: Signed,
    exchange: &mut Paying<'_, W>,
) -> Repeated {
    // From here on it is remembered again, also where nobody waits for this any more.
    exchange.keep(signed.clone());
    let later = match router.signed_before(&signed.payment, challenge).await {
        Ok(Some(later)) => later,
        Ok(None) => {
            exchange.forget();
            return Repeated::Dead;
        }
        Err(e) => return Repeated::Told(Err(e.next(Next::Unknown(None)))),
    };
    tracing::info!("the same request again: the same payment is sent again");
    let found = match exchange.deliver(signed).await {
        Reply::Receipt(receipt) => router.finish(&later, Some(&receipt)).await,
        Reply::Streams => return Repeated::Streams(later),
        // Whatever it says, the payment was out before: only the chain knows.
        _ => router.finish(&later, None).await,
    };
    match found {
        Err(e) if e.code == Code::Expired && e.next == Next::Never => {
            exchange.forget();
            Repeated::Dead
        }
        found => Repeated::Told(found),
    }
}

/// Sends the request without a payment; with the challenge when the answer is one.
pub(super) async fn ask<W: Wire>(
    tasks: &Tasks,
    settings: &ClientSettings,
    families: &[Family],
    wire: &mut W,
) -> Result<Asking<W::Body>, PayError> {
    guard::unpaid(wire.headers())?;
    let limit = Duration::from_millis(settings.first_timeout_ms);
    let response = match tasks.timeout(limit, wire.send(None)).await {
        Some(Ok(response)) => response,
        Some(Err(Failure { error, source, .. })) => return Err(PayError::Unanswered(error, source)),
        None => {
            let words = format!("no answer within {} ms", settings.first_timeout_ms);
            let error = Error::network(Code::TimedOut).detail(words);
            return Err(PayError::Unanswered(
                error,
                Box::new(std::io::Error::from(std::io::ErrorKind::TimedOut)),
            ));
        }
    };
    let mut response = response.map(AnswerBody::new);
    if !asks(response.status()) {
        return Ok((response, None));
    }
    let in_body = !response.headers().contains_key(header::PAYMENT_REQUIRED);
    let body = if in_body { challenge_body(&mut response, tasks, settings).await? } else { Vec::new() };
    let challenge = codec::read_challenge(response.headers(), &body, families, &settings.limits)?;
    Ok((response, challenge))
}

/// The body of a 402 without a header; nothing where it cannot be x402 v1.
async fn challenge_body<B: http_body::Body>(
    response: &mut Response<AnswerBody<B>>,
    tasks: &Tasks,
    settings: &ClientSettings,
) -> Result<Vec<u8>> {
    let max = settings.limits.challenge_bytes;
    let body = look_into(response, Some(max), tasks, settings).await;
    let kind = response.headers().get(CONTENT_TYPE).and_then(|t| t.to_str().ok());
    let is_json = kind.is_some_and(|t| t.contains("json"));
    if body.is_empty() && is_json && !http_body::Body::is_end_stream(response.body()) {
        let words = format!("the JSON body of a 402 is broken, late or longer than {max} bytes");
        return Err(Error::new(Code::TooLarge, Blame::Payee, Next::Never).detail(words));
    }
    Ok(body)
}

/// Who asked, for the policy.
pub(super) fn context(target: &Target) -> Context<'_> {
    Context { host: target.host.as_deref() }
}
