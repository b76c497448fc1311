//! Addresses: any spelling in, one canonical spelling inside (lowercase `0x` hex), EIP-55 checksums out.

use alloy::hex;
use alloy::primitives::{Address, B256};
use arrayvec::ArrayString;
use tollway_core::ids::KEY_BYTES_MAX;
use tollway_core::{Account, AssetId, ChainId, Code, Error, Result, TxId};

/// Room for an address as text; the capacity is the contract's.
pub type AddressText = ArrayString<{ KEY_BYTES_MAX }>;

/// Reads an address: `0x` and 40 hex digits in any case, surrounding space ignored. A checksum is not demanded,
/// because wallets and servers write every case there is.
///
/// # Errors
/// [`Code::InvalidAddress`].
pub fn parse(text: &str) -> Result<Address> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let mut bytes = [0u8; 20];
    match digits.map(|digits| hex::decode_to_slice(digits, &mut bytes)) {
        Some(Ok(())) => Ok(Address::from(bytes)),
        _ => Err(Error::payee(Code::InvalidAddress)
            .detail(format!("{text:.64?} is not an EVM address: 0x and 40 hex digits are"))),
    }
}

/// The canonical spelling of an address.
pub fn canonical(address: &Address) -> AddressText {
    let mut buffer = hex::Buffer::<20, true>::new();
    // 42 bytes fit; a failure would leave the text empty and be refused as an address, never be another one.
    AddressText::from(buffer.format(address)).unwrap_or_default()
}

/// Any spelling → the canonical one. An asset may also be the chain's own coin.
pub(crate) fn canonical_of(text: &str) -> Result<AddressText> {
    if text == AssetId::NATIVE {
        return ArrayString::from(text).map_err(|_| Error::us(Code::Internal));
    }
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    // Only the case differs, so nothing need be decoded.
    match digits.and_then(lowercase) {
        Some(digits) => {
            let digits = std::str::from_utf8(&digits).map_err(|_| Error::us(Code::Internal))?;
            let mut canonical = AddressText::from("0x").map_err(|_| Error::us(Code::Internal))?;
            canonical.try_push_str(digits).map_err(|_| Error::us(Code::Internal))?;
            Ok(canonical)
        }
        None => parse(text).map(|address| canonical(&address)),
    }
}

/// Forty hex digits in lower case, looked at many at once: there is no way out on the first that is none.
fn lowercase(digits: &str) -> Option<[u8; 40]> {
    let digits: [u8; 40] = digits.as_bytes().try_into().ok()?;
    let every = digits.iter().fold(true, |every, digit| every & digit.is_ascii_hexdigit());
    // Figures have this bit set already.
    every.then_some(digits.map(|digit| digit | 0x20))
}

/// The canonical spelling → EIP-55.
pub(crate) fn checksummed(text: &str) -> String {
    parse(text).map_or_else(|_| text.to_owned(), |address| address.to_checksum(None))
}

/// The address of an account.
///
/// # Errors
/// [`Code::InvalidAddress`] when it is no EVM account.
pub fn of_account(account: &Account) -> Result<Address> {
    parse(account.address())
}

/// The account of an address.
///
/// # Errors
/// Never for real addresses.
pub fn account(chain: ChainId, address: &Address) -> Result<Account> {
    Account::new(chain, &canonical(address))
}

/// The asset of a token's address.
///
/// # Errors
/// Never for real addresses.
pub fn asset(chain: ChainId, token: &Address) -> Result<AssetId> {
    AssetId::new(chain, &canonical(token))
}

/// The EIP-155 id of a CAIP-2 chain.
///
/// # Errors
/// [`Code::InvalidNetwork`] when it is no EVM chain.
pub fn eip155(chain: &ChainId) -> Result<u64> {
    let number = (chain.namespace() == "eip155").then(|| chain.reference().parse().ok()).flatten();
    number.ok_or_else(|| {
        Error::payee(Code::InvalidNetwork).detail(format!("{chain} is not eip155:<decimal number>"))
    })
}

/// A transaction's hash as its id, and back.
pub(crate) fn tx_id(hash: &B256) -> TxId {
    TxId(format!("{hash:#x}"))
}

/// The hash of a transaction's id.
pub(crate) fn tx_hash(tx: &TxId) -> Result<B256> {
    tx.0.parse()
        .map_err(|_| Error::caller(Code::NotFound).detail(format!("{:.80?} is not a transaction hash", tx.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_read_and_one_is_kept() {
        let sum = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
        assert_eq!(canonical_of(sum).unwrap().as_str(), sum.to_lowercase());
        assert_eq!(checksummed(&sum.to_lowercase()), sum);
        assert_eq!(
            canonical_of(&sum.to_uppercase().replace("0X", "0x")).unwrap().as_str(),
            sum.to_lowercase()
        );
        assert_eq!(canonical_of("native").unwrap().as_str(), "native");
    }

    #[test]
    fn other_things_are_refused() {
        for bad in ["", "0x", "833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "0x12", "0xzz", &"0".repeat(10_000)]
        {
            assert_eq!(parse(bad).unwrap_err().code, Code::InvalidAddress, "{bad:.20}");
        }
        assert!(eip155(&ChainId::new("solana:abc").unwrap()).is_err());
        assert!(eip155(&ChainId::new("eip155:abc").unwrap()).is_err());
        assert_eq!(eip155(&ChainId::new("eip155:8453").unwrap()), Ok(8453));
    }
}
