//! A scheme whose signatures are numbered.

use super::{ME, World, asset, step};
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tollway_core::registry::{Capability, CellId, SchemeEntry};
use tollway_core::*;

pub(crate) const FAMILY: Family = Family {
    namespace: "test",
    address: |a| match a {
        "" => Err(Error::payee(Code::InvalidAddress)),
        a => arrayvec::ArrayString::from(a).map_err(|_| Error::payee(Code::InvalidAddress)),
    },
    display: str::to_owned,
    networks: &[
        network("test:1", Some("one")),
        network("test:2", Some("two")),
        network("test:3", None),
        network("test:4", None),
        network("test:7", None),
        KnownNetwork { testnet: false, ..network("test:9", Some("main")) },
    ],
    assets: &[
        token("test:1", "usdc", "USDC", 6),
        token("test:2", "usdc", "USDC", 6),
        token("test:3", "usdc", "USDC", 6),
        token("test:4", "usdc", "USDT", 2),
        token("test:1", "weth", "WETH", 18),
    ],
};

const fn network(chain: &'static str, v1_name: Option<&'static str>) -> KnownNetwork {
    KnownNetwork { chain, title: "Test", v1_name, coin: "T", coin_decimals: 18, testnet: true }
}

const fn token(chain: &'static str, key: &'static str, symbol: &'static str, decimals: u8) -> KnownAsset {
    KnownAsset { chain, key, symbol, decimals, extra: &[] }
}

pub(crate) fn entry_of() -> SchemeEntry {
    const FLOWS: &[Flow] = &[Flow::Authorization, Flow::Upfront];
    let id = CellId { scheme: "fake", namespace: "test", methods: &[""] };
    SchemeEntry::new(id, Capability::fixed(FLOWS), read)
        .payer(|site| Ok(Arc::new(Role { world: site.chain::<World>()?, chain: site.chain })))
        .seller(|site| Ok(Arc::new(Role { world: site.chain::<World>()?, chain: site.chain })))
        .settler(|site| Ok(Arc::new(Role { world: site.chain::<World>()?, chain: site.chain })))
}

#[derive(Deserialize)]
struct Payload {
    nonce: String,
    value: String,
    to: String,
    until: u64,
}

