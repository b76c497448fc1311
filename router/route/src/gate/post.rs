//! Making offers: each rail priced, checked for profit, and put in cost order.

use super::Gate;
use crate::cost::{self, Costs};
use crate::quotes::Wants;
use crate::rank::{PointOfView, Rank};
use std::sync::Arc;
use tollway_core::{
    Account, Amount, AssetId, Ceiling, ChainId, Challenge, Code, Effort, Entry, Error, Flow, Json, Leg, Name,
    Next, Offer, Order, Payment, Price, Purpose, Requirement, Result, Settler, Usd, Version, wire,
};

/// One way a seller is willing to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rail {
    /// The scheme.
    pub scheme: Name,
    /// The transfer method; `None` for the scheme's default.
    pub method: Option<Name>,
    /// In which token, and where.
    pub asset: AssetId,
    /// Who is paid.
    pub pay_to: Account,
    /// When the money moves.
    pub flow: Flow,
    /// How long a payment must stay good, in seconds.
    pub timeout_s: u64,
}

/// What something costs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tag {
    /// The same dollars on every rail. A token that is a dollar by its symbol counts one to one; others by the oracle.
    Usd(Usd),
    /// Given amounts; rails in other assets are not offered.
    Amounts(Vec<Amount>),
}

/// What happens to a rail whose settlement eats too much of the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unprofitable {
    /// It is not offered.
    #[default]
    Drop,
    /// It is offered at the least price at which it is profitable.
    Reprice,
}

/// What is worth offering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SellerPolicy {
    /// The most that settling may cost, in 1/10,000 of the price. Default 5,000 (half): above that, most of what
    /// the buyer pays is burnt. `None` offers everything.
    pub settlement_share_bps_max: Option<u32>,
    /// What happens to a rail above that.
    pub unprofitable: Unprofitable,
    /// How long an offer is honoured beyond its own `maxTimeoutSeconds`, in milliseconds. Default 60 s, for clocks
    /// that differ and people who think.
    pub honour_extra_ms: u64,
}

impl Default for SellerPolicy {
    fn default() -> Self {
        Self {
            settlement_share_bps_max: Some(5_000),
            unprofitable: Unprofitable::Drop,
            honour_extra_ms: 60_000,
        }
    }
}

/// An offer with what settling it costs now.
#[derive(Debug, Clone)]
pub struct PostedOffer {
    /// What is advertised.
    pub offer: Offer,
    /// What settling costs.
    pub costs: Costs,
    /// What its scheme says under `extensions`, as far as its settler acts on that.
    pub extensions: Option<Json>,
}

/// What a seller advertises now, cheapest to settle first.
#[derive(Debug, Clone, Default)]
pub struct Posted {
    /// The offers.
    pub offers: Vec<PostedOffer>,
    /// Rails that are not offered, by their position, with the reason.
    pub rejected: Vec<(usize, Error)>,
}

impl Posted {
    /// The 402 in one version. A v1 client cannot say which entry it chose, so it is shown one per scheme and
    /// network.
    pub fn challenge(
        &self,
        version: Version,
        resource_url: &str,
        error: Option<Code>,
        gate: &Gate,
    ) -> Challenge {
        let mut shown: Vec<(Name, ChainId)> = Vec::new();
        let families = gate.registry().families();
        let entries = self.offers.iter().filter_map(|posted| {
            let r = &posted.offer.requirement;
            if version == Version::V2 {
                return Some(Entry { raw: r.raw.clone(), requirement: Ok(r.clone()) });
            }
            if shown.contains(&(r.scheme, r.chain)) {
                return None;
            }
            let r = in_v1(r, resource_url, families)?;
            shown.push((r.scheme, r.chain));
            Some(Entry { raw: r.raw.clone(), requirement: Ok(r) })
        });
        Challenge {
            version,
            accepts: entries.collect(),
            resource: Some(Json::of(&serde_json::json!({ "url": resource_url }))),
            extensions: self.extensions().filter(|_| version == Version::V2),
            error,
        }
    }

    /// What the schemes behind the offers have to say, each key once.
    fn extensions(&self) -> Option<Json> {
        let mut all = serde_json::Map::new();
        for said in self.offers.iter().filter_map(|posted| posted.extensions.as_ref()) {
            let Ok(said) = said.read::<serde_json::Map<String, serde_json::Value>>() else { continue };
            for (key, what) in said {
                all.entry(key).or_insert(what);
            }
        }
        (!all.is_empty()).then(|| Json::of(&all))
    }
}

/// The v1 form of an offer; `None` where v1 has no name for the chain.
pub(super) fn in_v1(
    r: &Requirement,
    resource_url: &str,
    families: &[tollway_core::Family],
) -> Option<Requirement> {
    let v1 = Requirement { version: Version::V1, ..r.clone() };
    let raw = wire::write_requirement(&v1, resource_url, families).ok()?;
    Some(Requirement { raw, ..v1 })
}

