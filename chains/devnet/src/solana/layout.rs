//! Accounts as bytes: mints, token accounts and price feeds, laid out as their programs read them.

use crate::error::Result;
use crate::solana::address;
use crate::solana::spec::{SolanaToken, TOKEN_2022_PROGRAM};

/// Where a token account keeps its amount.
pub(super) const AMOUNT_AT: usize = 64;

/// Token-2022 puts its extensions behind the longest of the plain layouts, then says which kind it is.
const BASE: usize = 165;
const MINT_KIND: u8 = 1;
const ACCOUNT_KIND: u8 = 2;
const TRANSFER_FEE_CONFIG: u16 = 1;
const TRANSFER_FEE_AMOUNT: u16 = 2;
const IMMUTABLE_OWNER: u16 = 7;

/// The most that the token with a fee keeps of one transfer: one token.
const MOST_FEE: u64 = 1_000_000;
const SUPPLY: u64 = 1_000_000_000_000_000;

/// A mint that nobody can mint from or freeze.
pub(super) fn mint(token: &SolanaToken) -> Vec<u8> {
    let mut mint = vec![0; 36]; // no mint authority
    mint.extend(SUPPLY.to_le_bytes());
    mint.extend([SolanaToken::DECIMALS, 1]); // initialized
    mint.extend([0; 36]); // no freeze authority
    if let Some(bps) = token.transfer_fee_bps {
        mint.resize(BASE, 0);
        mint.push(MINT_KIND);
        let mut config = vec![0; 32 + 32 + 8]; // nobody changes or collects it; nothing collected yet
        for epoch in [0_u64, 0] {
            config.extend(epoch.to_le_bytes());
            config.extend(MOST_FEE.to_le_bytes());
            config.extend(bps.to_le_bytes());
        }
        extend(&mut mint, TRANSFER_FEE_CONFIG, &config);
    }
    mint
}

/// An account that keeps `units` of a token for `owner`.
pub(super) fn token_account(token: &SolanaToken, owner: &str, units: u64) -> Result<Vec<u8>> {
    let mut account = Vec::from(address::bytes(token.mint)?);
    account.extend(address::bytes(owner)?);
    account.extend(units.to_le_bytes());
    account.extend([0; 36]); // no delegate
    account.push(1); // initialized
    account.extend([0; 12 + 8 + 36]); // not native, nothing delegated, no other who may close it
    if token.program == TOKEN_2022_PROGRAM {
        account.push(ACCOUNT_KIND);
        extend(&mut account, IMMUTABLE_OWNER, &[]);
        if token.transfer_fee_bps.is_some() {
            extend(&mut account, TRANSFER_FEE_AMOUNT, &[0; 8]);
        }
    }
    Ok(account)
}

fn extend(account: &mut Vec<u8>, kind: u16, data: &[u8]) {
    account.extend(kind.to_le_bytes());
    account.extend(u16::try_from(data.len()).unwrap_or_default().to_le_bytes());
    account.extend(data);
}

/// A price update as Pyth writes it: fully verified, 8 decimals, `published` in Unix seconds.
pub(super) fn feed(id: [u8; 32], price_e8: u64, published: i64, slot: u64) -> Vec<u8> {
    let price = price_e8.to_le_bytes();
    let mut feed = vec![34, 241, 35, 99, 157, 126, 244, 205]; // the kind of account
    feed.extend([0; 32]); // who may write it
    feed.push(1); // fully verified
    feed.extend(id);
    feed.extend(price);
    feed.extend((price_e8 / 10_000).to_le_bytes()); // a confidence of one hundredth of a percent
    feed.extend((-8_i32).to_le_bytes());
    feed.extend(published.to_le_bytes());
    feed.extend(published.saturating_sub(1).to_le_bytes());
    feed.extend(price); // the moving average
    feed.extend((price_e8 / 10_000).to_le_bytes());
    feed.extend(slot.to_le_bytes());
    feed.push(0); // the room that its program leaves
    feed
}

/// What an account of this size must hold so as not to be taken away, in lamports.
pub(super) fn rent(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX).saturating_add(128).saturating_mul(6_960)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_rents_are_those_of_mainnet() {
        let owner = SolanaToken::USDC.mint;
        let sizes = |token| (mint(&token).len(), token_account(&token, owner, 5).unwrap().len());
        assert_eq!(sizes(SolanaToken::USDC), (82, 165));
        assert_eq!(sizes(SolanaToken::PLAIN_2022), (82, 170));
        assert_eq!(sizes(SolanaToken::FEE_2022), (278, 182));
        assert_eq!((rent(82), rent(165)), (1_461_600, 2_039_280));
        assert_eq!(feed([0; 32], 1, 2, 3).len(), 134);
    }
}
