use super::{family, read_network, v1_name};
use crate::error::excerpt;
use crate::ids;
use crate::raw::Text;
use crate::{
    Account, Amount, Ceiling, ChainId, Code, Error, Extra, Family, Flow, Json, Name, Requirement, Result,
    Version,
};
use memchr::memchr3;
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Both versions' fields: v1 says `maxAmountRequired` where v2 says `amount`.
#[derive(Deserialize)]
pub(super) struct Fields<'a> {
    #[serde(borrow)]
    pub(super) scheme: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) network: Cow<'a, str>,
    #[serde(borrow)]
    amount: Option<Text<'a>>,
    #[serde(borrow, rename = "maxAmountRequired")]
    max_amount_required: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) asset: Cow<'a, str>,
    #[serde(borrow, rename = "payTo")]
    pub(super) pay_to: Cow<'a, str>,
    #[serde(rename = "maxTimeoutSeconds")]
    pub(super) max_timeout_seconds: Seconds,
    #[serde(borrow)]
    extra: Option<&'a RawValue>,
}

impl Fields<'_> {
    /// The amount as it is written, in its version's field or else in the other's.
    pub(super) fn amount(&self, version: Version) -> Option<&str> {
        let (amount, other) = (self.amount.as_ref(), self.max_amount_required.as_ref());
        let amount = match version {
            Version::V1 => other.or(amount),
            Version::V2 => amount.or(other),
        };
        amount.map(|text| &*text.0)
    }

    /// `extra` as it stands in `raw`.
    pub(super) fn extra(&self, raw: &Json) -> Extra {
        self.extra.map_or_else(Extra::default, |e| Extra(raw.slice(e)))
    }

    /// Behind the last thing that is borrowed, as an address: outside of strings, and on the entry's own level.
    pub(super) fn borrowed_until(&self) -> usize {
        let strings = [Some(&self.scheme), Some(&self.network), Some(&self.asset), Some(&self.pay_to)];
        let amounts = [&self.amount, &self.max_amount_required].map(|text| text.as_ref().map(|text| &text.0));
        let ends = strings.into_iter().chain(amounts).flatten().map(|text| match text {
            Cow::Borrowed(text) => text.as_bytes().as_ptr_range().end.addr().saturating_add(1),
            Cow::Owned(_) => 0,
        });
        let extra = self.extra.map_or(0, |e| e.get().as_bytes().as_ptr_range().end.addr());
        ends.fold(extra, usize::max)
    }
}

#[derive(Deserialize, Default)]
struct Reserved<'a> {
    #[serde(borrow, rename = "assetTransferMethod")]
    method: Option<Text<'a>>,
    #[serde(borrow, rename = "paymentFlow")]
    flow: Option<Text<'a>>,
}

/// Reads one `accepts` entry.
///
/// # Errors
/// A code per field: [`Code::InvalidPaymentRequirements`] for the form, [`Code::InvalidNetwork`],
/// [`Code::InvalidAddress`], [`Code::InvalidAmount`], [`Code::UnsupportedFlow`].
pub fn read_requirement(raw: &Json, version: Version, families: &[Family]) -> Result<Requirement> {
    if !raw.is_object() {
        return Err(Error::payee(Code::InvalidPaymentRequirements).detail("an entry is an object"));
    }
    let fields: Fields<'_> =
        raw.read().map_err(|e| Error::payee(Code::InvalidPaymentRequirements).detail(e.detail))?;
    let said = Said {
        scheme: &fields.scheme,
        network: &fields.network,
        amount: fields.amount(version),
        asset: &fields.asset,
        pay_to: &fields.pay_to,
        timeout_s: fields.max_timeout_seconds.0,
        extra: fields.extra(raw),
    };
    understand(said, raw, version, families, &mut Same::default())
}

/// What the fields of an entry say, unread.
pub(super) struct Said<'a> {
    pub(super) scheme: &'a str,
    pub(super) network: &'a str,
    pub(super) amount: Option<&'a str>,
    pub(super) asset: &'a str,
    pub(super) pay_to: &'a str,
    pub(super) timeout_s: u64,
    pub(super) extra: Extra,
}

/// What the entry before said: entries of one 402 nearly always have one scheme and one payee, in the same words.
#[derive(Default)]
pub(super) struct Same<'a> {
    scheme: Option<(&'a str, Name)>,
    payee: Option<(&'a str, Account)>,
}

impl<'a> Same<'a> {
    fn scheme(&mut self, text: &'a str) -> Result<Name> {
        if let Some((_, name)) = self.scheme.filter(|(known, _)| ids::same(known, text)) {
            return Ok(name);
        }
        let name = Name::new(text)?;
        self.scheme = Some((text, name));
        Ok(name)
    }

    fn payee(&mut self, chain: ChainId, family: &Family, text: &'a str) -> Result<Account> {
        // The family alone says what an address is, whichever of its chains it is on.
        let known = |(known, payee): &&(&str, Account)| {
            ids::same(known, text) && ids::same(payee.chain.namespace(), family.namespace)
        };
        if let Some((_, payee)) = self.payee.as_ref().filter(known) {
            return Ok(payee.on(chain));
        }
        let payee = family.account(chain, text)?;
        self.payee = Some((text, payee));
        Ok(payee)
    }
}

/// What the fields of `raw` mean.
pub(super) fn understand<'a>(
    said: Said<'a>,
    raw: &Json,
    version: Version,
    families: &[Family],
    same: &mut Same<'a>,
) -> Result<Requirement> {
    let chain = read_network(said.network, families)?;
    let family = family(&chain, families)?;
    let amount = said.amount;
    let amount = amount.ok_or_else(|| Error::payee(Code::InvalidPaymentRequirements).detail("no amount"))?;
    let asset = family.asset(chain, said.asset)?;
    let (method, flow) = reserved(&said.extra)?;
    Ok(Requirement {
        version,
        scheme: same.scheme(said.scheme)?,
        method,
        chain,
        price: Ceiling(Amount::new(asset, Amount::parse_atomic(amount)?)),
        pay_to: same.payee(chain, family, said.pay_to)?,
        timeout_s: said.timeout_s,
        flow,
        extra: said.extra,
        raw: raw.clone(),
    })
}

