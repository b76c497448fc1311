//! The smallest metered scheme on the simulated chain: the payer signs the most that may be taken, and whoever brings the
//! slip to the token says how much it is.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tollway_core::*;
use tollway_testkit::sim::{
    At, Ctx, EventQuery, FAMILY, GAS_BASE, GAS_BYTE, Mined, Program, Revert, Sent, Sim, SimCall, Submit,
};

pub(crate) const ENTRY: SchemeEntry = SchemeEntry::new(
    CellId { scheme: "tab", namespace: "sim", methods: &[""] },
    Capability { metered: true, ..Capability::fixed(&[Flow::Authorization]) },
    read,
)
.payer(|site| Ok(Arc::new(Cell::of(site)?)))
.seller(|_| Ok(Arc::new(Selling)))
.settler(|site| Ok(Arc::new(Cell::of(site)?)));

/// The same with a fixed price.
pub(crate) const FIXED: SchemeEntry = SchemeEntry::new(
    CellId { scheme: "tab", namespace: "sim", methods: &[""] },
    Capability::fixed(&[Flow::Authorization]),
    read,
)
.payer(|site| Ok(Arc::new(Cell::of(site)?)))
.seller(|_| Ok(Arc::new(Selling)))
.settler(|site| Ok(Arc::new(Cell::of(site)?)));

/// The same for a shop that has somebody else settle.
pub(crate) const SELLS: SchemeEntry = SchemeEntry::new(
    CellId { scheme: "tab", namespace: "sim", methods: &[""] },
    Capability { metered: true, ..Capability::fixed(&[Flow::Authorization]) },
    read,
)
.seller(|_| Ok(Arc::new(Selling)));

/// What is signed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slip {
    from: String,
    to: String,
    most: String,
    until_s: u64,
    nonce: String,
    signature: String,
}

impl Slip {
    fn message(&self, asset: &AssetId) -> Vec<u8> {
        let Self { from, to, most, until_s, nonce, .. } = self;
        format!("{asset}|{from}|{to}|{most}|{until_s}|{nonce}").into_bytes()
    }
    fn topic(&self) -> String {
        format!("paid/{}", self.nonce)
    }
    fn until(&self) -> Time {
        Time::from_secs(self.until_s)
    }
    fn call(&self, asset: &AssetId, take: u128) -> Result<SimCall> {
        let input = serde_json::to_vec(&(self, take.to_string())).unwrap();
        Ok(SimCall::new(Account::new(asset.chain, asset.key())?, input))
    }
}

fn read(order: &Order) -> Result<Terms> {
    let want = &order.requirement;
    let slip: Slip = order.payment.payload.read()?;
    let person = |address: &str| FAMILY.account(want.chain, address);
    let most = Amount::parse_atomic(&slip.most).map_err(|_| Error::payer(Code::InvalidPayload))?;
    Ok(Terms {
        payer: Some(person(&slip.from)?),
        payee: person(&slip.to)?,
        ceiling: Ceiling(Amount::new(want.price.asset(), most)),
        replay: vec![format!("tab:{}:{}", slip.from, slip.nonce).into()],
        not_before: Time::ZERO,
        settle_before: slip.until().minus_ms(2_000),
    })
}

/// The token, which moves by slips: each once.
pub(crate) struct Token;

impl Program for Token {
    fn call(&self, ctx: &mut Ctx<'_>, _: &Account, input: &[u8]) -> Result<Vec<u8>, Revert> {
        let bad = |_| Revert::from("not a slip");
        let (slip, take): (Slip, String) =
            serde_json::from_slice(input).map_err(|_| Revert::from("no call"))?;
        let own = AssetId::new(ctx.me().chain, ctx.me().address()).map_err(bad)?;
        let person = |address: &str| FAMILY.account(own.chain, address).map_err(bad);
        let (from, to) = (person(&slip.from)?, person(&slip.to)?);
        let (take, most) =
            (Amount::parse_atomic(&take).map_err(bad)?, Amount::parse_atomic(&slip.most).map_err(bad)?);
        let slot = format!("{}/{}", slip.from, slip.nonce).into_bytes();
        if ctx.load(&slot)?.is_some() {
            return Err("used".into());
        }
        if ctx.now() >= slip.until() {
            return Err("expired".into());
        }
        let signature = hex::decode(&slip.signature).unwrap_or_default();
        if !ctx.signed_by(&from, &slip.message(&own), &signature)? {
            return Err("invalid signature".into());
        }
        if take > most {
            return Err("more than was signed".into());
        }
        ctx.store(&slot, Some(vec![1]))?;
        ctx.emit(&slip.topic(), take.to_string().into_bytes())?;
        ctx.move_own(&from, &to, take)?;
        Ok(Vec::new())
    }
}

