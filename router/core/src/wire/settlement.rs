use super::{absent, is_bare, read_network, v1_name, wire_reason};
use crate::{
    Amount, Blame, Code, Error, Extra, Family, Json, Landed, Next, Receipt, Requirement, Result, TxId,
    Version,
};
use serde::{Deserialize, Serialize};

/// `/settle`'s answer, and what the receipt header carries. `transaction` is always written, empty when nothing was
/// broadcast. Source: x402 v2 §5.3, §7.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettleResponse {
    /// Was it settled?
    pub success: bool,
    /// Why not, as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<Code>,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// Who paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
    /// The transaction's id, or empty.
    #[serde(default, deserialize_with = "absent")]
    pub transaction: String,
    /// CAIP-2 id (v2) or name (v1).
    #[serde(default, deserialize_with = "absent")]
    pub network: String,
    /// What was charged, in atomic units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Protocol extensions.
    #[serde(default, skip_serializing_if = "is_bare")]
    pub extensions: Option<Json>,
    /// The scheme's own data.
    #[serde(default, skip_serializing_if = "is_bare")]
    pub extra: Option<Json>,
}

impl SettleResponse {
    /// Writes a receipt for a requirement's version.
    pub fn of_receipt(receipt: &Receipt, version: Version, families: &[Family]) -> Self {
        Self {
            success: true,
            payer: receipt.payer.map(|p| spelled(&p, families)),
            transaction: receipt.transaction().map(|t| t.0.clone()).unwrap_or_default(),
            network: network(&receipt.chain, version, families),
            amount: (version == Version::V2).then(|| receipt.charged.atomic.to_string()),
            extra: Some(receipt.extra.0.clone()).filter(|e| !e.is_empty()),
            ..Self::default()
        }
    }

    /// Writes a failure. A known transaction is never lost.
    pub fn of_error(error: &Error, requirement: &Requirement, families: &[Family]) -> Self {
        let (reason, transaction) = match &error.next {
            Next::Unknown(tx) => {
                (Code::SettlementPending, tx.as_ref().map(|t| t.0.clone()).unwrap_or_default())
            }
            _ => (wire_reason(error), error.transaction.as_ref().map(|t| t.0.clone()).unwrap_or_default()),
        };
        Self {
            success: false,
            error_reason: Some(reason.on(&requirement.chain)),
            error_message: Some(error.to_string()),
            transaction,
            network: network(&requirement.chain, requirement.version, families),
            ..Self::default()
        }
    }

    /// Reads it as the receipt for `requirement`. What it says is a statement of the settler's; whoever acts on it
    /// checks it against what was signed.
    ///
    /// # Errors
    /// The failure it reports; one that is pending, or names a transaction, becomes an unknown outcome.
    /// [`Code::ReceiptMismatch`], an unknown outcome too, when it says that it settled and speaks of another network
    /// or of an amount that is none.
    pub fn receipt(&self, requirement: &Requirement, families: &[Family]) -> Result<Receipt> {
        if !self.success {
            return Err(self.failure());
        }
        if !self.network.is_empty() {
            // It says that it settled, so a name that is wrong or unknown leaves the outcome open.
            if read_network(&self.network, families) != Ok(requirement.chain) {
                return Err(Error::unknown(Code::ReceiptMismatch, self.tx()).detail(format!(
                    "the receipt is for {:?}, the payment was for {}",
                    crate::error::excerpt(&self.network),
                    requirement.chain
                )));
            }
        }
        let charged = match self.amount.as_deref() {
            None | Some("") => requirement.price.atomic(),
            // It says that it settled: an amount that cannot be read must not look like a payment that failed.
            Some(text) => Amount::parse_atomic(text)
                .map_err(|e| Error::unknown(Code::ReceiptMismatch, self.tx()).detail(e.detail))?,
        };
        let family = families.iter().find(|f| f.namespace == requirement.chain.namespace());
        let payer = self.payer.as_deref().and_then(|p| family?.account(requirement.chain, p).ok());
        let landed = match self.tx() {
            Some(transaction) => Landed::OnChain { transaction },
            None => Landed::Nothing,
        };
        Ok(Receipt {
            landed,
            charged: Amount::new(requirement.price.asset(), charged),
            payer,
            chain: requirement.chain,
            spent: None,
            extra: self.extra.clone().map_or_else(Extra::default, Extra),
        })
    }

    /// The failure it reports. Only a verdict on the payment ([`Code::is_verdict`]) is the payer's and final; any other word
    /// is trouble of the settler's that may pass.
    pub fn failure(&self) -> Error {
        let code = self.error_reason.clone().unwrap_or(Code::UnexpectedSettleError);
        let words = self.error_message.clone().unwrap_or_default();
        let (blame, next) = match code {
            Code::SettlementPending => (Blame::Settler, Next::Unknown(self.tx())),
            Code::UnexpectedSettleError | Code::TransactionFailed | Code::DuplicateSettlement => {
                (Blame::Settler, Next::Unknown(self.tx()))
            }
            // Words in place of a code are an exception's, thrown who knows when: the reference facilitator says
            // "Timed out while waiting for transaction …" here in v1, without the transaction.
            Code::Other(ref word) if !is_code(word) => (Blame::Settler, Next::Unknown(self.tx())),
            // Whatever the word, something was broadcast, and only the chain knows how it ended.
            _ if self.tx().is_some() => (Blame::Settler, Next::Unknown(self.tx())),
            Code::AllowanceRequired => (Blame::Payer, Next::Prepare),
            ref code if code.is_verdict() => (Blame::Payer, Next::Never),
            _ => (Blame::Settler, Next::Later),
        };
        let words: String = words.chars().take(200).collect();
        Error::new(code, blame, next).detail(words)
    }

    fn tx(&self) -> Option<TxId> {
        (!self.transaction.is_empty()).then(|| TxId(self.transaction.clone()))
    }
}

fn is_code(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

fn network(chain: &crate::ChainId, version: Version, families: &[Family]) -> String {
    let name = if version == Version::V1 { v1_name(chain, families) } else { None };
    name.unwrap_or(chain.as_str()).to_owned()
}

fn spelled(account: &crate::Account, families: &[Family]) -> String {
    let family = families.iter().find(|f| f.namespace == account.chain.namespace());
    family.map_or_else(|| account.address().to_owned(), |f| (f.display)(account.address()))
}
