use super::binding::blames_payer;
use super::trial::{Signed, Trial};
use crate::suite::Verdict;
use crate::suite::property::{OrSeen, ensure};
use std::sync::Arc;
use tollway_core::{Blame, Code, Time, Version};

pub(super) async fn honours_expiry(t: Arc<Trial>) -> Verdict {
    let (probe, signed_at) = (&t.place.probe, t.now());
    let it = t.sign().await?;
    if !t.stand.timed() {
        return ends_with_its_blocks(&t, &it).await;
    }
    let terms = (t.stand.entry().read)(&it.order).or_seen("read")?;
    let (last, until) = (terms.settle_before, it.sent.spendable_until);
    ensure!(last <= until, "to be settled before {last:?}, though spendable only until {until:?}");
    let open_ended = t.capability().deferred || t.capability().stateful;
    if !open_ended {
        let asked = signed_at.plus_ms(it.order.requirement.timeout_s.saturating_mul(1_000)).plus_ms(2_000);
        ensure!(
            until <= asked,
            "signed at {signed_at:?} for {} s, spendable until {until:?}",
            it.order.requirement.timeout_s
        );
    }
    if last == Time::FAR {
        ensure!(open_ended, "a payment that never expires");
        return Ok(());
    }
    probe.advance(last.minus_ms(1)).await;
    if t.now() < last {
        t.verify(&it.order).await.or_seen(&format!(
            "at {:?}, with {} ms left",
            t.now(),
            last.ms_since(t.now())
        ))?;
    }
    for moment in [last, last.plus_ms(1), until, until.plus_ms(60_000)] {
        probe.advance(moment).await;
        match t.verify(&it.order).await {
            Ok(_) => return Err(format!("accepted at {:?}, over since {last:?}", t.now())),
            Err(e) => ensure!(
                e.code == Code::Expired && e.blame == Blame::Payer && !e.is_unknown_outcome(),
                "at {:?}, over since {last:?}: refused with {e}",
                t.now()
            ),
        }
    }
    Ok(())
}

/// Good at once, and refused when its latest thinkable end has come.
async fn ends_with_its_blocks(t: &Trial, it: &Signed) -> Verdict {
    let until = it.sent.spendable_until;
    ensure!(until != Time::FAR, "a payment that never expires");
    t.verify(&it.order).await.or_seen("verify of what was just signed")?;
    for moment in [until, until.plus_ms(60_000)] {
        t.place.probe.advance(moment).await;
        match t.verify(&it.order).await {
            Ok(_) => return Err(format!("accepted at {:?}, spendable until {until:?}", t.now())),
            Err(e) => ensure!(blames_payer(&e), "at {:?}, over since {until:?}: refused with {e}", t.now()),
        }
    }
    Ok(())
}

/// How long after its window begins a payment must be good: chains count whole seconds, and in blocks.
const GRACE_MS: u64 = 60_000;

pub(super) async fn honours_not_before(t: Arc<Trial>) -> Verdict {
    let probe = &t.place.probe;
    let versions = [Version::V2, Version::V1];
    let named = tollway_core::wire::v1_name(&t.place.price.chain, &[t.stand.family()]).is_some();
    for version in versions.into_iter().filter(|v| *v == Version::V2 || named) {
        // Signed as of a later hour: a scheme whose windows have a beginning begins this one then.
        let later = t.now().plus_ms(3_600_000);
        let it = t.sign_at(&t.price(), later, version).await?;
        let terms = (t.stand.entry().read)(&it.order).or_seen("read")?;
        if terms.not_before <= t.now() {
            // No beginning, as far as the scheme says. What it accepts now must then be good now.
            if t.verify(&it.order).await.is_ok() && !t.capability().deferred {
                t.settle(&it.order).await.map_err(|e| {
                    format!("accepted at {:?}, and settling says: {e}; signed as of {later:?}", t.now())
                })?;
            }
            continue;
        }
        for moment in [t.now(), terms.not_before.minus_ms(1)] {
            probe.advance(moment).await;
            if t.now() >= terms.not_before {
                break;
            }
            match t.verify(&it.order).await {
                Ok(_) => return Err(format!("accepted at {:?}, valid from {:?}", t.now(), terms.not_before)),
                Err(e) => ensure!(
                    e.code == Code::NotYetValid && !e.is_unknown_outcome(),
                    "at {:?}, valid from {:?}: refused with {e}",
                    t.now(),
                    terms.not_before
                ),
            }
        }
        let good = terms.not_before.plus_ms(GRACE_MS.min(terms.settle_before.ms_since(terms.not_before) / 2));
        probe.advance(good).await;
        if t.now() < terms.settle_before {
            t.verify(&it.order).await.or_seen(&format!(
                "at {:?}, valid from {:?}",
                t.now(),
                terms.not_before
            ))?;
        }
    }
    Ok(())
}

pub(super) async fn settles_nothing_late(t: Arc<Trial>) -> Verdict {
    let probe = &t.place.probe;
    let it = t.sign().await?;
    let verified = t.verify(&it.order).await.or_seen("verify")?;
    let due = verified.due(it.order.requirement.price.full()).or_seen("due")?;
    probe.advance(it.sent.spendable_until.plus_ms(1)).await;
    let settled = t.settler()?.settle(due).await;
    probe.advance(t.now().plus_ms(120_000)).await;
    let count = t.settlements(&it.order).await;
    ensure!(count == 0, "settled past its window: {settled:?}");
    ensure!(settled.is_err(), "nothing was settled, and there is a receipt: {settled:?}");
    Ok(())
}
