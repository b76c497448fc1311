use super::{Limits, base64, depth, headers};
use http::HeaderMap;
use serde::Deserialize;
use tollway_core::wire::header;
use tollway_core::{Blame, Challenge, Error, Family, Json, Result, Version, wire};

#[derive(Deserialize)]
struct Versioned {
    #[serde(rename = "x402Version")]
    version: Option<u64>,
}

/// The challenge of a 402 or 412: the v2 header, else a body that says it is v1, or v2 that was too long for a header;
/// `None` when there is neither.
///
/// # Errors
/// What is wrong with the header, or with a body that says it is v1: [`tollway_core::Code::InvalidHeader`],
/// [`tollway_core::Code::TooLarge`] and the errors of [`wire::read_challenge`], all with the payee to blame.
pub fn read_challenge(
    headers: &HeaderMap,
    body: &[u8],
    families: &[Family],
    limits: &Limits,
) -> Result<Option<Challenge>> {
    if let Some(value) = headers::single(headers, header::PAYMENT_REQUIRED).map_err(of_payee)? {
        let read = base64::with_text(value.as_bytes(), limits.challenge_bytes, |text| {
            Ok(match wire::parse_plain_challenge(&text, limits.depth, families) {
                Some(challenge) => Ok(challenge),
                None => {
                    depth::check(text.as_bytes(), limits.depth)?;
                    wire::parse_challenge(text, families)
                }
            })
        });
        return read.map_err(of_payee)?.map(Some);
    }
    let json = match base64::parse(body, limits.challenge_bytes, limits.depth) {
        Ok(json) => json,
        Err(e) if e.code == tollway_core::Code::TooLarge => return Err(of_payee(e)),
        Err(_) => return Ok(None),
    };
    match json.read::<Versioned>() {
        Ok(Versioned { version: Some(1) }) => wire::read_challenge(&json, families).map(Some),
        // v2 leaves its body free: it is only taken for a challenge where it holds one.
        Ok(Versioned { version: Some(2) }) => {
            Ok(wire::read_challenge(&json, families).ok().filter(|c| !c.accepts.is_empty()))
        }
        _ => Ok(None),
    }
}

/// Writes a challenge: the v2 header is set, and the body to send with it is returned (`{}` in v2, which leaves it
/// free; the challenge itself in v1).
///
/// # Errors
/// [`tollway_core::Code::InvalidHeader`] when it is too long for any header.
pub fn write_challenge(headers: &mut HeaderMap, challenge: &Challenge) -> Result<Json> {
    let json = wire::write_challenge(challenge);
    if challenge.version == Version::V1 {
        return Ok(json);
    }
    headers::set(headers, header::PAYMENT_REQUIRED, &json, false)?;
    Ok(Json::empty())
}

/// What the seller wrote is the seller's fault.
fn of_payee(e: Error) -> Error {
    Error { blame: Blame::Payee, next: tollway_core::Next::OtherRoute, ..e }
}
