//! What a user may set for a cell over Permit2.

use super::Sponsoring;
use crate::FAMILY;
use crate::address;
use alloy::primitives::Address;
use serde::Deserialize;
use std::num::NonZeroU32;
use tollway_core::{AssetId, ChainId, Code, Error, Json, Kind, Next, Requirement, Result};

/// Settings that both cells have: the table `exact.permit2`, the section `upto`.
///
/// ```
/// use tollway_evm::permit2::{Settings, Sponsoring};
///
/// let settings: Settings = serde_json::from_str(
///     r#"{"tokens": [{"chain": "eip155:8453", "address": "0x5FbDB2315678afecb367f032d93F642f64180aa3"}],
///         "gas_sponsoring": ["eip2612", "erc20_approval"], "approval_payments": 50}"#,
/// )?;
/// assert_eq!(settings.gas_sponsoring, Sponsoring::ALL);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Sign for tokens that are in no table, and spend gas on their contracts, whatever these do with it. Off: such an
    /// entry is rejected.
    pub allow_unknown_assets: bool,
    /// The longest that a signature may stay spendable, in seconds. A seller that asks for more is not paid.
    pub max_timeout_s: u64,
    /// Tokens beside the built-in table that the user vouches for.
    pub tokens: Vec<TokenSetting>,
    /// How many payments in a token one approval of the payer's is expected to serve: its gas is shared by so many when
    /// routes are compared.
    pub approval_payments: NonZeroU32,
    /// Settler: the most gas that a payer's account with code gets to check a signature, beside what a payment by a plain
    /// account uses. A payer chooses that code, and it runs on the settler's gas. 400,000 is enough for a passkey on a chain
    /// that has no precompile for its curve, which takes about 350,000; owners' keys take a tenth of it.
    pub signature_gas_max: u64,
    /// Settler: how payers without an allowance are helped, and so what `/supported` lists; sellers advertise what their
    /// settler lists. Handing in a permit costs the settler some gas more. An approval is a transaction of the payer's own, which the payer may
    /// replace after the settler has paid for it: off unless it is asked for.
    pub gas_sponsoring: Vec<Sponsoring>,
}

/// One token that the user vouches for. Its EIP-712 domain is only needed to offer `eip2612GasSponsoring` for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSetting {
    /// Where, in CAIP-2.
    pub chain: ChainId,
    /// Its address.
    pub address: String,
    /// The name in its EIP-712 domain.
    #[serde(default)]
    pub name: Option<String>,
    /// The version in its EIP-712 domain.
    #[serde(default)]
    pub version: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_unknown_assets: false,
            max_timeout_s: 86_400,
            tokens: Vec::new(),
            approval_payments: NonZeroU32::MIN.saturating_add(19),
            signature_gas_max: 400_000,
            gas_sponsoring: vec![Sponsoring::Eip2612],
        }
    }
}

/// A token that may be paid with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// The asset.
    pub asset: AssetId,
    /// Its address.
    pub address: Address,
    /// True when it stands in the table of known tokens.
    pub known: bool,
}

impl Token {
    /// Of a requirement.
    ///
    /// # Errors
    /// [`Code::InvalidNetwork`] when chain and asset disagree, [`Code::InvalidAddress`].
    pub fn of(r: &Requirement) -> Result<Self> {
        let asset = r.price.asset();
        if asset.chain != r.chain {
            return Err(Error::payee(Code::InvalidNetwork).detail(format!("{asset} is not on {}", r.chain)));
        }
        let known = FAMILY.known(&asset).is_some();
        Ok(Self { asset, address: address::parse(asset.key())?, known })
    }
}

