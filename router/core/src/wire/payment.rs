use super::located::Located;
use super::requirement::{self, reserved};
use super::{read_network, read_requirement, v1_name};
use crate::raw::Text;
use crate::{Amount, Code, Error, Extra, Family, Json, Offer, Payment, Requirement, Result, Version};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;

/// A payment whose accepted entry is read on the spot (`T` is [`Located`]), or kept for later (`&RawValue`).
#[derive(Deserialize)]
struct Fields<'a, T> {
    #[serde(rename = "x402Version")]
    version: u8,
    #[serde(borrow)]
    payload: &'a RawValue,
    #[serde(default = "Option::default")]
    accepted: Option<T>,
    #[serde(borrow)]
    extensions: Option<&'a RawValue>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    scheme: Option<Text<'a>>,
    #[serde(borrow)]
    network: Option<Text<'a>>,
}

/// Reads a payment and finds the offer that it chose: its position, and the payment.
///
/// v2 chooses by six equal fields and an `extra` that contains the offer's; v1 by scheme and network alone.
///
/// # Errors
/// [`Code::InvalidPayload`] for the form, [`Code::InvalidX402Version`], [`Code::NoMatchingOffer`], and the codes of
/// [`read_requirement`] for what was accepted.
pub fn read_payment<'o, I>(raw: &Json, offers: I, families: &[Family]) -> Result<(usize, Payment)>
where
    I: IntoIterator<Item = &'o Offer> + Clone,
{
    match at_once(raw, offers.clone(), families) {
        Some(found) => Ok(found),
        None => at_length(raw, offers, families),
    }
}

/// In two passes: finds the accepted entry, then reads it. Takes every payment, and says what is wrong with one.
fn at_length<'o, I>(raw: &Json, offers: I, families: &[Family]) -> Result<(usize, Payment)>
where
    I: IntoIterator<Item = &'o Offer> + Clone,
{
    let fields: Fields<'_, &RawValue> = raw.read()?;
    if !raw.is_object() {
        return Err(Error::payer(Code::InvalidPayload).detail("a payment is an object"));
    }
    let version = Version::try_from(fields.version)?;
    let (at, accepted) = match version {
        Version::V1 => by_name(&fields, offers, families)?,
        Version::V2 => {
            let accepted =
                fields.accepted.ok_or_else(|| Error::payer(Code::InvalidPayload).detail("no accepted"))?;
            let accepted = raw.slice(accepted);
            match echoed(&accepted, offers.clone()) {
                Some(found) => found,
                None => by_value(accepted, offers, families)?,
            }
        }
    };
    Ok((at, whole(&fields, accepted, raw)))
}

/// In one pass, a v2 payment whose accepted entry has the form of one and equals an offer; whatever else it is, and
/// what is wrong with it, shows in the longer way.
fn at_once<'o, I>(raw: &Json, offers: I, families: &[Family]) -> Option<(usize, Payment)>
where
    I: IntoIterator<Item = &'o Offer> + Clone,
{
    let fields: Fields<'_, Located<'_>> = serde_json::from_str(raw.as_str()).ok()?;
    let found = fields.accepted.as_ref().filter(|_| fields.version == 2 && raw.is_object())?;
    let accepted = found.place(raw)?;
    let (at, accepted) = match echoed(&accepted, offers.clone()) {
        Some(found) => found,
        None => by_fields(&found.fields, accepted, offers, families)?,
    };
    Some((at, whole(&fields, accepted, raw)))
}

fn whole<T>(fields: &Fields<'_, T>, accepted: Requirement, raw: &Json) -> Payment {
    let kept = |part: Option<&RawValue>| part.map(|p| raw.slice(p)).filter(|j| j.as_str() != "null");
    Payment {
        accepted,
        payload: raw.slice(fields.payload),
        extensions: kept(fields.extensions),
        resource: kept(fields.resource),
    }
}

/// [`read_payment`] of a text that was not checked to be JSON yet.
///
/// # Errors
/// As [`read_payment`].
pub fn parse_payment<'o, I>(
    text: impl Into<Arc<str>>,
    offers: I,
    families: &[Family],
) -> Result<(usize, Payment)>
where
    I: IntoIterator<Item = &'o Offer> + Clone,
{
    read_payment(&Json::unread(text.into()), offers, families)
}

