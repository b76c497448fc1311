use crate::{
    Code, Error, Family, Flow, Json, Kind, Name, Offer, Price, Requirement, Result, SchemeEntry, Version,
    wire,
};

/// `Seller::offer` of any scheme: `price` as a v2 entry whose `extra` is the kind's. A scheme with facts of its own in
/// `extra` puts them into the kind first; one that binds a settler, or lets keys rotate, sets that on the offer.
///
/// A seller always offers v2: the v1 form is derived from it where it is spoken. An entry's `raw` is what is advertised,
/// so it is written here, and read again: the offer says what a payer will understand.
///
/// # Errors
/// [`Code::InvalidNetwork`] when price, payee, asset and kind are not on one chain; [`Code::UnsupportedFlow`] and
/// [`Code::UnsupportedMethod`] when the scheme has no such flow or transfer method; those of writing the entry.
pub fn offer(entry: &SchemeEntry, family: &Family, price: &Price, kind: &Kind) -> Result<Offer> {
    let chain = price.chain;
    if [kind.chain, price.pay_to.chain, price.ceiling.asset().chain].iter().any(|c| *c != chain) {
        return Err(Error::caller(Code::InvalidNetwork).detail(format!(
            "priced on {chain}, with {} paid to {}, by a settler on {}",
            price.ceiling.asset(),
            price.pay_to,
            kind.chain
        )));
    }
    if !entry.capability.flows.contains(&price.flow) {
        return Err(
            Error::caller(Code::UnsupportedFlow).detail(format!("{} with {}", price.flow, entry.id.scheme))
        );
    }
    let flow =
        (price.flow != Flow::default()).then(|| ("paymentFlow".to_owned(), price.flow.as_str().into()));
    let asked = Requirement {
        version: Version::V2,
        scheme: Name::new(entry.id.scheme)?,
        method: None,
        chain,
        price: price.ceiling,
        pay_to: price.pay_to,
        timeout_s: price.timeout_s,
        flow: price.flow,
        extra: kind.extra.with(flow),
        raw: Json::empty(),
    };
    let raw = wire::write_requirement(&asked, "", &[*family])?;
    let requirement = wire::read_requirement(&raw, Version::V2, &[*family])?;
    let method = requirement.method.as_ref().map_or("", Name::as_str);
    if !entry.id.methods.contains(&method) {
        return Err(Error::caller(Code::UnsupportedMethod)
            .detail(format!("the settler's kind is for another transfer method than {}", entry.id)));
    }
    Ok(Offer { requirement, bound_to: None, volatile: Vec::new() })
}
