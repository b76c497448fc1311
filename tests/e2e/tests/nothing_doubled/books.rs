//! The chains' blocks against everybody's books.

use crate::load::{End, Load, Plan};
use alloy::primitives::Address;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;
use tollway::core::flow::VisitRecord;
use tollway::core::{BudgetId, BudgetLine, Time};
use tollway::route::pay::AttemptStage;
use tollway_devnet::Chain;
use tollway_e2e::chain::{Authorization, Settlement, settlements};
use tollway_e2e::shop::Shop;
use tollway_e2e::world::{PRICE, World};
use tollway_e2e::{Outcome, until};

/// What a devnet's payer and first merchant start with.
const PAYER_HAD: u128 = 10_000_000_000;
const MERCHANT_HAD: u128 = 100_000_000;

const PATIENCE: Duration = Duration::from_secs(60);

type Tried = HashMap<Authorization, Vec<Settlement>>;

pub(crate) struct Books {
    /// By chain.
    tried: BTreeMap<u64, Tried>,
    ends: Vec<End>,
}

impl Books {
    pub(crate) async fn read(world: &World, ends: &[End]) -> Outcome<Self> {
        Ok(Self { tried: tried(world).await?, ends: ends.to_vec() })
    }

    fn all(&self) -> impl Iterator<Item = (&Authorization, &Vec<Settlement>)> {
        self.tried.values().flatten()
    }

    fn settled(&self) -> impl Iterator<Item = (&Authorization, &Settlement)> {
        self.all().flat_map(|(key, tries)| tries.iter().filter(|s| s.success).map(move |s| (key, s)))
    }

    /// At most one transaction for each authorization, reverted ones counted.
    pub(crate) fn nothing_is_doubled(&self) {
        for (key, tries) in self.all() {
            assert_eq!(tries.len(), 1, "{key:?} was sent {} times: {tries:?}", tries.len());
        }
        let reverted = self.all().flat_map(|(_, t)| t).filter(|s| !s.success).count();
        println!("{} authorizations settled, {reverted} transactions reverted", self.settled().count());
    }

    /// Every 200 has a settlement of its own.
    pub(crate) fn every_answer_was_paid_for(&self) {
        let on_chain: HashSet<&str> = self.settled().map(|(_, s)| s.transaction.as_str()).collect();
        let mut told = HashSet::new();
        for end in &self.ends {
            if let End::Served { transaction } | End::Undelivered { transaction } = end {
                assert!(on_chain.contains(transaction.as_str()), "{transaction} is on no chain");
                assert!(told.insert(transaction), "{transaction} paid for two answers");
            }
        }
        let served = self.ends.iter().filter(|e| matches!(e, End::Served { .. })).count();
        assert!(served * 2 > self.ends.len(), "only {served} of {} were served", self.ends.len());
    }

    /// What payers lost, merchants gained: a price for each settlement.
    pub(crate) async fn balances_agree(&self, world: &World) -> Outcome {
        for chain in world.devnet.chains() {
            let settled = self.tried[&chain.id()].values().flatten().filter(|s| s.success).count();
            let moved = u128::try_from(settled)? * u128::from(PRICE);
            let mut lost = 0;
            for payer in world.devnet.accounts().payers() {
                lost += PAYER_HAD - chain.usdc_balance(payer.address()).await?;
            }
            let merchant = world.devnet.accounts().merchant(0).address();
            let gained = chain.usdc_balance(merchant).await? - MERCHANT_HAD;
            assert_eq!((lost, gained), (moved, moved), "on {}: payers lost, merchant gained", chain.id());
        }
        Ok(())
    }

    /// No payment was signed for twice.
    pub(crate) fn signatures(&self, load: &Load) {
        let payments = load.plan.payments;
        let signed: usize = load.buyers.iter().map(|b| b.key.signed()).sum();
        println!("{signed} signatures for {payments} payments");
        assert!(signed <= payments, "{signed} signatures for {payments} payments");
    }

