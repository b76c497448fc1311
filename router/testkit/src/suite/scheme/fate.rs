use super::Trouble;
use super::money::Purses;
use super::trial::{Signed, Trial};
use crate::suite::Verdict;
use crate::suite::property::{OrSeen, ensure};
use std::sync::Arc;
use tollway_core::{Amount, Fate, Landed, Next, Receipt, Result as Core, Time};

/// Who is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Payer,
    Settler,
}

async fn ask(t: &Trial, who: Who, it: &Signed) -> Result<Core<Fate>, String> {
    Ok(match who {
        Who::Payer => t.payer()?.resolve(&it.sent).await,
        Who::Settler => t.settler()?.resume(&it.order, None).await,
    })
}

pub(super) async fn resolve_tells_the_truth(t: Arc<Trial>) -> Verdict {
    tells_the_truth(&t, Who::Payer).await
}

pub(super) async fn resume_tells_the_truth(t: Arc<Trial>) -> Verdict {
    tells_the_truth(&t, Who::Settler).await
}

/// How long after its window a payment may take to be known for dead: far more than any chain's finality.
const WAKE_MS: u64 = 86_400_000;

async fn tells_the_truth(t: &Trial, who: Who) -> Verdict {
    let it = t.sign().await?;
    let other = t.sign().await?;
    match ask(t, who, &it).await?.or_seen("asked while it is open")? {
        Fate::Open { .. } | Fate::NotYetKnown { .. } => {}
        wrong => return Err(format!("unused, within its window, and said to be {wrong:?}")),
    }
    let receipt = t.settle(&it.order).await.or_seen("settle")?;
    settled(t, who, &it, &receipt).await?;
    match ask(t, who, &other).await?.or_seen("asked while it is open")? {
        Fate::Open { .. } | Fate::NotYetKnown { .. } => {}
        wrong => {
            return Err(format!(
                "another of the same payer's was settled, and this one is said to be {wrong:?}"
            ));
        }
    }
    // Long past everything the settled one is still settled, and the other is dead.
    t.place.probe.advance(it.sent.spendable_until.max(other.sent.spendable_until).plus_ms(WAKE_MS)).await;
    settled(t, who, &it, &receipt).await?;
    if t.capability().deferred || t.capability().stateful {
        return Ok(());
    }
    match ask(t, who, &other).await?.or_seen("asked long past its window")? {
        Fate::Dead => Ok(()),
        wrong => Err(format!("unused a day past its window, and said to be {wrong:?}")),
    }
}

async fn settled(t: &Trial, who: Who, it: &Signed, receipt: &Receipt) -> Verdict {
    let mut fate = ask(t, who, it).await?.or_seen("asked after it was settled")?;
    // A look at the newest block may come before finality.
    for _ in 0..20 {
        let Fate::NotYetKnown { ask_again } = fate else { break };
        t.place.probe.advance(ask_again.max(t.now().plus_ms(1_000))).await;
        fate = ask(t, who, it).await?.or_seen("asked again after it was settled")?;
    }
    let Fate::Settled(found) = fate else {
        // What a seller only committed to its own ledger, the payer cannot see.
        let unseen = who == Who::Payer && t.capability().deferred;
        ensure!(unseen, "settled, and said to be {fate:?}");
        return Ok(());
    };
    ensure!(
        found.charged == receipt.charged,
        "settled {:?}, and said to be {:?}",
        receipt.charged,
        found.charged
    );
    if matches!(receipt.landed, Landed::OnChain { .. }) {
        ensure!(
            found.landed == receipt.landed,
            "landed {:?}, and said to be {:?}",
            receipt.landed,
            found.landed
        );
    }
    Ok(())
}

