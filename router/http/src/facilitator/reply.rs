use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use tollway_core::wire::{SettleResponse, VerifyResponse};
use tollway_core::{Blame, ChainId, Code, Error, Json, Next};

/// Nothing was begun, for lack of room.
pub(super) fn busy(why: &str) -> Error {
    Error::new(Code::Other("busy".into()), Blame::Settler, Next::Later).detail(why)
}

/// A caller has as many under way as it may.
pub(super) fn too_many(most: usize) -> Error {
    Error::new(Code::TooManyAtOnce, Blame::Caller, Next::Later)
        .detail(format!("at most {most} settlements of one caller are under way at once"))
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

/// The error as a stranger may see it. What a node or our own ledger said is between them and us: it names them, and
/// some nodes quote the key that they were asked with. Code, advice and transaction stay.
pub(super) fn public(error: &Error) -> Error {
    let inner =
        matches!(error.blame, Blame::Network | Blame::Us) || error.code == Code::UnexpectedSettleError;
    if !inner || error.detail.is_empty() {
        return error.clone();
    }
    tracing::warn!(%error, "words that are not for strangers");
    error.clone().detail("")
}

pub(super) fn invalid(error: &Error) -> VerifyResponse {
    VerifyResponse {
        is_valid: false,
        invalid_reason: Some(error.code.clone()),
        invalid_message: Some(public(error).to_string()),
        ..VerifyResponse::default()
    }
}

/// The same of an order on `chain`, in the spelling of those who pay there.
pub(super) fn invalid_on(chain: &ChainId, error: &Error) -> VerifyResponse {
    VerifyResponse { invalid_reason: Some(error.code.on(chain)), ..invalid(error) }
}

/// A failed settlement of something that could not be read, so there is no network to name.
pub(super) fn unread(error: &Error) -> SettleResponse {
    SettleResponse {
        success: false,
        error_reason: Some(error.code.clone()),
        error_message: Some(public(error).to_string()),
        ..SettleResponse::default()
    }
}
