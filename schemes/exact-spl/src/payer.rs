//! The side that signs.

use crate::asked::Asked;
use crate::build;
use crate::effort;
use crate::fate::{self, Lives, Signed, Stand};
use crate::open;
use crate::payload;
use crate::program::MEMO;
use crate::settings::Settings;
use crate::shape::{self, Budget, Judged, Transfer};
use crate::terms::judged;
use crate::token;
use crate::wire::Tx;
use std::sync::Arc;
use tollway_core::{
    Action, ActionKind, Answer, AttemptId, Authorization, Blame, ChainId, Clock, Code, Demand, Dice, Error,
    Fate, Landed, Leg, Next, Order, Payer, Payment, Plan, Purpose, Reading, Receipt, Requirement, Reserved,
    Result, Site, async_trait,
};
use tollway_solana::{BLOCKHASH_BLOCKS, Holding, HoldingState, Mint, Pubkey, Svm, address, custody};

/// How much slower than announced a chain's blocks may come until its budget is looked after again.
const SLOWNESS: u64 = 5;
/// How far two clocks may be apart when an old transaction is looked for.
const SKEW_MS: u64 = 300_000;
/// A seller's memo can be the same each time; a few compute units more or less keep two payments apart.
const SPREAD: u8 = 128;

/// Plans, signs and follows up transfers from one key.
pub(crate) struct Paying {
    pub(crate) chain: ChainId,
    pub(crate) svm: Arc<dyn Svm>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dice: Arc<dyn Dice>,
    pub(crate) settings: Settings,
    lives: Lives,
}

impl Paying {
    pub(crate) fn build(site: &Site) -> Result<Arc<dyn Payer>> {
        Ok(Arc::new(Self {
            chain: site.chain,
            svm: site.chain::<dyn Svm>()?,
            clock: site.clock.clone(),
            dice: site.dice.clone(),
            settings: Settings::of(site)?,
            lives: Lives::new(),
        }))
    }

