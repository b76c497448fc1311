//! One payment of the demo, with what it was predicted to cost and what it did cost.

use super::parties::Parties;
use super::places::{self, Look};
use super::print::Printer;
use crate::exit::{Failure, Outcome};
use serde::Serialize;
use tollway::core::Usd;
use tollway::http::client::Standing;
use tollway::route::{RejectedRow, RouteRow};
use tollway_devnet::Devnet;

/// One payment, as `--json` prints it.
#[derive(Serialize)]
pub(super) struct PaymentReport {
    pub(super) network: String,
    #[serde(rename = "network_title")]
    pub(super) title: String,
    pub(super) transaction: String,
    pub(super) amount_atomic: String,
    pub(super) predicted_cost_usd: Usd,
    pub(super) actual_cost_usd: Usd,
    pub(super) balances: Balances,
    pub(super) routes: Vec<RouteRow>,
    pub(super) rejected: Vec<RejectedRow>,
}

impl PaymentReport {
    /// What settling was quoted at on one network.
    pub(super) fn settlement_on(&self, network: &str) -> Option<Usd> {
        self.routes.iter().find(|r| r.network == network).map(|r| r.settlement_cost_usd)
    }
}

/// What everybody had on the paid network, read from the chain.
#[derive(Serialize, Clone, Copy)]
pub(super) struct Balances {
    pub(super) payer_usdc_before: u128,
    pub(super) payer_usdc_after: u128,
    pub(super) merchant_usdc_before: u128,
    pub(super) merchant_usdc_after: u128,
    pub(super) settler_native_before: u128,
    pub(super) settler_native_after: u128,
}

impl Balances {
    fn of(before: Look, after: Look) -> Self {
        Self {
            payer_usdc_before: before.payer_usdc,
            payer_usdc_after: after.payer_usdc,
            merchant_usdc_before: before.merchant_usdc,
            merchant_usdc_after: after.merchant_usdc,
            settler_native_before: before.settler_native,
            settler_native_after: after.settler_native,
        }
    }
}

/// Quotes, pays, and reads the chain before and after.
pub(super) async fn make(devnet: &Devnet, parties: &Parties, print: &Printer) -> Outcome<PaymentReport> {
    let asked = parties.quote().await?;
    print.table(&asked.explanation);
    let places = places::all(devnet)?;
    let mut before = Vec::new();
    for place in &places {
        before.push(place.look().await?);
    }
    let answered = parties.client.get(&parties.url).await.map_err(|e| Failure::failed(e.error()))?;
    let Standing::Paid(paid) = &answered.standing else {
        return Err(Failure::failed("the request was answered without a payment"));
    };
    let network = paid.receipt.chain.to_string();
    let found = places.iter().zip(before).find(|(place, _)| place.network() == network);
    let (place, before) =
        found.ok_or_else(|| Failure::failed(format!("paid on {network}, which is not here")))?;
    let route = asked.explanation.routes.iter().find(|r| r.network == network);
    let route = route.ok_or_else(|| Failure::failed(format!("paid on {network}, which was not ranked")))?;
    let after = place.look().await?;
    let spent = before.settler_native.saturating_sub(after.settler_native);
    let report = PaymentReport {
        title: route.network_title.clone(),
        transaction: paid.receipt.transaction().map(ToString::to_string).unwrap_or_default(),
        amount_atomic: paid.charged.atomic.to_string(),
        predicted_cost_usd: route.settlement_cost_usd,
        actual_cost_usd: place.coin().worth(spent)?,
        balances: Balances::of(before, after),
        network,
        routes: asked.explanation.routes.clone(),
        rejected: asked.explanation.rejected.clone(),
    };
    let body = answered.response.text().await.map_err(|e| Failure::failed(e.without_url()))?;
    print.payment(&report, &body);
    Ok(report)
}
