use super::Trouble;
use super::money::Purses;
use super::trial::Trial;
use crate::suite::Verdict;
use crate::suite::property::{OrSeen, ensure};
use crate::suite::turns::Turns;
use crate::weave::SeededDice;
use std::sync::Arc;
use tollway_core::flow::VisitRecord;
use tollway_core::ledger::MemoryLedger;
use tollway_core::{Code, Fate, Ledger, Order, Receipt, Replay, Result as Core, Settler};

/// What one of those who race has to say.
enum Said {
    /// The first house, or another caller of it.
    Settled(Core<Receipt>),
    /// Another print of the same payment, at the first house.
    Thief(Core<Receipt>),
    /// A house of its own.
    Second(Core<Receipt>),
    /// Somebody who only asked.
    Asked(Core<Fate>),
    /// Somebody who only looked.
    Looked,
}

pub(super) async fn settles_at_most_once(t: Arc<Trial>) -> Verdict {
    let dice = SeededDice::new(t.seed).fork("race");
    let it = t.sign().await?;
    let order = &it.order;
    let charge = charge(&t, order, &dice);
    let before = Purses::of(&t, order).await?;
    let sent_before = t.place.probe.transactions().await;
    let trouble = dice.below(4) == 0 && t.place.probe.trouble(Trouble::AnswerLost).await;
    let mortal = dice.below(2) == 0;
    // Where the chain refuses the second use, two houses that know nothing of each other may race.
    let rival = t.rival()?.filter(|_| t.capability().replay == Replay::OnChain);
    let houses = if rival.is_some() { 2 } else { 1 };
    let (settler, other) = (t.settler()?, rival.clone().map_or_else(|| t.new_settler(), Ok)?);
    let elsewhere = MemoryLedger::new();
    let lives = || if mortal { dice.place(80) } else { usize::MAX };
    let (first, second) = (t.once(settler, &*t.ledgers.settler), t.once(&*other, &elsewhere));
    let payer = t.payer()?;
    let mut table = Turns::new(dice.next_u64());
    for _ in 0..2 {
        let call = async { Said::Settled(first.settle(order.clone(), charge, &"print".into()).await) };
        table = table.with_mortal(Box::pin(call), lives());
    }
    let thief = async { Said::Thief(first.settle(order.clone(), charge, &"another".into()).await) };
    table = table.with_mortal(Box::pin(thief), lives());
    if houses == 2 {
        let call = async { Said::Second(second.settle(order.clone(), charge, &"print".into()).await) };
        table = table.with_mortal(Box::pin(call), lives());
    }
    table = table.with(Box::pin(async { Said::Asked(settler.resume(order, None).await) }));
    table = table.with(Box::pin(async { Said::Asked(payer.resolve(&it.sent).await) }));
    table = table.with(Box::pin(async {
        let _ = settler.verify(order).await;
        Said::Looked
    }));
    let said = table.await;
    t.place.probe.advance(t.now().plus_ms(30_000)).await;
    recover(&t, &*t.ledgers.settler).await?;
    recover_with(&t, &*other, &elsewhere).await?;
    let count = t.settlements(order).await;
    ensure!(count <= 1, "settled {count} times");
    let new = t.place.probe.transactions().await.saturating_sub(sent_before);
    ensure!(new <= houses, "{new} transactions by {houses} houses");
    let (lost, won) = before.moved(&Purses::of(&t, order).await?)?;
    ensure!(
        lost.unwrap_or(0) <= charge && won <= charge,
        "charged {charge}: the payer lost {lost:?}, the payee got {won}"
    );
    agree(&said, count)?;
    if !mortal && !trouble {
        ensure!(count == 1 || t.capability().deferred, "nobody died, and nothing was settled");
    }
    Ok(())
}

fn charge(t: &Trial, order: &Order, dice: &SeededDice) -> u128 {
    let price = order.requirement.price.atomic();
    if !t.capability().metered {
        return price;
    }
    u128::from(dice.between(1, u64::try_from(price).unwrap_or(u64::MAX)))
}

