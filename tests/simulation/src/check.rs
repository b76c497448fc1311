//! What must hold when the storm is over and everybody has recovered.

use crate::log::{Signature, of_payload};
use crate::world::{Buyer, PRICE, World};
use alloy::primitives::{B256, keccak256};
use std::collections::{BTreeMap, BTreeSet};
use tollway_core::flow::{Stage, VisitRecord};
use tollway_core::{Code, Error, Ledger, Record, RecordKey, Result};
use tollway_route::pay::{AttemptRecord, AttemptStage};

/// Rooms of the ledgers that are empty when nothing is under way.
const SHOP_ROOM: &str = "visit/gate/";
const FACILITATOR_ROOMS: [&str; 2] = ["visit/facilitator/", "pending/facilitator/"];

/// Everything that is under way or left over. Empty when everybody has come to rest.
pub(crate) async fn left_over(world: &World) -> Result<Vec<String>> {
    let mut left = Vec::new();
    let facilitator = world.facilitator().clone();
    for room in FACILITATOR_ROOMS {
        let found = records(facilitator.as_ref(), room).await?;
        left.extend(found.iter().map(|r| format!("the facilitator still has the record {}", r.key)));
    }
    let claims = facilitator.claims().await?;
    left.extend(claims.iter().map(|key| format!("the facilitator still claims {key}")));
    shop(world, &mut left).await?;
    for buyer in &world.buyers {
        let name = &buyer.name;
        left.extend(buyer.disk.holds().iter().map(|hold| format!("{name} still holds {hold}")));
        for attempt in attempts(buyer).await? {
            if !matches!(attempt.stage, AttemptStage::Settled | AttemptStage::Dead) {
                left.push(format!("{name}'s attempt {} is still {:?}", attempt.id.0, attempt.stage));
            }
        }
    }
    Ok(left)
}

/// What the shop has left open. One that does not see the chain keeps what was never settled: a facilitator that says no
/// proves nothing, so nothing ever does. Whatever was settled it must have concluded.
async fn shop(world: &World, left: &mut Vec<String>) -> Result<()> {
    let settled = Settled::of(world);
    let mut kept = BTreeSet::new();
    for record in records(world.shop.as_ref(), SHOP_ROOM).await? {
        let visit = VisitRecord::read(&record.value)?;
        let signature = of_payload(&visit.order.payment.payload.value());
        let is_settled = signature.is_none_or(|signature| settled.0.contains_key(&signature));
        if world.shop_sees() || is_settled || visit.stage != Stage::Settling {
            left.push(format!("the shop still has the record {} ({:?})", record.key, visit.stage));
        }
        kept.extend(visit.keys);
    }
    for key in world.shop.claims().await? {
        if !kept.iter().any(|known| key.0.ends_with(&known.0)) {
            left.push(format!("the shop still claims {key}, and has no record of it"));
        }
    }
    Ok(())
}

/// Everything that is wrong with the money.
pub(crate) async fn wrongs(world: &World) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    if let Err(e) = world.chain.check_conservation() {
        wrong.push(format!("the chain does not add up: {e}"));
    }
    let settled = Settled::of(world);
    settled.once_each(&mut wrong);
    gas(world, &mut wrong);
    balances(world, &settled, &mut wrong);
    served(world, &settled, &mut wrong);
    one_signature(world, &mut wrong);
    for buyer in &world.buyers {
        journal(buyer, &settled, &mut wrong).await?;
        limits(buyer, &settled, &mut wrong).await?;
    }
    Ok(wrong)
}

/// What the chain says was settled: how often each authorization was used, and what it moved each time.
struct Settled(BTreeMap<Signature, Vec<u128>>);

impl Settled {
    fn of(world: &World) -> Self {
        let topic = |name: &str| alloy::hex::encode(keccak256(name));
        let used = topic("AuthorizationUsed(address,bytes32)");
        let mut settled: BTreeMap<Signature, Vec<u128>> = BTreeMap::new();
        let mut last: Option<Signature> = None;
        // The token says first which authorization is used, and then what it moves.
        for event in world.chain.events() {
            let topics: Vec<&str> = event.topic.split('.').collect();
            match topics.as_slice() {
                [kind, from, nonce] if *kind == used => {
                    let from = format!("0x{}", from.get(24..).unwrap_or_default());
                    last = Some(Signature { from, nonce: format!("0x{nonce}") });
                }
                _ => {
                    let Some(signature) = last.take() else { continue };
                    let moved = B256::try_from(event.data.as_slice()).unwrap_or_default();
                    let moved = moved.get(16..).and_then(|low| low.try_into().ok()).map(u128::from_be_bytes);
                    settled.entry(signature).or_default().push(moved.unwrap_or(0));
                }
            }
        }
        Self(settled)
    }

    fn once_each(&self, wrong: &mut Vec<String>) {
        for (signature, moved) in &self.0 {
            if moved.as_slice() != [PRICE] {
                wrong.push(format!("{} of {} moved {moved:?}", signature.nonce, signature.from));
            }
        }
    }

