//! What a signature is shown as where only its size matters.

use alloy::primitives::{B256, keccak256};

/// No signature, but as long as this one, with zeros where it has zeros and noise where it has anything else: whoever prices
/// bytes by their content finds it no cheaper than the real one, and a log that shows it shows nothing.
pub fn veiled(signature: &[u8]) -> Vec<u8> {
    let mut veil = Vec::with_capacity(signature.len());
    let mut noise = B256::ZERO;
    for block in signature.chunks(B256::len_bytes()) {
        noise = keccak256(noise);
        // A zero in the noise would be cheaper than what it stands for.
        veil.extend(block.iter().zip(noise).map(|(real, noise)| if *real == 0 { 0 } else { noise.max(1) }));
    }
    veil
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_veil_is_as_long_has_the_same_zeros_and_shows_nothing_else() {
        let real: Vec<u8> = (0..8_000u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let veil = veiled(&real);
        assert_eq!(veil.len(), real.len());
        assert!(veil.iter().zip(&real).all(|(veil, real)| (*veil == 0) == (*real == 0)));
        assert_eq!(veil, veiled(&real.iter().map(|b| b.saturating_mul(7)).collect::<Vec<_>>()));
        assert!(veil.chunks(32).map(<[u8]>::to_vec).collect::<std::collections::HashSet<_>>().len() == 250);
        assert!(veiled(&[]).is_empty());
    }
}