    /// Every settled payment is known to its payer as settled, and nothing else is.
    pub(crate) async fn payers_know(&self, load: &Load) -> Outcome {
        let on_chain: HashSet<Authorization> = self.settled().map(|(key, _)| *key).collect();
        let mut known = HashSet::new();
        let mut open = 0;
        for buyer in &load.buyers {
            let before = buyer.key.signed();
            buyer.router.settle_up().await?;
            assert_eq!(buyer.key.signed(), before, "settling up signed something");
            let attempts = buyer.router.attempts().await?;
            let signed = attempts.iter().filter(|a| a.authorization.is_some()).count();
            assert_eq!(signed, before, "signatures in the journal");
            for attempt in attempts {
                let Some(sent) = &attempt.authorization else { continue };
                let key = authorization(&sent.payment.payload.value())?;
                let settled = attempt.stage == AttemptStage::Settled;
                assert_eq!(settled, on_chain.contains(&key), "{key:?} is {:?} to its payer", attempt.stage);
                open += usize::from(matches!(attempt.stage, AttemptStage::Signed | AttemptStage::Refused));
                known.insert(key);
            }
        }
        assert!(on_chain.is_subset(&known), "something was settled that nobody signed");
        println!("{open} authorizations are still spendable");
        Ok(())
    }

    /// Nothing more was settled after the end.
    pub(crate) async fn nothing_changed(&self, world: &World) -> Outcome {
        let now = tried(world).await?;
        assert_eq!(now, self.tried, "something moved after the end");
        Ok(())
    }

    /// Every attempt is settled or dead, and what is held is what was spent.
    pub(crate) async fn holds_are_closed(&self, load: &Load) -> Outcome {
        for buyer in &load.buyers {
            buyer.router.settle_up().await?;
            let mut settled: BTreeMap<String, u128> = BTreeMap::new();
            for attempt in buyer.router.attempts().await? {
                match attempt.stage {
                    AttemptStage::Settled => {
                        let asset = attempt.requirement.price.asset();
                        let owner = attempt
                            .receipt
                            .as_ref()
                            .and_then(|r| r.payer)
                            .ok_or("a receipt without payer")?;
                        let line = format!("wallet:{owner}/{}", asset.key());
                        *settled.entry(line).or_default() += attempt.requirement.price.atomic();
                    }
                    AttemptStage::Dead => {}
                    other => panic!("{} is {other:?} after its window", attempt.id.0),
                }
            }
            for (budget, spent) in settled {
                let line = BudgetLine {
                    budget: BudgetId(budget.clone()),
                    amount: 0,
                    limit: u128::MAX,
                    since: Time::ZERO,
                };
                let used = buyer.house.ledger().used(&[line]).await?;
                assert_eq!(used, [spent], "{budget}: held or spent beside what was settled");
            }
        }
        Ok(())
    }

    /// A restarted shop finds out about whatever it had left open, and runs no handler for it. One that sees the chain
    /// knows of the dead ones too; a facilitator's word alone never proves that nothing was settled.
    pub(crate) async fn the_shop_finds_out(&self, shop: &Shop, plan: Plan) -> Outcome {
        let on_chain: HashSet<Authorization> = self.settled().map(|(key, _)| *key).collect();
        let open = async || shop.house.ledger().scan("visit/gate/", None, 10_000).await;
        let before = open().await?.len();
        let found_out = until("the shop knows of every settlement", PATIENCE, async || {
            shop.gate.recover().await?;
            for visit in open().await? {
                let visit = VisitRecord::read(&visit.value)?;
                let settled = on_chain.contains(&authorization(&visit.order.payment.payload.value())?);
                if settled || plan.shop_sees_chains {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        });
        if let Err(why) = found_out.await {
            for visit in open().await? {
                println!("still open: {}", visit.value);
            }
            return Err(why);
        }
        println!("{before} visits were left open by the shop, and {} still are", open().await?.len());
        assert_eq!(shop.runs.total(), 0, "recovering ran a handler");
        Ok(())
    }
}

async fn tried(world: &World) -> Outcome<BTreeMap<u64, Tried>> {
    let mut tried = BTreeMap::new();
    for chain in world.devnet.chains() {
        let chain: &Chain = chain;
        tried.insert(chain.id(), settlements(chain).await?);
    }
    Ok(tried)
}

fn authorization(payload: &serde_json::Value) -> Outcome<Authorization> {
    let word = |key: &str| payload["authorization"][key].as_str().ok_or("no authorization");
    let from: Address = word("from")?.parse()?;
    Ok((from, word("nonce")?.parse()?))
}