/// All receipts are of one settlement, and there is one.
fn agree(said: &[Option<Said>], count: usize) -> Verdict {
    let mut landed = None;
    for one in said.iter().flatten() {
        let receipt = match one {
            Said::Settled(Ok(receipt)) | Said::Second(Ok(receipt)) => receipt,
            Said::Asked(Ok(Fate::Settled(receipt))) => receipt,
            Said::Asked(Ok(Fate::Dead)) => {
                return Err("somebody says dead of a payment within its window".to_owned());
            }
            Said::Thief(Ok(receipt)) => receipt,
            _ => continue,
        };
        ensure!(count == 1, "there is a receipt ({receipt:?}), and {count} settlements");
        let same = landed.get_or_insert_with(|| receipt.landed.clone());
        ensure!(*same == receipt.landed, "two receipts of one payment: {same:?} and {:?}", receipt.landed);
    }
    let won = |said: &Said| matches!(said, Said::Settled(Ok(_)));
    let stolen = |said: &Said| matches!(said, Said::Thief(Ok(_)));
    ensure!(
        !(said.iter().flatten().any(won) && said.iter().flatten().any(stolen)),
        "one payment paid for two requests"
    );
    Ok(())
}

/// What a house does when it starts again: moves on what its journal holds.
async fn recover(t: &Trial, ledger: &dyn Ledger) -> Verdict {
    let settler = t.new_settler()?;
    recover_with(t, &*settler, ledger).await
}

async fn recover_with(t: &Trial, settler: &dyn Settler, ledger: &dyn Ledger) -> Verdict {
    for found in ledger.scan("visit/suite", None, 99).await.or_seen("the journal")? {
        let record = VisitRecord::read(&found.value).or_seen("a visit record")?;
        // An error keeps the record for the next start; so does an unknown outcome.
        let _ = t.once(settler, ledger).recover(found.key, found.version, record).await;
    }
    Ok(())
}

pub(super) async fn settles_at_most_once_across_crashes(t: Arc<Trial>) -> Verdict {
    let dice = SeededDice::new(t.seed).fork("crash");
    let it = t.sign().await?;
    let (order, ledger) = (&it.order, &*t.ledgers.settler);
    let charge = charge(&t, order, &dice);
    let before = Purses::of(&t, order).await?;
    let sent_before = t.place.probe.transactions().await;
    if dice.below(4) == 0 {
        let trouble = if dice.below(2) == 0 { Trouble::AnswerLost } else { Trouble::Refused };
        t.place.probe.trouble(trouble).await;
    }
    // Dies somewhere in settling, and then somewhere in starting again.
    for start in 0..3u32 {
        let settler = t.new_settler()?;
        let lives = if start == 2 { usize::MAX } else { dice.place(60) };
        let work = async {
            recover_with(&t, &*settler, ledger).await?;
            let _ = t.once(&*settler, ledger).settle(order.clone(), charge, &"print".into()).await;
            Ok::<(), String>(())
        };
        let said = Turns::new(dice.next_u64()).with_mortal(Box::pin(work), lives).await;
        said.into_iter().flatten().collect::<Result<Vec<()>, String>>()?;
        let pause = dice.between(0, 4_000);
        t.place.probe.advance(t.now().plus_ms(pause)).await;
    }
    t.place.probe.advance(t.now().plus_ms(15_000)).await;
    recover(&t, ledger).await?;
    let count = t.settlements(order).await;
    ensure!(count <= 1, "settled {count} times");
    let new = t.place.probe.transactions().await.saturating_sub(sent_before);
    ensure!(new <= 1, "{new} transactions for one payment");
    let (lost, won) = before.moved(&Purses::of(&t, order).await?)?;
    ensure!(
        lost.unwrap_or(0) <= charge && won <= charge,
        "charged {charge}: the payer lost {lost:?}, the payee got {won}"
    );
    let settler = t.new_settler()?;
    let again = t.once(&*settler, ledger).settle(order.clone(), charge, &"print".into()).await;
    let count_then = t.settlements(order).await;
    ensure!(count_then <= 1, "settled {count_then} times in the end");
    match (&again, count) {
        (Ok(receipt), _) => {
            ensure!(count_then == 1, "there is a receipt, and nothing was settled");
            ensure!(
                receipt.charged.atomic == charge,
                "charged {charge}, the receipt says {:?}",
                receipt.charged
            );
        }
        (Err(e), 1) => return Err(format!("settled before the crash, and nobody finds it after: {e}")),
        (Err(_), _) => {}
    }
    let thief = t.once(&*settler, ledger).settle(order.clone(), charge, &"another".into()).await;
    if count_then == 1 {
        let known = [Code::ReplayedPayment, Code::NonceUsed, Code::InFlight];
        ensure!(
            thief.as_ref().is_err_and(|e| known.contains(&e.code)),
            "a settled payment is taken for another request: {thief:?}"
        );
    }
    Ok(())
}
