//! The side that pays the transaction's fee and sends it.

use crate::asked::Asked;
use crate::effort;
use crate::fate::{Lives, Signed, Stand, receipt, soon};
use crate::payload;
use crate::settings::Settings;
use crate::shape::{Judged, Transfer};
use crate::sponsor::{Sponsored, record_key};
use crate::terms::{judged, replay_key};
use crate::token;
use crate::trial;
use crate::wallet;
use crate::wire::Tx;
use std::sync::Arc;
use tollway_core::flow::settle_unsent;
use tollway_core::{
    Amount, AssetId, ChainId, Clock, Code, Due, Effort, Error, Extra, Fate, Kind, Name, Next, Order, Proof,
    Receipt, Recent, ReplayKey, Requirement, Result, Settler, Site, Time, TxId, Version, async_trait, wire,
};
use tollway_solana::{FAMILY, Landed, Pubkey, Sent, Svm, address};

/// How often a node is asked what a landed transaction did, one block apart.
const CONFIRMED_TRIES: u32 = 10;

/// How long a trial's good end stands for another one of the very same transaction.
const TRIED_MS: u64 = 10_000;
/// How many trials are remembered.
const TRIED_MAX: usize = 16_384;

/// So much older than its verification is no payment: its blockhash lives for 150 blocks, a minute or two. The rest is for
/// slow blocks and for clocks that disagree.
const LIFE_MS: u64 = 600_000;

/// Verifies by one trial, settles by one transaction.
pub(crate) struct Settling {
    chain: ChainId,
    svm: Arc<dyn Svm>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    lives: Lives,
    /// Payments that were tried with success, and when. A facilitator is asked to verify and then to settle; it looks
    /// once, and the node tries the transaction again itself when it is sent.
    tried: Recent<ReplayKey, Time>,
}

impl Settling {
    pub(crate) fn build(site: &Site) -> Result<Arc<dyn Settler>> {
        Ok(Arc::new(Self {
            chain: site.chain,
            svm: site.chain::<dyn Svm>()?,
            clock: site.clock.clone(),
            settings: Settings::of(site)?,
            lives: Lives::new(),
            tried: Recent::new(TRIED_MAX),
        }))
    }

    fn here(&self, order: &Order) -> Result<()> {
        if order.requirement.chain == self.chain {
            return Ok(());
        }
        Err(Error::caller(Code::InvalidNetwork)
            .detail(format!("an order for {}, this cell settles on {}", order.requirement.chain, self.chain)))
    }

    /// The token as far as the snapshot knows it: a plain one, and of the program that the transfer calls.
    async fn plain_token(&self, asked: &Asked<'_>, transfer: Option<&Transfer>) -> Result<()> {
        let mint = self.svm.mint(&asked.mint).await?;
        token::plain(&mint)?;
        transfer.map_or(Ok(()), |transfer| trial::fits(&mint, transfer))
    }

    /// By our own journal: not every node says in a trial that the message is in a block already.
    async fn not_sent(&self, sponsored: &Sponsored) -> Result<()> {
        Err(match self.svm.sent(&record_key(sponsored.key())).await? {
            Sent::Never => return Ok(()),
            Sent::Pending(tx) => Error::payer(Code::DuplicateSettlement)
                .next(Next::Later)
                .detail(format!("transaction {tx} of this very payment is on its way")),
            Sent::Landed(landed) => Error::payer(Code::NonceUsed)
                .detail(format!("this very payment is in a block already, as transaction {}", landed.tx)),
            Sent::Expired(_) => Error::payer(Code::BlockhashNotFound)
                .detail("this very payment was sent, and no block took it while its blockhash lived"),
        })
    }

    /// Only where the transaction itself says all that the trial would show: a smart wallet's does not.
    fn tried_just_now(&self, sponsored: &Sponsored) -> bool {
        let fresh = |at| self.clock.now().ms_since(at) < TRIED_MS;
        sponsored.transfer().is_some() && self.tried.get(sponsored.key()).is_some_and(fresh)
    }

    /// What landed is settled, or was paid for in vain.
    async fn landed(&self, r: &Requirement, transfer: Option<&Transfer>, landed: Landed) -> Result<Receipt> {
        if let Some(fault) = landed.fault {
            return Err(Error::payer(Code::TransactionFailed)
                .detail(format!("transaction {} failed: {fault}", landed.tx))
                .transaction(landed.tx)
                .spent(Amount::new(AssetId::native(r.chain), landed.fee_lamports.into())));
        }
        let payer = match transfer {
            // It did what it says, because it succeeded.
            Some(transfer) => transfer.payer,
            None => self.confirmed(&Asked::of(r)?, &landed.tx).await?,
        };
        receipt(r, &payer, landed.tx, Some(landed.fee_lamports))
    }

    /// Who has paid in a smart wallet's transaction, by what it did in its block.
    async fn confirmed(&self, asked: &Asked<'_>, tx: &TxId) -> Result<Pubkey> {
        let destination = trial::destination(&*self.svm, asked).await?;
        let signature = address::signature(tx)?;
        for _ in 0..CONFIRMED_TRIES {
            if let Some(recorded) = self.svm.recorded(&signature).await? {
                return wallet::delivered(asked, &destination, &self.svm.fee_payers(), &recorded);
            }
            // It is in a block, and the node has not filed it yet.
            self.clock.sleep(self.svm.traits().block_ms.into()).await;
        }
        Err(Error::unknown(Code::NotFound, Some(tx.clone()))
            .detail("it has landed, and the node does not tell yet what it did"))
    }