/// An order without a payment, to ask a settler what a typical one will cost. Its payload is `{}`.
fn typical(offer: &Offer) -> Order {
    let requirement = offer.requirement.clone();
    let payment =
        Payment { accepted: requirement.clone(), payload: Json::empty(), extensions: None, resource: None };
    let leg = if requirement.flow == Flow::Authorization { Leg::After } else { Leg::Before };
    Order { leg, requirement, payment }
}

/// How often a price is raised after a cost that rises with it, before the rail is dropped.
const REPRICINGS_MAX: u32 = 16;

struct Draft {
    rail: usize,
    made: Made,
    effort: Effort,
}

/// An offer, with what its scheme says beside it and who settles it.
struct Made {
    settler: Arc<dyn Settler>,
    offer: Offer,
    extensions: Option<Json>,
}

impl Gate {
    /// What to advertise now for a price: every rail that is worth offering, cheapest to settle first; remembered as
    /// honoured. `scope` names what the price is for: a route with one price, or one request of a computed price.
    ///
    /// No I/O while quotes and facilitators' kinds are warm and the offers are the same as before. Cancel safe: an offer
    /// that was remembered and not shown does no harm.
    ///
    /// # Errors
    /// The ledger's. A rail that cannot be offered is no error: it comes back with its reason.
    pub async fn post(&self, scope: &str, tag: &Tag, rails: &[Rail]) -> Result<Posted> {
        let mut posted = Posted::default();
        let mut wants = Wants::default();
        if matches!(tag, Tag::Usd(_)) {
            wants.prices.extend(rails.iter().map(|r| r.asset).filter(|a| !self.is_dollar(a)));
            self.quotes.gather(&wants).await;
        }
        let mut drafts = Vec::with_capacity(rails.len());
        for (index, rail) in rails.iter().enumerate() {
            match self.draft(index, rail, tag).await {
                Ok(draft) => {
                    cost::wants(&mut wants, rail.asset.chain, &draft.effort, Purpose::Interactive);
                    wants.prices.insert(rail.asset);
                    drafts.push(draft);
                }
                Err(why) => posted.rejected.push((index, why)),
            }
        }
        self.quotes.gather(&wants).await;
        for draft in drafts {
            let index = draft.rail;
            match self.finish(draft, rails).await {
                Ok(offer) => posted.offers.push(offer),
                Err(why) => posted.rejected.push((index, why)),
            }
        }
        posted.rejected.sort_by_key(|(index, _)| *index);
        sort(&mut posted.offers);
        let window_ms = |o: &Offer| {
            o.requirement.timeout_s.saturating_mul(1000).saturating_add(self.policy.honour_extra_ms)
        };
        let shown = posted.offers.iter().map(|p| (&p.offer, window_ms(&p.offer)));
        self.honour.remember(self.ledger.as_ref(), scope, shown, self.clock.now()).await?;
        Ok(posted)
    }

    async fn draft(&self, index: usize, rail: &Rail, tag: &Tag) -> Result<Draft> {
        let atomic = self.atomic(rail, tag)?;
        let made = self.offer(rail, atomic).await?;
        let effort = made.settler.effort(&typical(&made.offer)).await?;
        Ok(Draft { rail: index, made, effort })
    }

    async fn offer(&self, rail: &Rail, atomic: u128) -> Result<Made> {
        let chain = rail.asset.chain;
        let probe = Requirement {
            version: Version::V2,
            scheme: rail.scheme,
            method: rail.method,
            chain,
            price: Ceiling(Amount::new(rail.asset, atomic)),
            pay_to: rail.pay_to,
            timeout_s: rail.timeout_s,
            flow: rail.flow,
            extra: tollway_core::Extra::default(),
            raw: Json::empty(),
        };
        let cell = self.registry.cell(&probe)?;
        let seller = cell.seller.clone().ok_or_else(|| {
            Error::caller(Code::RoleMissing)
                .next(Next::OtherRoute)
                .detail(format!("{} cannot sell here", cell.id))
        })?;
        let (settler, kind) = self.settler_for(cell, &probe).await?;
        let price = Price {
            ceiling: probe.price,
            pay_to: rail.pay_to,
            timeout_s: rail.timeout_s,
            flow: rail.flow,
            chain,
        };
        let offer = seller.offer(&price, &kind)?;
        let extensions = seller.extensions(&offer, &kind);
        Ok(Made { settler, offer, extensions })
    }

