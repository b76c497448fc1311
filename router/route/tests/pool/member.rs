//! Members that do as they are told, over one ground that notices when two hold one payment.

use super::*;
use std::collections::BTreeMap;

/// What a member does with a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// It says yes, and settles.
    Well,
    /// It says no: the payer is to blame.
    Verdict,
    /// It cannot be reached, and has not heard of it.
    Away,
    /// It does not do this, although it says so.
    Unsupported,
    /// It never answers.
    Silent,
    /// Its answer is lost; it has not settled.
    LostBefore,
    /// Its answer is lost; it has settled.
    LostAfter,
    /// It settles for one unit more.
    TooMuch,
    /// It answers nonsense to what moves nothing, and is in doubt of the rest.
    Nonsense,
}

pub(crate) const ALL: [Does; 9] = [
    Does::Well,
    Does::Verdict,
    Does::Away,
    Does::Unsupported,
    Does::Silent,
    Does::LostBefore,
    Does::LostAfter,
    Does::TooMuch,
    Does::Nonsense,
];

/// The chain, and who holds what.
#[derive(Default)]
pub(crate) struct Ground {
    landed: Mutex<BTreeMap<String, Receipt>>,
    /// Who was asked to settle a payment and has not said that it did not.
    holding: Mutex<BTreeMap<String, String>>,
    /// Payments that two held.
    pub(crate) doubled: Mutex<Vec<String>>,
}

impl Ground {
    pub(crate) fn landed(&self) -> usize {
        self.landed.lock().unwrap().len()
    }
    fn take(&self, nonce: &str, who: &str) {
        let mut holding = self.holding.lock().unwrap();
        if holding.get(nonce).is_some_and(|other| other != who) {
            self.doubled.lock().unwrap().push(nonce.to_owned());
        }
        holding.insert(nonce.to_owned(), who.to_owned());
    }
    fn give_up(&self, nonce: &str) {
        self.holding.lock().unwrap().remove(nonce);
    }
}

pub(crate) struct Fake {
    pub(crate) id: SettlerId,
    ground: Arc<Ground>,
    pub(crate) verifies: Mutex<Does>,
    pub(crate) settles: Mutex<Does>,
    pub(crate) kinds: Mutex<Option<Vec<Kind>>>,
    pub(crate) fee: Mutex<u128>,
    pub(crate) asked: AtomicUsize,
    pub(crate) verified: AtomicUsize,
    pub(crate) settled: AtomicUsize,
    pub(crate) resumed: AtomicUsize,
    pub(crate) probed: AtomicUsize,
    /// Since when it was told to look.
    pub(crate) since: Mutex<Vec<Time>>,
}

impl Fake {
    pub(crate) fn new(id: &str, ground: &Arc<Ground>) -> Arc<Self> {
        Arc::new(Self {
            id: SettlerId(id.to_owned()),
            ground: Arc::clone(ground),
            verifies: Mutex::new(Does::Well),
            settles: Mutex::new(Does::Well),
            kinds: Mutex::new(Some(vec![kind("{}")])),
            fee: Mutex::new(0),
            asked: AtomicUsize::new(0),
            verified: AtomicUsize::new(0),
            settled: AtomicUsize::new(0),
            resumed: AtomicUsize::new(0),
            probed: AtomicUsize::new(0),
            since: Mutex::default(),
        })
    }
    pub(crate) fn does(&self, does: Does) {
        *self.verifies.lock().unwrap() = does;
        *self.settles.lock().unwrap() = does;
    }
    pub(crate) fn counts(&self) -> (usize, usize) {
        (count(&self.verified), count(&self.settled))
    }
}

pub(crate) fn count(n: &AtomicUsize) -> usize {
    n.load(Ordering::SeqCst)
}

pub(crate) fn kind(extra: &str) -> Kind {
    let (scheme, extra) = (Name::new("fake").unwrap(), Extra(Json::parse(extra).unwrap()));
    Kind { version: Version::V2, scheme, chain: chain(1), extra, extensions: Vec::new() }
}

fn away() -> Error {
    Error::new(Code::Unreachable, Blame::Settler, Next::Later)
}

