//! The side that signs.

use crate::effort::{self, Path, Payee};
use crate::fate::{Asked, Stand, receipt, soon};
use crate::payload::Signed;
use crate::settings::Settings;
use crate::terms::{MARGIN_MS, Rail, Token};
use alloy::primitives::{Address, B256, U256};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tollway_core::{
    Account, Action, ActionKind, Amount, Answer, AssetId, AttemptId, Authorization, Blame, ChainId, Clock,
    Code, Demand, Dice, Error, Fate, Funds, Landed, Next, Payer, Payment, Plan, Reading, Receipt, Recent,
    Requirement, Reserved, Result, Sample, Site, Time, Version, async_trait,
};
use tollway_evm::address;
use tollway_evm::custody::{Message, authorize};
use tollway_evm::eip712::Transfer;
use tollway_evm::{At, Evm, Held};

/// v1 clients sign a window that began ten minutes ago, for servers with slow clocks. Source: x402 v1, reference SDK.
const V1_AFTER_S: u64 = 600;

/// Plans, signs and follows up transfers from one key.
pub(crate) struct Paying {
    pub(crate) chain: ChainId,
    pub(crate) evm: Arc<dyn Evm>,
    clock: Arc<dyn Clock>,
    dice: Arc<dyn Dice>,
    settings: Settings,
    /// The account that pays, once somebody asked: the signer's own, or the wallet that the settings name.
    me: OnceLock<(Address, Account)>,
    /// One sample per token: what settling costs in data does not depend on who is paid.
    samples: Recent<Address, Sample>,
    /// What was vouched for first, found without a lock. A chain's entries nearly always name one of a few tokens, in the
    /// same words.
    first: [OnceLock<Vouched>; FIRST],
    /// And what was vouched for last, when it was none of them.
    last: Mutex<Option<Arc<Vouched>>>,
}

/// A token that may be signed for, in the words that named it.
#[derive(Clone)]
struct Vouched {
    asset: AssetId,
    extra: Box<str>,
    rail: Rail,
    sample: Sample,
}

/// A token that may be signed for, where it is kept: it is looked at there, and copied nowhere.
enum Found<'p> {
    First(&'p Vouched),
    Last(Arc<Vouched>),
}

impl Deref for Found<'_> {
    type Target = Vouched;
    fn deref(&self) -> &Vouched {
        match self {
            Self::First(vouched) => vouched,
            Self::Last(vouched) => vouched,
        }
    }
}

/// What a plan is made of, before anybody looked at the balance.
struct Prepared<'p> {
    found: Found<'p>,
    timeout_s: u64,
    me: &'p (Address, Account),
}

/// Tokens of a chain, each in one spelling, that are found without a lock.
const FIRST: usize = 4;

/// Longer words are looked at each time: they are somebody else's, and would be kept.
const WORDS_MAX: usize = 512;

impl Paying {
    pub(crate) fn build(site: &Site) -> Result<Arc<dyn Payer>> {
        Ok(Arc::new(Self {
            chain: site.chain,
            evm: site.chain::<dyn Evm>()?,
            clock: site.clock.clone(),
            dice: site.dice.clone(),
            settings: site.settings::<Settings>()?.checked()?,
            me: OnceLock::new(),
            samples: Recent::new(64),
            first: [const { OnceLock::new() }; FIRST],
            last: Mutex::new(None),
        }))
    }