    /// By another process that holds the same key, perhaps: looked for on chain.
    async fn elsewhere(&self, r: &Requirement, packet: &[u8], judged: &Judged, since: Time) -> Result<Fate> {
        let asked = Asked::of(r)?;
        let address = match judged.transfer {
            Some(transfer) => transfer.source,
            None => trial::destination(&*self.svm, &asked).await?,
        };
        let tx = Tx::read(packet)?;
        let (hash, since) = (judged.hash, since.minus_ms(LIFE_MS));
        let signed = Signed { tx: &tx, wire: packet, hash, address, memo: None, since };
        Ok(match signed.stand(&*self.svm, &self.lives, &*self.clock).await? {
            Stand::Settled(found) => {
                let payer = match judged.transfer {
                    Some(transfer) => transfer.payer,
                    None => wallet::delivered(&asked, &address, &self.svm.fee_payers(), &found)?,
                };
                Fate::Settled(Box::new(receipt(r, &payer, found.tx, None)?))
            }
            Stand::Dead => Fate::Dead,
            Stand::Open => Fate::Open { cancel: None },
        })
    }

    /// What our journal and the chain say. Sends nothing.
    async fn fate(&self, order: &Order, since: Time) -> Result<Fate> {
        self.here(order)?;
        let r = &order.requirement;
        let packet = payload::decode(&order.payment.payload)?;
        let judged = judged(order, &packet)?;
        Ok(match self.svm.sent(&record_key(&replay_key(&self.chain, &judged.hash))).await? {
            Sent::Landed(landed) => {
                Fate::Settled(Box::new(self.landed(r, judged.transfer.as_ref(), *landed).await?))
            }
            Sent::Pending(_) => Fate::NotYetKnown { ask_again: soon(&*self.svm, &*self.clock) },
            Sent::Expired(_) => Fate::Dead,
            Sent::Never => self.elsewhere(r, &packet, &judged, since).await?,
        })
    }
}

#[async_trait]
impl Settler for Settling {
    /// Without a key that pays fees it still looks, prices and resumes, and offers to settle nothing.
    async fn kinds(&self) -> Result<Vec<Kind>> {
        if self.svm.fee_payers().is_empty() {
            return Ok(Vec::new());
        }
        let fee_payer = self.svm.next_fee_payer()?.to_string();
        let mut extra = Extra::of_pairs(&[("feePayer", &fee_payer)]);
        if self.settings.smart_wallets {
            extra = extra.with([("features".to_owned(), serde_json::json!({"smartWalletSupported": true}))]);
        }
        let scheme = Name::new(crate::SCHEME)?;
        let kind = |version| Kind {
            version,
            scheme,
            chain: self.chain,
            extra: extra.clone(),
            extensions: Vec::new(),
        };
        let v1 = wire::v1_name(&self.chain, &[FAMILY]).map(|_| kind(Version::V1));
        Ok(std::iter::once(kind(Version::V2)).chain(v1).collect())
    }

    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.here(order)?;
        let payload = &order.payment.payload;
        let asked = Asked::of(&order.requirement)?;
        let destination = trial::destination(&*self.svm, &asked).await?;
        if payload.is_empty() {
            // A seller asks before anybody has paid: a payer of this house asks for so much.
            return effort::settlement(self.chain, &destination, self.settings.compute_units);
        }
        let packet = payload::decode(payload)?;
        let budget = judged(order, &packet)?.budget;
        let signatures = u16::try_from(Tx::read(&packet)?.signatures.len()).unwrap_or(u16::MAX);
        effort::made(self.chain, &destination, &budget, signatures)
    }

    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.here(order)?;
        let asked = Asked::of(&order.requirement)?;
        let sponsored = Sponsored::of(order, &*self.svm, &self.settings)?;
        self.not_sent(&sponsored).await?;
        if !self.tried_just_now(&sponsored) {
            trial::run(&*self.svm, &asked, &sponsored).await?;
            self.tried.put(sponsored.key().clone(), self.clock.now());
        }
        Ok(Proof { evidence: Some(Arc::new(sponsored)), ..Proof::default() })
    }

    async fn settle(&self, due: Due) -> Result<Receipt> {
        let order = due.verified().order();
        self.here(order)?;
        let r = &order.requirement;
        let sponsored = match due.verified().evidence::<Sponsored>() {
            Some(sponsored) => sponsored.clone(),
            None => {
                // Verified by somebody else, settled by us.
                let sponsored = Sponsored::of(order, &*self.svm, &self.settings)?;
                self.plain_token(&Asked::of(r)?, sponsored.transfer()).await?;
                sponsored
            }
        };
        if due.charge().amount() != r.price.0 {
            return Err(Error::caller(Code::ValueMismatch).detail(format!(
                "exact takes the very amount that was signed, {}, not {}",
                r.price.0,
                due.charge().amount()
            )));
        }
        if !due.verified().terms().replay.contains(sponsored.key()) {
            return Err(Error::us(Code::Internal).detail("the evidence belongs to another payment"));
        }
        let landed = sponsored.send(&*self.svm, due.verified().terms().settle_before).await?;
        self.landed(r, sponsored.transfer(), landed).await
    }

    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        self.resume_since(order, charge, Time::ZERO).await
    }

    async fn resume_since(&self, order: &Order, charge: Option<Amount>, since: Time) -> Result<Fate> {
        let found = self.fate(order, since).await?;
        settle_unsent(crate::read, self, &*self.clock, order, charge, found).await
    }
}
