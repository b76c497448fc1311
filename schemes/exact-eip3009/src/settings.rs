//! What a user may set for this plugin.

use alloy::primitives::Address;
use serde::Deserialize;
use tollway_core::{AssetId, ChainId, Code, Error, Result};
use tollway_evm::FAMILY;

/// The part of the section `exact` that this plugin reads. The section is shared with the other cells of the scheme,
/// so what is not named here is left to them.
///
/// ```toml
/// [exact]
/// allow_unknown_assets = false
/// max_timeout_s = 86400
/// signature_gas_max = 400000
/// deployment_gas_max = 700000
/// eip6492_factories = ["0x0BA5ED0c6AA8c49038F819E587E2633c4A9F428a"]
/// wallets = [{ chain = "eip155:8453", address = "0x1111111111111111111111111111111111111111" }]
/// tokens = [{ chain = "eip155:31337", address = "0x5FbDB2315678afecb367f032d93F642f64180aa3", name = "Test", version = "1" }]
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// Sign for tokens that are in no table, with the domain that the seller names, and spend a settler's gas on their
    /// contracts, whatever these do with it. Off: such an entry is rejected.
    pub(crate) allow_unknown_assets: bool,
    /// The longest that a signature may stay spendable. A seller that asks for more is not paid.
    pub(crate) max_timeout_s: u64,
    /// Settler: the most gas that a payer's account with code gets to check a signature, beside what a transfer by a
    /// plain account uses. A payer chooses that code, and it runs on the settler's gas. 400,000 is enough for a passkey on
    /// a chain that has no precompile for its curve, which takes about 350,000; owners' keys take a tenth of it.
    pub(crate) signature_gas_max: u64,
    /// Settler: the most gas for deploying a payer's account (ERC-6492). Usual wallets take 200,000 to 500,000.
    pub(crate) deployment_gas_max: u64,
    /// Settler: factories that may be called to deploy a payer's account. Empty: none, so that an account which is not
    /// deployed yet cannot pay here.
    pub(crate) eip6492_factories: Vec<Address>,
    /// Payer: accounts with code that pay in place of the key's own, one per chain. Their code must accept (ERC-1271) the
    /// key's plain signature of the token's digest; a wallet that wants it wrapped takes a signer that does that.
    pub(crate) wallets: Vec<Wallet>,
    /// Tokens beside the built-in table, whose domain the user vouches for.
    pub(crate) tokens: Vec<Token>,
}

/// An account with code that pays on one chain.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wallet {
    chain: ChainId,
    address: Address,
}

/// One token that the user vouches for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    chain: ChainId,
    address: String,
    name: String,
    version: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_unknown_assets: false,
            max_timeout_s: 86_400,
            signature_gas_max: 400_000,
            deployment_gas_max: 700_000,
            eip6492_factories: Vec::new(),
            wallets: Vec::new(),
            tokens: Vec::new(),
        }
    }
}

impl Settings {
    /// Checks what serde cannot.
    ///
    /// # Errors
    /// [`Code::BadSettings`] for a token that cannot be read or that contradicts the built-in table, and for two wallets
    /// on one chain.
    pub(crate) fn checked(self) -> Result<Self> {
        let mut chains: Vec<_> = self.wallets.iter().map(|wallet| wallet.chain.as_str()).collect();
        chains.sort_unstable();
        if let Some([twice, _]) = chains.array_windows().find(|[one, next]| one == next) {
            return Err(Error::caller(Code::BadSettings)
                .detail(format!("exact.wallets: two for {twice}, and only one can pay there")));
        }
        for token in &self.tokens {
            let bad =
                |words: String| Error::caller(Code::BadSettings).detail(format!("exact.tokens: {words}"));
            let asset = FAMILY.asset(token.chain, &token.address).map_err(|e| bad(e.to_string()))?;
            let domain = [("name", &token.name), ("version", &token.version)];
            let table = FAMILY.known(&asset).map_or(&[][..], |known| known.extra);
            let other = |(key, said): &(&str, &String)| table.iter().any(|(k, v)| k == key && v != said);
            if let Some((key, said)) = domain.iter().find(|d| other(d)) {
                return Err(bad(format!("{key} {said:?} of {asset} contradicts the built-in table")));
            }
        }
        Ok(self)
    }

    /// The account that pays on a chain, where it is not the key's own.
    pub(crate) fn wallet(&self, chain: &ChainId) -> Option<Address> {
        self.wallets.iter().find(|wallet| wallet.chain == *chain).map(|wallet| wallet.address)
    }

    /// The EIP-712 name and version of a token: the built-in table's, else the user's.
    pub(crate) fn domain(&self, asset: &AssetId) -> Option<(&str, &str)> {
        if let Some(known) = FAMILY.known(asset) {
            let value = |key| known.extra.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
            return Some((value("name")?, value("version")?));
        }
        let same = |t: &&Token| FAMILY.asset(t.chain, &t.address).is_ok_and(|a| a == *asset);
        self.tokens.iter().find(same).map(|t| (t.name.as_str(), t.version.as_str()))
    }
}