    /// The token, when it may be signed for: its domain must be known, not merely claimed by the seller.
    fn found(&self, r: &Requirement) -> Result<Found<'_>> {
        if r.chain != self.chain {
            return Err(Error::caller(Code::InvalidNetwork)
                .detail(format!("asked to pay on {}, this cell pays on {}", r.chain, self.chain)));
        }
        let (asset, extra) = (&r.price.0.asset, r.extra.0.as_str());
        let fits = |v: &Vouched| v.asset == *asset && *v.extra == *extra;
        if let Some(known) = self.first.iter().map_while(OnceLock::get).find(|v| fits(v)) {
            return Ok(Found::First(known));
        }
        if let Some(known) = self.last().as_ref().filter(|v| fits(v)) {
            return Ok(Found::Last(Arc::clone(known)));
        }
        let rail = self.vouch(r)?;
        let sample = self.sample(&rail.token);
        let vouched = Arc::new(Vouched { asset: *asset, extra: extra.into(), rail, sample });
        if extra.len() <= WORDS_MAX {
            self.keep(&vouched);
        }
        Ok(Found::Last(vouched))
    }

    /// Keeps it for the next time. Whoever comes too late for a place tries the next one, and takes the last where all are
    /// taken.
    fn keep(&self, vouched: &Arc<Vouched>) {
        let first = Vouched::clone(vouched);
        if self.first.iter().try_fold(first, |vouched, place| place.set(vouched).err()).is_some() {
            *self.last() = Some(Arc::clone(vouched));
        }
    }

    /// Who pays.
    fn me(&self) -> Result<&(Address, Account)> {
        if let Some(me) = self.me.get() {
            return Ok(me);
        }
        let address = match self.settings.wallet(&self.chain) {
            Some(wallet) => wallet,
            None => self.evm.signer()?.address(),
        };
        let account = address::account(self.chain, &address)?;
        Ok(self.me.get_or_init(|| (address, account)))
    }

    /// All of a plan but the balance.
    #[inline]
    fn prepared(&self, demand: &Demand<'_>) -> Result<Prepared<'_>> {
        let r = demand.requirement;
        Ok(Prepared { found: self.found(r)?, timeout_s: self.timeout(r)?, me: self.me()? })
    }

    #[inline(always)] // A plan is large: it is made where it is wanted.
    fn planned(&self, demand: &Demand<'_>, what: &Prepared<'_>, held: Held) -> Result<Plan> {
        let (r, (_, me)) = (demand.requirement, what.me);
        let asset = r.price.0.asset;
        if held.atomic < r.price.atomic() {
            return Err(short(me, Amount::new(asset, held.atomic), r.price.atomic()));
        }
        // Most payees hold the token already; entries of one 402 are compared by the same guess.
        let (token, sample) = (&what.found.rail.token, what.found.sample.clone());
        let gas = effort::gas(&*self.evm, (token.address, token.known), Payee::Holder, self.path());
        let effort = effort::settlement(gas, sample);
        Ok(Plan {
            exposure: r.price,
            price: r.price,
            locks_atomic: 0,
            // Whole seconds, as the chain counts: this becomes `validBefore`.
            spendable_until: Time::from_secs(demand.now.secs().saturating_add(what.timeout_s)),
            actions: Vec::new(),
            effort,
            funds: Some(Funds { owner: *me, balance: Amount::new(asset, held.atomic), as_of: held.as_of }),
        })
    }

    fn path(&self) -> Path {
        if self.settings.wallet(&self.chain).is_some() { Path::Account } else { Path::Key }
    }

    fn last(&self) -> MutexGuard<'_, Option<Arc<Vouched>>> {
        // It is replaced whole, so what a panicking thread left behind is still right.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn vouch(&self, r: &Requirement) -> Result<Rail> {
        let rail = Rail::of(r)?;
        match self.settings.domain(&rail.token.asset) {
            Some((name, version)) if !rail.has_domain(name, version) => {
                Err(Error::payee(Code::DomainNameMismatch).detail(format!(
                    "extra names another EIP-712 domain than {name:?} version {version:?} in the setting exact.tokens"
                )))
            }
            None if !self.settings.allow_unknown_assets => {
                Err(Error::payee(Code::UnknownAsset).detail(format!(
                    "{} is in no table, so nothing vouches for its EIP-712 domain; the settings exact.tokens or \
                     exact.allow_unknown_assets would admit it",
                    rail.token.asset
                )))
            }
            _ => Ok(rail),
        }
    }

    fn timeout(&self, r: &Requirement) -> Result<u64> {
        let (least, most) = (MARGIN_MS.div_ceil(1_000), self.settings.max_timeout_s);
        if r.timeout_s <= least {
            return Err(Error::payee(Code::InvalidPaymentRequirements)
                .detail(format!("maxTimeoutSeconds is {}; a settler needs more than {least}", r.timeout_s)));
        }
        if r.timeout_s > most {
            return Err(Error::payee(Code::PolicyDenied).detail(format!(
                "maxTimeoutSeconds is {}; a signature may stay spendable for {most} s (setting \
                 exact.max_timeout_s)",
                r.timeout_s
            )));
        }
        Ok(r.timeout_s)
    }

    fn sample(&self, token: &Token) -> Sample {
        self.samples.get(&token.address).unwrap_or_else(|| {
            let sample = effort::sample(&*self.evm, token, &effort::specimen(), self.path());
            self.samples.put(token.address, sample.clone());
            sample
        })
    }
}

#[async_trait]
impl Payer for Paying {
    async fn plan(&self, demand: &Demand<'_>) -> Result<Plan> {
        let what = self.prepared(demand)?;
        let funds = self.evm.funds(&what.me.1, what.found.rail.token.address).await?;
        self.planned(demand, &what, Held { atomic: funds.balance.atomic, as_of: funds.as_of })
    }