struct Selling;

#[async_trait]
impl Seller for Selling {
    fn offer(&self, price: &Price, kind: &Kind) -> Result<Offer> {
        flow::offer(&ENTRY, &FAMILY, price, kind)
    }
    async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move> {
        flow::simple(visit, &event)
    }
    async fn upkeep(&self, _: Wish, _: Time) -> Result<Vec<Job>> {
        Ok(Vec::new())
    }
}

/// Payer and settler.
struct Cell {
    chain: ChainId,
    sim: Arc<dyn Sim>,
    dice: Arc<dyn Dice>,
    clock: Arc<dyn Clock>,
}

impl Cell {
    fn of(site: &Site) -> Result<Self> {
        let (dice, clock) = (site.dice.clone(), site.clock.clone());
        Ok(Self { chain: site.chain, sim: site.chain::<dyn Sim>()?, dice, clock })
    }

    fn receipt(&self, want: &Requirement, slip: &Slip, landed: Landed, taken: u128) -> Result<Receipt> {
        Ok(Receipt {
            landed,
            charged: Amount::new(want.price.asset(), taken),
            payer: Some(FAMILY.account(want.chain, &slip.from)?),
            chain: want.chain,
            spent: None,
            extra: Extra::default(),
        })
    }

    fn mined(&self, want: &Requirement, slip: &Slip, mined: Mined) -> Result<Receipt> {
        mined.output.map_err(|revert| Error::payer(Code::SimulationFailed).detail(revert.0))?;
        let said = mined.events.iter().find(|event| event.topic == slip.topic()).unwrap();
        let taken = Amount::parse_atomic(std::str::from_utf8(&said.data).unwrap())?;
        self.receipt(want, slip, Landed::OnChain { transaction: mined.tx }, taken)
    }

    async fn look(&self, want: &Requirement, slip: &Slip) -> Result<Fate> {
        let program = Account::new(want.chain, want.price.asset().key())?;
        let query = EventQuery { program, topic: Some(slip.topic()), since: Time::ZERO, until: Time::FAR };
        let (_, last) = self.sim.chain_time(At::Final).await?;
        if let Some(event) = self.sim.events(&query).await?.first() {
            let taken = Amount::parse_atomic(std::str::from_utf8(&event.data).unwrap())?;
            let landed = Landed::OnChain { transaction: event.tx.clone() };
            return Ok(Fate::Settled(Box::new(self.receipt(want, slip, landed, taken)?)));
        }
        Ok(if last >= slip.until() { Fate::Dead } else { Fate::Open { cancel: None } })
    }

    fn effort_of(&self, want: &Requirement) -> Result<Effort> {
        let words = |n: usize| "0".repeat(n);
        let (from, to) = (words(42), words(42));
        let most = want.price.atomic().to_string();
        let slip = Slip { from, to, most, until_s: 1 << 31, nonce: words(32), signature: words(64) };
        let call = slip.call(&want.price.asset(), want.price.atomic())?;
        let gas = GAS_BASE + GAS_BYTE * 300 + 60_000;
        Ok(Effort::one(Work::new(Bearer::Settler, "tab", gas, self.sim.sample(&call))))
    }
}

