//! The wire form, and what it binds.

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tollway_core::*;

/// What a customer promises. Account and amount name their chain, so the MAC binds that too.
#[derive(Serialize, Deserialize)]
pub struct Promise {
    pub customer: Account,
    pub payee: Account,
    pub amount: Amount,
    pub expires: Time, // worth nothing from then on, by the chain's clock
    pub nonce: String, // random, so that nobody promises the same twice
}

/// The payload. It has no `Debug`: whoever sees the MAC can have the voucher redeemed.
#[derive(Serialize, Deserialize)]
pub struct Voucher {
    pub promise: Promise,
    pub(crate) mac: String,
}

/// What a payload binds: the same words for all three sides. It is pure, so the MAC is left to the clearing house.
pub fn read(order: &Order) -> Result<Terms> {
    let Voucher { promise, .. } = order.payment.payload.read()?;
    Ok(Terms {
        payer: Some(promise.customer),
        payee: promise.payee,
        ceiling: Ceiling(promise.amount),
        replay: vec![ReplayKey(promise.name())],
        not_before: Time::ZERO,
        settle_before: promise.expires.minus_ms(6_000), // time to reach a block in
    })
}

impl Promise {
    /// Names this very promise and no other: what ledgers, the chain, and the node that sends it once remember it by.
    pub fn name(&self) -> String {
        format!("voucher/{}", hex::encode(Sha256::digest(self.bytes())))
    }
    /// As it is signed, and as the chain reads it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
    /// HMAC-SHA256 over all of it.
    pub(crate) fn mac(&self, key: &Key) -> Result<Hmac<Sha256>> {
        let mac = Hmac::new_from_slice(key.0.as_bytes()).ok().filter(|_| key.0.len() >= 32);
        Ok(mac.ok_or_else(|| Error::caller(Code::BadKey))?.chain_update(self.bytes()))
    }
}

/// What customer and clearing house share: 32 random characters or more. Wiped when dropped, and never shown.
#[derive(Clone, Deserialize)]
pub struct Key(zeroize::Zeroizing<String>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}
