//! From an error to an answer: the one table.

use super::headers;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use tollway_core::{Blame, Code, Error, Next};

/// A whole answer.
pub(super) type Answer = Response<Bytes>;
/// An answer that ends a request early; boxed, because results carry it around.
pub(super) type Refused = Box<Answer>;

/// How far a request had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing can have been settled.
    Before,
    /// The settler was asked, or may have been.
    Settling,
}

/// What an answer carries beside its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carries {
    /// A challenge with fresh offers and the error's code.
    Offers,
    /// A receipt that says `success: false`.
    Receipt,
    /// A receipt that says `settlement_pending`, whatever the error says.
    Pending,
    /// Nothing.
    Nothing,
}

/// Kinds of errors, as far as a buyer can tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Money may have moved.
    Unknown,
    /// The payer has to act on chain first.
    Prepare,
    /// The same payment is being worked on.
    InFlight,
    /// The payment will not do.
    Refused,
    /// Somebody behind us does not answer, or makes no sense.
    Upstream,
    /// Our memory fails.
    Ledger,
    /// Our settings or our code.
    Ours,
}

fn kind(e: &Error) -> Kind {
    match (&e.code, e.blame, &e.next) {
        (_, _, Next::Unknown(_)) => Kind::Unknown,
        (Code::AllowanceRequired, ..) | (_, _, Next::Prepare) => Kind::Prepare,
        (Code::InFlight | Code::DuplicateSettlement, ..) => Kind::InFlight,
        (Code::LedgerFailed | Code::Conflict, ..) => Kind::Ledger,
        (_, Blame::Payer, _) => Kind::Refused,
        (Code::TransactionFailed | Code::TransferEventMismatch | Code::UnexpectedSettleError, ..) => {
            Kind::Refused
        }
        (_, Blame::Settler | Blame::Network, _) => Kind::Upstream,
        _ => Kind::Ours,
    }
}

/// | | before settling | while settling |
/// |---|---|---|
/// | unknown outcome | 402, receipt `settlement_pending` with the transaction | the same |
/// | the payer must act first | 412, offers | the same |
/// | in flight | 409, `Retry-After` | the same |
/// | refused | 402, offers and the code | 402, receipt with the code |
/// | upstream | 502 | 502, receipt with the code |
/// | ledger | 500 | 500, receipt `settlement_pending`: it may have failed after the money moved |
/// | ours | 500 | 500, receipt `settlement_pending`, for the same reason |
///
/// A receipt never stands beside offers: whoever gets one must not sign again before knowing more.
pub(super) fn verdict(e: &Error, stage: Stage) -> (StatusCode, Carries) {
    let settling = stage == Stage::Settling;
    let told = if settling { Carries::Receipt } else { Carries::Nothing };
    match kind(e) {
        Kind::Unknown => (StatusCode::PAYMENT_REQUIRED, Carries::Pending),
        Kind::Prepare => (StatusCode::PRECONDITION_FAILED, Carries::Offers),
        Kind::InFlight => (StatusCode::CONFLICT, Carries::Nothing),
        Kind::Refused => {
            (StatusCode::PAYMENT_REQUIRED, if settling { Carries::Receipt } else { Carries::Offers })
        }
        Kind::Upstream => (StatusCode::BAD_GATEWAY, told),
        Kind::Ledger | Kind::Ours => {
            (StatusCode::INTERNAL_SERVER_ERROR, if settling { Carries::Pending } else { Carries::Nothing })
        }
    }
}

/// The error as a buyer may see it: words about the payment are the buyer's, words about our side are not.
pub(super) fn public(e: &Error) -> Error {
    if e.blame == Blame::Payer { e.clone() } else { e.clone().detail("") }
}

/// An answer that carries nothing but its words.
pub(super) fn plain(status: StatusCode, code: &str, words: &str) -> Refused {
    let mut body = serde_json::json!({ "error": code });
    if let Some(map) = body.as_object_mut().filter(|_| !words.is_empty()) {
        map.insert("message".to_owned(), words.into());
    }
    Box::new(json(status, &body.to_string()))
}

/// An answer of ours with a JSON body, that nobody may keep.
pub(super) fn json(status: StatusCode, body: &str) -> Answer {
    let mut answer = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *answer.status_mut() = status;
    let map = answer.headers_mut();
    map.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers::no_store(map);
    if matches!(status, StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE) {
        map.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use StatusCode as S;
    use tollway_core::TxId;

    #[test]
    fn the_table() {
        let network = |c| Error::network(c);
        let rows = [
            (Error::payer(Code::InvalidSignature), Stage::Before, S::PAYMENT_REQUIRED, Carries::Offers),
            (Error::payer(Code::ReplayedPayment), Stage::Before, S::PAYMENT_REQUIRED, Carries::Offers),
            (Error::payer(Code::NoMatchingOffer), Stage::Before, S::PAYMENT_REQUIRED, Carries::Offers),
            (Error::payer(Code::Expired), Stage::Settling, S::PAYMENT_REQUIRED, Carries::Receipt),
            (Error::payer(Code::AllowanceRequired), Stage::Before, S::PRECONDITION_FAILED, Carries::Offers),
            (Error::payer(Code::InFlight).next(Next::Later), Stage::Before, S::CONFLICT, Carries::Nothing),
            (network(Code::TransactionFailed), Stage::Settling, S::PAYMENT_REQUIRED, Carries::Receipt),
            (network(Code::Unreachable), Stage::Before, S::BAD_GATEWAY, Carries::Nothing),
            (network(Code::Unreachable), Stage::Settling, S::BAD_GATEWAY, Carries::Receipt),
            (Error::settler(Code::InvalidAnswer), Stage::Before, S::BAD_GATEWAY, Carries::Nothing),
            (
                Error::unknown(Code::TimedOut, Some(TxId("0x1".into()))),
                Stage::Settling,
                S::PAYMENT_REQUIRED,
                Carries::Pending,
            ),
            (Error::us(Code::LedgerFailed), Stage::Before, S::INTERNAL_SERVER_ERROR, Carries::Nothing),
            (Error::us(Code::LedgerFailed), Stage::Settling, S::INTERNAL_SERVER_ERROR, Carries::Pending),
            (Error::caller(Code::RoleMissing), Stage::Before, S::INTERNAL_SERVER_ERROR, Carries::Nothing),
        ];
        for (error, stage, status, carries) in rows {
            assert_eq!(verdict(&error, stage), (status, carries), "{error:?} {stage:?}");
        }
    }

    #[test]
    fn our_own_words_stay_with_us() {
        assert_eq!(&*public(&network_error()).detail, "");
        assert_eq!(&*public(&Error::payer(Code::Expired).detail("late")).detail, "late");
    }

    fn network_error() -> Error {
        Error::network(Code::Unreachable).detail("https://node.example/key-in-url")
    }
}
