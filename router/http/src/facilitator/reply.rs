use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use tollway_core::wire::{SettleResponse, VerifyResponse, wire_reason};
use tollway_core::{Blame, ChainId, Code, Error, Json, Next};

/// Nothing was begun, for lack of room.
pub(super) fn busy(why: &str) -> Error {
    Error::new(Code::Other("busy".into()), Blame::Settler, Next::Later).detail(why)
}

/// A caller has as many of these under way as it may.
pub(super) fn too_many(most: usize, of_what: &str) -> Error {
    Error::new(Code::TooManyAtOnce, Blame::Caller, Next::Later)
        .detail(format!("at most {most} {of_what} of one caller are under way at once"))
}

/// What is between us and the caller, or the merchant, has a status of its own; what is said of a payment has none.
fn between_us(error: &Error) -> Option<StatusCode> {
    match error.code {
        Code::Unauthorized => Some(StatusCode::UNAUTHORIZED),
        Code::PayeeNotServed | Code::AssetNotServed | Code::Screened => Some(StatusCode::FORBIDDEN),
        Code::GasBudgetSpent | Code::TooManyFailures | Code::TooManyAtOnce => {
            Some(StatusCode::TOO_MANY_REQUESTS)
        }
        Code::ScreeningSilent => Some(StatusCode::SERVICE_UNAVAILABLE),
        _ => None,
    }
}

pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response<Body> {
    let mut response = Response::new(Body::from(Json::of(body).as_str().to_owned()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        StatusCode::TOO_MANY_REQUESTS => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        StatusCode::UNAUTHORIZED => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    response
}

/// A request that was not read as far as its order.
pub(super) fn unread_status(error: &Error) -> StatusCode {
    match error.code {
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::TimedOut => StatusCode::REQUEST_TIMEOUT,
        Code::Unauthorized => StatusCode::UNAUTHORIZED,
        Code::TooManyAtOnce => StatusCode::TOO_MANY_REQUESTS,
        Code::InvalidPayload | Code::InvalidPaymentRequirements => StatusCode::BAD_REQUEST,
        _ if is_busy(error) => StatusCode::SERVICE_UNAVAILABLE,
        // Readable, and refused for what it says: a verdict.
        _ => StatusCode::OK,
    }
}

/// A verdict is 200; not having been able to look is none.
pub(super) fn verify_status(error: &Error) -> StatusCode {
    if let Some(status) = between_us(error) {
        return status;
    }
    let verdict = !matches!(error.blame, Blame::Network | Blame::Us) && !is_busy(error);
    if verdict { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// Whatever is known of money goes out under a status whose body every client reads.
pub(super) fn settle_status(error: &Error) -> StatusCode {
    match between_us(error) {
        Some(status) if !error.is_unknown_outcome() => status,
        _ if is_busy(error) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    }
}

fn is_busy(error: &Error) -> bool {
    matches!(&error.code, Code::Other(word) if &**word == "busy")
}

/// The error as a stranger may see it. What a node, our own ledger or somebody else's facilitator said is between them and
/// us: it names them, and some are asked at an address that is a key. Code, advice and transaction stay.
pub(super) fn public(error: &Error) -> Error {
    if error.detail.is_empty() || !is_inner(error) {
        return error.clone();
    }
    tracing::warn!(%error, "words that are not for strangers");
    error.clone().detail("")
}

fn is_inner(error: &Error) -> bool {
    match error.blame {
        Blame::Network | Blame::Us => true,
        // A rule is told; trouble is not, but for that of this process's own doors.
        Blame::Settler => error.next != Next::Never && !is_busy(error),
        _ => error.code == Code::UnexpectedSettleError,
    }
}

pub(super) fn invalid(error: &Error) -> VerifyResponse {
    VerifyResponse {
        is_valid: false,
        invalid_reason: Some(wire_reason(error)),
        invalid_message: Some(public(error).to_string()),
        ..VerifyResponse::default()
    }
}

/// The same of an order on `chain`, in the spelling of those who pay there.
pub(super) fn invalid_on(chain: &ChainId, error: &Error) -> VerifyResponse {
    VerifyResponse { invalid_reason: Some(wire_reason(error).on(chain)), ..invalid(error) }
}

/// A failed settlement of something that could not be read, so there is no network to name.
pub(super) fn unread(error: &Error) -> SettleResponse {
    SettleResponse {
        success: false,
        error_reason: Some(wire_reason(error)),
        error_message: Some(public(error).to_string()),
        ..SettleResponse::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_about_those_behind_us_are_not_for_strangers() {
        let theirs = "https://facilitator.example/0secret0 had to leave the pool";
        for inner in [
            Error::new(Code::Overcharged, Blame::Settler, Next::OtherRoute),
            Error::new(Code::Unreachable, Blame::Settler, Next::Later),
            Error::new(Code::InFlight, Blame::Settler, Next::Unknown(None)),
            Error::network(Code::Unreachable),
            Error::us(Code::LedgerFailed),
            Error::payer(Code::UnexpectedSettleError),
        ] {
            let inner = inner.detail(theirs);
            assert_eq!((&*public(&inner).detail, public(&inner).code), ("", inner.code.clone()));
        }
        for told in [
            Error::payer(Code::Expired).detail("late"),
            Error::settler(Code::FeePayerNotManaged).detail("whose"),
            busy("full"),
        ] {
            assert_eq!(public(&told), told);
        }
    }
}
