//! One payment, as a person or a spreadsheet reads it.

use crate::prices::family;
use crate::words::decimal;
use serde::Serialize;
use tollway::core::{Account, Amount, AssetId, ChainId, Receipt, Requirement, Spent, Time};
use tollway::route::pay::AttemptStage;

/// How far a payment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// Settled.
    Paid,
    /// It may be paid yet.
    Open,
    /// Refused by the other side, and still spendable.
    Refused,
    /// It never will be paid.
    Dead,
}

impl State {
    pub(super) fn of(stage: AttemptStage) -> Self {
        match stage {
            AttemptStage::Settled => Self::Paid,
            AttemptStage::Refused => Self::Refused,
            AttemptStage::Dead | AttemptStage::Abandoned => Self::Dead,
            _ => Self::Open,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Open => "open",
            Self::Refused => "refused",
            Self::Dead => "dead",
        }
    }
}

/// A payment out of the ledger.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) at: Option<Time>,
    side: &'static str,
    id: String,
    pub(super) state: State,
    pub(super) resource: Option<String>,
    scheme: String,
    pub(super) network: ChainId,
    payer: Option<Account>,
    pub(super) payee: Option<Account>,
    /// The most that may be taken, while nothing is known to have been.
    pub(super) most: Option<Amount>,
    charged: Option<Amount>,
    gas: Option<Spent>,
    transaction: Option<String>,
    pub(super) why: Option<String>,
}

/// The same in words: what is exported. Amounts are decimals of the named unit, and atomic units beside them.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) time: String,
    pub(super) side: &'static str,
    pub(super) id: String,
    pub(super) state: &'static str,
    pub(super) resource: String,
    pub(super) scheme: String,
    pub(super) network: String,
    pub(super) payer: String,
    pub(super) payee: String,
    pub(super) asset: String,
    pub(super) unit: String,
    pub(super) charged: String,
    pub(super) charged_atomic: String,
    pub(super) at_most_atomic: String,
    pub(super) gas_unit: String,
    pub(super) gas: String,
    pub(super) gas_atomic: String,
    pub(super) gas_shared_by: String,
    pub(super) transaction: String,
    pub(super) why: String,
}

impl Row {
    pub(super) fn new(side: &'static str, id: String, scheme: &str, network: ChainId) -> Self {
        Self {
            at: None,
            side,
            id,
            state: State::Open,
            resource: None,
            scheme: scheme.to_owned(),
            network,
            payer: None,
            payee: None,
            most: None,
            charged: None,
            gas: None,
            transaction: None,
            why: None,
        }
    }

    pub(super) fn of(side: &'static str, id: String, asked: &Requirement) -> Self {
        let row = Self::new(side, id, asked.scheme.as_str(), asked.chain);
        Self { payee: Some(asked.pay_to), ..row }
    }

    pub(super) fn receipt(&mut self, receipt: &Receipt) {
        self.payer = receipt.payer;
        self.charged = Some(receipt.charged);
        self.gas = receipt.spent;
        self.transaction = receipt.transaction().map(|tx| tx.0.to_string());
    }

    pub(super) fn line(self) -> Line {
        let shown = |account: Option<Account>| account.map(|a| display(&a)).unwrap_or_default();
        let asset = self.charged.or(self.most).map(|amount| amount.asset);
        let (unit, decimals) = asset.as_ref().and_then(unit).unwrap_or_default();
        let atomic = |amount: Option<Amount>| amount.map(|a| a.atomic.to_string()).unwrap_or_default();
        let whole = |amount: Option<Amount>, unit: &str, decimals| {
            amount.filter(|_| !unit.is_empty()).map(|a| decimal(a.atomic, decimals)).unwrap_or_default()
        };
        let gas = self.gas.map(|spent| spent.cost);
        let (gas_unit, gas_decimals) = gas.as_ref().and_then(|a| self::unit(&a.asset)).unwrap_or_default();
        Line {
            time: self.at.map(time).unwrap_or_default(),
            side: self.side,
            id: self.id,
            state: self.state.as_str(),
            resource: self.resource.unwrap_or_default(),
            scheme: self.scheme,
            network: self.network.to_string(),
            payer: shown(self.payer),
            payee: shown(self.payee),
            asset: asset.map(|a| a.key().to_owned()).unwrap_or_default(),
            charged: whole(self.charged, unit, decimals),
            charged_atomic: atomic(self.charged),
            at_most_atomic: atomic(self.most),
            unit: unit.to_owned(),
            gas: whole(gas, gas_unit, gas_decimals),
            gas_atomic: atomic(gas),
            gas_unit: gas_unit.to_owned(),
            gas_shared_by: self.gas.map(|spent| spent.shared_by.to_string()).unwrap_or_default(),
            transaction: self.transaction.unwrap_or_default(),
            why: self.why.unwrap_or_default(),
        }
    }
}

fn display(account: &Account) -> String {
    family(&account.chain).map_or_else(|| account.address().to_owned(), |f| (f.display)(account.address()))
}

/// What people call an asset, and its fraction digits; none for what is in no table.
fn unit(asset: &AssetId) -> Option<(&'static str, u8)> {
    let family = family(&asset.chain)?;
    if asset.key() == AssetId::NATIVE {
        return family.network(&asset.chain).map(|n| (n.coin, n.coin_decimals));
    }
    family.known(asset).map(|token| (token.symbol, token.decimals))
}

/// RFC 3339, UTC, whole seconds.
fn time(at: Time) -> String {
    let seconds = i64::try_from(at.secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |at| at.to_string())
}
