//! What a user may set for this plugin.

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
    /// Tokens beside the built-in table, whose domain the user vouches for.
    pub(crate) tokens: Vec<Token>,
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
        Self { allow_unknown_assets: false, max_timeout_s: 86_400, tokens: Vec::new() }
    }
}

impl Settings {
    /// Checks what serde cannot.
    ///
    /// # Errors
    /// [`Code::BadSettings`] for a token that cannot be read or that contradicts the built-in table.
    pub(crate) fn checked(self) -> Result<Self> {
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
