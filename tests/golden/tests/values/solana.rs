//! Addresses and vouchers of Solana, from SHA-256, base58 and the curve; the chain crate and its plugins will take over.

use curve25519_dalek::edwards::CompressedEdwardsY;
use sha2::{Digest, Sha256};

const TOKEN_PROGRAM: &str = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA";
const ATA_PROGRAM: &str = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL";
const CHANNEL_PROGRAM: &str = "CHNLxYvVA28MJP9PrFuDXccuoGXAx7jBacfLEkahyGsX";
const USDC: &str = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v";
const WALLET: &str = "2wKupLR9q6wXYppw8Gr2NvWxKBUqm4PPJKkQfoxHDBg4";
const FEE_PAYER: &str = "EwWqGE4ZFKLofuestmU4LDdK7XM1N4ALgdZccwYugwGd";
const AUTHORIZER: &str = "CKPKJWNdJEqa81x7CkZ14BVPiY6y16Sxs7owznqtWYp5";
const CHANNEL: &str = "DPFQkbpAMyfyGpcvrHEnkbG3BiJnUtzX8jBMT6ZM6zfY";

fn key(text: &str) -> [u8; 32] {
    bs58::decode(text).into_vec().unwrap().try_into().unwrap()
}

/// A program's own address: the first that is no public key, counting the bump down.
fn program_address(seeds: &[&[u8]], program: &str) -> (String, u8) {
    let found = (0..=u8::MAX).rev().find_map(|bump| {
        let mut hash = Sha256::new();
        seeds.iter().for_each(|seed| hash.update(seed));
        hash.update([bump]);
        hash.update(key(program));
        hash.update(b"ProgramDerivedAddress");
        let address: [u8; 32] = hash.finalize().into();
        CompressedEdwardsY(address).decompress().is_none().then_some((address, bump))
    });
    let (address, bump) = found.unwrap();
    (bs58::encode(address).into_string(), bump)
}

#[test]
fn token_account() {
    let seeds = [&key(WALLET)[..], &key(TOKEN_PROGRAM), &key(USDC)];
    let found = program_address(&seeds, ATA_PROGRAM);
    assert_eq!(found, ("3XZXfFJHF5ox3yPop16oqYfSWxLpkjsEuvTe2S67G2rj".to_owned(), 254));
}

#[test]
fn channel() {
    let (nonce, open_slot) = (7u64.to_le_bytes(), 341_000_000u64.to_le_bytes());
    let keys = [key(WALLET), key(FEE_PAYER), key(USDC), key(AUTHORIZER)];
    let mut seeds: Vec<&[u8]> = vec![b"channel"];
    seeds.extend(keys.iter().map(|key| &key[..]));
    seeds.extend([&nonce[..], &open_slot[..]]);
    let found = program_address(&seeds, CHANNEL_PROGRAM);
    assert_eq!(found, ("DPFQkbpAMyfyGpcvrHEnkbG3BiJnUtzX8jBMT6ZM6zfY".to_owned(), 254));
}

/// Not of the section with the others, but published in the same way, and it proves the bump's direction: 249 takes
/// seven tries.
#[test]
fn event_authority() {
    let found = program_address(&[b"event_authority"], CHANNEL_PROGRAM);
    assert_eq!(found, ("75c2huVzDW1Eq4kD86by5392sjdJzuAT195XNgP2f2tX".to_owned(), 249));
}

#[test]
fn voucher() {
    let mut bytes = vec![0x56, 0x01];
    bytes.extend(key(CHANNEL));
    bytes.extend(1858u64.to_le_bytes());
    bytes.extend(1_893_456_000i64.to_le_bytes());
    assert_eq!(
        alloy::hex::encode(&bytes),
        "5601b7ff50556fde950681a8f953488427e872f8761b7ea326cc8919a49507883a07420700000000000080d8db7000000000"
    );
}
