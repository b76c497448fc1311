//! Types, domains and addresses, as x402 and the tokens publish them. Nothing of Tollway's is used here.

use alloy::primitives::{Address, B256, U256, address, b256, keccak256};
use alloy::sol_types::{Eip712Domain, SolStruct, eip712_domain};

pub(crate) const BASE: u64 = 8453;
pub(crate) const BASE_SEPOLIA: u64 = 84532;
pub(crate) const USDC_BASE_SEPOLIA: Address = address!("036CbD53842c5426634e7929541eC2318f3dCF7e");
pub(crate) const PERMIT2: Address = address!("000000000022D473030F116dDEE9F6B43aC78BA3");
pub(crate) const EXACT_PROXY: Address = address!("402085c248EeA27D92E8b30b2C58ed07f9E20001");
pub(crate) const UPTO_PROXY: Address = address!("4020A4f3b7b90ccA423B9fabCc0CE57C6C240002");
pub(crate) const BATCH_SETTLEMENT: Address = address!("4020074e9dF2ce1deE5A9C1b5c3f541D02a10003");
pub(crate) const PERMIT2_DEPOSITS: Address = address!("4020425FAf3B746C082C2f942b4E5159887B0005");
pub(crate) const CAPTURE_ESCROW: Address = address!("f96815976523E00e65Be8f34cA5e64b4f41EB19c");

/// The moment at which the samples' windows end.
pub(crate) const DEADLINE: u64 = 1_740_672_154;
/// The EIP-3009 sample's nonce.
pub(crate) const NONCE: B256 = b256!("f3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480");

/// The samples' accounts: 20 bytes that end with these two.
pub(crate) fn account(tail: u16) -> Address {
    let mut bytes = [0; 20];
    bytes[18..].copy_from_slice(&tail.to_be_bytes());
    Address::from(bytes)
}

/// The hash of a struct's type, with the types that it refers to.
pub(crate) fn typehash<T: SolStruct>() -> B256 {
    keccak256(T::eip712_encode_type().as_bytes())
}

pub(crate) fn permit2(chain_id: u64) -> Eip712Domain {
    eip712_domain! { name: "Permit2", chain_id: chain_id, verifying_contract: PERMIT2, }
}

pub(crate) fn batch(chain_id: u64) -> Eip712Domain {
    eip712_domain! {
        name: "x402 Batch Settlement",
        version: "1",
        chain_id: chain_id,
        verifying_contract: BATCH_SETTLEMENT,
    }
}

/// The channel of the samples.
pub(crate) fn channel() -> batches::ChannelConfig {
    batches::ChannelConfig {
        payer: account(0x1111),
        payerAuthorizer: account(0x2222),
        receiver: account(0x3333),
        receiverAuthorizer: account(0x4444),
        token: USDC_BASE_SEPOLIA,
        withdrawDelay: alloy::primitives::Uint::from(900),
        salt: B256::ZERO,
    }
}

/// Ten thousand atomic units, by a permit with nonce 7.
pub(crate) fn permitted() -> (U256, U256, U256) {
    (U256::from(10_000), U256::from(7), U256::from(DEADLINE))
}

pub(crate) mod tokens {
    alloy::sol! {
        struct TransferWithAuthorization { address from; address to; uint256 value; uint256 validAfter; uint256 validBefore; bytes32 nonce; }
        struct ReceiveWithAuthorization { address from; address to; uint256 value; uint256 validAfter; uint256 validBefore; bytes32 nonce; }
        struct Permit { address owner; address spender; uint256 value; uint256 nonce; uint256 deadline; }
    }
}

pub(crate) mod exact {
    alloy::sol! {
        struct TokenPermissions { address token; uint256 amount; }
        struct Witness { address to; uint256 validAfter; }
        struct PermitWitnessTransferFrom { TokenPermissions permitted; address spender; uint256 nonce; uint256 deadline; Witness witness; }
    }
}

pub(crate) mod upto {
    alloy::sol! {
        struct TokenPermissions { address token; uint256 amount; }
        struct Witness { address to; address facilitator; uint256 validAfter; }
        struct PermitWitnessTransferFrom { TokenPermissions permitted; address spender; uint256 nonce; uint256 deadline; Witness witness; }
    }
}

pub(crate) mod batches {
    alloy::sol! {
        struct TokenPermissions { address token; uint256 amount; }
        struct DepositWitness { bytes32 channelId; }
        struct PermitWitnessTransferFrom { TokenPermissions permitted; address spender; uint256 nonce; uint256 deadline; DepositWitness witness; }
        struct ChannelConfig { address payer; address payerAuthorizer; address receiver; address receiverAuthorizer; address token; uint40 withdrawDelay; bytes32 salt; }
        struct Voucher { bytes32 channelId; uint128 maxClaimableAmount; }
        struct Refund { bytes32 channelId; uint256 nonce; uint128 amount; }
        struct ClaimEntry { bytes32 channelId; uint128 maxClaimableAmount; uint128 totalClaimed; }
        struct ClaimBatch { ClaimEntry[] claims; }
    }
}

pub(crate) mod captures {
    alloy::sol! {
        struct TokenPermissions { address token; uint256 amount; }
        struct PermitTransferFrom { TokenPermissions permitted; address spender; uint256 nonce; uint256 deadline; }
        struct PaymentInfo { address operator; address payer; address receiver; address token; uint120 maxAmount; uint48 preApprovalExpiry; uint48 authorizationExpiry; uint48 refundExpiry; uint16 minFeeBps; uint16 maxFeeBps; address feeReceiver; uint256 salt; }
        struct x402AuthCaptureSaltBinding { address receiverAuthorizer; address policy; uint256 saltNonce; }
        struct Charge { bytes32 paymentInfoHash; uint256 amount; address tokenCollector; bytes32 collectorDataHash; uint256 feeAmount; address feeReceiver; }
        struct Void { bytes32 paymentInfoHash; }
        struct Capture { bytes32 paymentInfoHash; uint256 amount; uint256 feeAmount; address feeReceiver; uint256 expectedCapturableAmount; uint256 expectedRefundableAmount; }
        struct Refund { bytes32 paymentInfoHash; uint256 amount; address tokenCollector; uint256 expectedCapturableAmount; uint256 expectedRefundableAmount; }
    }
}

pub(crate) mod receipts {
    alloy::sol! {
        struct Offer { uint256 version; string resourceUrl; string scheme; string network; string asset; string payTo; string amount; uint256 validUntil; }
        struct Receipt { uint256 version; string network; string resourceUrl; string payer; uint256 issuedAt; string transaction; }
    }
}
