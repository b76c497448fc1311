//! The side that puts the transfer on chain.

use crate::effort::{self, Payee, Payees};
use crate::fate::{Asked, Stand, receipt, soon};
use crate::payload::Signed;
use crate::settings::Settings;
use crate::terms::{MARGIN_MS, Token, bound, moment};
use crate::token;
use alloy::primitives::U256;
use std::sync::Arc;
use tollway_core::{
    Blame, ChainId, Clock, Code, Due, Effort, Error, Extra, Fate, Kind, Name, Next, Order, Proof, Purpose,
    Receipt, RecordKey, Result, Settler, Site, Time, TxId, Version, async_trait, wire,
};
use tollway_evm::FAMILY;
use tollway_evm::address;
use tollway_evm::eip712::Transfer;
use tollway_evm::{At, Evm, Looked, Mined, Sent, Submit};

/// Verifies by one look, settles by one transaction.
pub(crate) struct Settling {
    chain: ChainId,
    evm: Arc<dyn Evm>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    payees: Payees,
}

/// What verification leaves for settlement: nothing is parsed twice.
#[derive(Debug, Clone)]
struct Checked {
    token: Token,
    signed: Signed,
    payee: Option<Payee>,
    timeout_s: u64,
}

impl Checked {
    fn asked(&self) -> Asked<'_> {
        // A seller serves for this money, so it must have reached the set finality.
        Asked {
            token: &self.token,
            transfer: &self.signed.transfer,
            timeout_s: self.timeout_s,
            at: At::Final,
        }
    }
    fn key(&self) -> RecordKey {
        RecordKey(self.token.replay_key(self.signed.transfer.from, self.signed.transfer.nonce).0)
    }
    fn receipt(&self, tx: TxId, cost_wei: Option<u128>) -> Result<Receipt> {
        let said = &self.signed.transfer;
        let value = u128::try_from(said.value)
            .map_err(|_| Error::us(Code::Internal).detail("an amount above 128 bits was never asked"))?;
        let charged = tollway_core::Amount::new(self.token.asset, value);
        receipt(&self.token, said.from, charged, tx, cost_wei)
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
        }))
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
    fn worth_gas(&self, order: &Order) -> Result<(Token, Signed)> {
        let (rail, signed) = bound(order)?;
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
        if signed.transfer.value.is_zero() {
            return Err(
                Error::payer(Code::InvalidAmount).detail("a transfer of nothing is not worth its gas")
            );
        }
        Ok((rail.token, signed))
    }

    /// Our transaction is mined. A reverted one may have lost to somebody who sent the same transfer before us.
    async fn mined(&self, checked: &Checked, mined: Mined) -> Result<Receipt> {
        let (token, said) = (checked.token.address, &checked.signed.transfer);
        if !mined.success {
            let failed = Error::payer(Code::TransactionFailed)
                .detail(format!("transaction {} reverted", mined.tx))
                .transaction(mined.tx.clone());
            return self.overtaken(checked, failed, Some(mined)).await;
        }
        if !mined.logs.iter().any(|log| token::is_transfer(log, token, said)) {
            return Err(Error::new(Code::TransferEventMismatch, Blame::Payee, Next::Never)
                .detail(format!(
                    "transaction {} succeeded without a Transfer of {} from {} to {} by the token {token}",
                    mined.tx, said.value, said.from, said.to
                ))
                .transaction(mined.tx));
        }
        self.payees.saw(token, said.to, Payee::Holder);
        checked.receipt(mined.tx, Some(mined.cost_wei))
    }

    /// Anybody may send an authorization, so "already used" by this very transfer means settled. While that cannot
    /// be told, the outcome is unknown: the chain refused us, most likely because the money has moved.
    async fn overtaken(&self, checked: &Checked, why: Error, ours: Option<Mined>) -> Result<Receipt> {
        let (tx, cost_wei) = ours.map_or((None, None), |m| (Some(m.tx), Some(m.cost_wei)));
        match checked.asked().stand(&*self.evm).await {
            Ok(Stand::Settled(other)) => checked.receipt(other, cost_wei),
            Ok(Stand::Open | Stand::Dead) => Err(why),
            Ok(Stand::Wait) | Err(_) => Err(Error::unknown(why.code, tx).detail(why.detail)),
        }
    }
}

/// True for errors by which a chain, or its simulation, refuses a transfer; and for a transaction that was given up
/// because its nonce had gone to another one, which nodes that lag behind each other may only have made us believe.
fn refused_by_chain(e: &Error) -> bool {
    matches!(
        e.code,
        Code::NonceUsed
            | Code::SimulationFailed
            | Code::TransactionFailed
            | Code::RpcRefused
            | Code::Conflict
    )
}

/// What one look says of a transfer; the payee's kind when it can be made.
fn holds(said: &Transfer, looked: &Looked) -> Result<Payee> {
    let balance = token::number(looked, 0)?;
    if !token::number(looked, 1)?.is_zero() {
        return Err(Error::payer(Code::NonceUsed)
            .detail("the authorization's nonce is used or cancelled on chain; a fresh one would be right"));
    }
    let payee = Payee::of_balance(token::number(looked, 2)?);
    in_time(said, looked.time)?;
    if balance < said.value {
        return Err(Error::new(Code::InsufficientFunds, Blame::Payer, Next::OtherRoute)
            .detail(format!("{} holds {balance} atomic units, {} were signed", said.from, said.value)));
    }
    match looked.results.get(3) {
        Some(Ok(_)) => Ok(payee),
        Some(Err(revert)) => Err(token::refusal(revert)),
        None => Err(Error::network(Code::InvalidAnswer).detail("the node left the simulation unanswered")),
    }
}

