use super::booth::Booth;
use super::faults::*;
use super::pass::{Pass, read};
use super::{MARGIN_MS, SCHEME};
use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tollway_core::flow::settle_unsent;
use tollway_core::{
    Amount, AssetId, Bearer, Blame, ChainId, Clock, Code, Due, Effort, Error, Extra, Fate, Kind, Landed,
    Name, Next, Order, Proof, Purpose, Receipt, RecordKey, Requirement, Result, Sample, Settler, Site, Spent,
    Time, Version, Work, async_trait,
};
use tollway_testkit::sim::{At, EventQuery, GAS_BASE, GAS_BYTE, Mined, Revert, Sent, Sim, Submit};

struct Settling<const F: u8> {
    chain: ChainId,
    booth: Arc<Booth>,
    clock: Arc<dyn Clock>,
    verified: Mutex<BTreeSet<String>>,
    count: AtomicUsize,
}

pub(super) fn build<const F: u8>(site: &Site) -> Result<Arc<dyn Settler>> {
    let (booth, clock) = (site.chain::<Booth>()?, site.clock.clone());
    let (verified, count) = (Mutex::default(), AtomicUsize::new(0));
    Ok(Arc::new(Settling::<F> { chain: site.chain, booth, clock, verified, count }))
}

/// Gas of a payment beside its base and its bytes.
const GAS_PAY: u64 = 55_000;

pub(super) fn effort<const F: u8>(sim: &dyn Sim, want: &Requirement, pass: Option<&Pass>) -> Result<Effort> {
    let typical = || Pass {
        from: want.pay_to.address().to_owned(),
        to: want.pay_to.address().to_owned(),
        amount: want.price.atomic().to_string(),
        valid_after: 1_700_000_000,
        valid_before: 1_700_000_060,
        nonce: "0123456789abcdef".repeat(2),
        signature: "0123456789abcdef".repeat(4),
    };
    let pass = pass.map_or_else(typical, |pass| Pass { signature: typical().signature, ..pass.clone() });
    let call = pass.call(want, Some(want.price.atomic()), true)?;
    let bytes = u64::try_from(call.input.len()).unwrap();
    let gas = match F {
        EFFORT_SHRINKS => 10_000_000 / bytes,
        EFFORT_TOO_SMALL => GAS_BASE,
        _ => GAS_BASE + GAS_PAY + GAS_BYTE * bytes,
    };
    let sample = if F == EFFORT_SHRINKS { Sample::default() } else { sim.sample(&call) };
    Ok(Effort::one(Work::new(Bearer::Settler, "pay", gas, sample)))
}

/// What a chain's refusal means.
fn refusal(revert: &Revert) -> Error {
    match revert.0.as_str() {
        "invalid signature" => Error::payer(Code::InvalidSignature),
        "expired" => Error::payer(Code::Expired),
        "not yet valid" => Error::payer(Code::NotYetValid).next(Next::Later),
        "used" => Error::payer(Code::NonceUsed),
        words if words.contains("balance") => {
            Error::new(Code::InsufficientFunds, Blame::Payer, Next::OtherRoute)
        }
        words => Error::payer(Code::SimulationFailed).detail(words),
    }
}

fn receipt(
    want: &Requirement,
    pass: &Pass,
    landed: Landed,
    taken: u128,
    cost: Option<u128>,
) -> Result<Receipt> {
    let spent = cost.map(|atomic| Spent {
        cost: Amount::new(AssetId::native(want.chain), atomic),
        shared_by: NonZeroU32::MIN,
    });
    Ok(Receipt {
        landed,
        charged: Amount::new(want.price.asset(), taken),
        payer: Some(super::pass::somebody(want.chain, &pass.from)?),
        chain: want.chain,
        spent,
        extra: Extra::default(),
    })
}

/// How much the token says it took.
fn taken(data: &[u8]) -> Result<u128> {
    let bad = || Error::network(Code::InvalidAnswer);
    std::str::from_utf8(data).ok().and_then(|text| Amount::parse_atomic(text).ok()).ok_or_else(bad)
}