/// The offer whose very bytes came back, as most clients send them: what they say is known without reading them.
fn echoed<'o>(accepted: &Json, offers: impl IntoIterator<Item = &'o Offer>) -> Option<(usize, Requirement)> {
    let mut offers = offers.into_iter().enumerate();
    let (at, offer) = offers.find(|(_, o)| {
        o.requirement.version == Version::V2 && o.requirement.raw.as_str() == accepted.as_str()
    })?;
    Some((at, Requirement { raw: accepted.clone(), ..offer.requirement.clone() }))
}

fn by_value<'o>(
    accepted: Json,
    offers: impl IntoIterator<Item = &'o Offer>,
    families: &[Family],
) -> Result<(usize, Requirement)> {
    let accepted = read_requirement(&accepted, Version::V2, families).map_err(of_payer)?;
    let at = find_offer(&accepted, offers)
        .ok_or_else(|| Error::payer(Code::NoMatchingOffer).detail(differs(&accepted)))?;
    Ok((at, accepted))
}

/// The offer that says the same as the fields, and so what was accepted: the offer in the payer's spelling.
fn by_fields<'o>(
    fields: &requirement::Fields<'_>,
    raw: Json,
    offers: impl IntoIterator<Item = &'o Offer>,
    families: &[Family],
) -> Option<(usize, Requirement)> {
    let amount = Amount::parse_atomic(fields.amount(Version::V2)?).ok()?;
    let (namespace, _) = fields.network.split_once(':')?;
    let family = families.iter().find(|f| f.namespace == namespace)?;
    let (asset, pay_to) = ((family.address)(&fields.asset).ok()?, (family.address)(&fields.pay_to).ok()?);
    let extra = fields.extra(&raw);
    let (method, flow) = reserved(&extra).ok()?;
    let same = |offer: &Offer| {
        let want = &offer.requirement;
        want.price.atomic() == amount
            && want.chain.as_str() == fields.network
            && want.price.0.asset.chain == want.chain
            && want.price.0.asset.key() == &*asset
            && want.pay_to.chain == want.chain
            && want.pay_to.address() == &*pay_to
            && want.scheme == *fields.scheme
            && want.timeout_s == fields.max_timeout_seconds.0
            && want.method == method
            && want.flow == flow
            && extra_within(offer, &extra)
    };
    let (at, offer) = offers.into_iter().enumerate().find(|(_, offer)| same(offer))?;
    Some((at, Requirement { version: Version::V2, extra, raw, ..offer.requirement.clone() }))
}

/// What the payer wrote is the payer's fault.
fn of_payer(e: Error) -> Error {
    Error { blame: crate::Blame::Payer, next: crate::Next::Never, ..e }
}

fn differs(accepted: &Requirement) -> String {
    format!(
        "nothing offered equals {} on {} for {} to {}",
        accepted.scheme, accepted.chain, accepted.price.0, accepted.pay_to
    )
}

fn by_name<'o>(
    fields: &Fields<'_, &RawValue>,
    offers: impl IntoIterator<Item = &'o Offer>,
    families: &[Family],
) -> Result<(usize, Requirement)> {
    let missing = |what| Error::payer(Code::InvalidPayload).detail(format!("no {what}"));
    let scheme = fields.scheme.as_ref().map(|s| &*s.0).ok_or_else(|| missing("scheme"))?;
    let network = fields.network.as_ref().ok_or_else(|| missing("network"))?;
    let chain = read_network(&network.0, families).map_err(of_payer)?;
    let mut offers = offers.into_iter().enumerate();
    let found = offers.find(|(_, o)| o.requirement.scheme == *scheme && o.requirement.chain == chain);
    let (at, offer) = found.ok_or_else(|| {
        Error::payer(Code::NoMatchingOffer).detail(format!("{scheme:.32} on {chain} is not offered"))
    })?;
    Ok((at, Requirement { version: Version::V1, ..offer.requirement.clone() }))
}

/// The offer that a v2 payment accepted: six equal fields, and the offer's `extra` within the accepted one.
pub fn find_offer<'o>(accepted: &Requirement, offers: impl IntoIterator<Item = &'o Offer>) -> Option<usize> {
    offers.into_iter().position(|offer| {
        let want = &offer.requirement;
        want.raw.as_str() == accepted.raw.as_str()
            || (want.price == accepted.price
                && want.pay_to == accepted.pay_to
                && want.scheme == accepted.scheme
                && want.chain == accepted.chain
                && want.timeout_s == accepted.timeout_s
                && want.method == accepted.method
                && want.flow == accepted.flow
                && extra_within(offer, &accepted.extra))
    })
}

