//! `erc20ApprovalGasSponsoring`: the payer signs an ordinary `approve` transaction, and the settler pays its gas and
//! puts it on chain before the payment. For tokens that know no permits.

use super::fields::{Raw, Reader};
use super::{PERMIT2, Permit};
use crate::{EvmCall, signature};
use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::hex;
use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::SolCall;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fmt;
use tollway_core::{Code, Error, Result};

mod abi {
    alloy::sol! {
        function approve(address spender, uint256 amount) external returns (bool);
    }
}

/// The longest signed transaction that is looked at; an `approve` takes fewer than 200 bytes.
const RAW_MAX: usize = 2_048;

const READER: Reader = Reader { code: || Code::ApprovalFormat, of: "erc20ApprovalGasSponsoring" };

/// `token.approve(Permit2, amount)`.
pub fn approve_call(token: Address, amount: U256) -> EvmCall {
    EvmCall { to: token, data: abi::approveCall { spender: PERMIT2, amount }.abi_encode().into() }
}

/// A signed approval. `Debug` shows who, not what was signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Approval {
    /// Whose tokens.
    pub from: Address,
    /// Which token.
    pub asset: Address,
    /// Who may draw: Permit2.
    pub spender: Address,
    /// How much, in atomic units; usually all there ever will be.
    pub amount: U256,
    /// The signed transaction, as it is broadcast.
    pub raw: Bytes,
}

impl fmt::Debug for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Approval({} of {})", self.from, self.asset)
    }
}

/// What a settler must know of a signed approval to pay for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovalCost {
    /// The payer's account nonce in it.
    pub nonce: u64,
    /// The most that its gas can cost, in wei: what the payer's account must hold.
    pub wei: u128,
    /// The gas it may use.
    pub gas_limit: u64,
    /// The most it pays for each gas, in wei.
    pub max_fee_wei: u128,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow)]
    from: Raw<'a>,
    #[serde(borrow)]
    asset: Raw<'a>,
    #[serde(borrow)]
    spender: Raw<'a>,
    #[serde(borrow)]
    amount: Raw<'a>,
    #[serde(borrow)]
    signed_transaction: Raw<'a>,
}

impl Approval {
    /// Says whom it is for, and that the signed transaction is that very approval, by that very payer, on that chain, and
    /// nothing else.
    ///
    /// # Errors
    /// One code per mismatch: [`Code::ApprovalFromMismatch`], [`Code::ApprovalAssetMismatch`],
    /// [`Code::ApprovalSpender`], [`Code::ApprovalTxUndecodable`], [`Code::ApprovalTxTarget`],
    /// [`Code::ApprovalTxSelector`], [`Code::ApprovalTxCalldata`], [`Code::ApprovalTxSpender`],
    /// [`Code::ApprovalTxSignature`], [`Code::ApprovalTxSigner`].
    pub fn check(&self, permit: &Permit, chain_id: u64) -> Result<ApprovalCost> {
        if self.from != permit.from {
            return Err(wrong(Code::ApprovalFromMismatch, "from", self.from, permit.from));
        }
        if self.asset != permit.token {
            return Err(wrong(Code::ApprovalAssetMismatch, "asset", self.asset, permit.token));
        }
        if self.spender != PERMIT2 {
            return Err(wrong(Code::ApprovalSpender, "spender", self.spender, PERMIT2));
        }
        let tx = self.transaction()?;
        self.check_call(&tx, permit)?;
        if tx.chain_id() != Some(chain_id) {
            return Err(wrong(
                Code::ApprovalTxUndecodable,
                "the transaction's chain",
                format_args!("{:?}", tx.chain_id()),
                chain_id,
            ));
        }
        let bytes = tx.signature().as_bytes();
        let signer = signature::recover(&tx.signature_hash(), &bytes)
            .map_err(|e| Error::payer(Code::ApprovalTxSignature).detail(e.detail))?;
        if signer != permit.from {
            return Err(wrong(Code::ApprovalTxSigner, "the transaction's signer", signer, permit.from));
        }
        let (gas_limit, max_fee_wei) = (tx.gas_limit(), tx.max_fee_per_gas());
        let wei = max_fee_wei.saturating_mul(u128::from(gas_limit));
        Ok(ApprovalCost { nonce: tx.nonce(), wei, gas_limit, max_fee_wei })
    }