pub(super) async fn resume_sends_nothing_new(t: Arc<Trial>) -> Verdict {
    let probe = &t.place.probe;
    let open = t.sign().await?;
    let used = t.sign().await?;
    let lost = t.sign().await?;
    let before = probe.transactions().await;
    for _ in 0..3 {
        t.settler()?.resume(&open.order, None).await.or_seen("resume while it is open")?;
    }
    probe.advance(t.now().plus_ms(5_000)).await;
    let after = probe.transactions().await;
    ensure!(
        after == before,
        "resuming what nobody had settled sent {} transactions",
        after.saturating_sub(before)
    );
    t.settle(&used.order).await.or_seen("settle")?;
    let before = probe.transactions().await;
    for _ in 0..3 {
        t.settler()?.resume(&used.order, None).await.or_seen("resume after it was settled")?;
        t.new_settler()?.resume(&used.order, None).await.or_seen("resume in another process")?;
    }
    probe.advance(t.now().plus_ms(5_000)).await;
    let after = probe.transactions().await;
    ensure!(after == before, "resuming what was settled sent {} transactions", after.saturating_sub(before));
    if !probe.trouble(Trouble::AnswerLost).await {
        return Ok(());
    }
    let unsure = t.settle(&lost.order).await;
    let sent = probe.transactions().await;
    for _ in 0..10 {
        let _ = t.new_settler()?.resume(&lost.order, None).await;
        probe.advance(t.now().plus_ms(3_000)).await;
    }
    let after = probe.transactions().await;
    ensure!(after == sent, "resuming after {unsure:?} sent {} more transactions", after.saturating_sub(sent));
    let count = t.settlements(&lost.order).await;
    ensure!(count <= 1, "settled {count} times");
    if count == 1 {
        let fate = t.settler()?.resume(&lost.order, None).await.or_seen("resume, in the end")?;
        ensure!(
            matches!(fate, Fate::Settled(_)),
            "settled although the answer was lost, and said to be {fate:?}"
        );
    }
    Ok(())
}

pub(super) async fn resume_takes_the_charge_once(t: Arc<Trial>) -> Verdict {
    let probe = &t.place.probe;
    let it = t.sign().await?;
    let price = it.order.requirement.price.0;
    let part = if t.capability().metered { price.atomic.div_ceil(2) } else { price.atomic };
    let charge = Amount::new(price.asset, part);
    let (purses, before) = (Purses::of(&t, &it.order).await?, probe.transactions().await);
    let (here, elsewhere) = (t.settler()?, t.new_settler()?);
    let mut landed = None;
    for settler in [here, &*elsewhere, here, &*elsewhere] {
        match settler.resume(&it.order, Some(charge)).await {
            Ok(Fate::Settled(receipt)) => {
                let charged = receipt.charged;
                ensure!(charged == charge, "{charge} were to be taken, the receipt says {charged}");
                let first = landed.get_or_insert_with(|| receipt.landed.clone());
                ensure!(*first == receipt.landed, "two receipts: {first:?} and {:?}", receipt.landed);
            }
            Ok(Fate::Dead) => return Err("never sent, within its window, and said to be dead".to_owned()),
            Ok(_) => {}
            // Whoever is refused a second attempt knows nothing of the first.
            Err(e) => ensure!(e.next != Next::Never, "never sent, and refused for good: {e}"),
        }
        probe.advance(t.now().plus_ms(1_000)).await;
    }
    let new = probe.transactions().await.saturating_sub(before);
    let count = t.settlements(&it.order).await;
    ensure!(new <= 1 && count <= 1, "{new} transactions, settled {count} times");
    ensure!((count == 1) == landed.is_some(), "settled {count} times, and the receipts say {landed:?}");
    let (lost, won) = purses.moved(&Purses::of(&t, &it.order).await?)?;
    let taken = if count == 1 { part } else { 0 };
    ensure!(
        lost.is_none_or(|lost| lost == taken) && won == taken,
        "{taken} were taken: the payer lost {lost:?}, the payee got {won}"
    );
    if count == 0 {
        // Open is what it was said to be, so it can be settled still.
        t.settle(&it.order).await.or_seen("settle what was said to be open")?;
    }
    Ok(())
}

pub(super) async fn dead_only_past_the_window(t: Arc<Trial>) -> Verdict {
    let probe = &t.place.probe;
    let it = t.sign().await?;
    let terms = (t.stand.entry().read)(&it.order).or_seen("read")?;
    let until = it.sent.spendable_until;
    let (timed, now) = (t.stand.timed(), t.now());
    let mut moments: Vec<Time> = match timed {
        true => vec![now, terms.settle_before.minus_ms(1), terms.settle_before],
        // Blocks end it somewhere on the way.
        false => (0..40).map(|n| now.plus_ms(until.ms_since(now).saturating_mul(n) / 40)).collect(),
    };
    moments.extend([1, 500, 1_000].map(|ms| until.minus_ms(ms)));
    moments.extend((0..40).map(|n| until.plus_ms(500 * n)));
    moments.sort_unstable();
    for moment in moments {
        probe.advance(moment).await;
        for who in [Who::Payer, Who::Settler] {
            let fate = ask(&t, who, &it).await?;
            // Looked at afterwards: while asking, time goes on.
            let last = probe.final_time().await;
            let over = if timed { last >= until } else { probe.is_over(&it.order).await };
            if matches!(fate, Ok(Fate::Dead)) && !over {
                let who = if who == Who::Payer { "resolve" } else { "resume" };
                return Err(format!(
                    "{who} says dead when final chain time is {last:?}; spendable until {until:?}"
                ));
            }
        }
    }
    Ok(())
}