fn extra_within(offer: &Offer, accepted: &Extra) -> bool {
    let volatile: Vec<&str> = offer.volatile.iter().map(String::as_str).collect();
    offer.requirement.extra.is_within(accepted, &volatile)
}

#[derive(Serialize)]
struct V2<'a> {
    #[serde(rename = "x402Version")]
    version: u8,
    payload: &'a Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a Json>,
    accepted: &'a Json,
}

#[derive(Serialize)]
struct V1<'a> {
    #[serde(rename = "x402Version")]
    version: u8,
    scheme: &'a str,
    network: &'a str,
    payload: &'a Json,
}

/// Writes a payment; the chosen entry goes out exactly as it came in.
///
/// # Errors
/// [`Code::InvalidNetwork`] for a v1 payment on a chain that v1 has no name for.
pub fn write_payment(payment: &Payment, families: &[Family]) -> Result<Json> {
    let chosen = &payment.accepted;
    Ok(match chosen.version {
        Version::V2 => Json::of(&V2 {
            version: 2,
            payload: &payment.payload,
            extensions: payment.extensions.as_ref().filter(|e| !e.is_empty()),
            resource: payment.resource.as_ref().filter(|r| !r.is_empty()),
            accepted: &chosen.raw,
        }),
        Version::V1 => Json::of(&V1 {
            version: 1,
            scheme: chosen.scheme.as_str(),
            network: v1_name(&chosen.chain, families).ok_or_else(|| {
                Error::payee(Code::InvalidNetwork).detail(format!("x402 v1 has no name for {}", chosen.chain))
            })?,
            payload: &payment.payload,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::located::tests::{FAMILY, entry};

    fn offer(text: &str) -> Offer {
        let requirement = read_requirement(&Json::parse(text).unwrap(), Version::V2, &[FAMILY]).unwrap();
        Offer { requirement, bound_to: None, volatile: vec!["fee".to_owned()] }
    }

    /// Whatever one pass understands, two understand alike, to the byte; what it does not, they decide alone.
    #[test]
    fn one_pass_reads_what_two_read() {
        let plain = entry("aaa:1", r#""extra":{"name":"U","fee":"1"}"#);
        let offers = [entry("aaa:2", ""), plain.clone(), plain.clone(), entry("aaa:3", r#""extra":{}"#)];
        let offers: Vec<_> = offers.iter().map(|text| offer(text)).collect();
        let cases = [
            (plain.clone(), Some(1)),
            (plain.replace(':', " : ").replace("aaa : 1", "aaa:1"), Some(1)),
            (plain.replace(r#""fee":"1""#, r#""fee":"2","more":[{}]"#), Some(1)),
            (plain.replace("0xab", "0xAB"), Some(1)),
            (plain.replace(r#""x":"#, r#""\u0078":"#), Some(1)),
            (plain.replace("amount", "maxAmountRequired"), Some(1)),
            (entry("aaa:3", ""), Some(3)),
            (entry("aaa:3", r#""extra":null"#), Some(3)),
            (entry("aaa:3", r#""extra":{"paymentFlow":"upfront"}"#), None),
            (entry("aaa:4", ""), None),
            (entry("one", ""), None),
            (plain.replace("60", "61"), None),
            (plain.replace("\"7\"", "\"07\""), None),
            (plain.replace(r#""name":"U""#, r#""name":"V""#), None),
            ("7".to_owned(), None),
            ("null".to_owned(), None),
        ];
        for (accepted, found) in cases {
            let text = format!(
                r#"{{"x402Version":2,"accepted": {accepted} ,"payload":{{"s":"}}"}},"extensions":null}}"#
            );
            let raw = Json::parse(text).unwrap();
            let long = at_length(&raw, &offers, &[FAMILY]);
            assert_eq!(long.as_ref().ok().map(|(at, _)| *at), found, "{accepted}");
            if let Some((at, short)) = at_once(&raw, &offers, &[FAMILY]) {
                let (_, long) = long.unwrap();
                assert_eq!((Some(at), &short), (found, &long), "{accepted}");
                assert_eq!(short.accepted.raw.as_str(), long.accepted.raw.as_str());
                assert_eq!(short.accepted.extra.0.as_str(), long.accepted.extra.0.as_str());
            } else {
                assert!(found.is_none() || accepted.contains('\\'), "too careful: {accepted}");
            }
        }
    }
}
