//! `eip2612GasSponsoring`: the payer signs the allowance as an EIP-2612 permit, and the settler hands it in along with
//! the payment (`settleWithPermit`).

use super::fields::{Raw, Reader};
use super::{PERMIT2, Permit};
use crate::EvmCall;
use crate::eip712::{digest, words};
use alloy::hex;
use alloy::primitives::{Address, B256, U256, b256};
use alloy::sol_types::SolCall;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fmt;
use tollway_core::{Code, Error, Result, Time};

/// `Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)`. Source: EIP-2612.
const TYPEHASH: B256 = b256!("6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9");

const READER: Reader = Reader { code: || Code::Eip2612Format, of: "eip2612GasSponsoring" };

mod abi {
    alloy::sol! {
        function nonces(address owner) external view returns (uint256);
        function DOMAIN_SEPARATOR() external view returns (bytes32);
    }
}

/// An EIP-2612 permit for Permit2. `Debug` shows who, not what was signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Eip2612 {
    /// Whose tokens.
    pub from: Address,
    /// Which token.
    pub asset: Address,
    /// Who may draw: Permit2.
    pub spender: Address,
    /// How much, in atomic units.
    pub amount: U256,
    /// The payer's permit nonce on the token.
    pub nonce: U256,
    /// Valid up to and including this second.
    pub deadline: U256,
    /// `r ‖ s ‖ v`.
    pub signature: [u8; 65],
}

impl fmt::Debug for Eip2612 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Eip2612({} of {})", self.from, self.asset)
    }
}

#[derive(Deserialize)]
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
    nonce: Raw<'a>,
    #[serde(borrow)]
    deadline: Raw<'a>,
    #[serde(borrow)]
    signature: Raw<'a>,
}

impl Eip2612 {
    /// An allowance of exactly what a permit moves, valid as long, not signed yet.
    pub fn for_permit(permit: &Permit, nonce: U256) -> Self {
        Self {
            from: permit.from,
            asset: permit.token,
            spender: PERMIT2,
            amount: permit.amount,
            nonce,
            deadline: permit.deadline,
            signature: [0; 65],
        }
    }

    /// What `from` signs, under the token's own domain.
    pub fn digest(&self, token_separator: &B256) -> B256 {
        let hash = words(&[
            TYPEHASH,
            self.from.into_word(),
            self.spender.into_word(),
            self.amount.into(),
            self.nonce.into(),
            self.deadline.into(),
        ]);
        digest(token_separator, &hash)
    }

    /// The signature as contracts take it: `v`, `r`, `s`.
    pub fn vrs(&self) -> (u8, B256, B256) {
        let [rs @ .., v] = &self.signature;
        let (r, s) = rs.split_at(32);
        (*v, B256::from_slice(r), B256::from_slice(s))
    }

    /// What a token is asked before a permit for it is signed: `nonces(owner)` and `DOMAIN_SEPARATOR()`. A token without
    /// EIP-2612 answers neither with one word.
    pub fn questions(token: Address, owner: Address) -> [EvmCall; 2] {
        let nonces = abi::noncesCall { owner }.abi_encode().into();
        let separator = abi::DOMAIN_SEPARATORCall {}.abi_encode().into();
        [EvmCall { to: token, data: nonces }, EvmCall { to: token, data: separator }]
    }

    /// Says whom it is for and that nothing else was slipped in.
    ///
    /// # Errors
    /// [`Code::Eip2612FromMismatch`], [`Code::Eip2612AssetMismatch`], [`Code::Eip2612Spender`],
    /// [`Code::Eip2612AmountMismatch`].
    pub fn check(&self, permit: &Permit) -> Result<()> {
        let wrong = |code, what: &str, found: String, right: String| {
            Err(Error::payer(code)
                .detail(format!("eip2612GasSponsoring: {what} is {found}, {right} would be right")))
        };
        if self.from != permit.from {
            return wrong(Code::Eip2612FromMismatch, "from", self.from.to_string(), permit.from.to_string());
        }
        if self.asset != permit.token {
            return wrong(
                Code::Eip2612AssetMismatch,
                "asset",
                self.asset.to_string(),
                permit.token.to_string(),
            );
        }
        if self.spender != PERMIT2 {
            return wrong(Code::Eip2612Spender, "spender", self.spender.to_string(), PERMIT2.to_string());
        }
        if self.amount != permit.amount {
            return wrong(
                Code::Eip2612AmountMismatch,
                "amount",
                self.amount.to_string(),
                permit.amount.to_string(),
            );
        }
        Ok(())
    }

    /// Long enough yet, by the chain's clock.
    ///
    /// # Errors
    /// [`Code::Eip2612Expired`].
    pub fn check_time(&self, now: Time, margin_ms: u64) -> Result<()> {
        let until = u64::try_from(self.deadline).map_or(Time::FAR, Time::from_secs);
        if now.plus_ms(margin_ms) <= until {
            return Ok(());
        }
        Err(Error::payer(Code::Eip2612Expired).detail(format!(
            "eip2612GasSponsoring: deadline {}, chain time {} (s)",
            self.deadline,
            now.secs()
        )))
    }

    /// Reads the extension's `info`.
    ///
    /// # Errors
    /// [`Code::Eip2612Format`] naming the field; [`Code::InvalidSignature`] for one that is not 65 bytes.
    pub(super) fn read(info: &str) -> Result<Self> {
        let wire: Wire<'_> = serde_json::from_str(info).map_err(|_| {
            READER.bad(
                "info must be {from, asset, spender, amount, nonce, deadline, signature, version}, each once",
            )
        })?;
        Ok(Self {
            from: READER.address("from", wire.from)?,
            asset: READER.address("asset", wire.asset)?,
            spender: READER.address("spender", wire.spender)?,
            amount: READER.integer("amount", wire.amount)?,
            nonce: READER.integer("nonce", wire.nonce)?,
            deadline: READER.integer("deadline", wire.deadline)?,
            signature: READER.signature("signature", wire.signature)?,
        })
    }

    /// The extension's `info` as it goes out.
    pub(super) fn info(&self) -> Map<String, Value> {
        let info = json!({
            "from": self.from.to_checksum(None),
            "asset": self.asset.to_checksum(None),
            "spender": self.spender.to_checksum(None),
            "amount": self.amount.to_string(),
            "nonce": self.nonce.to_string(),
            "deadline": self.deadline.to_string(),
            "signature": hex::encode_prefixed(self.signature),
        });
        if let Value::Object(map) = info { map } else { Map::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::keccak256;

    #[test]
    fn the_typehash_is_that_of_its_type() {
        let text = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";
        assert_eq!(keccak256(text), TYPEHASH);
    }

    #[test]
    fn the_digest_is_what_alloy_makes_of_the_type() {
        use alloy::sol_types::{SolStruct, eip712_domain};
        mod typed {
            alloy::sol! {
                struct Permit { address owner; address spender; uint256 value; uint256 nonce; uint256 deadline; }
            }
        }
        let token = Address::repeat_byte(9);
        let one = Eip2612 {
            from: Address::repeat_byte(1),
            asset: token,
            spender: PERMIT2,
            amount: U256::from(10_000),
            nonce: U256::from(3),
            deadline: U256::from(1_740_672_154u64),
            signature: [27; 65],
        };
        let same = typed::Permit {
            owner: one.from,
            spender: one.spender,
            value: one.amount,
            nonce: one.nonce,
            deadline: one.deadline,
        };
        let domain = eip712_domain! { name: "T", version: "1", chain_id: 8453, verifying_contract: token, };
        assert_eq!(one.digest(&domain.separator()), same.eip712_signing_hash(&domain));
    }
}