    fn by(&self, buyer: &Buyer) -> impl Iterator<Item = &Signature> {
        self.0.keys().filter(|s| s.from == buyer.account.address())
    }

    fn total(&self, buyer: &Buyer) -> u128 {
        let moved = self.0.iter().filter(|(s, _)| s.from == buyer.account.address());
        moved.flat_map(|(_, moved)| moved).sum()
    }
}

/// No gas is burnt on an authorization that was used already: it was sent once.
fn gas(world: &World, wrong: &mut Vec<String>) {
    for mined in world.chain.transactions() {
        if let Err(why) = &mined.output
            && why.0.contains("used")
        {
            wrong.push(format!("{} was sent for what was settled already: {}", mined.tx, why.0));
        }
    }
}

fn balances(world: &World, settled: &Settled, wrong: &mut Vec<String>) {
    let mut all = 0u128;
    for buyer in &world.buyers {
        let (has, total) = (world.chain.balance(&buyer.account, &world.token), settled.total(buyer));
        all = all.saturating_add(total);
        if buyer.had.checked_sub(has) != Some(total) {
            wrong.push(format!("{} had {} and has {has}, and {total} were settled", buyer.name, buyer.had));
        }
    }
    let got = world.chain.balance(&world.payee, &world.token);
    if got != all {
        wrong.push(format!("the payee got {got}, and {all} were settled"));
    }
}

/// Whoever was served has paid once, for this very thing, and was served by one run of the handler.
fn served(world: &World, settled: &Settled, wrong: &mut Vec<String>) {
    for (signature, answers) in world.log.served() {
        if settled.0.get(&signature).map(Vec::len) != Some(1) {
            wrong.push(format!("{} was served, and never settled: {answers:?}", signature.nonce));
        }
        let paths: BTreeSet<_> = answers.iter().map(|(path, _)| path).collect();
        let runs: BTreeSet<_> = answers.iter().filter_map(|(_, run)| run.as_ref()).collect();
        if paths.len() > 1 || runs.len() > 1 {
            wrong.push(format!("{} was served more than once: {answers:?}", signature.nonce));
        }
    }
}

/// For one thing nobody signs twice, as its price never changes; and nobody signs for what is too dear.
fn one_signature(world: &World, wrong: &mut Vec<String>) {
    for (path, signatures) in world.log.things() {
        if signatures.len() > 1 {
            wrong.push(format!("{path} was signed for {} times", signatures.len()));
        }
        if path.starts_with("/dear/") {
            wrong.push(format!("{path} was signed for, and is above the cap"));
        }
    }
}

/// What the chain has settled is settled in the payer's journal, and nothing else is.
async fn journal(buyer: &Buyer, settled: &Settled, wrong: &mut Vec<String>) -> Result<()> {
    let mut known = BTreeSet::new();
    for attempt in attempts(buyer).await? {
        if attempt.stage != AttemptStage::Settled {
            continue;
        }
        let payload = attempt.authorization.as_ref().map(|auth| auth.payment.payload.value());
        known.extend(payload.as_ref().and_then(of_payload));
    }
    let paid: BTreeSet<_> = settled.by(buyer).cloned().collect();
    for signature in paid.symmetric_difference(&known) {
        let which = if known.contains(signature) { "journal" } else { "chain" };
        wrong.push(format!("{}: only the {which} has {} settled", buyer.name, signature.nonce));
    }
    Ok(())
}

/// The budget is what was settled, to the unit, and within its limit; so is the wallet's.
async fn limits(buyer: &Buyer, settled: &Settled, wrong: &mut Vec<String>) -> Result<()> {
    let total = settled.total(buyer);
    for (budget, used, limit) in buyer.disk.used().await? {
        // A dollar budget counts in units of 10⁻¹⁸, the token in millionths.
        let unit = if budget.starts_with("wallet:") { 1 } else { 10u128.pow(12) };
        if used != total.saturating_mul(unit) || used > limit {
            wrong.push(format!("{}: {budget} has used {used} of {limit}; settled: {total}", buyer.name));
        }
    }
    Ok(())
}

pub(crate) async fn attempts(buyer: &Buyer) -> Result<Vec<AttemptRecord>> {
    let found = records(buyer.disk.as_ref(), "attempt/").await?;
    let bad = |e: serde_json::Error| Error::us(Code::LedgerFailed).detail(e.to_string());
    found.iter().map(|r| serde_json::from_str(&r.value).map_err(bad)).collect()
}

async fn records(ledger: &dyn Ledger, room: &str) -> Result<Vec<Record>> {
    let (mut all, mut after): (Vec<Record>, Option<RecordKey>) = (Vec::new(), None);
    loop {
        let page = ledger.scan(room, after.as_ref(), 256).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some(last.key.clone());
        all.extend(page);
    }
}
