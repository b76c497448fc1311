//! The side that puts the transfer on chain.

use crate::effort::{self, Path, Payee, Payees};
use crate::fate::{Asked, Stand, receipt, soon};
use crate::payload::Signed;
use crate::settings::Settings;
use crate::terms::{Bound, Rail, Token, bound};
use crate::token;
use crate::trial::{self, Found};
use alloy::primitives::{B256, U256};
use std::sync::Arc;
use tollway_core::flow::settle_unsent;
use tollway_core::{
    Amount, AssetId, Blame, ChainId, Clock, Code, Due, Effort, Error, Extra, Fate, Kind, Name, Next, Order,
    Proof, Purpose, Receipt, Recent, RecordKey, Result, Settler, Site, Time, TxId, Version, async_trait,
    wire,
};
use tollway_evm::FAMILY;
use tollway_evm::address;
use tollway_evm::eip712::Transfer;
use tollway_evm::signature::Check;
use tollway_evm::trial::presented;
use tollway_evm::{At, Evm, Mined, Sent, Submit};

/// Verifies by one look, settles by one transaction.
pub(crate) struct Settling {
    chain: ChainId,
    evm: Arc<dyn Evm>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    payees: Payees,
    /// What verified payments will use, by what was presented, so that an effort is told without I/O.
    measured: Recent<B256, Found>,
}

/// What verification leaves for settlement: nothing is parsed twice.
#[derive(Debug, Clone)]
struct Checked {
    bound: Bound,
    /// What was presented.
    print: B256,
    found: Option<Found>,
    timeout_s: u64,
}

/// A transfer whose fate is asked for.
#[derive(Debug, Clone, Copy)]
struct Sought<'a> {
    token: &'a Token,
    said: &'a Transfer,
    timeout_s: u64,
}

impl Checked {
    fn sought(&self) -> Sought<'_> {
        Sought { token: &self.bound.rail.token, said: &self.bound.signed.transfer, timeout_s: self.timeout_s }
    }
}

impl Sought<'_> {
    fn asked(&self) -> Asked<'_> {
        // A seller serves for this money, so it must have reached the set finality.
        Asked { token: self.token, transfer: self.said, timeout_s: self.timeout_s, at: At::Final }
    }
    fn key(&self) -> RecordKey {
        RecordKey(self.token.replay_key(self.said.from, self.said.nonce).0)
    }
    fn receipt(&self, tx: TxId, cost_wei: Option<u128>) -> Result<Receipt> {
        let value = u128::try_from(self.said.value)
            .map_err(|_| Error::us(Code::Internal).detail("an amount above 128 bits was never asked"))?;
        let charged = Amount::new(self.token.asset, value);
        receipt(self.token, self.said.from, charged, tx, cost_wei)
    }
}

impl Settling {
    pub(crate) fn build(site: &Site) -> Result<Arc<dyn Settler>> {
        Ok(Arc::new(Self {
            chain: site.chain,
            evm: site.chain::<dyn Evm>()?,
            clock: site.clock.clone(),
            settings: site.settings::<Settings>()?.checked()?,
            payees: Payees::new(),
            measured: Recent::new(1024),
        }))
    }

    fn gas(&self, wei: u128) -> Amount {
        Amount::new(AssetId::native(self.chain), wei)
    }

    fn here(&self, order: &Order) -> Result<()> {
        if order.requirement.chain == self.chain {
            return Ok(());
        }
        Err(Error::caller(Code::InvalidNetwork)
            .detail(format!("an order for {}, this cell settles on {}", order.requirement.chain, self.chain)))
    }

    /// The payment, bound to the order, when it is worth gas of ours. Whoever sends one chooses the token's contract and
    /// with it what our gas does, so it takes somebody's word for the token; and a transfer of nothing pays nobody.
    fn worth_gas(&self, order: &Order) -> Result<Bound> {
        let bound = bound(order)?;
        let rail = &bound.rail;
        match self.settings.domain(&rail.token.asset) {
            Some((name, version)) if !rail.has_domain(name, version) => {
                return Err(Error::payee(Code::DomainNameMismatch).detail(format!(
                    "extra names another EIP-712 domain than {name:?} version {version:?} in the setting exact.tokens"
                )));
            }
            None if !self.settings.allow_unknown_assets => {
                return Err(Error::settler(Code::UnknownAsset).next(Next::OtherRoute).detail(format!(
                    "{} is in no table, and no gas is spent here on unknown contracts; the settings exact.tokens or \
                     exact.allow_unknown_assets would admit it",
                    rail.token.asset
                )));
            }
            _ => {}
        }
        if bound.signed.transfer.value.is_zero() {
            return Err(
                Error::payer(Code::InvalidAmount).detail("a transfer of nothing is not worth its gas")
            );
        }
        Ok(bound)
    }

