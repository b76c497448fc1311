//! Requests to the facilitator: which, how they ended, how long they took.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use axum::middleware::Next;
use metrics::{counter, histogram};
use serde::Deserialize;
use std::time::Instant;
use tollway::core::Code;

/// Our own answers are smaller.
const BODY_MAX: usize = 1 << 20;

/// Why a payment was refused, where an answer says so.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    #[serde(default)]
    invalid_reason: Option<String>,
    #[serde(default)]
    error_reason: Option<String>,
}

/// Lets a request through and counts it.
pub(super) async fn count(request: Request, next: Next) -> Response<Body> {
    // A stranger chooses the path, so only ours are names.
    let route = match request.uri().path() {
        "/verify" => "verify",
        "/settle" => "settle",
        "/supported" => "supported",
        "/health" => "health",
        _ => "other",
    };
    let began = Instant::now();
    let response = next.run(request).await;
    histogram!("tollway_request_seconds", "route" => route).record(began.elapsed());
    let status = response.status().as_u16().to_string();
    let (response, reason) = match route {
        "verify" | "settle" => reason(response).await,
        _ => (response, String::new()),
    };
    counter!("tollway_requests_total", "route" => route, "status" => status, "reason" => reason).increment(1);
    response
}

/// Looks into an answer.
async fn reason(response: Response<Body>) -> (Response<Body>, String) {
    let (parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, BODY_MAX).await else {
        let mut lost = Response::new(Body::empty());
        *lost.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return (lost, "unreadable".to_owned());
    };
    let verdict = serde_json::from_slice::<Verdict>(&bytes).ok();
    let reason = verdict.and_then(|v| v.invalid_reason.or(v.error_reason)).unwrap_or_default();
    (Response::from_parts(parts, Body::from(bytes)), name(reason))
}

/// A reason as a label: a word that we know. What a remote facilitator says beside those is of its choosing, and each new word
/// would be a series for ever.
fn name(reason: String) -> String {
    match Code::from_wire(&reason) {
        _ if reason.is_empty() => reason,
        Code::Other(_) => "other".to_owned(),
        _ => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_we_know_are_labels() {
        for (said, label) in
            [("", ""), ("insufficient_funds", "insufficient_funds"), ("a1", "other"), ("a2", "other")]
        {
            assert_eq!(name(said.to_owned()), label);
        }
    }
}
