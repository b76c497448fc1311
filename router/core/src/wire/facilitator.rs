use super::{absent, is_bare, read_requirement, write_payment};
use crate::{
    Code, Error, Extra, Family, Flow, Json, Kind, Leg, Name, Order, Payment, Requirement, Result, Version,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The body of `/verify` and `/settle`. Source: x402 v2 §7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacilitatorRequest {
    /// What to verify or settle.
    pub order: Order,
    /// How much of it: the wire's `amount`, which a metered scheme lowers for `/settle`.
    pub amount_atomic: u128,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(rename = "x402Version")]
    version: Option<u8>,
    #[serde(borrow)]
    payment_payload: &'a RawValue,
    #[serde(borrow)]
    payment_requirements: &'a RawValue,
}

#[derive(Deserialize)]
struct PaymentFields<'a> {
    #[serde(rename = "x402Version")]
    version: u8,
    #[serde(borrow)]
    payload: &'a RawValue,
    #[serde(borrow)]
    accepted: Option<&'a RawValue>,
    #[serde(borrow)]
    extensions: Option<&'a RawValue>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    scheme: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    network: Option<std::borrow::Cow<'a, str>>,
}

/// Reads the body of `/verify` or `/settle`.
///
/// # Errors
/// [`Code::InvalidPayload`], [`Code::InvalidX402Version`], [`Code::InvalidScheme`] and [`Code::InvalidNetwork`] when
/// payload and requirements disagree, and the codes of [`read_requirement`].
pub fn read_facilitator_request(raw: &Json, families: &[Family]) -> Result<FacilitatorRequest> {
    let fields: Fields<'_> = raw.read()?;
    let payload = raw.slice(fields.payment_payload);
    let payment: PaymentFields<'_> = payload.read()?;
    if !(raw.is_object() && payload.is_object()) {
        return Err(Error::payer(Code::InvalidPayload).detail("a request and its payment are objects"));
    }
    let version = Version::try_from(payment.version)?;
    if fields.version.is_some_and(|v| v != payment.version) {
        return Err(
            Error::payer(Code::InvalidX402Version).detail("body and payload speak different versions")
        );
    }
    let requirement = read_requirement(&raw.slice(fields.payment_requirements), version, families)?;
    let accepted = match (version, payment.accepted) {
        (Version::V2, Some(accepted)) => read_requirement(&payload.slice(accepted), version, families)?,
        (Version::V2, None) => return Err(Error::payer(Code::InvalidPayload).detail("no accepted")),
        _ => v1_accepted(&payment, &requirement, families)?,
    };
    agree(&accepted, &requirement)?;
    let kept = |part: Option<&RawValue>| part.map(|p| payload.slice(p)).filter(|j| j.as_str() != "null");
    let payment = Payment {
        accepted,
        payload: payload.slice(payment.payload),
        extensions: kept(payment.extensions),
        resource: kept(payment.resource),
    };
    let leg = if requirement.flow == Flow::Authorization { Leg::After } else { Leg::Before };
    Ok(FacilitatorRequest {
        amount_atomic: requirement.price.atomic(),
        order: Order { leg, requirement, payment },
    })
}

fn v1_accepted(
    payment: &PaymentFields<'_>,
    requirement: &Requirement,
    families: &[Family],
) -> Result<Requirement> {
    let missing = |what| Error::payer(Code::InvalidPayload).detail(format!("no {what}"));
    let scheme = Name::new(payment.scheme.as_deref().ok_or_else(|| missing("scheme"))?)?;
    let chain = super::read_network(payment.network.as_deref().ok_or_else(|| missing("network"))?, families)?;
    Ok(Requirement { scheme, chain, ..requirement.clone() })
}

fn agree(accepted: &Requirement, requirement: &Requirement) -> Result<()> {
    if accepted.scheme != requirement.scheme {
        return Err(Error::payer(Code::InvalidScheme)
            .detail(format!("paid by {}, asked for {}", accepted.scheme, requirement.scheme)));
    }
    if accepted.chain != requirement.chain {
        return Err(Error::payer(Code::InvalidNetwork)
            .detail(format!("paid on {}, asked for {}", accepted.chain, requirement.chain)));
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Out<'a> {
    #[serde(rename = "x402Version")]
    version: u8,
    payment_payload: Json,
    payment_requirements: &'a Json,
}

/// Writes the body of `/verify` or `/settle` for somebody's facilitator.
///
/// # Errors
/// [`Code::InvalidNetwork`] for a v1 payment on a chain that v1 has no name for.
pub fn write_facilitator_request(order: &Order, families: &[Family]) -> Result<Json> {
    Ok(Json::of(&Out {
        version: order.requirement.version.into(),
        payment_payload: write_payment(&order.payment, families)?,
        payment_requirements: &order.requirement.raw,
    }))
}

/// `/verify`'s answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyResponse {
    /// Does it hold?
    pub is_valid: bool,
    /// Why not, as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_reason: Option<Code>,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_message: Option<String>,
    /// Who pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
    /// The scheme's own data.
    #[serde(default, skip_serializing_if = "is_bare")]
    pub extra: Option<Json>,
}

/// `/supported`'s answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupportedResponse {
    /// What can be settled.
    #[serde(deserialize_with = "absent")]
    pub kinds: Vec<SupportedKind>,
    /// Protocol extensions.
    #[serde(default, deserialize_with = "absent")]
    pub extensions: Vec<String>,
    /// Who signs, by CAIP-2 pattern (`eip155:*`).
    #[serde(default, deserialize_with = "absent")]
    pub signers: BTreeMap<String, Vec<String>>,
}

/// One of `/supported`'s kinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SupportedKind {
    /// 1 or 2.
    #[serde(rename = "x402Version")]
    pub version: u8,
    /// The scheme.
    pub scheme: String,
    /// CAIP-2 id, or v1 name.
    pub network: String,
    /// What offers must carry.
    #[serde(default, skip_serializing_if = "is_bare")]
    pub extra: Option<Json>,
}

impl SupportedKind {
    /// Reads it; `None` for a version, scheme or network that nobody here could use. On the wire extensions are the whole
    /// answer's and not one kind's.
    pub fn kind(&self, families: &[Family], extensions: &[String]) -> Option<Kind> {
        Some(Kind {
            version: Version::try_from(self.version).ok()?,
            scheme: Name::new(&self.scheme).ok()?,
            chain: super::read_network(&self.network, families).ok()?,
            extra: self.extra.clone().map_or_else(Extra::default, Extra),
            extensions: extensions.to_vec(),
        })
    }
    /// Writes it; `None` for a v1 kind on a chain that v1 has no name for.
    pub fn of(kind: &Kind, families: &[Family]) -> Option<Self> {
        let network = match kind.version {
            Version::V1 => super::v1_name(&kind.chain, families)?,
            Version::V2 => kind.chain.as_str(),
        };
        Some(Self {
            version: kind.version.into(),
            scheme: kind.scheme.to_string(),
            network: network.to_owned(),
            extra: Some(kind.extra.0.clone()).filter(|e| !e.is_empty()),
        })
    }
}
