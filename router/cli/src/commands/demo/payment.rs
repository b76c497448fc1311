//! One payment of the demo, with what it was predicted to cost and what it did cost.

use super::parties::Parties;
use super::print::Printer;
use crate::exit::{Failure, Outcome};
use serde::Serialize;
use tollway::core::{Time, Usd, UsdPrice};
use tollway::http::client::Standing;
use tollway::route::{RejectedRow, RouteRow};
use tollway_devnet::{Chain, Devnet};

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
    pub(super) settler_wei_before: u128,
    pub(super) settler_wei_after: u128,
}

/// Quotes, pays, and reads the chain before and after.
pub(super) async fn make(devnet: &Devnet, parties: &Parties, print: &Printer) -> Outcome<PaymentReport> {
    let asked = parties.quote().await?;
    print.table(&asked.explanation);
    let before = look_everywhere(devnet).await?;
    let answered = parties.client.get(&parties.url).await.map_err(|e| Failure::failed(e.error()))?;
    let Standing::Paid(paid) = &answered.standing else {
        return Err(Failure::failed("the request was answered without a payment"));
    };
    let network = paid.receipt.chain.to_string();
    let chain = devnet.chains().iter().find(|c| c.spec().caip2() == network);
    let chain = chain.ok_or_else(|| Failure::failed(format!("paid on {network}, which is not here")))?;
    let route = asked.explanation.routes.iter().find(|r| r.network == network);
    let route = route.ok_or_else(|| Failure::failed(format!("paid on {network}, which was not ranked")))?;
    let (before_payer, before_merchant, before_settler) =
        before.iter().find(|(id, _)| *id == chain.id()).map(|(_, b)| *b).unwrap_or_default();
    let (after_payer, after_merchant, after_settler) = look(devnet, chain).await?;
    let balances = Balances {
        payer_usdc_before: before_payer,
        payer_usdc_after: after_payer,
        merchant_usdc_before: before_merchant,
        merchant_usdc_after: after_merchant,
        settler_wei_before: before_settler,
        settler_wei_after: after_settler,
    };
    let report = PaymentReport {
        title: route.network_title.clone(),
        transaction: paid.receipt.transaction().map(ToString::to_string).unwrap_or_default(),
        amount_atomic: paid.charged.atomic.to_string(),
        predicted_cost_usd: route.settlement_cost_usd,
        actual_cost_usd: eth_price().worth(before_settler.saturating_sub(after_settler))?,
        balances,
        network,
        routes: asked.explanation.routes.clone(),
        rejected: asked.explanation.rejected.clone(),
    };
    let body = answered.response.text().await.map_err(|e| Failure::failed(e.without_url()))?;
    print.payment(&report, &body);
    Ok(report)
}

/// The devnet's feeds all start with this price of ETH.
fn eth_price() -> UsdPrice {
    UsdPrice {
        answer: u128::from(tollway_devnet::ETH_USD_E8),
        answer_decimals: 8,
        asset_decimals: 18,
        at: Time::ZERO,
    }
}

type Look = (u128, u128, u128);

async fn look(devnet: &Devnet, chain: &Chain) -> Outcome<Look> {
    let accounts = devnet.accounts();
    let payer = chain.usdc_balance(accounts.payer(0).address()).await.map_err(Failure::failed)?;
    let merchant = chain.usdc_balance(accounts.merchant(0).address()).await.map_err(Failure::failed)?;
    let settler = chain.native_balance(accounts.settler(0).address()).await.map_err(Failure::failed)?;
    Ok((payer, merchant, settler))
}

async fn look_everywhere(devnet: &Devnet) -> Outcome<Vec<(u64, Look)>> {
    let mut all = Vec::new();
    for chain in devnet.chains() {
        all.push((chain.id(), look(devnet, chain).await?));
    }
    Ok(all)
}