/// What the chain says of a pass, whoever brought it there.
pub(super) async fn look_for(
    sim: &dyn Sim,
    clock: &dyn Clock,
    want: &Requirement,
    pass: &Pass,
) -> Result<Fate> {
    let program = tollway_core::Account::new(want.chain, want.price.asset().key())?;
    let topic = Some(format!("paid/{}", pass.nonce));
    let query = EventQuery { program, topic, since: Time::ZERO, until: Time::FAR };
    let later = || Fate::NotYetKnown { ask_again: clock.now().plus_ms(2_000) };
    let (_, last) = sim.chain_time(At::Final).await?;
    if let Some(event) = sim.events(&query).await?.first() {
        let landed = Landed::OnChain { transaction: event.tx.clone() };
        return Ok(if event.time <= last {
            Fate::Settled(Box::new(receipt(want, pass, landed, taken(&event.data)?, None)?))
        } else {
            later()
        });
    }
    Ok(if last >= pass.until() {
        Fate::Dead
    } else if clock.now() >= pass.until() {
        later()
    } else {
        Fate::Open { cancel: None }
    })
}

impl<const F: u8> Settling<F> {
    fn here(&self, order: &Order) -> Result<()> {
        // Whose passes name no chain takes whatever chain an order says.
        if order.requirement.chain == self.chain {
            return Ok(());
        }
        Err(Error::caller(Code::InvalidNetwork).detail("another chain"))
    }

    fn key(&self, want: &Requirement, pass: &Pass) -> RecordKey {
        let key = pass.replay_key(&want.price.asset()).0;
        if F == SENDS_AGAIN_AFTER_A_CRASH {
            return RecordKey(format!("{key}/{}", self.clock.now().ms()));
        }
        RecordKey(key)
    }

    async fn send(
        &self,
        want: &Requirement,
        pass: &Pass,
        take: Option<u128>,
        key: &RecordKey,
    ) -> Result<Mined> {
        let not_after = if F == SETTLES_LATE || F == ACCEPTS_THE_EXPIRED {
            Time::FAR
        } else {
            pass.until().minus_ms(MARGIN_MS)
        };
        let call = pass.call(want, take, true)?;
        let submit = Submit { call, gas_limit: 2_000_000, purpose: Purpose::Interactive, not_after };
        self.booth.sim.send(submit, key).await
    }

    async fn look(&self, want: &Requirement, pass: &Pass) -> Result<Fate> {
        look_for(&*self.booth.sim, &*self.clock, want, pass).await
    }

    /// Our transaction is mined; one that lost to another with the same pass is as good.
    async fn mined(&self, want: &Requirement, pass: &Pass, mined: Mined) -> Result<Receipt> {
        match mined.output {
            Ok(_) => {
                let topic = format!("paid/{}", pass.nonce);
                let said = mined.events.iter().find(|event| event.topic == topic);
                let taken = taken(said.map_or(&[][..], |event| &event.data))?;
                let landed = Landed::OnChain { transaction: mined.tx };
                receipt(want, pass, landed, taken, Some(mined.cost_atomic))
            }
            Err(revert) => match self.look(want, pass).await? {
                Fate::Settled(receipt) => Ok(*receipt),
                Fate::Dead | Fate::Open { .. } => Err(refusal(&revert).transaction(mined.tx)),
                _ => Err(Error::unknown(Code::TransactionFailed, Some(mined.tx))),
            },
        }
    }
}

