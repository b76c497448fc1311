//! The ranking as plain data: what a person reads as a table and a program as JSON.

use crate::cost::{PartCost, Quote};
use crate::router::{Considered, Rejected, Route};
use serde::Serialize;
use tollway_core::{AssetId, Bearer, Part, Registry, Requirement, Usd};

/// Every entry of a 402, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The allowed routes, best first.
    pub routes: Vec<RouteRow>,
    /// The others, in the server's order.
    pub rejected: Vec<RejectedRow>,
}

/// One allowed route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteRow {
    /// Position in `accepts`, from 0.
    pub index: usize,
    /// The scheme.
    pub scheme: String,
    /// How it moves the money, where the entry says so: `assetTransferMethod`.
    pub method: Option<String>,
    /// CAIP-2 id.
    pub network: String,
    /// The network's name for people.
    pub network_title: String,
    /// The token's address.
    pub asset: String,
    /// The token's symbol, where it is known.
    pub symbol: Option<String>,
    /// The price in atomic units, a decimal string.
    pub amount_atomic: String,
    /// Who is paid.
    pub pay_to: String,
    /// The price in USD.
    pub price_usd: Usd,
    /// The payer's whole bill in USD: price, own on-chain work, penalties.
    pub payer_cost_usd: Usd,
    /// What settling costs, in USD, whoever bears it.
    pub settlement_cost_usd: Usd,
    /// Preferences as money, in USD.
    pub penalty_usd: Usd,
    /// Expected time to settle, in milliseconds.
    pub latency_ms: u64,
    /// Every piece of work with its parts.
    pub parts: Vec<WorkRow>,
}

/// One piece of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkRow {
    /// What it is.
    pub label: String,
    /// Who pays for it.
    pub bearer: Bearer,
    /// The whole cost in the coin's atomic units, a decimal string.
    pub native_atomic: String,
    /// The coin.
    pub coin: String,
    /// This payment's share in USD.
    pub usd: Usd,
    /// The whole of it in USD.
    pub whole_usd: Usd,
    /// True when it comes back.
    pub refundable: bool,
    /// How many payments share it.
    pub shared_by: u32,
    /// By part.
    pub parts: Vec<PartRow>,
    /// Where the quote comes from.
    pub source: Option<String>,
    /// When it was taken, Unix milliseconds.
    pub taken_at_ms: Option<u64>,
    /// Until when it is good, Unix milliseconds.
    pub valid_until_ms: Option<u64>,
}

/// One part of a cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartRow {
    /// Which.
    pub part: Part,
    /// In the coin's atomic units, a decimal string.
    pub atomic: String,
    /// In USD.
    pub usd: Usd,
}

/// One entry that will not be paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectedRow {
    /// Position in `accepts`, from 0.
    pub index: usize,
    /// The scheme, where it could be read.
    pub scheme: Option<String>,
    /// How it moves the money, where the entry says so: `assetTransferMethod`.
    pub method: Option<String>,
    /// CAIP-2 id, where it could be read.
    pub network: Option<String>,
    /// The network's name for people.
    pub network_title: Option<String>,
    /// The reason, as a code.
    pub code: String,
    /// The reason, in words.
    pub reason: String,
}

impl Explanation {
    pub(crate) fn of(considered: &Considered<'_>, registry: &Registry) -> Self {
        Self {
            routes: considered.routes.iter().map(|r| route_row(r, registry)).collect(),
            rejected: considered.rejected.iter().map(|r| rejected_row(r, registry)).collect(),
        }
    }
}

fn title(r: &Requirement, registry: &Registry) -> String {
    let known = registry.family(&r.chain).and_then(|f| f.network(&r.chain));
    known.map_or_else(|| r.chain.to_string(), |n| n.title.to_owned())
}

fn coin(asset: &AssetId, registry: &Registry) -> String {
    let family = registry.family(&asset.chain);
    let symbol = if asset.is_native() {
        family.and_then(|f| f.network(&asset.chain)).map(|n| n.coin)
    } else {
        family.and_then(|f| f.known(asset)).map(|a| a.symbol)
    };
    symbol.map_or_else(|| asset.to_string(), str::to_owned)
}

fn route_row(route: &Route<'_>, registry: &Registry) -> RouteRow {
    let r = route.requirement;
    RouteRow {
        index: route.index,
        scheme: r.scheme.to_string(),
        method: r.method.map(|m| m.to_string()),
        network: r.chain.to_string(),
        network_title: title(r, registry),
        asset: r.price.0.asset.key().to_owned(),
        symbol: registry.known_asset(&r.price.asset()).map(|a| a.symbol.to_owned()),
        amount_atomic: r.price.atomic().to_string(),
        pay_to: r.pay_to.address().to_owned(),
        price_usd: route.costs.price,
        payer_cost_usd: route.bill,
        settlement_cost_usd: route.settlement,
        penalty_usd: route.costs.penalty,
        latency_ms: route.costs.latency_ms,
        parts: route.costs.quotes.iter().map(|q| work_row(q, registry)).collect(),
    }
}

fn work_row(quote: &Quote, registry: &Registry) -> WorkRow {
    WorkRow {
        label: quote.label.to_owned(),
        bearer: quote.bearer,
        native_atomic: quote.native.atomic.to_string(),
        coin: coin(&quote.native.asset, registry),
        usd: quote.usd,
        whole_usd: quote.whole_usd,
        refundable: quote.refundable,
        shared_by: quote.shared_by.get(),
        parts: quote.parts.iter().map(part_row).collect(),
        source: quote.tariff.as_ref().map(|t| t.source().to_owned()),
        taken_at_ms: quote.taken_at().map(tollway_core::Time::ms),
        valid_until_ms: quote.valid_until().map(tollway_core::Time::ms),
    }
}

fn part_row(part: &PartCost) -> PartRow {
    PartRow { part: part.part, atomic: part.atomic.to_string(), usd: part.usd }
}

fn rejected_row(rejected: &Rejected<'_>, registry: &Registry) -> RejectedRow {
    RejectedRow {
        index: rejected.index,
        scheme: rejected.requirement.map(|r| r.scheme.to_string()),
        method: rejected.requirement.and_then(|r| r.method).map(|m| m.to_string()),
        network: rejected.requirement.map(|r| r.chain.to_string()),
        network_title: rejected.requirement.map(|r| title(r, registry)),
        code: rejected.reason.code.to_string(),
        reason: rejected.reason.detail.to_string(),
    }
}
