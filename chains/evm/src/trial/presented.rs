//! What a trial's result is remembered by.

use alloy::primitives::{B256, Keccak256};
use tollway_core::{Json, Order};

/// A digest of all that decides what settling a payment does: the token, the payload, and what came along with it. Not the
/// nonce alone: whoever pays can present one nonce with many signatures, a cheap and a dear one, and have us measure the one
/// and settle the other. The same text tells the same payment; another text of it was not looked at.
pub fn presented(order: &Order) -> B256 {
    let asset = order.requirement.price.asset();
    let extensions = order.payment.extensions.as_ref().map_or("", Json::as_str);
    let mut hash = Keccak256::new();
    for text in [asset.key(), order.payment.payload.as_str(), extensions] {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    hash.finalize()
}