pub(super) fn reserved(extra: &Extra) -> Result<(Option<Name>, Flow)> {
    let text = extra.0.as_str();
    // Most entries use neither key; an escape could hide one, so only plain texts are let off the parse. Both keys have
    // a rare capital, and looking for single bytes costs a tenth of looking for words.
    let plain = memchr3(b'\\', b'T', b'F', text.as_bytes()).is_none();
    let neither = || !text.contains("assetTransferMethod") && !text.contains("paymentFlow");
    if !text.starts_with('{') && text != "null" {
        return Err(Error::payee(Code::InvalidPaymentRequirements).detail("extra is not an object"));
    }
    if plain || (!text.contains('\\') && neither()) {
        return Ok((None, Flow::Authorization));
    }
    let reserved: Reserved<'_> = extra.read()?;
    let method = reserved.method.map(|m| Name::new(&m.0)).transpose()?;
    let flow = match reserved.flow.as_ref().map(|f| &*f.0) {
        None | Some("authorization") => Flow::Authorization,
        Some("upfront") => Flow::Upfront,
        Some("escrow") => Flow::Escrow,
        Some(other) => {
            return Err(Error::payee(Code::UnsupportedFlow)
                .detail(format!("paymentFlow {} is not known", excerpt(other))));
        }
    };
    Ok((method, flow))
}

/// Whole seconds; some SDKs write them as `300.0`.
pub(super) struct Seconds(pub(super) u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Seconds;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a positive number of seconds")
            }
            fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<Seconds, E> {
                Ok(Seconds(n))
            }
            fn visit_f64<E: serde::de::Error>(self, n: f64) -> Result<Seconds, E> {
                format!("{:.0}", n.floor())
                    .parse()
                    .map(Seconds)
                    .map_err(|_| E::custom("not a number of seconds"))
            }
        }
        d.deserialize_any(Read)
    }
}

#[derive(Serialize)]
struct V2<'a> {
    scheme: &'a str,
    network: &'a str,
    amount: String,
    asset: &'a str,
    #[serde(rename = "payTo")]
    pay_to: &'a str,
    #[serde(rename = "maxTimeoutSeconds")]
    max_timeout_seconds: u64,
    #[serde(skip_serializing_if = "is_empty")]
    extra: &'a Extra,
}

#[derive(Serialize)]
struct V1<'a> {
    scheme: &'a str,
    network: &'a str,
    #[serde(rename = "maxAmountRequired")]
    max_amount_required: String,
    resource: &'a str,
    description: &'a str,
    #[serde(rename = "mimeType")]
    mime_type: &'a str,
    #[serde(rename = "payTo")]
    pay_to: &'a str,
    #[serde(rename = "maxTimeoutSeconds")]
    max_timeout_seconds: u64,
    asset: &'a str,
    #[serde(skip_serializing_if = "is_empty")]
    extra: &'a Extra,
}

fn is_empty(extra: &&Extra) -> bool {
    extra.is_empty()
}

/// Writes one `accepts` entry as its own version spells it, from its fields (not from `raw`). `resource` is what v1
/// repeats in every entry; v2 ignores it.
///
/// # Errors
/// [`Code::InvalidNetwork`] for a v1 entry on a chain that v1 has no name for.
pub fn write_requirement(r: &Requirement, resource: &str, families: &[Family]) -> Result<Json> {
    let family = family(&r.chain, families)?;
    // Some hosted facilitators insist on the checksummed spelling, so that is what is emitted.
    let pay_to = (family.display)(r.pay_to.address());
    let asset = (family.display)(r.price.asset().key());
    let asset = asset.as_str();
    Ok(match r.version {
        Version::V2 => Json::of(&V2 {
            scheme: r.scheme.as_str(),
            network: r.chain.as_str(),
            amount: r.price.atomic().to_string(),
            asset,
            pay_to: &pay_to,
            max_timeout_seconds: r.timeout_s,
            extra: &r.extra,
        }),
        Version::V1 => Json::of(&V1 {
            scheme: r.scheme.as_str(),
            network: v1_name(&r.chain, families).ok_or_else(|| {
                Error::caller(Code::InvalidNetwork).detail(format!("x402 v1 has no name for {}", r.chain))
            })?,
            max_amount_required: r.price.atomic().to_string(),
            resource,
            description: "",
            mime_type: "",
            pay_to: &pay_to,
            max_timeout_seconds: r.timeout_s,
            asset,
            extra: &r.extra,
        }),
    })
}
