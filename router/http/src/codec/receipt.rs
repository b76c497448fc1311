use super::{Limits, base64, headers};
use http::HeaderMap;
use serde::Deserialize;
use tollway_core::wire::{SettleResponse, header};
use tollway_core::{Blame, Code, Error, Json, Result, Version};

/// `/settle`'s answer as the SDKs really write it: `null` for what is absent, snake case for camel case (x402-rs's
/// typed response), a missing `transaction` (the same).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dialects {
    success: bool,
    error_reason: Option<Code>,
    #[serde(rename = "error_reason")]
    error_reason_snake: Option<Code>,
    error_message: Option<String>,
    #[serde(rename = "error_message")]
    error_message_snake: Option<String>,
    payer: Option<String>,
    transaction: Option<String>,
    network: Option<String>,
    amount: Option<String>,
    extensions: Option<Json>,
    extra: Option<Json>,
}

/// Reads a settle response in any SDK's dialect.
///
/// # Errors
/// [`Code::InvalidAnswer`] when it is none.
pub fn settle_response(json: &Json) -> Result<SettleResponse> {
    let found: Dialects = json.read().map_err(|_| {
        Error::new(Code::InvalidAnswer, Blame::Settler, tollway_core::Next::Never)
            .detail("not a settle response")
    })?;
    Ok(SettleResponse {
        success: found.success,
        error_reason: found.error_reason.or(found.error_reason_snake),
        error_message: found.error_message.or(found.error_message_snake),
        payer: found.payer.filter(|p| !p.is_empty()),
        transaction: found.transaction.unwrap_or_default(),
        network: found.network.unwrap_or_default(),
        amount: found.amount.filter(|a| !a.is_empty()),
        extensions: found.extensions,
        extra: found.extra,
    })
}

/// The receipt of a response: `PAYMENT-RESPONSE`, else `X-PAYMENT-RESPONSE`; `None` when there is neither.
///
/// # Errors
/// [`Code::InvalidHeader`], [`Code::TooLarge`], [`Code::InvalidAnswer`].
pub fn read_receipt(headers: &HeaderMap, limits: &Limits) -> Result<Option<(Version, SettleResponse)>> {
    for version in [Version::V2, Version::V1] {
        if let Some(value) = headers::single(headers, header::receipt(version)).map_err(of_payee)? {
            let json =
                base64::decode(value.as_bytes(), limits.receipt_bytes, limits.depth).map_err(of_payee)?;
            return Ok(Some((version, settle_response(&json)?)));
        }
    }
    Ok(None)
}

/// Writes a receipt, also that of a failed settlement, into its version's response header.
///
/// # Errors
/// [`Code::InvalidHeader`] when it is too long for any header.
pub fn write_receipt(headers: &mut HeaderMap, version: Version, response: &SettleResponse) -> Result<()> {
    headers::set(headers, header::receipt(version), &Json::of(response), false)
}

/// What the seller wrote is the seller's fault; whether money moved is not known from it, so nothing is advised.
fn of_payee(e: Error) -> Error {
    Error { blame: Blame::Payee, ..e }
}