#[async_trait]
impl Settler for Cell {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        let (scheme, extra) = (Name::new("tab")?, Extra::default());
        let kind = |version| Kind {
            version,
            scheme,
            chain: self.chain,
            extra: extra.clone(),
            extensions: Vec::new(),
        };
        Ok(vec![kind(Version::V2), kind(Version::V1)])
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.effort_of(&order.requirement)
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        let slip: Slip = order.payment.payload.read()?;
        let asset = order.requirement.price.asset();
        // For the whole of it: the ceiling has to be covered.
        let call = slip.call(&asset, Amount::parse_atomic(&slip.most)?)?;
        let looked = self.sim.view(&call, At::Latest).await?.output;
        looked.map(|_| Proof::default()).map_err(|revert| match revert.0.as_str() {
            "used" => Error::payer(Code::NonceUsed),
            "expired" => Error::payer(Code::Expired),
            words => Error::payer(Code::SimulationFailed).detail(words),
        })
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        let order = due.verified().order();
        let (want, slip) = (&order.requirement, order.payment.payload.read::<Slip>()?);
        if due.charge().atomic() == 0 {
            return self.receipt(want, &slip, Landed::Nothing, 0);
        }
        let submit = Submit {
            call: slip.call(&want.price.asset(), due.charge().atomic())?,
            gas_limit: 1_000_000,
            purpose: Purpose::Interactive,
            not_after: slip.until(),
        };
        let key = RecordKey(format!("tab/{}/{}", slip.from, slip.nonce));
        let mined = self.sim.send(submit, &key).await?;
        self.mined(want, &slip, mined)
    }
    async fn resume(&self, order: &Order, _: Option<Amount>) -> Result<Fate> {
        let (want, slip) = (&order.requirement, order.payment.payload.read::<Slip>()?);
        let key = RecordKey(format!("tab/{}/{}", slip.from, slip.nonce));
        Ok(match self.sim.sent(&key).await? {
            Sent::Mined(mined) => Fate::Settled(Box::new(self.mined(want, &slip, *mined)?)),
            Sent::Pending(_) => Fate::NotYetKnown { ask_again: self.clock.now().plus_ms(50) },
            Sent::Never => self.look(want, &slip).await?,
        })
    }
}

#[async_trait]
impl Payer for Cell {
    async fn plan(&self, demand: &Demand<'_>) -> Result<Plan> {
        let want = demand.requirement;
        let me = self.sim.signer()?.account(self.chain)?;
        let funds = self.sim.funds(&me, &want.price.asset()).await?;
        Ok(Plan {
            exposure: want.price,
            price: want.price,
            locks_atomic: 0,
            spendable_until: Time::from_secs(demand.now.secs() + want.timeout_s),
            actions: Vec::new(),
            effort: self.effort_of(want)?,
            funds: Some(funds),
        })
    }
    async fn perform(&self, _: &Action) -> Result<Receipt> {
        Err(Error::caller(Code::UnsupportedMethod))
    }
    async fn authorize(
        &self,
        demand: &Demand<'_>,
        reserved: &Reserved,
        attempt: &AttemptId,
    ) -> Result<Authorization> {
        let (want, until) = (demand.requirement, reserved.plan().spendable_until);
        let key = self.sim.signer()?;
        let mut nonce = [0; 16];
        self.dice.fill(&mut nonce);
        let mut slip = Slip {
            from: key.account(self.chain)?.address().to_owned(),
            to: want.pay_to.address().to_owned(),
            most: want.price.atomic().to_string(),
            until_s: until.secs(),
            nonce: hex::encode(nonce),
            signature: String::new(),
        };
        slip.signature = hex::encode(key.sign(&slip.message(&want.price.asset())));
        let payment = Payment {
            accepted: want.clone(),
            payload: Json::of(&slip),
            extensions: None,
            resource: demand.challenge.resource.clone(),
        };
        Ok(Authorization { payment, attempt: attempt.clone(), spendable_until: until })
    }
    async fn receive(&self, sent: &Authorization, answer: Answer<'_>) -> Result<Reading> {
        let most = sent.payment.accepted.price;
        Ok(match answer {
            Answer::Receipt(r) if r.charged.asset == most.asset() && r.charged.atomic <= most.atomic() => {
                Reading::Paid(r.charged)
            }
            Answer::Corrected(_) => Reading::SignAgain,
            _ => Reading::Resolve,
        })
    }
    async fn resolve(&self, sent: &Authorization) -> Result<Fate> {
        self.look(&sent.payment.accepted, &sent.payment.payload.read()?).await
    }
}