    fn plan_now(&self, demand: &Demand<'_>) -> Option<Result<Plan>> {
        let what = match self.prepared(demand) {
            Ok(what) => what,
            Err(why) => return Some(Err(why)),
        };
        let held = self.evm.funds_now(what.me.0, what.found.rail.token.address, demand.now)?;
        Some(self.planned(demand, &what, held))
    }

    async fn perform(&self, action: &Action) -> Result<Receipt> {
        if action.kind != ActionKind::Cancel {
            return Err(Error::caller(Code::UnsupportedMethod)
                .detail(format!("{:?}: exact over EIP-3009 only ever cancels", action.kind)));
        }
        self.perform_cancel(action.detail.read()?).await
    }

    async fn authorize(
        &self,
        demand: &Demand<'_>,
        reserved: &Reserved,
        attempt: &AttemptId,
    ) -> Result<Authorization> {
        let (r, plan) = (demand.requirement, reserved.plan());
        if plan.exposure != r.price || plan.price != r.price {
            return Err(Error::us(Code::Internal)
                .detail(format!("{} was reserved, {} would be signed", plan.exposure.0, r.price.0)));
        }
        if plan.spendable_until <= demand.now {
            return Err(Error::us(Code::Expired).detail("the reserved plan is over; plan again"));
        }
        let rail = self.found(r)?.rail;
        let signer = self.evm.signer()?;
        let mut nonce = B256::ZERO;
        self.dice.fill(nonce.as_mut_slice());
        let valid_after = match r.version {
            Version::V1 => demand.now.secs().saturating_sub(V1_AFTER_S),
            _ => 0,
        };
        let transfer = Transfer {
            from: self.me()?.0,
            to: address::parse(r.pay_to.address())?,
            value: U256::from(r.price.atomic()),
            valid_after: U256::from(valid_after),
            valid_before: U256::from(plan.spendable_until.secs()),
            nonce,
        };
        let message = Message::Transfer { token: rail.domain(&r.extra)?, said: transfer };
        let signature = authorize(&*signer, &message).await?;
        Ok(Authorization {
            payment: Payment {
                accepted: r.clone(),
                payload: Signed { transfer, signature: signature.into() }.encode(),
                extensions: None,
                resource: demand.challenge.resource.clone(),
            },
            attempt: attempt.clone(),
            spendable_until: plan.spendable_until,
        })
    }

    async fn receive(&self, sent: &Authorization, answer: Answer<'_>) -> Result<Reading> {
        Ok(match answer {
            Answer::Receipt(receipt) if agrees(sent, receipt)? => Reading::Paid(receipt.charged),
            // The authorization stays spendable; whether another may be signed beside it, the policy decides.
            Answer::Corrected(_) => Reading::SignAgain,
            // A refusal, silence, or a receipt for something else proves nothing: only the chain does.
            _ => Reading::Resolve,
        })
    }

    async fn resolve(&self, sent: &Authorization) -> Result<Fate> {
        let said = Signed::decode(&sent.payment.payload)?.transfer;
        let accepted = &sent.payment.accepted;
        let token = Token::of(accepted)?;
        let asked = Asked { token: &token, transfer: &said, timeout_s: accepted.timeout_s, at: At::Latest };
        Ok(match asked.stand(&*self.evm).await? {
            Stand::Settled(tx) => {
                Fate::Settled(Box::new(receipt(&token, said.from, accepted.price.0, tx, None)?))
            }
            Stand::Dead => Fate::Dead,
            Stand::Open => Fate::Open { cancel: self.cancel(sent, &token, &said) },
            Stand::Wait => Fate::NotYetKnown { ask_again: soon(&*self.evm, &*self.clock) },
        })
    }
}

#[cold]
fn short(me: &Account, balance: Amount, asked_atomic: u128) -> Error {
    Error::new(Code::InsufficientFunds, Blame::Payer, Next::OtherRoute)
        .detail(format!("{me} holds {balance}, {asked_atomic} is asked"))
}

/// True when a receipt says what was signed. It is the server's word all the same; the transaction in it can be
/// looked up.
fn agrees(sent: &Authorization, receipt: &Receipt) -> Result<bool> {
    let accepted = &sent.payment.accepted;
    let from = Signed::decode(&sent.payment.payload)?.transfer.from;
    let payer = address::account(accepted.chain, &from)?;
    Ok(receipt.chain == accepted.chain
        && receipt.charged == accepted.price.0
        && receipt.payer.is_none_or(|p| p == payer)
        && matches!(receipt.landed, Landed::OnChain { .. }))
}