    /// Prices a draft and holds it against the policy. A price that is raised may raise the cost (a fee that is a share
    /// of it), so what is repriced is priced again.
    async fn finish(&self, draft: Draft, rails: &[Rail]) -> Result<PostedOffer> {
        let rail = rails.get(draft.rail).ok_or_else(|| Error::us(Code::Internal))?;
        let (mut made, mut effort) = (draft.made, draft.effort);
        let mut repriced = 0;
        loop {
            let costs = self.costs(&made.offer, &effort)?;
            let posted =
                |made: Made, costs| PostedOffer { offer: made.offer, costs, extensions: made.extensions };
            let Some(bps) = self.policy.settlement_share_bps_max else {
                return Ok(posted(made, costs));
            };
            let settlement = costs.settlement()?;
            if share_bps(settlement, costs.price) <= u128::from(bps) {
                return Ok(posted(made, costs));
            }
            let least = least_price(settlement, bps).filter(|_| repriced < REPRICINGS_MAX);
            let least = least.filter(|_| self.policy.unprofitable == Unprofitable::Reprice);
            let least = least.ok_or_else(|| unprofitable(settlement, costs.price, bps))?;
            let atomic = self.quotes.price(&rail.asset)?.atomic_for(least)?;
            made = self.offer(rail, atomic).await?;
            effort = made.settler.effort(&typical(&made.offer)).await?;
            repriced = repriced.saturating_add(1);
        }
    }

    fn costs(&self, offer: &Offer, effort: &Effort) -> Result<Costs> {
        let r = &offer.requirement;
        let price = self.quotes.price(&r.price.asset())?.worth(r.price.atomic())?;
        let mut costs = Costs { price, ..Costs::default() };
        costs.add(self.quotes.as_ref(), r.chain, effort, Purpose::Interactive)?;
        let network = self.registry.network(&r.chain);
        costs.latency_ms = network.map_or(0, |n| u64::from(n.traits().block_ms));
        Ok(costs)
    }

    fn atomic(&self, rail: &Rail, tag: &Tag) -> Result<u128> {
        match tag {
            Tag::Amounts(amounts) => {
                let found = amounts.iter().find(|a| a.asset == rail.asset).map(|a| a.atomic);
                found.ok_or_else(|| {
                    Error::caller(Code::NoPrice).detail(format!("no amount is set for {}", rail.asset))
                })
            }
            Tag::Usd(usd) => match self.registry.known_asset(&rail.asset) {
                Some(token) if is_dollar(token.symbol) => dollars(*usd, token.decimals),
                _ => self.quotes.price(&rail.asset)?.atomic_for(*usd),
            },
        }
    }

    fn is_dollar(&self, asset: &AssetId) -> bool {
        self.registry.known_asset(asset).is_some_and(|token| is_dollar(token.symbol))
    }
}

fn is_dollar(symbol: &str) -> bool {
    symbol.to_ascii_uppercase().contains("USD")
}

/// Dollars in the atomic units of a dollar token, rounded up.
fn dollars(usd: Usd, decimals: u8) -> Result<u128> {
    let over = || Error::caller(Code::InvalidAmount).detail("a price in USD does not fit the token");
    let one = 10u128.checked_pow(u32::from(decimals)).ok_or_else(over)?;
    let atto = Usd::ONE.e18();
    let whole = usd.e18().checked_div(atto).ok_or_else(over)?;
    let part = usd.e18().checked_rem(atto).ok_or_else(over)?;
    let whole = whole.checked_mul(one).ok_or_else(over)?;
    let part = part.checked_mul(one).ok_or_else(over)?.div_ceil(atto);
    whole.checked_add(part).ok_or_else(over)
}

/// What costs nothing is no share of anything; what does not fit is more than all of it.
fn share_bps(settlement: Usd, price: Usd) -> u128 {
    match settlement.e18().checked_mul(10_000) {
        Some(0) => 0,
        Some(scaled) if price > Usd::ZERO => scaled.div_ceil(price.e18()),
        _ => u128::MAX,
    }
}

fn least_price(settlement: Usd, bps: u32) -> Option<Usd> {
    if bps == 0 {
        return None;
    }
    Some(Usd::from_e18(settlement.e18().checked_mul(10_000)?.div_ceil(u128::from(bps))))
}

fn unprofitable(settlement: Usd, price: Usd, bps: u32) -> Error {
    Error::caller(Code::Unprofitable)
        .next(Next::OtherRoute)
        .detail(format!("settling costs {settlement} of a price of {price}; at most {bps}/10000 may be"))
}

fn sort(offers: &mut [PostedOffer]) {
    let costs: Vec<(Usd, Usd)> =
        offers.iter().map(|o| PointOfView::Payee.costs(&o.costs).unwrap_or((MOST, MOST))).collect();
    let mut order: Vec<usize> = (0..offers.len()).collect();
    let rank = |i: &usize| {
        let (offer, cost) = (offers.get(*i), costs.get(*i).copied().unwrap_or((MOST, MOST)));
        offer.map(|o| {
            let r = &o.offer.requirement;
            let name = [r.chain.as_str(), r.scheme.as_str(), r.price.0.asset.key(), r.pay_to.address()];
            Rank { first: cost.0, second: cost.1, latency_ms: o.costs.latency_ms, name, index: *i }
        })
    };
    order.sort_by(|a, b| rank(a).cmp(&rank(b)));
    let sorted: Vec<PostedOffer> = order.iter().filter_map(|i| offers.get(*i).cloned()).collect();
    for (place, offer) in offers.iter_mut().zip(sorted) {
        *place = offer;
    }
}

const MOST: Usd = Usd::from_e18(u128::MAX);
