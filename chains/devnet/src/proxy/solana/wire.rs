//! Signed transactions as bytes: enough reading to know a transaction's name and what it offers for its place.

use base64_simd::STANDARD;

const COMPUTE_BUDGET: &str = "ComputeBudget111111111111111111111111111111";

/// Programs that are part of the node, and get a smaller share of compute when a transaction asks for none.
const BUILT_IN: [&str; 5] = [
    COMPUTE_BUDGET,
    "11111111111111111111111111111111",
    "Vote111111111111111111111111111111111111111",
    "BPFLoaderUpgradeab1e11111111111111111111111",
    "BPFLoader2111111111111111111111111111111111",
];
const BUILT_IN_SHARE: u64 = 3_000;
const SHARE: u64 = 200_000;
const MOST_COMPUTE: u64 = 1_400_000;
/// Prices are in millionths of a lamport.
const MICRO: u128 = 1_000_000;

/// Bytes that are read from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// A length in groups of seven bits, three at most.
    fn length(&mut self) -> Option<usize> {
        let mut length = 0;
        for shift in [0, 7, 14] {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(length);
            }
        }
        None
    }
}

/// The first signature of a transaction in base58: its name on the chain.
pub(super) fn name(transaction: &[u8]) -> Option<String> {
    let mut reader = Reader(transaction);
    (reader.length()? > 0).then(|| reader.take(64)).flatten().map(|name| bs58::encode(name).into_string())
}

/// What a signed transaction pays for its place, in lamports, beside the price of its signatures.
pub(super) fn priority_of_transaction(transaction: &[u8]) -> Option<u64> {
    let mut reader = Reader(transaction);
    let signatures = reader.length()?;
    reader.take(signatures.checked_mul(64)?)?;
    priority_of_message(reader.0)
}

/// The same of a message that nobody has signed yet.
pub(super) fn priority_of_message(message: &[u8]) -> Option<u64> {
    let mut reader = Reader(message);
    if reader.0.first()? & 0x80 != 0 {
        reader.byte()?; // the version
    }
    reader.take(3)?;
    let keys = reader.length()?;
    let keys: Vec<&[u8]> = reader.take(keys.checked_mul(32)?)?.chunks_exact(32).collect();
    reader.take(32)?; // the blockhash
    let (mut price, mut limit, mut shares) = (0_u64, None, 0_u64);
    for _ in 0..reader.length()? {
        let program = bs58::encode(keys.get(usize::from(reader.byte()?))?).into_string();
        let accounts = reader.length()?;
        reader.take(accounts)?;
        let length = reader.length()?;
        let data = reader.take(length)?;
        shares += if BUILT_IN.contains(&&*program) { BUILT_IN_SHARE } else { SHARE };
        match (program == COMPUTE_BUDGET, data.split_first()) {
            (true, Some((2, rest))) => limit = Some(u64::from(u32::from_le_bytes(rest.try_into().ok()?))),
            (true, Some((3, rest))) => price = u64::from_le_bytes(rest.try_into().ok()?),
            _ => {}
        }
    }
    let compute = limit.unwrap_or(shares).min(MOST_COMPUTE);
    u64::try_from((u128::from(compute) * u128::from(price)).div_ceil(MICRO)).ok()
}

/// Base64, or base58 when it was asked for or nothing was: what JSON-RPC takes and gives.
pub(super) fn decode(text: &str, encoding: Option<&str>) -> Option<Vec<u8>> {
    match encoding {
        Some("base64") => STANDARD.decode_to_vec(text).ok(),
        None | Some("base58") => bs58::decode(text).into_vec().ok(),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A legacy message with one key that pays and one instruction for each `(program, data)`.
    fn message(instructions: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut message = vec![1, 0, 1, 2];
        message.extend([7; 32]);
        message.extend(bs58::decode(instructions[0].0).into_vec().unwrap());
        message.extend([9; 32]);
        message.push(u8::try_from(instructions.len()).unwrap());
        for (_, data) in instructions {
            message.extend([1, 0, u8::try_from(data.len()).unwrap()]);
            message.extend(data);
        }
        message
    }

    fn price(micro_lamports: u64) -> (&'static str, Vec<u8>) {
        (COMPUTE_BUDGET, [&[3], &micro_lamports.to_le_bytes()[..]].concat())
    }

    fn limit(units: u32) -> (&'static str, Vec<u8>) {
        (COMPUTE_BUDGET, [&[2], &units.to_le_bytes()[..]].concat())
    }

    #[test]
    fn the_priority_is_price_times_limit_rounded_up() {
        assert_eq!(priority_of_message(&message(&[limit(20_000), price(1_000_000)])), Some(20_000));
        assert_eq!(priority_of_message(&message(&[limit(20_000), price(1)])), Some(1));
        assert_eq!(priority_of_message(&message(&[limit(20_000)])), Some(0));
        assert_eq!(priority_of_message(&message(&[price(1_000_000)])), Some(3_000), "no limit: its share");
    }

    #[test]
    fn what_is_cut_short_is_not_priced() {
        let whole = message(&[limit(20_000), price(5)]);
        for end in 0..whole.len() {
            assert_eq!(priority_of_message(&whole[..end]), None, "{end}");
        }
        assert_eq!(name(&[]), None);
        assert_eq!(name(&[0; 80]), None);
    }
}