pub(crate) fn nonce_of(payment: &Payment) -> String {
    payment.payload.value()["nonce"].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn payload(nonce: &str, value: u128, to: &str, until: Time) -> Json {
    let value = value.to_string();
    Json::of(
        &serde_json::json!({ "nonce": nonce, "value": value, "to": to, "until": until.ms(), "signature": "hush" }),
    )
}

pub(crate) fn read(order: &Order) -> Result<Terms> {
    let payload: Payload = order.payment.payload.read()?;
    let r = &order.requirement;
    Ok(Terms {
        payer: None,
        payee: Account::new(r.chain, &payload.to)?,
        ceiling: Ceiling(Amount::new(r.price.asset(), Amount::parse_atomic(&payload.value)?)),
        replay: vec![ReplayKey(payload.nonce)],
        not_before: Time::ZERO,
        settle_before: Time::from_ms(payload.until),
    })
}

struct Role {
    world: Arc<World>,
    chain: ChainId,
}

pub(crate) fn receipt(order_price: Amount, chain: ChainId, nonce: &str) -> Receipt {
    Receipt {
        landed: Landed::OnChain { transaction: TxId(format!("tx-{nonce}")) },
        charged: order_price,
        payer: None,
        chain,
        spent: None,
        extra: Extra::default(),
    }
}

impl Role {
    fn effort(&self, price: u128, asset: AssetId) -> Effort {
        let script = self.world.script();
        let mut effort = Effort::default();
        if script.compute > 0 {
            effort = Effort::one(Work::new(script.bearer, "settle", script.compute, Sample::default()));
        }
        if script.fee_bps > 0 {
            let amount = Amount::new(asset, price.saturating_mul(script.fee_bps).div_ceil(10_000));
            effort.fees.push(Fee { bearer: Bearer::Payee, amount, label: "fee" });
        }
        effort
    }

    fn planned(&self, demand: &Demand<'_>) -> Result<Plan> {
        let (r, script) = (demand.requirement, self.world.script());
        let balance = *self.world.balance.lock().unwrap();
        let price = r.price.atomic();
        let actions = (0..script.actions).map(|_| Action {
            kind: ActionKind::Approve,
            chain: r.chain,
            effort: Effort::one(
                Work::new(Bearer::Payer, "approve", 1_000, Sample::default())
                    .shared_by(script.actions_shared_by.try_into().unwrap()),
            ),
            detail: Json::empty(),
        });
        Ok(Plan {
            exposure: Ceiling(Amount::new(r.price.asset(), price.saturating_mul(script.exposure))),
            price: Ceiling(Amount::new(r.price.asset(), script.plan_price.unwrap_or(price))),
            locks_atomic: 0,
            spendable_until: demand.now.plus_ms(r.timeout_s * 1000),
            actions: actions.collect(),
            effort: self.effort(price, r.price.asset()),
            funds: balance.map(|atomic| Funds {
                owner: Account::new(r.chain, ME).unwrap(),
                balance: Amount::new(r.price.asset(), atomic),
                as_of: Time::ZERO,
            }),
        })
    }
}

#[async_trait]
impl Payer for Role {
    async fn plan(&self, demand: &Demand<'_>) -> Result<Plan> {
        self.planned(demand)
    }
    fn plan_now(&self, demand: &Demand<'_>) -> Option<Result<Plan>> {
        let now = self.world.script().odd_now && demand.requirement.price.atomic() % 2 == 1;
        now.then(|| self.planned(demand))
    }
    async fn perform(&self, _: &Action) -> Result<Receipt> {
        step().await;
        if let Some(e) = self.world.script().perform_fails {
            return Err(e);
        }
        self.world.performed.fetch_add(1, Ordering::SeqCst);
        step().await;
        Ok(receipt(Amount::zero(AssetId::native(self.chain)), self.chain, "approve"))
    }
    async fn authorize(
        &self,
        demand: &Demand<'_>,
        reserved: &Reserved,
        attempt: &AttemptId,
    ) -> Result<Authorization> {
        step().await;
        let (r, script) = (demand.requirement, self.world.script());
        if let Some(e) = script.no_signer {
            return Err(e);
        }
        let nonce = attempt.0.clone();
        self.world.signed.lock().unwrap().push(nonce.clone());
        let value = r.price.atomic() * script.signs_times;
        let mut accepted = r.clone();
        if let Some(who) = script.signs_for {
            accepted.pay_to = Account::new(r.chain, who)?;
        }
        let until = reserved.plan().spendable_until;
        let payload = payload(&nonce, value, accepted.pay_to.address(), until);
        step().await;
        Ok(Authorization {
            payment: Payment { accepted, payload, extensions: None, resource: None },
            attempt: attempt.clone(),
            spendable_until: until,
        })
    }
    async fn receive(&self, sent: &Authorization, answer: Answer<'_>) -> Result<Reading> {
        step().await;
        if let Some(e) = self.world.script().receive_fails {
            return Err(e);
        }
        Ok(match answer {
            Answer::Receipt(r) if self.world.script().believes => Reading::Paid(r.charged),
            Answer::Receipt(r) if r.charged == sent.payment.accepted.price.0 => Reading::Paid(r.charged),
            Answer::Corrected(_) => Reading::SignAgain,
            _ => Reading::Resolve,
        })
    }
    async fn resolve(&self, sent: &Authorization) -> Result<Fate> {
        self.world.resolves.fetch_add(1, Ordering::SeqCst);
        step().await;
        let script = self.world.script();
        if let Some(e) = script.resolve_fails {
            return Err(e);
        }
        let found = self.world.chain.lock().unwrap().get(&nonce_of(&sent.payment)).cloned();
        Ok(match found {
            Some(receipt) => Fate::Settled(Box::new(receipt)),
            None if self.world.now() >= sent.spendable_until => Fate::Dead,
            None if script.not_yet_known => Fate::NotYetKnown { ask_again: self.world.now().plus_ms(1000) },
            None => Fate::Open { cancel: None },
        })
    }
}

#[async_trait]
impl Seller for Role {
    fn offer(&self, price: &Price, kind: &Kind) -> Result<Offer> {
        let mut requirement = Requirement {
            version: Version::V2,
            scheme: Name::new("fake")?,
            method: None,
            chain: price.chain,
            price: price.ceiling,
            pay_to: price.pay_to,
            timeout_s: price.timeout_s,
            flow: price.flow,
            extra: kind.extra.clone(),
            raw: Json::empty(),
        };
        requirement.raw = wire::write_requirement(&requirement, "", &[FAMILY])?;
        Ok(Offer { requirement, bound_to: None, volatile: Vec::new() })
    }
    async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move> {
        step().await;
        flow::simple(visit, &event)
    }
    async fn upkeep(&self, _: Wish, _: Time) -> Result<Vec<Job>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Settler for Role {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        if self.world.script().no_own_settler {
            return Ok(Vec::new());
        }
        Ok(kinds(self.chain))
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.world.efforts.fetch_add(1, Ordering::SeqCst);
        let price = order.requirement.price;
        Ok(Role::effort(self, price.atomic(), price.asset()))
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        step().await;
        if self.world.chain.lock().unwrap().contains_key(&nonce_of(&order.payment)) {
            return Err(Error::payer(Code::NonceUsed));
        }
        Ok(Proof::default())
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        step().await;
        self.world.settles.fetch_add(1, Ordering::SeqCst);
        let (order, nonce) = (due.verified().order(), nonce_of(&due.verified().order().payment));
        let done = receipt(due.charge().amount(), order.requirement.chain, &nonce);
        if self.world.script().settle_lost {
            return Err(Error::unknown(Code::TimedOut, None));
        }
        self.world.chain.lock().unwrap().insert(nonce, done.clone());
        step().await;
        Ok(done)
    }
    async fn resume(&self, order: &Order, _: Option<Amount>) -> Result<Fate> {
        self.world.resumes.fetch_add(1, Ordering::SeqCst);
        step().await;
        if self.world.script().resume_refuses {
            return Err(Error::settler(Code::SimulationFailed));
        }
        let found = self.world.chain.lock().unwrap().get(&nonce_of(&order.payment)).cloned();
        Ok(match found {
            Some(receipt) => Fate::Settled(Box::new(receipt)),
            None => Fate::NotYetKnown { ask_again: self.world.now().plus_ms(1000) },
        })
    }
}

pub(crate) fn kinds(chain: ChainId) -> Vec<Kind> {
    let scheme = Name::new("fake").unwrap();
    let kind = |version| Kind { version, scheme, chain, extra: Extra::default(), extensions: Vec::new() };
    vec![kind(Version::V2), kind(Version::V1)]
}
