use super::trial::Trial;
use crate::suite::Verdict;
use crate::suite::property::{OrSeen, ensure};
use std::sync::Arc;
use tollway_core::{AssetId, Bearer, Effort, Json, Purpose, Tariff, network};

/// What the settler's share of an effort costs now, in the chain's coin; `None` where it needs no chain.
async fn priced(t: &Trial, effort: &Effort) -> Result<Option<u128>, String> {
    let Some(handle) = &t.place.settler else { return Ok(None) };
    let touched: Vec<_> = network::touched(effort).copied().collect();
    let tariff = handle.network.tariff(Purpose::Interactive, &touched).await.or_seen("the tariff")?;
    total(&*tariff, effort, AssetId::native(handle.network.id())).map(Some)
}

fn total(tariff: &dyn Tariff, effort: &Effort, coin: AssetId) -> Result<u128, String> {
    let mut sum = 0u128;
    for work in effort.works.iter().filter(|w| w.bearer == Bearer::Settler && !w.refundable) {
        let cost = tariff.price(work).or_seen("a price for the work")?.total();
        sum = sum.saturating_add(cost.div_ceil(u128::from(work.shared_by.get())));
    }
    // What the payment itself has fixed already, whatever the market asks.
    let fixed = effort.fees.iter().filter(|fee| fee.bearer == Bearer::Settler && fee.amount.asset == coin);
    Ok(fixed.fold(sum, |sum, fee| sum.saturating_add(fee.amount.atomic)))
}

pub(super) async fn effort_grows_with_work(t: Arc<Trial>) -> Verdict {
    let it = t.sign().await?;
    let (settler, probe) = (t.settler()?, &t.place.probe);
    let before = (probe.state().await, probe.transactions().await);
    let mut typical = it.order.clone();
    typical.payment.payload = Json::empty();
    settler.effort(&typical).await.or_seen("the effort of a typical payment")?;
    let mut last: Option<u128> = None;
    let ladder = t.stand.ladder(&it.order);
    let steps = ladder.len();
    for (step, order) in ladder.into_iter().enumerate() {
        let effort = settler.effort(&order).await.or_seen("the effort")?;
        let Some(cost) = priced(&t, &effort).await? else { continue };
        ensure!(
            last.is_none_or(|last| cost >= last),
            "step {step} of {steps} costs {cost}, the one before {last:?}"
        );
        last = Some(cost);
    }
    let after = (probe.state().await, probe.transactions().await);
    ensure!(before == after, "asking for the effort changed the chain");
    Ok(())
}

pub(super) async fn effort_predicts_the_cost(t: Arc<Trial>) -> Verdict {
    let it = t.sign().await?;
    let order = it.order;
    let effort = t.settler()?.effort(&order).await.or_seen("the effort")?;
    let Some(predicted) = priced(&t, &effort).await? else { return Ok(()) };
    let receipt = t.settle(&order).await.or_seen("settle")?;
    let Some(spent) = receipt.spent else { return Ok(()) };
    let native = t.place.settler.as_ref().map(|h| AssetId::native(h.network.id()));
    ensure!(Some(spent.cost.asset) == native, "spent in {}, not in the chain's coin", spent.cost.asset);
    let paid = spent.cost.atomic.div_ceil(u128::from(spent.shared_by.get()));
    let tolerance = t.stand.tolerance();
    let most = more(predicted, tolerance.under_percent);
    ensure!(
        paid <= most,
        "predicted {predicted}, paid {paid}: more than {} % above",
        tolerance.under_percent
    );
    let most = more(paid, tolerance.over_percent);
    ensure!(
        predicted <= most,
        "predicted {predicted}, paid {paid}: more than {} % too much",
        tolerance.over_percent
    );
    Ok(())
}

fn more(n: u128, percent: u32) -> u128 {
    n.saturating_add(n.saturating_mul(u128::from(percent)) / 100)
}