    /// The requirement, when it may be paid from the key `me`.
    fn asked<'a>(&self, r: &'a Requirement, me: &Pubkey) -> Result<Asked<'a>> {
        if r.chain != self.chain {
            return Err(Error::caller(Code::InvalidNetwork)
                .detail(format!("asked to pay on {}, this cell pays on {}", r.chain, self.chain)));
        }
        let asked = Asked::of(r)?;
        if asked.fee_payer == *me {
            return Err(Error::payee(Code::FeePayerTransferring)
                .detail("extra.feePayer is the payer itself: it would sign away the fee beside the price"));
        }
        if asked.pay_to == *me {
            return Err(Error::payee(Code::RecipientMismatch).detail("payTo is the payer itself"));
        }
        Ok(asked)
    }

    /// The token's facts, when a transfer of it does what it says.
    async fn mint(&self, asked: &Asked<'_>) -> Result<Mint> {
        let mint = self.svm.mint(&asked.mint).await?;
        token::plain(&mint)?;
        match asked.decimals.filter(|known| *known != mint.decimals) {
            Some(known) => Err(Error::network(Code::DecimalsMismatch)
                .detail(format!("the node says {} decimals, the table {known}", mint.decimals))),
            None => Ok(mint),
        }
    }

    /// The payer's money, when there is enough of it.
    async fn funded(&self, r: &Requirement, asked: &Asked<'_>, me: &Pubkey) -> Result<Holding> {
        let me = address::account(self.chain, me)?;
        let mine = self.svm.holding(&me, &asked.mint).await?;
        if !matches!(mine.state, HoldingState::Ready | HoldingState::Missing) {
            return Err(Error::new(Code::TokenAccountUnusable, Blame::Payer, Next::OtherRoute)
                .detail(format!("{me}'s account {} is frozen or not its own", mine.account)));
        }
        if mine.funds.balance.atomic < r.price.atomic() {
            return Err(Error::new(Code::InsufficientFunds, Blame::Payer, Next::OtherRoute).detail(format!(
                "{me} holds {}, {} is asked",
                mine.funds.balance,
                r.price.atomic()
            )));
        }
        Ok(mine)
    }

    /// What has to be done before the payee can receive: nothing, mostly.
    async fn openings(
        &self,
        r: &Requirement,
        asked: &Asked<'_>,
        mint: &Mint,
    ) -> Result<(Pubkey, Vec<Action>)> {
        let theirs = self.svm.holding(&r.pay_to, &asked.mint).await?;
        let missing = match theirs.state {
            HoldingState::Ready => return Ok((theirs.account, Vec::new())),
            HoldingState::Missing => Code::TokenAccountMissing,
            _ => Code::TokenAccountUnusable,
        };
        if missing == Code::TokenAccountMissing && self.settings.open_accounts {
            let action = open::action(self, &theirs.account, asked, mint)?;
            return Ok((theirs.account, vec![action]));
        }
        Err(Error::payee(missing).detail(format!(
            "{} cannot receive this token at {}: {:?} (the setting exact-spl.open_accounts makes missing accounts, at \
             the payer's cost)",
            r.pay_to, theirs.account, theirs.state
        )))
    }

    /// Compute units to ask for.
    fn units(&self, asked: &Asked<'_>) -> u32 {
        let units = self.settings.compute_units;
        if asked.memo.is_none() {
            return units;
        }
        let mut spread = [0];
        self.dice.fill(&mut spread);
        let [spread] = spread;
        units.saturating_add(u32::from(spread % SPREAD)).min(shape::LIMIT_MAX)
    }

    /// The memo: the seller's, else 16 random bytes, so that no two payments are the same. Source: x402 v2
    /// `scheme_exact_svm`.
    fn memo(&self, asked: &Asked<'_>) -> String {
        asked.memo.as_ref().map_or_else(|| random(&*self.dice), |memo| memo.clone().into_owned())
    }

    /// How long a signature of now is looked after.
    pub(crate) fn life_ms(&self) -> u64 {
        BLOCKHASH_BLOCKS.saturating_mul(SLOWNESS).saturating_mul(self.svm.traits().block_ms.into())
    }

    /// True when a receipt says what was signed. It is the server's word all the same; the transaction in it
    /// can be looked up.
    fn agrees(&self, sent: &Authorization, receipt: &Receipt) -> Result<bool> {
        let accepted = &sent.payment.accepted;
        let me = address::account(self.chain, &self.pubkey()?)?;
        Ok(receipt.chain == accepted.chain
            && receipt.charged == accepted.price.0
            && receipt.payer.is_none_or(|p| p == me)
            && matches!(receipt.landed, Landed::OnChain { .. }))
    }

    /// Signs `message` with the payer's key.
    pub(crate) async fn sign(&self, message: &[u8]) -> Result<[u8; 64]> {
        Ok(*custody::sign(&self.svm.signer()?, message, Blame::Caller).await?.as_array())
    }

    pub(crate) fn pubkey(&self) -> Result<Pubkey> {
        let failed = |_| {
            Error::new(Code::NoSigner, Blame::Caller, Next::Later)
                .detail("the signer does not say its address")
        };
        self.svm.signer()?.try_pubkey().map_err(failed)
    }

    /// What will be signed.
    async fn transfer(&self, asked: &Asked<'_>, mint: &Mint, me: &Pubkey) -> Result<(Transfer, Budget)> {
        let destination = address::ata(&asked.pay_to, &asked.mint, mint.program);
        let limit = self.units(asked);
        let market = self.svm.unit_price(Purpose::Interactive, &[destination]).await?;
        let transfer = Transfer {
            payer: *me,
            program: mint.program,
            source: address::ata(me, &asked.mint, mint.program),
            destination,
            decimals: mint.decimals,
        };
        Ok((
            transfer,
            Budget { fee_payer: asked.fee_payer, limit, price: self.settings.price(market, limit) },
        ))
    }
}