    /// Tries the transfer out, and remembers what it showed.
    async fn try_out(&self, bound: &Bound, print: B256) -> Result<Found> {
        let found = trial::run(&*self.evm, bound, &self.settings).await?;
        let (token, said) = (bound.rail.token.address, &bound.signed.transfer);
        self.payees.saw(token, said.to, found.payee);
        self.measured.put(print, found);
        Ok(found)
    }

    /// What to send, given what verification found. A plain account's key cannot change its mind; an account with code
    /// can, so it is tried out once more, unless its transaction is on its way already.
    async fn ready(&self, checked: &Checked) -> Result<Found> {
        let token = &checked.bound.rail.token;
        match checked.found {
            Some(found) if found.path == Path::Key => Ok(found),
            // Verified by somebody else, settled by us: the chain decides about a key's signature.
            None if matches!(checked.bound.check, Check::Key(_)) => {
                let payee = self.payees.seen(token.address, checked.bound.signed.transfer.to);
                Ok(Found { payee: payee.unwrap_or(Payee::New), path: Path::Key, gas: None })
            }
            // On its way already: what was signed then is sent again, whatever the account would say now.
            found if self.evm.sent(&checked.sought().key()).await? != Sent::Never => {
                Ok(found.unwrap_or(Found { payee: Payee::New, path: Path::Account, gas: None }))
            }
            found => {
                let again = self.try_out(&checked.bound, checked.print).await?;
                if let Some(first) = found {
                    let limit = trial::limit(&*self.evm, &checked.bound, &first, &self.settings);
                    trial::not_dearer(&again, limit)?;
                }
                Ok(again)
            }
        }
    }

    async fn send(&self, checked: &Checked, not_after: Time, key: &RecordKey) -> Result<Mined> {
        let (bound, found) = (&checked.bound, self.ready(checked).await?);
        let (token, to) = (&bound.rail.token, bound.signed.transfer.to);
        // Another payment may have made the payee a holder since; gas is learned for what it is now.
        let payee = self.payees.seen(token.address, to).or(checked.found.map(|found| found.payee));
        let submit = Submit {
            call: trial::transaction(bound, found.path),
            gas_limit: trial::limit(&*self.evm, bound, &found, &self.settings),
            purpose: Purpose::Interactive,
            value_wei: 0,
            sender: None,
            not_after,
            learn: payee.map(|payee| effort::gas_key(token.address, payee, found.path)),
        };
        self.evm.send(submit, key).await
    }

    /// Our transaction is mined. A reverted one may have lost to somebody who sent the same transfer before us.
    async fn mined(&self, checked: Sought<'_>, mined: Mined) -> Result<Receipt> {
        let (token, said) = (checked.token.address, checked.said);
        if !mined.success {
            let failed = Error::payer(Code::TransactionFailed)
                .detail(format!("transaction {} reverted", mined.tx))
                .transaction(mined.tx.clone())
                .spent(self.gas(mined.cost_wei));
            return self.overtaken(checked, failed, Some(mined)).await;
        }
        if !mined.logs.iter().any(|log| token::is_transfer(log, token, said)) {
            return Err(Error::new(Code::TransferEventMismatch, Blame::Payee, Next::Never)
                .detail(format!(
                    "transaction {} succeeded without a Transfer of {} from {} to {} by the token {token}",
                    mined.tx, said.value, said.from, said.to
                ))
                .transaction(mined.tx)
                .spent(self.gas(mined.cost_wei)));
        }
        self.payees.saw(token, said.to, Payee::Holder);
        checked.receipt(mined.tx, Some(mined.cost_wei))
    }

    /// Anybody may send an authorization, so "already used" by this very transfer means settled. While that cannot
    /// be told, the outcome is unknown: the chain refused us, most likely because the money has moved.
    async fn overtaken(&self, checked: Sought<'_>, why: Error, ours: Option<Mined>) -> Result<Receipt> {
        let (tx, cost_wei) = ours.map_or((None, None), |m| (Some(m.tx), Some(m.cost_wei)));
        match checked.asked().stand(&*self.evm).await {
            Ok(Stand::Settled(other)) => checked.receipt(other, cost_wei),
            Ok(Stand::Open | Stand::Dead) => Err(why),
            Ok(Stand::Wait) | Err(_) => Err(Error::unknown(why.code, tx).detail(why.detail)),
        }
    }

    /// What our journal and the chain say. Sends nothing.
    async fn fate(&self, order: &Order) -> Result<Fate> {
        self.here(order)?;
        // Decoded, not judged again: what was sent was sent, whatever a newer table of tokens would say of it.
        let (token, signed) = (Token::of(&order.requirement)?, Signed::decode(&order.payment.payload)?);
        let sought = Sought { token: &token, said: &signed.transfer, timeout_s: order.requirement.timeout_s };
        let settled = |receipt| Fate::Settled(Box::new(receipt));
        let later = || Fate::NotYetKnown { ask_again: soon(&*self.evm, &*self.clock) };
        Ok(match self.evm.sent(&sought.key()).await? {
            Sent::Mined(mined) => settled(self.mined(sought, *mined).await?),
            Sent::Pending(_) => later(),
            Sent::Never => match sought.asked().stand(&*self.evm).await? {
                Stand::Settled(tx) => settled(sought.receipt(tx, None)?),
                Stand::Dead => Fate::Dead,
                Stand::Open => Fate::Open { cancel: None },
                Stand::Wait => later(),
            },
        })
    }
}