/// Chain time decides, whatever our clock says. Source: EIP-3009, `validAfter < block.timestamp < validBefore`.
fn in_time(said: &Transfer, now: Time) -> Result<()> {
    let until = moment(said.valid_before);
    let found = |words: &str, bound: U256| format!("{words} {bound}, chain time is {} (s)", now.secs());
    if until != Time::FAR && now >= until.minus_ms(MARGIN_MS) {
        return Err(
            Error::payer(Code::Expired).detail(found("6 s before validBefore are over:", said.valid_before))
        );
    }
    if U256::from(now.secs()) <= said.valid_after {
        return Err(Error::payer(Code::NotYetValid)
            .next(Next::Later)
            .detail(found("only valid after", said.valid_after)));
    }
    Ok(())
}

#[async_trait]
impl Settler for Settling {
    /// Without a key to send with it still looks, prices and resumes, and offers to settle nothing.
    async fn kinds(&self) -> Result<Vec<Kind>> {
        if self.evm.senders().is_empty() {
            return Ok(Vec::new());
        }
        let scheme = Name::new(crate::SCHEME)?;
        let kind = |version| Kind { version, scheme, chain: self.chain, extra: Extra::default() };
        let v1 = wire::v1_name(&self.chain, &[FAMILY]).map(|_| kind(Version::V1));
        Ok(std::iter::once(kind(Version::V2)).chain(v1).collect())
    }

    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.here(order)?;
        // A seller asks before anybody has paid: its payload is empty, and a specimen stands in.
        let payload = &order.payment.payload;
        let signed = if payload.is_empty() { effort::specimen() } else { Signed::decode(payload)? };
        let token = Token::of(&order.requirement)?;
        let pay_to = address::parse(order.requirement.pay_to.address())?;
        let payee = self.payees.kind(&*self.evm, token.address, pay_to).await?;
        let sample = effort::sample(&*self.evm, &token, &signed);
        Ok(effort::settlement(&*self.evm, (token.address, token.known), payee, sample))
    }

    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.here(order)?;
        let (token, signed) = self.worth_gas(order)?;
        // The transfer comes last: the calls of one look may run one after another on the same state.
        let calls = [
            token::balance(token.address, signed.transfer.from),
            token::state(token.address, signed.transfer.from, signed.transfer.nonce),
            token::balance(token.address, signed.transfer.to),
            token::transfer(token.address, &signed),
        ];
        let looked = self.evm.look(&calls, At::Latest).await?;
        let payee = holds(&signed.transfer, &looked)?;
        self.payees.saw(token.address, signed.transfer.to, payee);
        let checked = Checked { token, signed, payee: Some(payee), timeout_s: order.requirement.timeout_s };
        Ok(Proof { evidence: Some(Arc::new(checked)), ..Proof::default() })
    }

    async fn settle(&self, due: Due) -> Result<Receipt> {
        let order = due.verified().order();
        self.here(order)?;
        let checked = match due.verified().evidence::<Checked>() {
            Some(checked) => checked.clone(),
            // Verified by somebody else, settled by us.
            None => {
                let (token, signed) = self.worth_gas(order)?;
                Checked { token, signed, payee: None, timeout_s: order.requirement.timeout_s }
            }
        };
        let (token, signed) = (&checked.token, &checked.signed);
        if U256::from(due.charge().atomic()) != signed.transfer.value {
            return Err(Error::caller(Code::ValueMismatch).detail(format!(
                "exact takes the very amount that was signed, {}; the charge is {}",
                signed.transfer.value,
                due.charge().atomic()
            )));
        }
        // Another payment may have made the payee a holder since; gas is learned for what it is now.
        let payee = self.payees.seen(token.address, signed.transfer.to).or(checked.payee);
        let submit = Submit {
            call: token::transfer(token.address, signed),
            value_wei: 0,
            gas_limit: effort::gas_limit(&*self.evm, token),
            purpose: Purpose::Interactive,
            sender: None,
            not_after: due.verified().terms().settle_before,
            learn: payee.map(|kind| effort::gas_key(token.address, kind)),
        };
        let key = checked.key();
        if due.verified().terms().replay.iter().all(|k| k.0 != key.0) {
            return Err(Error::us(Code::Internal).detail("the evidence belongs to another payment"));
        }
        match self.evm.send(submit, &key).await {
            Ok(mined) => self.mined(&checked, mined).await,
            Err(e) if !e.is_unknown_outcome() && refused_by_chain(&e) => {
                self.overtaken(&checked, e, None).await
            }
            Err(e) => Err(e),
        }
    }

    async fn resume(&self, order: &Order) -> Result<Fate> {
        self.here(order)?;
        // Decoded, not judged again: what was sent was sent, whatever a newer table of tokens would say of it.
        let checked = Checked {
            token: Token::of(&order.requirement)?,
            signed: Signed::decode(&order.payment.payload)?,
            payee: None,
            timeout_s: order.requirement.timeout_s,
        };
        let settled = |receipt| Fate::Settled(Box::new(receipt));
        let later = || Fate::NotYetKnown { ask_again: soon(&*self.evm, &*self.clock) };
        Ok(match self.evm.sent(&checked.key()).await? {
            Sent::Mined(mined) => settled(self.mined(&checked, *mined).await?),
            Sent::Pending(_) => later(),
            Sent::Never => match checked.asked().stand(&*self.evm).await? {
                Stand::Settled(tx) => settled(checked.receipt(tx, None)?),
                Stand::Dead => Fate::Dead,
                Stand::Open => Fate::Open { cancel: None },
                Stand::Wait => later(),
            },
        })
    }
}