    /// The transaction's hash is what a receipt is found by.
    ///
    /// # Errors
    /// [`Code::ApprovalTxUndecodable`].
    pub fn transaction(&self) -> Result<TxEnvelope> {
        let mut bytes: &[u8] = &self.raw;
        let undecodable = || {
            Error::payer(Code::ApprovalTxUndecodable).detail(
                "erc20ApprovalGasSponsoring: signedTransaction is no signed transaction that is known here",
            )
        };
        let tx = TxEnvelope::decode_2718(&mut bytes).map_err(|_| undecodable())?;
        // What has bytes behind its end has another hash than it seems to have.
        if bytes.is_empty() && !tx.is_eip4844() && !tx.is_eip7702() { Ok(tx) } else { Err(undecodable()) }
    }

    fn check_call(&self, tx: &TxEnvelope, permit: &Permit) -> Result<()> {
        if tx.to() != Some(permit.token) {
            let found = tx.to().map_or_else(|| "a new contract".to_owned(), |to| to.to_string());
            return Err(wrong(Code::ApprovalTxTarget, "the transaction's target", found, permit.token));
        }
        if tx.input().get(..4) != Some(abi::approveCall::SELECTOR.as_slice()) {
            return Err(Error::payer(Code::ApprovalTxSelector)
                .detail("erc20ApprovalGasSponsoring: the transaction calls something else than approve"));
        }
        let bad = |words: String| {
            Error::payer(Code::ApprovalTxCalldata).detail(format!("erc20ApprovalGasSponsoring: {words}"))
        };
        let call = abi::approveCall::abi_decode_validate(tx.input())
            .map_err(|_| bad("the arguments of approve cannot be read".to_owned()))?;
        if call.spender != PERMIT2 {
            return Err(wrong(Code::ApprovalTxSpender, "the approved spender", call.spender, PERMIT2));
        }
        if call.amount < permit.amount || call.amount != self.amount {
            return Err(bad(format!(
                "{} is approved, {} was said, at least {} are needed",
                call.amount, self.amount, permit.amount
            )));
        }
        if !tx.value().is_zero() {
            return Err(bad(format!("it moves {} wei beside", tx.value())));
        }
        Ok(())
    }

    /// Reads the extension's `info`.
    ///
    /// # Errors
    /// [`Code::ApprovalFormat`] naming the field.
    pub(super) fn read(info: &str) -> Result<Self> {
        let wire: Wire<'_> = serde_json::from_str(info).map_err(|_| {
            READER.bad("info must be {from, asset, spender, amount, signedTransaction, version}, each once")
        })?;
        Ok(Self {
            from: READER.address("from", wire.from)?,
            asset: READER.address("asset", wire.asset)?,
            spender: READER.address("spender", wire.spender)?,
            amount: READER.integer("amount", wire.amount)?,
            raw: READER.blob("signedTransaction", wire.signed_transaction, RAW_MAX)?.into(),
        })
    }

    /// The extension's `info` as it goes out.
    pub(super) fn info(&self) -> Map<String, Value> {
        let info = json!({
            "from": self.from.to_checksum(None),
            "asset": self.asset.to_checksum(None),
            "spender": self.spender.to_checksum(None),
            "amount": self.amount.to_string(),
            "signedTransaction": hex::encode_prefixed(&self.raw),
        });
        if let Value::Object(map) = info { map } else { Map::new() }
    }
}

fn wrong(code: Code, what: &str, found: impl fmt::Display, right: impl fmt::Display) -> Error {
    Error::payer(code)
        .detail(format!("erc20ApprovalGasSponsoring: {what} is {found}, {right} would be right"))
}