/// Who will judge a signature that was not tried out yet, as far as its form tells.
fn likely(order: &Order, signed: &Signed) -> Path {
    let by_key = Rail::of(&order.requirement)
        .map(|rail| signed.signature.check(&rail.transfer_digest(&signed.transfer), signed.transfer.from));
    match (by_key, signed.signature.deployment()) {
        (Ok(Check::AskAccount(_)), Some(_)) => Path::Deploy,
        (Ok(Check::AskAccount(_)), None) => Path::Account,
        _ => Path::Key,
    }
}

/// True for errors by which a chain, its simulation or the payer's account refuses a transfer; and for a transaction that was given up
/// because its nonce had gone to another one, which nodes that lag behind each other may only have made us believe.
fn refused_by_chain(e: &Error) -> bool {
    matches!(
        e.code,
        Code::NonceUsed
            | Code::SimulationFailed
            | Code::TransactionFailed
            | Code::RpcRefused
            | Code::Conflict
            | Code::InvalidSignature
            | Code::SignatureGas
            | Code::DeploymentFailed
            | Code::FactoryNotAllowed
    )
}

#[async_trait]
impl Settler for Settling {
    /// Without a key to send with it still looks, prices and resumes, and offers to settle nothing.
    async fn kinds(&self) -> Result<Vec<Kind>> {
        if self.evm.senders().is_empty() {
            return Ok(Vec::new());
        }
        let scheme = Name::new(crate::SCHEME)?;
        let kind = |version| Kind {
            version,
            scheme,
            chain: self.chain,
            extra: Extra::default(),
            extensions: Vec::new(),
        };
        let v1 = wire::v1_name(&self.chain, &[FAMILY]).map(|_| kind(Version::V1));
        Ok(std::iter::once(kind(Version::V2)).chain(v1).collect())
    }

    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.here(order)?;
        // A seller asks before anybody has paid: its payload is empty, and a specimen stands in.
        let payload = &order.payment.payload;
        let signed = if payload.is_empty() { effort::specimen() } else { Signed::decode(payload)? };
        let token = Token::of(&order.requirement)?;
        let found = self.measured.get(&presented(order));
        let path = match found {
            Some(found) => found.path,
            None if payload.is_empty() => Path::Key,
            None => likely(order, &signed),
        };
        let gas = match found.filter(|found| found.path != Path::Key).and_then(|found| found.gas) {
            Some(measured) => measured,
            None => {
                let pay_to = address::parse(order.requirement.pay_to.address())?;
                let payee = self.payees.kind(&*self.evm, token.address, pay_to).await?;
                effort::gas(&*self.evm, (token.address, token.known), payee, path)
            }
        };
        Ok(effort::settlement(gas, effort::sample(&*self.evm, &token, &signed, path)))
    }

    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.here(order)?;
        let (bound, print) = (self.worth_gas(order)?, presented(order));
        let found = Some(self.try_out(&bound, print).await?);
        let checked = Checked { bound, print, found, timeout_s: order.requirement.timeout_s };
        Ok(Proof { evidence: Some(Arc::new(checked)), ..Proof::default() })
    }

    async fn settle(&self, due: Due) -> Result<Receipt> {
        let order = due.verified().order();
        self.here(order)?;
        let checked = match due.verified().evidence::<Checked>() {
            Some(checked) => checked.clone(),
            // Verified by somebody else, settled by us.
            None => {
                let bound = self.worth_gas(order)?;
                Checked {
                    bound,
                    print: presented(order),
                    found: None,
                    timeout_s: order.requirement.timeout_s,
                }
            }
        };
        let said = &checked.bound.signed.transfer;
        if U256::from(due.charge().atomic()) != said.value {
            return Err(Error::caller(Code::ValueMismatch).detail(format!(
                "exact takes the very amount that was signed, {}; the charge is {}",
                said.value,
                due.charge().atomic()
            )));
        }
        let key = checked.sought().key();
        if due.verified().terms().replay.iter().all(|k| k.0 != key.0) {
            return Err(Error::us(Code::Internal).detail("the evidence belongs to another payment"));
        }
        match self.send(&checked, due.verified().terms().settle_before, &key).await {
            Ok(mined) => self.mined(checked.sought(), mined).await,
            Err(e) if !e.is_unknown_outcome() && refused_by_chain(&e) => {
                self.overtaken(checked.sought(), e, None).await
            }
            Err(e) => Err(e),
        }
    }

    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        let found = self.fate(order).await?;
        settle_unsent(crate::read, self, &*self.clock, order, charge, found).await
    }
}