impl Settings {
    /// Checks what serde cannot.
    ///
    /// # Errors
    /// [`Code::BadSettings`] for a token that cannot be read or that contradicts the built-in table.
    pub fn checked(self) -> Result<Self> {
        for token in &self.tokens {
            let bad = |words: String| Error::caller(Code::BadSettings).detail(format!("tokens: {words}"));
            let asset = FAMILY.asset(token.chain, &token.address).map_err(|e| bad(e.to_string()))?;
            let table = FAMILY.known(&asset).map_or(&[][..], |known| known.extra);
            for (key, said) in [("name", &token.name), ("version", &token.version)] {
                let real = table.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
                if let (Some(real), Some(said)) = (real, said)
                    && real != said
                {
                    return Err(bad(format!("{key} {said:?} of {asset} contradicts the built-in table")));
                }
            }
        }
        Ok(self)
    }

    /// True when a settler here acts on this extension.
    pub fn sponsors(&self, how: Sponsoring) -> bool {
        self.gas_sponsoring.contains(&how)
    }

    /// The extensions that a settler here acts on: what its kinds say.
    pub fn offered(&self) -> Vec<String> {
        let ours = Sponsoring::ALL.into_iter().filter(|how| self.sponsors(*how));
        ours.map(|how| how.key().to_owned()).collect()
    }

    /// What a 402 with an entry for this token says under `extensions`: what its settler acts on. A permit is only offered
    /// to be sponsored where the token's domain is known, so that the payer can sign it.
    pub fn declared(&self, asset: &AssetId, kind: &Kind) -> Option<Json> {
        let domain = self.domain(asset).is_some();
        let worth = |how: &Sponsoring| {
            let acted_on = kind.extensions.iter().any(|key| key == how.key());
            acted_on && (domain || *how != Sponsoring::Eip2612)
        };
        let all: serde_json::Map<String, serde_json::Value> = Sponsoring::ALL
            .into_iter()
            .filter(worth)
            .map(|how| (how.key().to_owned(), how.declaration()))
            .collect();
        (!all.is_empty()).then(|| Json::of(&all))
    }

    /// The EIP-712 name and version of a token: the built-in table's, else the user's.
    pub fn domain(&self, asset: &AssetId) -> Option<(&str, &str)> {
        if let Some(known) = FAMILY.known(asset) {
            let value = |key| known.extra.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
            return Some((value("name")?, value("version")?));
        }
        let token = self.listed(asset)?;
        Some((token.name.as_deref()?, token.version.as_deref()?))
    }

    /// A token that the table or the user vouches for, or any when the user says so. Whoever names a token chooses the
    /// contract, and with it what signatures are for and what gas does.
    ///
    /// # Errors
    /// [`Code::UnknownAsset`]; those of [`Token::of`].
    pub fn vouched(&self, r: &Requirement) -> Result<Token> {
        let token = Token::of(r)?;
        if token.known || self.allow_unknown_assets || self.listed(&token.asset).is_some() {
            return Ok(token);
        }
        Err(Error::payee(Code::UnknownAsset).next(Next::OtherRoute).detail(format!(
            "{} is in no table, and nothing is signed for or spent on unknown contracts; the settings tokens or \
             allow_unknown_assets would admit it",
            token.asset
        )))
    }

    /// How long the entry wants a signature to stay spendable, in seconds.
    ///
    /// # Errors
    /// [`Code::InvalidPaymentRequirements`] when that is too short to settle in, [`Code::PolicyDenied`] when it is longer
    /// than the user allows.
    pub fn timeout(&self, r: &Requirement) -> Result<u64> {
        let (least, most) = (super::MARGIN_MS.div_ceil(1_000).saturating_add(1), self.max_timeout_s);
        if r.timeout_s <= least {
            return Err(Error::payee(Code::InvalidPaymentRequirements)
                .detail(format!("maxTimeoutSeconds is {}; a settler needs more than {least}", r.timeout_s)));
        }
        if r.timeout_s > most {
            return Err(Error::payee(Code::PolicyDenied).detail(format!(
                "maxTimeoutSeconds is {}; a signature may stay spendable for {most} s (setting max_timeout_s)",
                r.timeout_s
            )));
        }
        Ok(r.timeout_s)
    }

    fn listed(&self, asset: &AssetId) -> Option<&TokenSetting> {
        self.tokens.iter().find(|t| FAMILY.asset(t.chain, &t.address).is_ok_and(|a| a == *asset))
    }
}
