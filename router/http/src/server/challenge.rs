//! Writing 402s and receipts.

use super::paywall::Shared;
use super::refusal::{Answer, Carries, Refused, Stage, json, plain, public, verdict};
use crate::codec;
use http::StatusCode;
use tollway_core::flow::Delivered;
use tollway_core::wire::{self, SettleResponse};
use tollway_core::{Challenge, Code, Entry, Error, Receipt, Requirement, Version};
use tollway_route::{Posted, Rail};

/// What stands at the counter: for which resource, on which offers.
pub(super) struct Counter<'a> {
    pub(super) shared: &'a Shared,
    pub(super) posted: &'a Posted,
    pub(super) rails: &'a [Rail],
    pub(super) url: &'a str,
}

impl Counter<'_> {
    /// The challenge, in both versions: v2 as a header, v1 as the body where a chain has a v1 name. A header that would be
    /// too long for what stands between holds the first offers, which are the cheapest to settle, or is left out; where
    /// the body has no v1 to carry, it then carries all of v2. Without any offer nobody can pay, which is our fault: 503
    /// with each rail's reason.
    pub(super) fn offers(&self, status: StatusCode, error: Option<&Code>, words: &str) -> Answer {
        if self.posted.offers.is_empty() {
            return self.nothing_offered();
        }
        let gate = &self.shared.gate;
        let v1 = self.posted.challenge(Version::V1, self.url, error.cloned(), gate);
        let v2 = self.posted.challenge(Version::V2, self.url, error.cloned(), gate);
        let fits = fitting(&v2, self.shared.settings.challenge_header_bytes_max);
        let body = match error {
            _ if !v1.accepts.is_empty() => wire::write_challenge(&v1).as_str().to_owned(),
            _ if fits < v2.accepts.len() => wire::write_challenge(&v2).as_str().to_owned(),
            Some(code) if words.is_empty() => serde_json::json!({ "error": code }).to_string(),
            Some(code) => serde_json::json!({ "error": code, "message": words }).to_string(),
            None => "{}".to_owned(),
        };
        let mut answer = json(status, &body);
        if fits == 0 {
            return answer;
        }
        let mut header = v2;
        header.accepts.truncate(fits);
        match codec::write_challenge(answer.headers_mut(), &header) {
            Ok(_) => answer,
            Err(e) => *internal(&e),
        }
    }

    fn nothing_offered(&self) -> Answer {
        let reasons: Vec<_> = self
            .posted
            .rejected
            .iter()
            .filter_map(|(at, why)| {
                let rail = self.rails.get(*at)?;
                tracing::warn!(scheme = %rail.scheme, asset = %rail.asset, error = %why, "rail not offered");
                Some(serde_json::json!({
                    "scheme": rail.scheme.as_str(), "network": rail.asset.chain.as_str(), "reason": why.code,
                }))
            })
            .collect();
        let body = serde_json::json!({ "error": Code::NoRoute, "reasons": reasons });
        json(StatusCode::SERVICE_UNAVAILABLE, &body.to_string())
    }

    /// The answer to a payment that did not go through.
    pub(super) fn refuse(
        &self,
        error: &Error,
        stage: Stage,
        version: Version,
        requirement: Option<&Requirement>,
    ) -> Answer {
        let (status, carries) = verdict(error, stage);
        let shown = public(error);
        let code = requirement.map_or_else(|| error.code.clone(), |r| error.code.on(&r.chain));
        tracing::info!(code = %error.code, blame = ?error.blame, status = status.as_u16(), "payment refused");
        if status.is_server_error() {
            tracing::warn!(error = %error, "payment failed on our side");
        }
        let told = match (carries, requirement) {
            (Carries::Offers, _) => return self.offers(status, Some(&code), &shown.detail),
            (Carries::Receipt | Carries::Pending, Some(r)) => Some(failure(error, carries, r, self.shared)),
            _ => None,
        };
        let mut answer = *plain(status, code.as_str(), &shown.detail);
        if let Some(receipt) = told
            && let Err(e) = codec::write_receipt(answer.headers_mut(), version, &receipt)
        {
            return *internal(&e);
        }
        answer
    }
}

/// How many entries of a challenge, from the first on, a header of so many bytes holds in base64.
fn fitting(challenge: &Challenge, bytes_max: usize) -> usize {
    let bare = Challenge { accepts: Vec::new(), ..challenge.clone() };
    let mut length = wire::write_challenge(&bare).as_str().len();
    let fits = |entry: &&Entry| {
        // With the comma before it, which the first one does not have.
        length = length.saturating_add(entry.raw.as_str().len()).saturating_add(1);
        length.div_ceil(3).saturating_mul(4) <= bytes_max
    };
    challenge.accepts.iter().take_while(fits).count()
}

/// What a receipt says of an error.
fn failure(error: &Error, carries: Carries, r: &Requirement, shared: &Shared) -> SettleResponse {
    let shown = public(error);
    let told = match carries {
        Carries::Pending if !shown.is_unknown_outcome() => Error::unknown(error.code.clone(), None),
        _ => shown,
    };
    SettleResponse::of_error(&told, r, shared.gate.registry().families())
}

/// The receipt that comes after an answer which has gone out already, also of a settlement that failed.
pub(super) fn afterwards(
    delivered: &tollway_core::Result<Delivered>,
    requirement: &Requirement,
    version: Version,
    shared: &Shared,
) -> Option<Box<SettleResponse>> {
    match delivered {
        Ok(Delivered::Paid(r) | Delivered::PaidUnserved(r) | Delivered::Again(r)) => {
            Some(Box::new(SettleResponse::of_receipt(r, version, shared.gate.registry().families())))
        }
        Ok(_) => None,
        Err(e) => {
            tracing::warn!(error = %e, "what was streamed could not be settled");
            let (_, carries) = verdict(e, Stage::Settling);
            Some(Box::new(failure(e, carries, requirement, shared)))
        }
    }
}

/// Puts a receipt on an answer that was paid for.
pub(super) fn receipt(
    mut answer: Answer,
    receipt: &Receipt,
    version: Version,
    shared: &Shared,
) -> Result<Answer, Refused> {
    let response = SettleResponse::of_receipt(receipt, version, shared.gate.registry().families());
    codec::write_receipt(answer.headers_mut(), version, &response).map_err(|e| internal(&e))?;
    Ok(answer)
}

/// An error of ours, of which a buyer learns only that it happened.
pub(super) fn internal(e: &Error) -> Refused {
    tracing::error!(error = %e, "paywall failed");
    plain(StatusCode::INTERNAL_SERVER_ERROR, e.code.as_str(), "")
}
