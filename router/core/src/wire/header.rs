//! Header names. HTTP compares them without case. Source: x402 transports v1 and v2 (http).

use crate::Version;

/// v2: the challenge of a 402 or 412.
pub const PAYMENT_REQUIRED: &str = "payment-required";
/// v2: the payment.
pub const PAYMENT_SIGNATURE: &str = "payment-signature";
/// v2: the receipt, also of a failed settlement.
pub const PAYMENT_RESPONSE: &str = "payment-response";
/// v1: the payment.
pub const X_PAYMENT: &str = "x-payment";
/// v1: the receipt.
pub const X_PAYMENT_RESPONSE: &str = "x-payment-response";

/// The request header that carries a payment.
pub const fn payment(version: Version) -> &'static str {
    match version {
        Version::V1 => X_PAYMENT,
        Version::V2 => PAYMENT_SIGNATURE,
    }
}

/// The response header that carries a receipt.
pub const fn receipt(version: Version) -> &'static str {
    match version {
        Version::V1 => X_PAYMENT_RESPONSE,
        Version::V2 => PAYMENT_RESPONSE,
    }
}
