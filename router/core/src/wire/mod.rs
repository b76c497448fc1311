//! x402 on the wire, v1 and v2, read into the one model and written from it. Tolerant in, strict out.
//!
//! * In: order-insensitive, unknown fields ignored but kept for the echo (every part keeps its raw JSON), `extra`
//!   absent, `null` or `{}` alike, addresses in any spelling of their family, every SDK's reason codes.
//! * Out: CAIP-2 or v1 names, decimal strings, neither `null` nor `{}`, the specification's spelling of codes.
//! * Bounded: at most [`ACCEPTS_MAX`] entries; the size of a text is bounded by whoever decoded it.
//!
//! Base64 and header sizes belong to the HTTP codec, not here.

mod challenge;
mod facilitator;
mod fault;
pub mod header;
mod located;
mod payment;
mod quick;
pub mod reason;
mod requirement;
mod scan;
mod settlement;

pub use challenge::{parse_challenge, parse_plain_challenge, read_challenge, write_challenge};
pub use facilitator::{
    FacilitatorRequest, SupportedKind, SupportedResponse, VerifyResponse, read_facilitator_request,
    write_facilitator_request,
};
pub use fault::wire_reason;
pub use payment::{find_offer, parse_payment, read_payment, write_payment};
pub use requirement::{read_requirement, write_requirement};
pub use settlement::SettleResponse;

use crate::error::excerpt;
use crate::ids;
use crate::{ChainId, Code, Error, Family, Json, Result};
use serde::{Deserialize, Deserializer};

/// The most `accepts` entries that are read; more is refused whole.
pub const ACCEPTS_MAX: usize = 256;

/// The chain of a v1 name or a CAIP-2 id.
///
/// # Errors
/// [`Code::InvalidNetwork`] when it is neither.
pub fn read_network(text: &str, families: &[Family]) -> Result<ChainId> {
    if text.contains(':') {
        return ChainId::new(text);
    }
    let mut known = families.iter().flat_map(|f| f.networks);
    let found = known.find(|n| n.v1_name == Some(text));
    match found {
        Some(network) => ChainId::new(network.chain),
        None => Err(Error::payee(Code::InvalidNetwork)
            .detail(format!("{} is neither a CAIP-2 id nor a v1 network name that is known", excerpt(text)))),
    }
}

/// Reads `null` as an absent field: Go writes an empty list so.
fn absent<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(d: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

/// True for what is not written: nothing, `null`, `{}`.
fn is_bare(json: &Option<Json>) -> bool {
    json.as_ref().is_none_or(Json::is_empty)
}

/// The v1 name of a chain, where it has one.
pub fn v1_name(chain: &ChainId, families: &[Family]) -> Option<&'static str> {
    families.iter().filter(|f| f.namespace == chain.namespace()).find_map(|f| f.network(chain)?.v1_name)
}

fn family<'f>(chain: &ChainId, families: &'f [Family]) -> Result<&'f Family> {
    families.iter().find(|f| ids::same(f.namespace, chain.namespace())).ok_or_else(|| {
        let known: Vec<_> = families.iter().map(|f| f.namespace).collect();
        Error::caller(Code::InvalidNetwork).next(crate::Next::OtherRoute).detail(format!(
            "no chain family {}; known: {}",
            chain.namespace(),
            known.join(", ")
        ))
    })
}
