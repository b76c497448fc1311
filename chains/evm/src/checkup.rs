use crate::contracts::IDomain;
use crate::family::FAMILY;
use crate::{At, Evm, EvmCall, address, eip712};
use alloy::primitives::{B256, Bytes};
use alloy::sol_types::SolCall;
use tollway_core::{AssetId, CheckedToken, Checkup, KnownAsset, Result};

/// The longest name that is quoted.
const WORDS_MAX: usize = 64;

/// Questions about one token.
const ASKED: usize = 3;

/// The chain's time, and whether the tokens of the table have the EIP-712 domains that the table says. A payer signs under
/// the table's; under another one the signature is worth nothing.
///
/// # Errors
/// Those of [`Evm::look`].
pub async fn checkup(evm: &dyn Evm) -> Result<Checkup> {
    let chain = evm.id();
    let known: Vec<&KnownAsset> = FAMILY.assets.iter().filter(|a| a.chain == chain.as_str()).collect();
    let mut calls = Vec::new();
    for token in &known {
        let to = address::parse(token.key)?;
        let data = [
            IDomain::DOMAIN_SEPARATORCall {}.abi_encode(),
            IDomain::nameCall {}.abi_encode(),
            IDomain::versionCall {}.abi_encode(),
        ];
        calls.extend(data.map(|data| EvmCall { to, data: data.into() }));
    }
    let looked = evm.look(&calls, At::Latest).await?;
    let mut tokens = Vec::new();
    for (token, said) in known.iter().zip(looked.results.chunks(ASKED)) {
        let asset = AssetId::new(chain, token.key)?;
        tokens.push(CheckedToken { asset, symbol: token.symbol, wrong: wrong(&asset, said)? });
    }
    Ok(Checkup { time: looked.time, tokens })
}

/// What a token says that the table does not.
fn wrong(asset: &AssetId, said: &[Result<Bytes, Bytes>]) -> Result<Option<String>> {
    let ours = eip712::known_separator(asset)?;
    let [separator, name, version] = said else { return Ok(Some("it did not answer".to_owned())) };
    let separator = separator.as_ref().ok().and_then(|bytes| B256::try_from(bytes.as_ref()).ok());
    Ok(match separator {
        Some(theirs) if theirs == ours => None,
        Some(theirs) => Some(format!(
            "its DOMAIN_SEPARATOR is {theirs}, the table's domain makes {ours}; it calls itself {} version {}",
            words(name),
            words(version)
        )),
        None => Some("no contract there tells a DOMAIN_SEPARATOR".to_owned()),
    })
}

/// A string that a contract returned, as far as it may be quoted.
fn words(said: &Result<Bytes, Bytes>) -> String {
    let text = said.as_ref().ok().and_then(|bytes| IDomain::nameCall::abi_decode_returns(bytes).ok());
    text.map_or_else(
        || "(nothing)".to_owned(),
        |text| format!("{:?}", text.chars().take(WORDS_MAX).collect::<String>()),
    )
}
