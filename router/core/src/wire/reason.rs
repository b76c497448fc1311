//! Reason codes: one closed vocabulary, and the spelling of every SDK mapped onto it in this file alone.
//!
//! Reading is tolerant: each known dialect's word for the same thing becomes the same [`Code`]. Writing is strict:
//! a code goes out in the x402 specification's spelling where it has one, else in the reference SDK's.

use crate::ChainId;
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
            /// The whole vocabulary.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

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
                    other => Self::Other(plain(other)),
                }
            }
        }
    };
}

codes! {
    /// The signature does not belong to the payer.
    InvalidSignature = "invalid_exact_evm_payload_signature" | "invalid_exact_evm_signature" | "invalid_signature"
        | "invalid_permit2_signature" | "invalid_exact_svm_payload_signature_invalid" | "invalid_exact_solana_payload_signature_invalid",
    /// The payment is for somebody else.
    RecipientMismatch = "invalid_exact_evm_payload_recipient_mismatch" | "invalid_exact_evm_recipient_mismatch"
        | "recipient_mismatch" | "invalid_permit2_recipient_mismatch" | "invalid_exact_svm_payload_recipient_mismatch"
        | "invalid_exact_solana_payload_recipient_mismatch",
    /// The payer has too little.
    InsufficientFunds = "insufficient_funds" | "invalid_exact_evm_insufficient_balance"
        | "invalid_exact_evm_insufficient_funds" | "permit2_insufficient_balance",
    /// The signed amount is not the one asked for.
    ValueMismatch = "invalid_exact_evm_payload_authorization_value_mismatch" | "invalid_payment_amount"
        | "invalid_exact_evm_payload_authorization_value" | "invalid_exact_evm_authorization_value"
        | "permit2_amount_mismatch" | "invalid_permit2_amount"
        | "invalid_exact_svm_payload_amount_mismatch" | "invalid_exact_svm_payload_amount_insufficient"
        | "invalid_exact_solana_payload_amount_mismatch" | "invalid_exact_solana_payload_amount_insufficient",
    /// The window has not begun.
    NotYetValid = "invalid_exact_evm_payload_authorization_valid_after" | "invalid_payment_early"
        | "permit2_not_yet_valid" | "permit2_payment_too_early",
    /// The window is over, or too short to settle in.
    Expired = "invalid_exact_evm_payload_authorization_valid_before" | "invalid_payment_expired"
        | "permit2_deadline_expired",
    /// The nonce was used or cancelled before.
    NonceUsed = "invalid_exact_evm_nonce_already_used" | "nonce_already_used" | "permit2_invalid_nonce",
    /// The token refused a simulated transfer.
    SimulationFailed = "invalid_exact_evm_transaction_simulation_failed" | "transaction_simulation"
        | "transaction_simulation_failed" | "permit2_simulation_failed" | "invalid_exact_svm_transaction_simulation_failed"
        | "invalid_exact_solana_transaction_simulation_failed",
    /// The transaction failed on chain.
    TransactionFailed = "invalid_transaction_state" | "invalid_exact_evm_transaction_failed" | "invalid_upto_evm_transaction_failed" | "transaction_failed"
        | "invalid_exact_svm_transaction_failed" | "invalid_exact_solana_transaction_failed",
    /// The receipt lacks the transfer that was asked for.
    TransferEventMismatch = "invalid_exact_evm_transfer_event_mismatch",
    /// The token pays less than was sent: it keeps a part of each transfer.
    TokenKeepsPart = "token_keeps_part",
    /// `extra` lacks the token's EIP-712 domain.
    MissingDomain = "invalid_exact_evm_missing_eip712_domain",
    /// The EIP-712 name in `extra` contradicts the token.
    DomainNameMismatch = "invalid_exact_evm_token_name_mismatch",
    /// The EIP-712 version in `extra` contradicts the token.
    DomainVersionMismatch = "invalid_exact_evm_token_version_mismatch",
    /// Nothing is deployed at the token's address.
    AssetNotDeployed = "asset_not_deployed_contract",
    /// The payer's account is not deployed yet, and the settler may not run the factory that would deploy it.
    FactoryNotAllowed = "eip6492_factory_not_allowed",
    /// The payer's account is not deployed yet, and deploying it fails.
    DeploymentFailed = "smart_wallet_deployment_failed",
    /// The payer's account would use more gas to check a signature than the settler gives it.
    SignatureGas = "signature_gas_exceeded",
    /// The scheme of the payment is not the one asked for.
    InvalidScheme = "invalid_scheme" | "invalid_exact_evm_scheme" | "invalid_upto_evm_scheme",
    /// Nobody here knows that scheme.
    UnsupportedScheme = "unsupported_scheme" | "invalid_exact_svm_unsupported_scheme"
        | "invalid_exact_solana_unsupported_scheme",
    /// The payment is for another network, or nobody here knows it.
    InvalidNetwork = "invalid_network" | "invalid_exact_evm_network_mismatch" | "network_mismatch"
        | "invalid_upto_evm_network_mismatch"
        | "invalid_exact_svm_network_mismatch" | "invalid_exact_solana_network_mismatch",
    /// Not a version of x402 that is known.
    InvalidX402Version = "invalid_x402_version",
    /// The payload cannot be read.
    InvalidPayload = "invalid_payload" | "invalid_exact_evm_failed_to_parse_signature" | "unsupported_payload_type"
        | "invalid_permit2_payload_format",
    /// The requirements cannot be read, or lack something.
    InvalidPaymentRequirements = "invalid_payment_requirements",
    /// The payment flow is not supported.
    UnsupportedFlow = "unsupported_payment_flow",
    /// The transfer method is not supported.
    UnsupportedMethod = "unsupported_asset_transfer_method",
    /// The payer's allowance to Permit2 is missing.
    AllowanceRequired = "permit2_allowance_required",
    /// A Permit2 permit for another contract than x402's proxy.
    InvalidSpender = "invalid_permit2_spender",
    /// Permit2, or x402's proxy for it, is not on this chain.
    ProxyNotDeployed = "permit2_proxy_not_deployed",
    /// A payment from the zero address.
    InvalidOwner = "permit2_invalid_owner" | "invalid_permit2_owner",
    /// A payment to the zero address.
    InvalidDestination = "permit2_invalid_destination" | "invalid_permit2_destination",
    /// The witness names another facilitator.
    FacilitatorMismatch = "upto_facilitator_mismatch" | "upto_unauthorized_facilitator",
    /// A sponsored EIP-2612 permit that cannot be read.
    Eip2612Format = "invalid_eip2612_extension_format",
    /// A sponsored EIP-2612 permit of somebody else.
    Eip2612FromMismatch = "eip2612_from_mismatch",
    /// A sponsored EIP-2612 permit for another token.
    Eip2612AssetMismatch = "eip2612_asset_mismatch",
    /// A sponsored EIP-2612 permit for another spender than Permit2.
    Eip2612Spender = "eip2612_spender_not_permit2",
    /// A sponsored EIP-2612 permit whose deadline is over, or too near.
    Eip2612Expired = "eip2612_deadline_expired",
    /// A sponsored EIP-2612 permit for another amount than the payment's.
    Eip2612AmountMismatch = "permit2_2612_amount_mismatch",
    /// A sponsored approval that cannot be read.
    ApprovalFormat = "invalid_erc20_approval_extension_format",
    /// A sponsored approval of somebody else.
    ApprovalFromMismatch = "erc20_approval_from_mismatch",
    /// A sponsored approval for another token.
    ApprovalAssetMismatch = "erc20_approval_asset_mismatch",
    /// A sponsored approval for another spender than Permit2.
    ApprovalSpender = "erc20_approval_spender_not_permit2",
    /// The signed approval goes to another contract than the token.
    ApprovalTxTarget = "erc20_approval_tx_wrong_target",
    /// The signed approval calls something else.
    ApprovalTxSelector = "erc20_approval_tx_wrong_selector",
    /// The signed approval is for another spender.
    ApprovalTxSpender = "erc20_approval_tx_wrong_spender",
    /// The signed approval approves too little, or something beside.
    ApprovalTxCalldata = "erc20_approval_tx_invalid_calldata",
    /// The signed approval is somebody else's.
    ApprovalTxSigner = "erc20_approval_tx_signer_mismatch",
    /// The signed approval's signature is nobody's.
    ApprovalTxSignature = "erc20_approval_tx_invalid_signature",
    /// The signed approval is no transaction for this chain.
    ApprovalTxUndecodable = "erc20_approval_tx_parse_failed",
    /// The signed approval failed on chain.
    ApprovalTxFailed = "erc20_approval_tx_failed",
    /// The signed approval could not be put on chain.
    ApprovalNotSent = "erc20_approval_broadcast_failed" | "erc20_approval_insufficient_eth_for_gas",
    /// An echoed extension lacks what the server put there.
    ExtensionEchoMismatch = "extension_echo_mismatch",
    /// Broadcast, not yet known to be settled.
    SettlementPending = "settlement_pending",
    /// The same payment is being settled already.
    DuplicateSettlement = "duplicate_settlement",
    /// Verification failed for a reason of the verifier's own.
    UnexpectedVerifyError = "unexpected_verify_error" | "invalid_exact_evm_verification_failed"
        | "invalid_exact_svm_verification_failed" | "invalid_exact_solana_verification_failed",
    /// The settler has trouble of its own, and cannot settle this for now; nothing was sent.
    SettlerUnavailable = "settler_unavailable",
    /// Settlement failed for a reason of the settler's own.
    UnexpectedSettleError = "unexpected_settle_error" | "unexpected_error",

    /// A signed transaction that cannot be read.
    UndecodableTransaction = "invalid_exact_svm_payload_transaction_could_not_be_decoded"
        | "invalid_exact_solana_payload_transaction_could_not_be_decoded"
        | "invalid_exact_svm_payload_transaction" | "invalid_exact_solana_payload_transaction",
    /// Bytes after the end of a signed transaction.
    TransactionTrailingBytes = "invalid_exact_svm_payload_transaction_trailing_bytes",
    /// A length in a signed transaction that is not written in the one canonical form.
    TransactionNonCanonical = "invalid_exact_svm_payload_transaction_non_canonical",
    /// A signed transaction of a version that is not known here.
    TransactionVersion = "invalid_exact_svm_payload_transaction_version",
    /// Accounts in a signed transaction that contradict each other: counted wrongly, doubled, or not there.
    TransactionAccounts = "invalid_exact_svm_payload_transaction_accounts",
    /// A signed transaction that loads accounts from an address lookup table.
    AddressLookupTable = "invalid_exact_svm_payload_address_lookup_table",
    /// Too few or too many instructions.
    InstructionCount = "invalid_exact_svm_payload_transaction_instructions_length"
        | "invalid_exact_solana_payload_transaction_instructions_length",
    /// Instructions in another order than the protocol's, or one of them twice.
    InstructionOrder = "invalid_exact_svm_payload_protocol_instruction_order",
    /// An instruction that has no place in a payment.
    UnknownInstruction = "invalid_exact_svm_payload_unknown_optional_instruction"
        | "invalid_exact_solana_payload_unknown_optional_instruction"
        | "invalid_exact_svm_payload_unknown_fourth_instruction"
        | "invalid_exact_svm_payload_unknown_fifth_instruction"
        | "invalid_exact_svm_payload_unknown_sixth_instruction"
        | "invalid_exact_svm_payload_unknown_seventh_instruction"
        | "invalid_exact_solana_payload_unknown_fourth_instruction"
        | "invalid_exact_solana_payload_unknown_fifth_instruction"
        | "invalid_exact_solana_payload_unknown_sixth_instruction"
        | "invalid_exact_solana_payload_unknown_seventh_instruction",
    /// An instruction of the system program: coins moved, accounts made.
    SystemInstruction = "invalid_exact_svm_payload_system_instruction",
    /// A token account made on the payment's own path.
    AccountCreation = "invalid_exact_svm_payload_account_creation",
    /// A transaction that stays valid without end, by a durable nonce.
    DurableNonce = "invalid_exact_svm_payload_durable_nonce",
    /// The compute limit is not where or what it should be.
    ComputeLimitInstruction = "invalid_exact_svm_payload_transaction_instructions_compute_limit_instruction"
        | "invalid_exact_solana_payload_transaction_instructions_compute_limit_instruction",
    /// A compute limit above what a sponsor pays for.
    ComputeLimitTooHigh = "invalid_exact_svm_payload_transaction_instructions_compute_limit_instruction_too_high"
        | "invalid_exact_solana_payload_transaction_instructions_compute_limit_instruction_too_high"
        | "invalid_exact_svm_smart_wallet_compute_units_too_high",
    /// The compute price is not where or what it should be.
    ComputePriceInstruction = "invalid_exact_svm_payload_transaction_instructions_compute_price_instruction"
        | "invalid_exact_solana_payload_transaction_instructions_compute_price_instruction",
    /// A compute price above what a sponsor pays.
    ComputePriceTooHigh = "invalid_exact_svm_payload_transaction_instructions_compute_price_instruction_too_high"
        | "invalid_exact_solana_payload_transaction_instructions_compute_price_instruction_too_high"
        | "invalid_exact_svm_smart_wallet_priority_fee_too_high",
    /// Compute limit and price are each allowed, and together dearer than a sponsor pays.
    PriorityFeeTooHigh = "invalid_exact_svm_payload_priority_fee_too_high",
    /// A compute budget request other than limit and price.
    ComputeBudgetInstruction = "invalid_exact_svm_payload_compute_budget_instruction"
        | "invalid_exact_svm_smart_wallet_unsupported_compute_budget_instruction",
    /// No transfer where one should be.
    NoTransferInstruction = "invalid_exact_svm_payload_no_transfer_instruction"
        | "invalid_exact_solana_payload_no_transfer_instruction",
    /// More than one transfer.
    ExtraTransfer = "invalid_exact_svm_payload_extra_transfer",
    /// Somebody is given, or loses, the right to draw on a token account.
    TokenApproval = "invalid_exact_svm_payload_token_approval",
    /// A token account gets another owner.
    TokenAuthority = "invalid_exact_svm_payload_token_authority",
    /// A token account is closed.
    TokenAccountClosed = "invalid_exact_svm_payload_token_account_closed",
    /// An instruction of a token program that is not a checked transfer.
    TokenInstruction = "invalid_exact_svm_payload_token_instruction",
    /// The transfer names other fraction digits than the token has.
    DecimalsMismatch = "invalid_exact_svm_payload_decimals_mismatch",
    /// The money comes from another account than the payer's associated token account.
    SourceMismatch = "invalid_exact_svm_payload_source_mismatch",
    /// The requirements name nobody who pays the transaction's fee.
    MissingFeePayer = "invalid_exact_svm_payload_missing_fee_payer"
        | "invalid_exact_solana_payload_missing_fee_payer",
    /// Another fee payer than the one asked for.
    FeePayerMismatch = "invalid_exact_svm_fee_payer_mismatch"
        | "invalid_exact_solana_fee_payer_mismatch",
    /// A fee payer whose key is not this facilitator's.
    FeePayerNotManaged = "invalid_exact_svm_fee_payer_not_managed_by_facilitator"
        | "invalid_exact_solana_fee_payer_not_managed_by_facilitator"
        | "fee_payer_not_managed_by_facilitator",
    /// The fee payer would pay out of its own pocket.
    FeePayerTransferring = "invalid_exact_svm_payload_transaction_fee_payer_transferring_funds"
        | "invalid_exact_solana_payload_transaction_fee_payer_transferring_funds",
    /// An instruction could make use of the fee payer's signature.
    FeePayerExposed = "invalid_exact_svm_payload_fee_payer_in_instruction"
        | "invalid_exact_svm_smart_wallet_fee_payer_not_isolated",
    /// More, or others, sign than payer and fee payer.
    ExcessiveSigners = "invalid_exact_svm_payload_excessive_signers"
        | "invalid_exact_solana_payload_excessive_signers",
    /// A signature that should be there is not.
    SignatureMissing = "invalid_exact_svm_payload_signature_missing",
    /// Another number of memos than one.
    MemoCount = "invalid_exact_svm_payload_memo_count"
        | "invalid_exact_solana_payload_memo_count",
    /// Another memo than the one asked for.
    MemoMismatch = "invalid_exact_svm_payload_memo_mismatch"
        | "invalid_exact_solana_payload_memo_mismatch",
    /// A memo above its limit.
    MemoTooLong = "invalid_exact_svm_payload_memo_too_long",
    /// The token account that would receive, or pay, does not exist.
    TokenAccountMissing = "invalid_exact_svm_token_account_missing",
    /// A token account that is frozen, or not one at all.
    TokenAccountUnusable = "invalid_exact_svm_token_account_unusable",
    /// A token whose extensions change what a transfer does.
    TokenExtension = "invalid_exact_svm_token_extension",
    /// A token that withholds a part of every transfer.
    TokenTransferFee = "invalid_exact_svm_token_transfer_fee",
    /// A transaction on a blockhash that is too old, or of another chain.
    BlockhashNotFound = "invalid_exact_svm_blockhash_not_found",
    /// A program that no smart wallet payment may call.
    SmartWalletProgram = "invalid_exact_svm_smart_wallet_program_not_allowed",
    /// A smart wallet payment that does not make exactly the one transfer asked for.
    SmartWalletTransfer = "invalid_exact_svm_smart_wallet_transfer_mismatch"
        | "invalid_exact_svm_smart_wallet_no_transfer_in_simulation"
        | "invalid_exact_svm_smart_wallet_multiple_matching_transfers",

    /// An account or token address that its family cannot read.
    InvalidAddress = "invalid_address",
    /// An amount that is negative, fractional, malformed or does not fit.
    InvalidAmount = "invalid_amount" | "permit2_invalid_amount",
    /// The payment is in another asset.
    AssetMismatch = "asset_mismatch" | "permit2_token_mismatch" | "invalid_exact_svm_payload_mint_mismatch"
        | "invalid_exact_solana_payload_mint_mismatch",
    /// Terms without anything that makes them usable once.
    MissingReplayKey = "missing_replay_key",
    /// A charge above what was signed or offered.
    ChargeExceedsCeiling = "charge_exceeds_ceiling" | "invalid_upto_evm_payload_settlement_exceeds_amount"
        | "upto_amount_exceeds_permitted",
    /// A settler took more than it was asked to.
    Overcharged = "settled_more_than_asked",
    /// The payment was settled before, for another amount.
    SettledOtherwise = "settled_for_another_amount",
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
    /// The sources of a price are too far apart to believe any of them.
    PricesDisagree = "prices_disagree",
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
    /// A facilitator that serves callers it knows, and a caller without a key, or with a wrong one.
    Unauthorized = "unauthorized",
    /// A facilitator does not settle for this payee.
    PayeeNotServed = "payee_not_served",
    /// A facilitator does not settle this asset.
    AssetNotServed = "asset_not_served",
    /// Less than the least that a facilitator settles.
    AmountTooSmall = "amount_below_minimum",
    /// Settling would take more gas than a facilitator spends on one payment, or much more than a plain one takes.
    GasTooHigh = "settlement_gas_too_high",
    /// A facilitator has spent on gas what it spends in so much time: altogether, for a caller, or for a payee.
    GasBudgetSpent = "gas_budget_exceeded",
    /// Too many settlements of this payer, payee or caller failed on chain, at a facilitator's cost.
    TooManyFailures = "too_many_failed_settlements",
    /// A caller has as many settlements under way as it may.
    TooManyAtOnce = "too_many_settlements",
    /// A screening found something against the payer, the payee or the asset.
    Screened = "screening_denied",
    /// A screening did not answer, and nothing passes without its answer.
    ScreeningSilent = "screening_unavailable",
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

/// Codes whose own spelling names EVM chains, as others spell them on Solana: by the reference SDK's word for it there,
/// where it has one, else by one that names no chain. Source: x402 v2 `scheme_exact_svm`.
const ON_SOLANA: &[(Code, &str)] = &[
    (Code::InvalidSignature, "invalid_exact_svm_payload_signature_invalid"),
    (Code::RecipientMismatch, "invalid_exact_svm_payload_recipient_mismatch"),
    (Code::ValueMismatch, "invalid_exact_svm_payload_amount_mismatch"),
    (Code::SimulationFailed, "invalid_exact_svm_transaction_simulation_failed"),
    (Code::NotYetValid, "invalid_payment_early"),
    (Code::Expired, "invalid_payment_expired"),
    (Code::NonceUsed, "nonce_already_used"),
];

impl Code {
    /// The same code as it goes out to those who pay on `chain`: some are spelled otherwise there. Whoever reads that
    /// spelling has this code again.
    pub fn on(&self, chain: &ChainId) -> Self {
        // tidy: allow chain, because every dialect of the wire's reasons is mapped in this one file
        let spelled = ON_SOLANA.iter().find(|(code, _)| code == self && chain.namespace() == "solana");
        spelled.map_or_else(|| self.clone(), |(_, word)| Self::Other((*word).into()))
    }
}

/// A peer's word as it may be kept.
fn plain(word: &str) -> Box<str> {
    let word = bounded(word);
    if word.contains(char::is_control) { word.replace(char::is_control, " ").into() } else { word.into() }
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
