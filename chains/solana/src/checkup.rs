use crate::{At, FAMILY, Mint, Pubkey, State, Svm};
use tollway_core::{AssetId, CheckedToken, Checkup, KnownAsset, Result};

/// The chain's time, and whether the tokens of the table are mints with the decimals that the table says.
///
/// # Errors
/// Those of [`Svm::look`].
pub async fn checkup(svm: &dyn Svm) -> Result<Checkup> {
    let chain = svm.id();
    let known = FAMILY.assets.iter().filter(|a| a.chain == chain.as_str());
    let known: Vec<(&KnownAsset, Pubkey)> =
        known.filter_map(|token| Some((token, token.key.parse().ok()?))).collect();
    let mints: Vec<Pubkey> = known.iter().map(|(_, mint)| *mint).collect();
    let looked = svm.look(&mints, At::Latest).await?;
    let mut tokens = Vec::new();
    for ((token, _), state) in known.iter().zip(&looked.accounts) {
        let asset = AssetId::new(chain, token.key)?;
        tokens.push(CheckedToken { asset, symbol: token.symbol, wrong: wrong(token, state.as_ref()) });
    }
    Ok(Checkup { time: looked.time, tokens })
}

/// What a mint says that the table does not.
fn wrong(token: &KnownAsset, state: Option<&State>) -> Option<String> {
    match state.map(Mint::parse) {
        Some(Ok(mint)) if mint.decimals == token.decimals => None,
        Some(Ok(mint)) => {
            Some(format!("it has {} decimals, and {} in the table", mint.decimals, token.decimals))
        }
        Some(Err(why)) => Some(format!("no mint is there: {}", why.detail)),
        None => Some("no mint is there".to_owned()),
    }
}
