//! What became of a transaction of ours, or of somebody else's that took the same permit.

use super::super::{Payee, Stand, receipt};
use super::Till;
use super::charged::{amount, fair, receipt_of, settled_otherwise, taken};
use super::sought::Sought;
use crate::Mined;
use tollway_core::{Code, Error, Fate, Receipt, Result};

impl Till {
    /// Our transaction is mined: it took the charge, whatever that was when none is named; or was made for another one
    /// before.
    pub(super) async fn mined(
        &self,
        sought: &Sought<'_>,
        mined: Mined,
        charge: Option<u128>,
        again: bool,
    ) -> Result<Receipt> {
        if !mined.success {
            let failed = Error::payer(Code::TransactionFailed)
                .detail(format!("transaction {} reverted", mined.tx))
                .transaction(mined.tx.clone())
                .spent(self.gas(mined.cost_wei));
            return self.overtaken(sought, failed, Some(mined), charge).await;
        }
        let (token, permit) = (sought.token, sought.permit);
        self.payees.saw(token.address, permit.witness.to, Payee::Holder);
        let Some(charge) = charge else {
            return receipt_of(token, permit, &mined, taken(token, permit, &mined)?);
        };
        let held = fair(token, permit, &mined, charge);
        if let Err(e) = &held {
            let first = self.charges.get(&sought.key());
            if self.is_metered() && (again || first.is_none_or(|first| first != charge)) {
                let found = receipt_of(token, permit, &mined, taken(token, permit, &mined)?)?;
                return Err(settled_otherwise(&found, charge));
            }
            if e.code == Code::TokenKeepsPart {
                self.unfair.put(token.address, ());
            }
        }
        held
    }

    /// The chain refuses. Anybody may have sent this very permit, or this facilitator in another life; for whatever charge
    /// when none is named. While that cannot be told, the outcome is unknown: most likely the money has moved.
    pub(super) async fn overtaken(
        &self,
        sought: &Sought<'_>,
        why: Error,
        ours: Option<Mined>,
        charge: Option<u128>,
    ) -> Result<Receipt> {
        let (tx, cost_wei) = ours.map_or((None, None), |m| (Some(m.tx), Some(m.cost_wei)));
        match sought.asked().stand(&*self.evm).await {
            Ok(Stand::Settled { tx, amount: moved }) => {
                let charged = amount(sought.token, moved)?;
                let found = receipt(sought.permit.from, charged, tx, cost_wei)?;
                match charge.filter(|charge| charged.atomic != *charge) {
                    None => Ok(found),
                    Some(charge) => Err(settled_otherwise(&found, charge)),
                }
            }
            Ok(Stand::Open | Stand::Dead) => Err(why),
            Ok(Stand::Wait) | Err(_) => Err(Error::unknown(why.code, tx).detail(why.detail)),
        }
    }

    /// What the chain says of a permit that was never sent from here.
    pub(super) async fn on_chain(&self, sought: &Sought<'_>, later: impl FnOnce() -> Fate) -> Result<Fate> {
        Ok(match sought.asked().stand(&*self.evm).await? {
            Stand::Settled { tx, amount: moved } => {
                let charged = amount(sought.token, moved)?;
                Fate::Settled(Box::new(receipt(sought.permit.from, charged, tx, None)?))
            }
            Stand::Dead => Fate::Dead,
            Stand::Open => Fate::Open { cancel: None },
            Stand::Wait => later(),
        })
    }
}

/// True for errors by which a chain, its simulation or the payer's account refuses; and for a transaction that was given up
/// because its nonce had gone to another one, which nodes that lag behind each other may only have made us believe.
pub(super) fn refused_by_chain(e: &Error) -> bool {
    matches!(
        e.code,
        Code::NonceUsed
            | Code::SimulationFailed
            | Code::TransactionFailed
            | Code::RpcRefused
            | Code::Conflict
            | Code::InvalidSignature
            | Code::SignatureGas
    )
}
