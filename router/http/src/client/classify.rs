//! What an answer to a paid request means. Pure: the head, as much of the body as was asked for, and what was signed.

use crate::codec::{self, Limits};
use http::header::{CONTENT_TYPE, RETRY_AFTER, TRAILER};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use tollway_core::wire::{SettleResponse, header};
use tollway_core::{Blame, Challenge, Code, Error, Family, Next, Payment};
use tollway_route::Reply;

/// How much is read of the body of an answer that is no 402, to find out whether the payment is still in flight.
const WORD_BYTES: usize = 16 << 10;

/// An answer to a paid request.
pub(super) struct Heard<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    /// As much as [`body_bytes`] asked for; empty when that was more than allowed.
    pub(super) body: &'a [u8],
}

/// What it means.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one per answer, consumed at once")]
pub(super) enum Verdict {
    /// The server's last word.
    Final(Reply),
    /// The server still works on this very payment; with what it says of when to ask again, in milliseconds.
    InFlight(Option<u64>),
    /// Somebody on the way answered in the server's place.
    Nobody(Error),
}

/// How much of the body [`classify`] needs; `None` for nothing.
pub(super) fn body_bytes(status: StatusCode, headers: &HeaderMap, limits: &Limits) -> Option<usize> {
    let told = headers.contains_key(header::PAYMENT_RESPONSE)
        || headers.contains_key(header::X_PAYMENT_RESPONSE)
        || headers.contains_key(header::PAYMENT_REQUIRED);
    match status.as_u16() {
        _ if told => None,
        402 | 412 => Some(limits.challenge_bytes),
        409 | 425 | 503 => Some(WORD_BYTES),
        _ => None,
    }
}

/// Reads an answer: the receipt first, because a failed settlement may carry a challenge beside it.
pub(super) fn classify(
    heard: &Heard<'_>,
    payment: &Payment,
    families: &[Family],
    limits: &Limits,
) -> Verdict {
    match codec::read_receipt(heard.headers, limits) {
        Ok(Some((_, told))) => receipt(heard, &told, payment, families),
        Ok(None) if heard.status.is_success() && streams(heard.headers) => Verdict::Final(Reply::Streams),
        Ok(None) if heard.status.is_success() => Verdict::Final(Reply::NoReceipt),
        Ok(None) => refusal(heard, families, limits),
        // Unreadable words about a settlement prove nothing either way.
        Err(_) if heard.status.is_success() => Verdict::Final(Reply::NoReceipt),
        Err(e) => Verdict::Final(Reply::Refused(unknown(e))),
    }
}

/// True when the receipt may come after the head: it is announced, or the body can carry it.
fn streams(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    announced(headers) || kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream")
}

/// True when the server says that a receipt comes after the head, as one that knows a payment again does.
pub(super) fn announced(headers: &HeaderMap) -> bool {
    let names = [header::PAYMENT_RESPONSE, header::X_PAYMENT_RESPONSE];
    let lines = headers.get_all(TRAILER).into_iter().filter_map(|v| v.to_str().ok());
    let mut listed = lines.flat_map(|line| line.split(',')).map(str::trim);
    listed.any(|n| names.iter().any(|name| name.eq_ignore_ascii_case(n)))
}

fn receipt(heard: &Heard<'_>, told: &SettleResponse, payment: &Payment, families: &[Family]) -> Verdict {
    if told.success {
        return Verdict::Final(match told.receipt(&payment.accepted, families) {
            Ok(receipt) => Reply::Receipt(receipt),
            // It says that money moved, though not what was signed.
            Err(e) => Reply::Refused(unknown(e)),
        });
    }
    match told.failure() {
        e if e.code == Code::InFlight => Verdict::InFlight(retry_after(heard.headers)),
        e if proves_nothing(&e.code) => Verdict::Final(Reply::Refused(unknown(e))),
        e => Verdict::Final(Reply::Refused(e)),
    }
}

fn refusal(heard: &Heard<'_>, families: &[Family], limits: &Limits) -> Verdict {
    let asks = matches!(heard.status, StatusCode::PAYMENT_REQUIRED | StatusCode::PRECONDITION_FAILED);
    let terms = codec::read_challenge(heard.headers, if asks { heard.body } else { &[] }, families, limits);
    let word = match &terms {
        Ok(Some(terms)) => terms.error.clone(),
        _ => word(heard.body),
    };
    // A server of ours says the latter of a payment that its facilitator has in hand.
    let busy = !asks && matches!(word, Some(Code::InFlight | Code::DuplicateSettlement));
    if busy || word == Some(Code::InFlight) {
        return Verdict::InFlight(retry_after(heard.headers));
    }
    match (heard.status, terms) {
        (_, Ok(Some(terms))) if asks => Verdict::Final(challenged(terms)),
        (_, Err(e)) if asks => Verdict::Final(Reply::Refused(unknown(e))),
        (_, Ok(None)) if asks => Verdict::Final(Reply::Refused(
            Error::new(Code::UnexpectedSettleError, Blame::Payee, Next::Unknown(None))
                .detail(format!("{} to a payment, with neither terms nor a receipt", heard.status.as_u16())),
        )),
        (StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT, _) => {
            Verdict::Nobody(without_receipt(heard.status, Code::Unreachable))
        }
        _ => Verdict::Final(Reply::Refused(without_receipt(heard.status, Code::InvalidAnswer))),
    }
}

/// Terms are a correction only while the word beside them speaks of the payment before it was settled.
fn challenged(terms: Challenge) -> Reply {
    match &terms.error {
        Some(code) if proves_nothing(code) => Reply::Refused(
            Error::new(code.clone(), Blame::Payee, Next::Unknown(None))
                .detail("the server speaks of a settlement and asks again; nothing more is signed"),
        ),
        _ => Reply::Challenged(terms),
    }
}

/// Words after which money may have moved.
fn proves_nothing(code: &Code) -> bool {
    matches!(
        code,
        Code::SettlementPending
            | Code::DuplicateSettlement
            | Code::UnexpectedSettleError
            | Code::TransactionFailed
            | Code::NonceUsed
            | Code::ReplayedPayment
    )
}

/// The same error as an unknown outcome; a transaction that is known stays known.
pub(super) fn unknown(e: Error) -> Error {
    match e.next {
        Next::Unknown(_) => e,
        _ => e.next(Next::Unknown(None)),
    }
}

fn without_receipt(status: StatusCode, code: Code) -> Error {
    let redirect = if status.is_redirection() { "; a payment is never taken elsewhere" } else { "" };
    Error::new(code, Blame::Payee, Next::Unknown(None))
        .detail(format!("{} to a payment, without a receipt{redirect}", status.as_u16()))
}

#[derive(Deserialize)]
struct Word<'a> {
    #[serde(borrow)]
    error: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, rename = "errorReason")]
    reason: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    code: Option<std::borrow::Cow<'a, str>>,
}

/// The reason code in a plain JSON body, where there is one.
fn word(body: &[u8]) -> Option<Code> {
    let json = codec::parse(body, WORD_BYTES, Limits::DEFAULT.depth).ok()?;
    let word: Word<'_> = json.read().ok()?;
    word.error.or(word.reason).or(word.code).map(|w| Code::from_wire(&w))
}

/// Whole seconds only: a date would need a wall clock that agrees with the server's.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(seconds.saturating_mul(1000))
}
