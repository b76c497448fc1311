//! What is known of Solana without a node.

use crate::address;
use crate::profiles::{NETWORKS, TOKENS};
use std::fmt::Write;
use tollway_core::{Code, Error, Family, Plugin, Result};

/// The `solana` family: addresses are 32 bytes in base58, which has one spelling only.
pub const FAMILY: Family = Family {
    namespace: "solana",
    address: canonical,
    display: str::to_owned,
    networks: NETWORKS,
    assets: TOKENS,
};

tollway_core::inventory::submit! { Plugin::Family(FAMILY) }

type Spelling = arrayvec::ArrayString<{ tollway_core::ids::KEY_BYTES_MAX }>;

fn canonical(spelling: &str) -> Result<Spelling> {
    let mut text = Spelling::new();
    write!(text, "{}", address::parse(spelling)?)
        .map_err(|_| Error::us(Code::Internal).detail("an address that cannot be spelled"))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollway_core::ChainId;

    #[test]
    fn every_key_in_the_tables_is_canonical_and_nothing_is_listed_twice() {
        let mut seen = std::collections::HashSet::new();
        for asset in FAMILY.assets {
            assert_eq!((FAMILY.address)(asset.key).unwrap().as_str(), asset.key, "{}", asset.symbol);
            assert!(seen.insert((asset.chain, asset.key)), "{} twice", asset.symbol);
            let chain = ChainId::new(asset.chain).unwrap();
            assert!(FAMILY.network(&chain).is_some(), "{}", asset.chain);
        }
    }

    #[test]
    fn names_of_v1_and_tokens_are_found() {
        let main = ChainId::new("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp").unwrap();
        assert_eq!(FAMILY.network(&main).unwrap().v1_name, Some("solana"));
        let usdc = FAMILY.asset(main, "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v").unwrap();
        assert_eq!((FAMILY.known(&usdc).unwrap().symbol, FAMILY.known(&usdc).unwrap().decimals), ("USDC", 6));
        for wrong in ["", "native", "0xa0b8", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wE", &"1".repeat(5_000)] {
            assert!(FAMILY.account(main, wrong).is_err(), "{wrong:.20}");
        }
    }

    #[test]
    fn an_associated_token_account_is_where_the_protocol_says() {
        let owner = address::parse("2wKupLR9q6wXYppw8Gr2NvWxKBUqm4PPJKkQfoxHDBg4").unwrap();
        let usdc = address::parse("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v").unwrap();
        for _ in 0..2 {
            let found = address::ata(&owner, &usdc, crate::TokenProgram::Token);
            assert_eq!(found.to_string(), "3XZXfFJHF5ox3yPop16oqYfSWxLpkjsEuvTe2S67G2rj");
        }
        assert_ne!(
            address::ata(&owner, &usdc, crate::TokenProgram::Token2022),
            address::parse("3XZXfFJHF5ox3yPop16oqYfSWxLpkjsEuvTe2S67G2rj").unwrap()
        );
    }
}
