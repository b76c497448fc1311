use super::trial::Trial;
use crate::suite::Verdict;
use crate::suite::property::{OrSeen, ensure};
use std::sync::Arc;
use tollway_core::{Amount, Answer, Error, Landed, Reading, Receipt};

pub(super) async fn believes_only_receipts_of_what_was_signed(t: Arc<Trial>) -> Verdict {
    let it = t.sign().await?;
    let (payer, others) = (t.payer()?, &t.place.others);
    let lost = payer.receive(&it.sent, Answer::Lost).await.or_seen("receive of silence")?;
    ensure!(!matches!(lost, Reading::Paid(_)), "no answer at all is taken for paid");
    ensure!(lost != Reading::SignAgain, "no answer at all is taken for leave to sign again");
    let refusal = Error::payer(tollway_core::Code::InsufficientFunds);
    let refused = payer.receive(&it.sent, Answer::Refused(&refusal)).await.or_seen("receive of a refusal")?;
    ensure!(!matches!(refused, Reading::Paid(_)), "a refusal is taken for paid");
    let receipt = t.settle(&it.order).await.or_seen("settle")?;
    let read =
        payer.receive(&it.sent, Answer::Receipt(&receipt)).await.or_seen("receive of the true receipt")?;
    ensure!(read == Reading::Paid(receipt.charged), "the true receipt is read as {read:?}");
    let ceiling = it.sent.payment.accepted.price;
    let stranger = others.payee;
    let lies: Vec<(&str, Receipt)> = vec![
        (
            "more than was signed",
            Receipt {
                charged: Amount::new(ceiling.asset(), ceiling.atomic().saturating_add(1)),
                ..receipt.clone()
            },
        ),
        (
            "another asset",
            Receipt { charged: Amount::new(others.asset, ceiling.atomic()), ..receipt.clone() },
        ),
        ("another chain", Receipt { chain: others.chain, ..receipt.clone() }),
        ("another payer", Receipt { payer: Some(stranger), ..receipt.clone() }),
        ("money taken and landed nowhere", Receipt { landed: Landed::Nothing, ..receipt.clone() }),
    ];
    for (what, lie) in lies {
        let read = payer.receive(&it.sent, Answer::Receipt(&lie)).await;
        ensure!(!matches!(read, Ok(Reading::Paid(_))), "a receipt of {what} is taken for paid");
        if let Err(e) = read {
            ensure!(e.blame != tollway_core::Blame::Us, "a receipt of {what}: {e}");
        }
    }
    Ok(())
}