fn unsupported() -> Error {
    Error::settler(Code::UnsupportedScheme).next(Next::OtherRoute)
}

#[async_trait]
impl Probe for Fake {
    async fn alive(&self) -> Result<()> {
        self.probed.fetch_add(1, Ordering::SeqCst);
        step().await;
        let does = *self.verifies.lock().unwrap();
        match does {
            Does::Silent => std::future::pending().await,
            Does::Away | Does::LostBefore | Does::LostAfter => Err(away()),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Settler for Fake {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        step().await;
        match self.kinds.lock().unwrap().clone() {
            Some(kinds) => Ok(kinds),
            None => Err(away()),
        }
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        step().await;
        let amount = Amount::new(order.requirement.price.asset(), *self.fee.lock().unwrap());
        Ok(Effort { fees: vec![Fee { bearer: Bearer::Payee, amount, label: "fee" }], ..Effort::default() })
    }
    async fn verify(&self, _: &Order) -> Result<Proof> {
        self.verified.fetch_add(1, Ordering::SeqCst);
        step().await;
        let does = *self.verifies.lock().unwrap();
        match does {
            Does::Verdict => Err(Error::payer(Code::InsufficientFunds)),
            Does::Away => Err(away()),
            Does::Unsupported => Err(unsupported()),
            Does::Silent => std::future::pending().await,
            Does::LostBefore | Does::LostAfter => {
                Err(Error::new(Code::TimedOut, Blame::Settler, Next::Unknown(None)))
            }
            Does::Nonsense => Err(Error::settler(Code::InvalidAnswer)),
            Does::Well | Does::TooMuch => Ok(Proof { by_trust: true, ..Proof::default() }),
        }
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        let (order, charge) = (due.verified().order().clone(), due.charge().amount());
        let nonce = nonce_of(&order.payment);
        self.settled.fetch_add(1, Ordering::SeqCst);
        self.ground.take(&nonce, &self.id.0);
        step().await;
        let does = *self.settles.lock().unwrap();
        let definite = match does {
            Does::Verdict => Error::payer(Code::InsufficientFunds),
            Does::Away => away(),
            Does::Unsupported => unsupported(),
            Does::Silent => std::future::pending().await,
            Does::LostBefore => return Err(Error::unknown(Code::TimedOut, None)),
            Does::Nonsense => return Err(Error::unknown(Code::InvalidAnswer, None)),
            Does::Well | Does::LostAfter | Does::TooMuch => {
                let more = u128::from(does == Does::TooMuch);
                let charged = Amount::new(charge.asset, charge.atomic + more);
                let payer = Account::new(order.requirement.chain, ME)?;
                let receipt = Receipt::on_chain(TxId(nonce.clone()), charged, payer);
                self.ground.landed.lock().unwrap().insert(nonce, receipt.clone());
                step().await;
                let lost = Error::unknown(Code::TimedOut, None);
                return if does == Does::LostAfter { Err(lost) } else { Ok(receipt) };
            }
        };
        step().await;
        self.ground.give_up(&nonce);
        Err(definite)
    }
    async fn resume_since(&self, order: &Order, charge: Option<Amount>, since: Time) -> Result<Fate> {
        self.since.lock().unwrap().push(since);
        self.resume(order, charge).await
    }
    /// As a facilitator behind HTTP does it: what it has not settled yet it settles now.
    async fn resume(&self, order: &Order, _: Option<Amount>) -> Result<Fate> {
        let nonce = nonce_of(&order.payment);
        self.resumed.fetch_add(1, Ordering::SeqCst);
        self.ground.take(&nonce, &self.id.0);
        step().await;
        let mut landed = self.ground.landed.lock().unwrap();
        if landed.get(&nonce).is_none() && *self.settles.lock().unwrap() == Does::Well {
            let payer = Account::new(order.requirement.chain, ME)?;
            let receipt = Receipt::on_chain(TxId(nonce.clone()), order.requirement.price.0, payer);
            landed.insert(nonce.clone(), receipt);
        }
        Ok(match landed.get(&nonce) {
            Some(receipt) => Fate::Settled(Box::new(receipt.clone())),
            None => Fate::NotYetKnown { ask_again: Time::FAR },
        })
    }
}
