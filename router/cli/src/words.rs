//! Amounts and networks as people call them.

use tollway::core::{Amount, ChainId, Receipt, Registry};

/// `0.010000 USDC` where the token is known, atomic units of its address where it is not.
pub(crate) fn amount(registry: &Registry, amount: Amount) -> String {
    match registry.known_asset(&amount.asset) {
        Some(token) => format!("{} {}", decimal(amount.atomic, token.decimals), token.symbol),
        None => amount.to_string(),
    }
}

/// `Base` where the chain is known, its id where it is not.
pub(crate) fn network(registry: &Registry, chain: &ChainId) -> String {
    let known = registry.family(chain).and_then(|f| f.network(chain));
    known.map_or_else(|| chain.to_string(), |n| n.title.to_owned())
}

/// What a receipt says.
pub(crate) fn paid(registry: &Registry, receipt: &Receipt) -> String {
    let what = amount(registry, receipt.charged);
    let place = network(registry, &receipt.chain);
    match receipt.transaction() {
        Some(tx) => format!("paid {what} on {place} in transaction {tx}"),
        None => format!("paid {what} on {place}"),
    }
}

/// Atomic units as a decimal number.
pub(crate) fn decimal(atomic: u128, decimals: u8) -> String {
    let width = usize::from(decimals);
    let digits = format!("{atomic:0>least$}", least = width.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(width));
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimals() {
        assert_eq!(decimal(10_000, 6), "0.010000");
        assert_eq!(decimal(0, 6), "0.000000");
        assert_eq!(decimal(12_345_678, 6), "12.345678");
        assert_eq!(decimal(7, 0), "7");
        assert_eq!(decimal(1, 18), "0.000000000000000001");
    }
}
