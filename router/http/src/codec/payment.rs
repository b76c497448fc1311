use super::{Limits, base64, depth, headers};
use http::{HeaderMap, HeaderValue};
use tollway_core::wire::header;
use tollway_core::{Code, Error, Family, Json, Offer, Payment, Result, Version, wire};

/// The payment header of a request, undecoded.
fn header_of(headers: &HeaderMap) -> Result<Option<(Version, &HeaderValue)>> {
    let v2 = headers::single(headers, header::PAYMENT_SIGNATURE)?;
    let v1 = headers::single(headers, header::X_PAYMENT)?;
    match (v2, v1) {
        (Some(_), Some(_)) => Err(Error::payer(Code::InvalidHeader).detail(format!(
            "both {} and {}",
            header::PAYMENT_SIGNATURE,
            header::X_PAYMENT
        ))),
        (Some(value), None) => Ok(Some((Version::V2, value))),
        (None, Some(value)) => Ok(Some((Version::V1, value))),
        (None, None) => Ok(None),
    }
}

/// The payment of a request as JSON, with the version whose header carried it; `None` when there is no payment.
///
/// # Errors
/// [`Code::InvalidHeader`] for more than one payment or bad base64, [`Code::TooLarge`], [`Code::InvalidPayload`].
pub fn payment_json(headers: &HeaderMap, limits: &Limits) -> Result<Option<(Version, Json)>> {
    let Some((version, value)) = header_of(headers)? else { return Ok(None) };
    Ok(Some((version, base64::decode(value.as_bytes(), limits.payment_bytes, limits.depth)?)))
}

/// The payment of a request and the position of the offer that it chose; `None` when there is no payment.
///
/// # Errors
/// Those of [`payment_json`] and [`wire::read_payment`]; [`Code::InvalidX402Version`] for a payment in the other
/// version's header.
pub fn read_payment<'o, I>(
    headers: &HeaderMap,
    offers: I,
    families: &[Family],
    limits: &Limits,
) -> Result<Option<(usize, Payment)>>
where
    I: IntoIterator<Item = &'o Offer> + Clone,
{
    let Some((version, value)) = header_of(headers)? else { return Ok(None) };
    let (at, payment) = base64::with_text(value.as_bytes(), limits.payment_bytes, |text| {
        depth::check(text.as_bytes(), limits.depth)?;
        wire::parse_payment(text, offers, families)
    })?;
    if payment.accepted.version != version {
        return Err(Error::payer(Code::InvalidX402Version)
            .detail(format!("not the version that belongs into {}", header::payment(version))));
    }
    Ok(Some((at, payment)))
}

/// Writes a payment into its version's request header. The value is marked sensitive.
///
/// # Errors
/// [`Code::InvalidHeader`] when it is too long for any header.
pub fn set_payment(headers: &mut HeaderMap, version: Version, payment: &Json) -> Result<()> {
    headers::set(headers, header::payment(version), payment, true)
}