#[async_trait]
impl<const F: u8> Settler for Settling<F> {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        let scheme = Name::new(if F == KIND_OF_ANOTHER_SCHEME { "bridge" } else { SCHEME })?;
        let kind = |version| Kind {
            version,
            scheme,
            chain: self.chain,
            extra: Extra::default(),
            extensions: Vec::new(),
        };
        Ok(vec![kind(Version::V2), kind(Version::V1)])
    }

    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.here(order)?;
        let payload = &order.payment.payload;
        let pass = if payload.is_empty() { None } else { Some(Pass::decode::<F>(payload)?) };
        effort::<F>(&*self.booth.sim, &order.requirement, pass.as_ref())
    }

    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.here(order)?;
        let (want, terms) = (&order.requirement, read::<F>(order)?);
        let pass = Pass::decode::<F>(&order.payment.payload)?;
        let asked = pass.call(want, None, F != ACCEPTS_THE_EARLY)?;
        let looked = self.booth.sim.view(&asked, At::Latest).await?;
        looked.output.map_err(|revert| match (F, refusal(&revert)) {
            (LEAKS_THE_SIGNATURE_IN_ERRORS, e) => e.detail(format!("refused: {}", pass.signature)),
            (_, e) => e,
        })?;
        if F == VERIFY_MOVES_MONEY {
            self.send(want, &pass, None, &RecordKey(format!("look/{}", pass.nonce))).await?;
        }
        let first = self.verified.lock().unwrap().insert(terms.replay[0].0.clone());
        if F == VERIFIES_ONCE && !first {
            return Err(Error::payer(Code::NonceUsed));
        }
        Ok(Proof::default())
    }

    async fn settle(&self, due: Due) -> Result<Receipt> {
        let order = due.verified().order();
        let (want, pass) = (&order.requirement, Pass::decode::<F>(&order.payment.payload)?);
        let charge = due.charge().atomic();
        if F == METERED && charge == 0 {
            return receipt(want, &pass, Landed::Nothing, 0, None);
        }
        let take = (F == METERED).then_some(charge);
        if charge != want.price.atomic() && take.is_none() && F != CEILING_WITHOUT_END {
            return Err(Error::caller(Code::ValueMismatch).detail("the very amount, or nothing"));
        }
        let key = self.key(want, &pass);
        let sent = match self.send(want, &pass, take, &key).await {
            Err(e) if F == UNKNOWN_WHERE_NOTHING_WAS_SENT => Err(Error::unknown(e.code, None)),
            Err(e) if F == SAYS_NOTHING_MOVED && e.is_unknown_outcome() => {
                Err(Error::network(Code::Unreachable))
            }
            sent => sent,
        };
        if F == SETTLES_TWICE {
            self.send(want, &pass, take, &RecordKey(format!("{key}/again"))).await?;
        }
        self.mined(want, &pass, sent?).await
    }

    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        let found = self.fate(order).await?;
        if F != SOUND && F != METERED {
            return Ok(found);
        }
        settle_unsent(read::<F>, self, &*self.clock, order, charge, found).await
    }
}

impl<const F: u8> Settling<F> {
    async fn fate(&self, order: &Order) -> Result<Fate> {
        self.here(order)?;
        let (want, pass) = (&order.requirement, Pass::decode::<F>(&order.payment.payload)?);
        if F == RESUME_SENDS_AGAIN {
            let turn = self.count.fetch_add(1, Ordering::SeqCst);
            let _ = self.send(want, &pass, None, &RecordKey(format!("resume/{}/{turn}", pass.nonce))).await;
        }
        if F == RESUME_FORGETS {
            return Ok(Fate::Open { cancel: None });
        }
        Ok(match self.booth.sim.sent(&self.key(want, &pass)).await? {
            Sent::Mined(mined) => Fate::Settled(Box::new(self.mined(want, &pass, *mined).await?)),
            Sent::Pending(_) => Fate::NotYetKnown { ask_again: self.clock.now().plus_ms(2_000) },
            Sent::Never => match self.look(want, &pass).await? {
                Fate::Open { .. } | Fate::NotYetKnown { .. } if F == SENDS_AGAIN_AFTER_A_CRASH => {
                    return Err(Error::settler(Code::NotFound));
                }
                fate => fate,
            },
        })
    }
}
