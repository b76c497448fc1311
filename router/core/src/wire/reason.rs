//! Reason codes: one closed vocabulary, and the spelling of every SDK mapped onto it in this file alone.
//!
//! Reading is tolerant: each known dialect's word for the same thing becomes the same [`Code`]. Writing is strict:
//! a code goes out in the x402 specification's spelling where it has one, else in the reference SDK's.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $wire:literal $(| $also:literal)*,)*) => {
        /// What was wrong. `Other` keeps a peer's word that nobody has mapped yet.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name,)*
            /// A peer's own word, at most 128 bytes of it, without control characters.
            Other(Box<str>),
        }
        impl Code {
            /// As it goes out on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $wire,)*
                    Self::Other(word) => word,
                }
            }
            /// From any dialect.
            pub fn from_wire(word: &str) -> Self {
                match word {
                    $($wire $(| $also)* => Self::$name,)*
                    other => Self::Other(bounded(other).replace(char::is_control, " ").into()),
                }
            }
        }
    };
}

codes! {
    /// The signature does not belong to the payer.
    InvalidSignature = "invalid_exact_evm_payload_signature" | "invalid_exact_evm_signature" | "invalid_signature",
    /// The payment is for somebody else.
    RecipientMismatch = "invalid_exact_evm_payload_recipient_mismatch" | "invalid_exact_evm_recipient_mismatch"
        | "recipient_mismatch",
    /// The payer has too little.
    InsufficientFunds = "insufficient_funds" | "invalid_exact_evm_insufficient_balance"
        | "invalid_exact_evm_insufficient_funds",
    /// The signed amount is not the one asked for.
    ValueMismatch = "invalid_exact_evm_payload_authorization_value_mismatch" | "invalid_payment_amount"
        | "invalid_exact_evm_payload_authorization_value" | "invalid_exact_evm_authorization_value",
    /// The window has not begun.
    NotYetValid = "invalid_exact_evm_payload_authorization_valid_after" | "invalid_payment_early",
    /// The window is over, or too short to settle in.
    Expired = "invalid_exact_evm_payload_authorization_valid_before" | "invalid_payment_expired",
    /// The nonce was used or cancelled before.
    NonceUsed = "invalid_exact_evm_nonce_already_used" | "nonce_already_used",
    /// The token refused a simulated transfer.
    SimulationFailed = "invalid_exact_evm_transaction_simulation_failed" | "transaction_simulation",
    /// The transaction failed on chain.
    TransactionFailed = "invalid_transaction_state" | "invalid_exact_evm_transaction_failed" | "transaction_failed",
    /// The receipt lacks the transfer that was asked for.
    TransferEventMismatch = "invalid_exact_evm_transfer_event_mismatch",
    /// `extra` lacks the token's EIP-712 domain.
    MissingDomain = "invalid_exact_evm_missing_eip712_domain",
    /// The EIP-712 name in `extra` contradicts the token.
    DomainNameMismatch = "invalid_exact_evm_token_name_mismatch",
    /// The EIP-712 version in `extra` contradicts the token.
    DomainVersionMismatch = "invalid_exact_evm_token_version_mismatch",
    /// Nothing is deployed at the token's address.
    AssetNotDeployed = "asset_not_deployed_contract",
    /// The scheme of the payment is not the one asked for.
    InvalidScheme = "invalid_scheme" | "invalid_exact_evm_scheme",
    /// Nobody here knows that scheme.
    UnsupportedScheme = "unsupported_scheme",
    /// The payment is for another network, or nobody here knows it.
    InvalidNetwork = "invalid_network" | "invalid_exact_evm_network_mismatch" | "network_mismatch",
    /// Not a version of x402 that is known.
    InvalidX402Version = "invalid_x402_version",
    /// The payload cannot be read.
    InvalidPayload = "invalid_payload" | "invalid_exact_evm_failed_to_parse_signature" | "unsupported_payload_type",
    /// The requirements cannot be read, or lack something.
    InvalidPaymentRequirements = "invalid_payment_requirements",
    /// The payment flow is not supported.
    UnsupportedFlow = "unsupported_payment_flow",
    /// The transfer method is not supported.
    UnsupportedMethod = "unsupported_asset_transfer_method",
    /// The payer's allowance to Permit2 is missing.
    AllowanceRequired = "permit2_allowance_required",
    /// An echoed extension lacks what the server put there.
    ExtensionEchoMismatch = "extension_echo_mismatch",
    /// Broadcast, not yet known to be settled.
    SettlementPending = "settlement_pending",
    /// The same payment is being settled already.
    DuplicateSettlement = "duplicate_settlement",
    /// Verification failed for a reason of the verifier's own.
    UnexpectedVerifyError = "unexpected_verify_error" | "invalid_exact_evm_verification_failed",
    /// Settlement failed for a reason of the settler's own.
    UnexpectedSettleError = "unexpected_settle_error" | "unexpected_error",

    /// An account or token address that its family cannot read.
    InvalidAddress = "invalid_address",
    /// An amount that is negative, fractional, malformed or does not fit.
    InvalidAmount = "invalid_amount",
    /// The payment is in another asset.
    AssetMismatch = "asset_mismatch",
    /// Terms without anything that makes them usable once.
    MissingReplayKey = "missing_replay_key",
    /// A charge above what was signed or offered.
    ChargeExceedsCeiling = "charge_exceeds_ceiling" | "invalid_upto_evm_payload_settlement_exceeds_amount",
    /// The payment matches none of the offers.
    NoMatchingOffer = "no_matching_requirements",
    /// The payment was used for another request.
    ReplayedPayment = "payment_replayed",
    /// The same payment is being worked on right now.
    InFlight = "payment_in_flight",
    /// The handler may not run before something is verified or settled.
    ServeWithoutPayment = "serve_without_payment",
    /// The handler failed; nothing was taken.
    HandlerFailed = "handler_failed",
    /// A header, body or list is larger than allowed.
    TooLarge = "too_large",
    /// A header that is not base64, or not UTF-8.
    InvalidHeader = "invalid_header",
    /// A peer's answer that makes no sense.
    InvalidAnswer = "invalid_answer",
    /// A receipt that contradicts what was signed.
    ReceiptMismatch = "receipt_mismatch",
    /// A payment header over plain HTTP or to another origin.
    InsecureTransport = "insecure_transport",
    /// The request's body cannot be sent a second time.
    BodyNotReplayable = "body_not_replayable",
    /// A payment header is there already.
    AlreadyPaid = "payment_already_attached",
    /// A plugin was registered twice.
    DuplicatePlugin = "duplicate_plugin",
    /// A scheme was asked for and its network is not there.
    NetworkMissing = "network_missing",
    /// The plugin lacks the role that is asked of it.
    RoleMissing = "role_missing",
    /// Settings that make no sense.
    BadSettings = "bad_settings",
    /// No price for an asset.
    NoPrice = "no_price",
    /// A price that is too old.
    StalePrice = "stale_price",
    /// A price that cannot be right.
    AbsurdPrice = "absurd_price",
    /// No fee quote in time.
    NoQuote = "no_quote",
    /// A fee quote that is too old.
    StaleQuote = "stale_quote",
    /// A token that is in no table; its domain cannot be trusted.
    UnknownAsset = "unknown_asset",
    /// The policy does not allow it.
    PolicyDenied = "policy_denied",
    /// More than the cap for one payment.
    OverCap = "over_cap",
    /// More than a budget has left.
    BudgetExceeded = "budget_exceeded",
    /// Settling would cost more than the policy's share of the price.
    Unprofitable = "unprofitable",
    /// No entry can be paid.
    NoRoute = "no_route",
    /// No key to sign with.
    NoSigner = "no_signer",
    /// A key that cannot be read.
    BadKey = "bad_key",
    /// A node or service that does not answer.
    Unreachable = "unreachable",
    /// A node or service that says no.
    RpcRefused = "rpc_refused",
    /// An operation that took too long.
    TimedOut = "timed_out",
    /// A node that serves another chain than it was configured for.
    WrongChain = "wrong_chain",
    /// Something that is not there.
    NotFound = "not_found",
    /// A record that has moved under somebody.
    Conflict = "conflict",
    /// The ledger cannot be read or written.
    LedgerFailed = "ledger_failed",
    /// A defect in Tollway.
    Internal = "internal_error",
}

fn bounded(word: &str) -> &str {
    let end = (0..=word.len().min(128)).rev().find(|i| word.is_char_boundary(*i)).unwrap_or(0);
    word.get(..end).unwrap_or("")
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl Serialize for Code {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}
impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self::from_wire(&std::borrow::Cow::<'de, str>::deserialize(d)?))
    }
}
