//! What the tests share: a signed USDC payment, and clients that go through the proxy.
#![allow(dead_code, missing_docs, unreachable_pub)] // each test binary uses its part

use alloy::network::{EthereumWallet, TransactionBuilder};
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{Eip712Domain, SolCall, SolStruct, eip712_domain};
use tollway_devnet::{Account, Chain, ChainSpec};

alloy::sol! {
    #[derive(Debug)]
    struct TransferWithAuthorization {
        address from; address to; uint256 value; uint256 validAfter; uint256 validBefore; bytes32 nonce;
    }
    struct ReceiveWithAuthorization {
        address from; address to; uint256 value; uint256 validAfter; uint256 validBefore; bytes32 nonce;
    }
    struct CancelAuthorization { address authorizer; bytes32 nonce; }
    struct Permit { address owner; address spender; uint256 value; uint256 nonce; uint256 deadline; }

    function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s);
    function receiveWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature);
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes signature);
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes signature);
    function balanceOf(address account) returns (uint256);
    function allowance(address owner, address spender) returns (uint256);
    function authorizationState(address authorizer, bytes32 nonce) returns (bool);
    function DOMAIN_SEPARATOR() returns (bytes32);
    function name() returns (string);
    function version() returns (string);
    function mint(address to, uint256 amount) returns (bool);
    function latestRoundData() returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
    function decimals() returns (uint8);
    function description() returns (string);
    function getL1Fee(bytes data) returns (uint256);
    function getL1GasUsed(bytes data) returns (uint256);
    function getPricesInWei() returns (uint256, uint256, uint256, uint256, uint256, uint256);
    function gasEstimateComponents(address to, bool contractCreation, bytes data) returns (uint64 gasEstimate, uint64 gasEstimateForL1, uint256 baseFee, uint256 l1BaseFeeEstimate);
    function getBlockNumber() returns (uint256);
}

pub fn signer(account: &Account) -> PrivateKeySigner {
    account.private_key().parse().unwrap()
}

pub fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// A client through the proxy that signs as `account`.
pub fn client(chain: &Chain, account: &Account) -> impl Provider + Clone + use<> {
    let wallet = EthereumWallet::from(signer(account));
    let provider = ProviderBuilder::new().wallet(wallet).connect_http(chain.http_url().parse().unwrap());
    provider.client().set_poll_interval(std::time::Duration::from_millis(20));
    provider
}

pub fn domain(spec: &ChainSpec) -> Eip712Domain {
    eip712_domain! {
        name: spec.usdc_name,
        version: ChainSpec::USDC_VERSION,
        chain_id: spec.chain_id,
        verifying_contract: address(spec.usdc),
    }
}

/// A payment that is good for a minute, with a nonce of its own.
pub fn payment(from: &Account, to: &str, value: u64, salt: impl AsRef<[u8]>) -> TransferWithAuthorization {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    TransferWithAuthorization {
        from: address(from.address()),
        to: address(to),
        value: U256::from(value),
        validAfter: U256::ZERO,
        validBefore: U256::from(now + 600),
        nonce: keccak256(salt),
    }
}

pub fn sign(account: &Account, domain: &Eip712Domain, message: &impl SolStruct) -> [u8; 65] {
    signer(account).sign_hash_sync(&message.eip712_signing_hash(domain)).unwrap().as_bytes()
}

pub fn transfer_call(message: &TransferWithAuthorization, signature: [u8; 65]) -> Vec<u8> {
    transferWithAuthorizationCall {
        from: message.from,
        to: message.to,
        value: message.value,
        validAfter: message.validAfter,
        validBefore: message.validBefore,
        nonce: message.nonce,
        v: signature[64],
        r: B256::from_slice(&signature[..32]),
        s: B256::from_slice(&signature[32..64]),
    }
    .abi_encode()
}

/// Calldata of a payment signed by its payer for this chain.
pub fn signed_payment(
    chain: &Chain,
    payer: &Account,
    to: &str,
    value: u64,
    salt: impl AsRef<[u8]>,
) -> Vec<u8> {
    let message = payment(payer, to, value, salt);
    transfer_call(&message, sign(payer, &domain(chain.spec()), &message))
}

pub fn request(to: &str, data: Vec<u8>) -> TransactionRequest {
    TransactionRequest::default().with_to(address(to)).with_input(data)
}

/// Sends and waits for the receipt.
pub async fn send(client: &impl Provider, to: &str, data: Vec<u8>) -> TransactionReceipt {
    let pending = client.send_transaction(request(to, data)).await.unwrap();
    pending.get_receipt().await.unwrap()
}

/// Reads through `eth_call`.
pub async fn read<C: SolCall>(client: &impl Provider, to: &str, call: C) -> C::Return {
    let answer = client.call(request(to, call.abi_encode())).await.unwrap();
    C::abi_decode_returns(&answer).unwrap()
}

/// The revert string of a call that must fail.
pub async fn revert(client: &impl Provider, from: &Account, to: &str, data: Vec<u8>) -> String {
    let request = request(to, data).with_from(address(from.address()));
    let error = client.call(request).await.expect_err("it was not refused");
    let said = error.as_error_resp().expect("an answer of the node").message.to_string();
    said.trim_start_matches("execution reverted: ").trim_start_matches("revert: ").to_owned()
}

pub fn bytes(signature: [u8; 65]) -> Bytes {
    Bytes::copy_from_slice(&signature)
}