/// 16 random bytes as hex digits.
pub(crate) fn random(dice: &dyn Dice) -> String {
    let mut bytes = [0; 16];
    dice.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[async_trait]
impl Payer for Paying {
    async fn plan(&self, demand: &Demand<'_>) -> Result<Plan> {
        let r = demand.requirement;
        let me = self.pubkey()?;
        let asked = self.asked(r, &me)?;
        let mint = self.mint(&asked).await?;
        let mine = self.funded(r, &asked, &me).await?;
        let (destination, actions) = self.openings(r, &asked, &mint).await?;
        Ok(Plan {
            exposure: r.price,
            price: r.price,
            locks_atomic: 0,
            // A blockhash dies by blocks, not by the clock: `resolve` says when. This is when to have asked.
            spendable_until: demand.now.plus_ms(self.life_ms()),
            actions,
            effort: effort::settlement(self.chain, &destination, self.settings.compute_units)?,
            funds: Some(mine.funds),
        })
    }

    async fn perform(&self, action: &Action) -> Result<Receipt> {
        if action.kind != ActionKind::CreateAccount {
            return Err(Error::caller(Code::UnsupportedMethod)
                .detail(format!("{:?}: exact in SPL tokens only ever makes a token account", action.kind)));
        }
        open::perform(self, &action.detail.read()?).await
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
        let me = self.pubkey()?;
        let asked = self.asked(r, &me)?;
        let mint = self.mint(&asked).await?;
        if plan.actions.is_empty() {
            // Warm snapshots: a plan for another entry, or of another day, does not carry a signature.
            self.funded(r, &asked, &me).await?;
            self.openings(r, &asked, &mint).await?;
        }
        let (transfer, budget) = self.transfer(&asked, &mint, &me).await?;
        // Always of our own node. A hash that the seller names could be one of another chain, on which the
        // very same transaction would move real money; and nobody would know how long it lives.
        let blockhash = self.svm.blockhash().await?;
        let memo = self.memo(&asked);
        let it = build::Paying {
            transfer: &transfer,
            budget: &budget,
            mint: asked.mint,
            amount: asked.amount,
            memo: &memo,
        };
        let message = build::payment(&it, &blockhash.hash)?;
        let bytes = build::wire(&[[0; 64], self.sign(&message).await?], &message)?;
        // By the same eyes as the seller's: a defect of ours, or a signer that answers for another key, ends
        // here.
        let judged = shape::judge(&asked, &Tx::read(&bytes)?).map_err(|e| match e.code {
            Code::InvalidSignature => Error::caller(Code::BadKey).detail(e.detail),
            code => Error::us(code).detail(e.detail),
        })?;
        if judged != (Judged { budget, transfer: Some(transfer), hash: judged.hash }) {
            return Err(Error::us(Code::Internal).detail("the transaction is not the one that was planned"));
        }
        self.lives.learn(judged.hash, &blockhash);
        Ok(Authorization {
            payment: Payment {
                accepted: r.clone(),
                payload: payload::encode(&bytes),
                extensions: None,
                resource: demand.challenge.resource.clone(),
            },
            attempt: attempt.clone(),
            spendable_until: plan.spendable_until,
        })
    }

    async fn receive(&self, sent: &Authorization, answer: Answer<'_>) -> Result<Reading> {
        Ok(match answer {
            Answer::Receipt(receipt) if self.agrees(sent, receipt)? => Reading::Paid(receipt.charged),
            // The transaction can still be sent; whether another may be signed beside it, the policy decides.
            Answer::Corrected(_) => Reading::SignAgain,
            // A refusal, silence, or a receipt for something else proves nothing: only the chain does.
            _ => Reading::Resolve,
        })
    }

    async fn resolve(&self, sent: &Authorization) -> Result<Fate> {
        let accepted = &sent.payment.accepted;
        let packet = payload::decode(&sent.payment.payload)?;
        let order = Order { leg: Leg::After, requirement: accepted.clone(), payment: sent.payment.clone() };
        let Judged { transfer: Some(transfer), hash, .. } = judged(&order, &packet)? else {
            return Err(
                Error::caller(Code::InvalidPayload).detail("a smart wallet's payment was not signed here")
            );
        };
        let tx = Tx::read(&packet)?;
        let since = sent.spendable_until.minus_ms(self.life_ms().saturating_add(SKEW_MS));
        let (address, memo) = (transfer.source, memo_of(&tx));
        let signed = Signed { tx: &tx, wire: &packet, hash, address, memo, since };
        Ok(match signed.stand(&*self.svm, &self.lives, &*self.clock).await? {
            Stand::Settled(found) => {
                Fate::Settled(Box::new(fate::receipt(accepted, &transfer.payer, found.tx, None)?))
            }
            Stand::Dead => Fate::Dead,
            Stand::Open => Fate::Open { cancel: None },
        })
    }
}

/// A memo in the transaction, for finding it sooner.
fn memo_of<'a>(tx: &Tx<'a>) -> Option<&'a str> {
    let memo = tx.instructions().iter().find(|ix| tx.key(ix.program) == Some(MEMO))?;
    std::str::from_utf8(memo.data).ok()
}
