//! The Permit2 proxies and the tokens beside USDC: published names, and what each does with money.
mod common;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::rpc::types::TransactionReceipt;
use alloy::sol_types::{SolCall, SolEvent, SolStruct, eip712_domain};
use common::*;
use tollway_devnet::{
    Account, Chain, ChainSpec, Devnet, PERMIT2, TokenSpec, X402_EXACT_PERMIT2_PROXY as EXACT,
    X402_UPTO_PERMIT2_PROXY as UPTO,
};

alloy::sol! {
    struct TokenPermissions { address token; uint256 amount; }
    struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }
    struct Eip2612 { uint256 value; uint256 deadline; bytes32 r; bytes32 s; uint8 v; }
    event EIP2612PermitFailedWithReason(address indexed token, address indexed owner, string reason);
    event EIP2612PermitFailedWithPanic(address indexed token, address indexed owner, uint256 errorCode);
    event EIP2612PermitFailedWithData(address indexed token, address indexed owner, bytes data);
    event Settled();
    event SettledWithPermit();
    event Transfer(address indexed from, address indexed to, uint256 value);
    function WITNESS_TYPEHASH() returns (bytes32);
    function nonces(address owner) returns (uint256);
}

mod exact {
    alloy::sol! {
        struct Witness { address to; uint256 validAfter; }
        struct TokenPermissions { address token; uint256 amount; }
        struct PermitWitnessTransferFrom {
            TokenPermissions permitted; address spender; uint256 nonce; uint256 deadline; Witness witness;
        }
        function settle(((address,uint256),uint256,uint256) permit, address owner, Witness witness, bytes signature);
        function settleWithPermit((uint256,uint256,bytes32,bytes32,uint8) permit2612, ((address,uint256),uint256,uint256) permit, address owner, Witness witness, bytes signature);
    }
}

mod upto {
    alloy::sol! {
        struct Witness { address to; address facilitator; uint256 validAfter; }
        struct TokenPermissions { address token; uint256 amount; }
        struct PermitWitnessTransferFrom {
            TokenPermissions permitted; address spender; uint256 nonce; uint256 deadline; Witness witness;
        }
        function settle(((address,uint256),uint256,uint256) permit, uint256 amount, address owner, Witness witness, bytes signature);
        function settleWithPermit((uint256,uint256,bytes32,bytes32,uint8) permit2612, ((address,uint256),uint256,uint256) permit, uint256 amount, address owner, Witness witness, bytes signature);
    }
}

type Permit = ((Address, U256), U256, U256);
type Sponsored = (U256, U256, B256, B256, u8);

async fn base() -> Devnet {
    Devnet::builder().chains([ChainSpec::BASE]).start().await.unwrap()
}

const FAR: u64 = 4_000_000_000;

fn permit(token: &str, amount: u64, nonce: u64) -> Permit {
    ((address(token), U256::from(amount)), U256::from(nonce), U256::from(FAR))
}

fn permit2_signature(payer: &Account, message: &impl SolStruct) -> Bytes {
    let domain = eip712_domain! { name: "Permit2", chain_id: 8453, verifying_contract: address(PERMIT2), };
    bytes(sign(payer, &domain, message))
}

fn exact_signed(payer: &Account, permit: Permit, to: &str) -> (exact::Witness, Bytes) {
    let witness = exact::Witness { to: address(to), validAfter: U256::ZERO };
    let message = exact::PermitWitnessTransferFrom {
        permitted: exact::TokenPermissions { token: permit.0.0, amount: permit.0.1 },
        spender: address(EXACT),
        nonce: permit.1,
        deadline: permit.2,
        witness: witness.clone(),
    };
    let signature = permit2_signature(payer, &message);
    (witness, signature)
}

fn exact_settle(payer: &Account, token: &str, amount: u64, nonce: u64, to: &str) -> Vec<u8> {
    let permit = permit(token, amount, nonce);
    let (witness, signature) = exact_signed(payer, permit, to);
    exact::settleCall { permit, owner: address(payer.address()), witness, signature }.abi_encode()
}

fn exact_with_permit(payer: &Account, sponsored: Sponsored, permit: Permit, to: &str) -> Vec<u8> {
    let (witness, signature) = exact_signed(payer, permit, to);
    let owner = address(payer.address());
    exact::settleWithPermitCall { permit2612: sponsored, permit, owner, witness, signature }.abi_encode()
}

fn upto_settle(payer: &Account, facilitator: &Account, permit: Permit, amount: u64, to: &str) -> Vec<u8> {
    let witness = upto::Witness {
        to: address(to),
        facilitator: address(facilitator.address()),
        validAfter: U256::ZERO,
    };
    let message = upto::PermitWitnessTransferFrom {
        permitted: upto::TokenPermissions { token: permit.0.0, amount: permit.0.1 },
        spender: address(UPTO),
        nonce: permit.1,
        deadline: permit.2,
        witness: witness.clone(),
    };
    let signature = permit2_signature(payer, &message);
    let owner = address(payer.address());
    upto::settleCall { permit, amount: U256::from(amount), owner, witness, signature }.abi_encode()
}

/// An EIP-2612 permit for Permit2 under the token's own domain.
fn sponsored(payer: &Account, token: &str, value: u64, nonce: u64) -> Sponsored {
    let domain = eip712_domain! {
        name: TokenSpec::PERMIT.name,
        version: "1",
        chain_id: 8453,
        verifying_contract: address(token),
    };
    let message = common::Permit {
        owner: address(payer.address()),
        spender: address(PERMIT2),
        value: U256::from(value),
        nonce: U256::from(nonce),
        deadline: U256::from(FAR),
    };
    let signed = sign(payer, &domain, &message);
    let word = |at: usize| B256::from_slice(&signed[at..at + 32]);
    (message.value, message.deadline, word(0), word(32), signed[64])
}

fn has<E: SolEvent>(receipt: &TransactionReceipt) -> bool {
    receipt.inner.logs().iter().any(|log| log.topic0() == Some(&E::SIGNATURE_HASH))
}

async fn allow(chain: &Chain, token: &str, payer: &Account) {
    chain.set_allowance(token, payer.address(), PERMIT2, u128::MAX).await.unwrap();
}

fn error(name: &str) -> String {
    format!("0x{}", hex::encode(&keccak256(name)[..4]))
}

/// What a refused call answers: its selector, wherever the node puts it.
async fn refusal(
    client: &impl alloy::providers::Provider,
    from: &Account,
    to: &str,
    data: Vec<u8>,
) -> String {
    let request = request(to, data).with_from(address(from.address()));
    let failed = client.call(request).await.expect_err("it was not refused");
    let answer = failed.as_error_resp().expect("an answer of the node");
    let data = answer.data.as_ref().map(|data| data.get().to_owned()).unwrap_or_default();
    data.trim_matches('"').chars().take(10).collect()
}
#[test]
fn the_types_are_the_published_ones() {
    let hash = |text: &str| keccak256(text).to_string();
    let exact = exact::PermitWitnessTransferFrom::eip712_encode_type();
    let upto = upto::PermitWitnessTransferFrom::eip712_encode_type();
    assert_eq!(hash(&exact), "0xebc156cd23678a74c94df13d772ef5478420637f0c94bd10d509e1dc98f521c7");
    assert_eq!(hash(&upto), "0x51dff6974ad4388c499e7fcfe838d2bd767162553a144098ce20ea661d70c2ee");
}

#[tokio::test]
async fn the_contracts_know_their_witness_and_every_chain_has_the_tokens() {
    let devnet = Devnet::builder().chains([ChainSpec::BASE, ChainSpec::ETHEREUM]).start().await.unwrap();
    for chain in devnet.chains() {
        let client = client(chain, devnet.accounts().settler(0));
        for (proxy, hash) in [
            (EXACT, "0xd97b3239a7f32295517bd14cb074edfdd188dfe5eb42f802bb26d4fd1eb12c37"),
            (UPTO, "0xd4171c445a74218b01d4fd8af34ff1106580ea1e36ff837e64484bfaa2253b75"),
        ] {
            assert_eq!(read(&client, proxy, WITNESS_TYPEHASHCall {}).await.to_string(), hash);
        }
        for token in chain.spec().tokens {
            assert_eq!(address(token.address).to_checksum(None), token.address);
            assert_eq!(read(&client, token.address, nameCall {}).await, token.name);
            assert_eq!(read(&client, token.address, decimalsCall {}).await, token.decimals);
            let payer = devnet.accounts().payer(1).address();
            let held = read(&client, token.address, balanceOfCall { account: address(payer) }).await;
            assert_eq!(held, U256::from(10_000) * U256::from(10).pow(U256::from(token.decimals)));
            assert_eq!(chain.token_balance(token.address, payer).await.unwrap(), held.to::<u128>());
            let asked = allowanceCall { owner: address(payer), spender: address(PERMIT2) };
            assert_eq!(read(&client, token.address, asked.clone()).await, U256::ZERO);
            chain.set_allowance(token.address, payer, PERMIT2, 7).await.unwrap();
            assert_eq!(read(&client, token.address, asked).await, U256::from(7));
            assert_eq!(chain.allowance(token.address, payer, PERMIT2).await.unwrap(), 7);
        }
    }
}

#[tokio::test]
async fn exact_moves_what_was_permitted_once_and_only_with_an_allowance() {
    let devnet = base().await;
    let chain = devnet.chain(8453).unwrap();
    let (payer, settler) = (devnet.accounts().payer(0), devnet.accounts().settler(0));
    let client = client(chain, settler);
    let merchant = devnet.accounts().merchant(0).address();
    let tokens =
        [TokenSpec::PLAIN.address, TokenSpec::SILENT.address, TokenSpec::EIGHTEEN.address, chain.usdc()];
    for (nonce, token) in (0..).zip(tokens) {
        let data = exact_settle(payer, token, 1_000, nonce, merchant);
        assert_ne!(refusal(&client, settler, EXACT, data.clone()).await, "", "{token} without an allowance");
        allow(chain, token, payer).await;
        let before = chain.token_balance(token, merchant).await.unwrap();
        let receipt = send(&client, EXACT, data.clone()).await;
        assert!(receipt.status() && has::<Settled>(&receipt), "{token}");
        assert_eq!(chain.token_balance(token, merchant).await.unwrap(), before + 1_000);
        assert_eq!(refusal(&client, settler, EXACT, data).await, error("InvalidNonce()"));
        eprintln!("exact {token}: {} gas", receipt.gas_used);
    }
    let early = exact::Witness { to: address(merchant), validAfter: U256::from(FAR) };
    let (_, signature) = exact_signed(payer, permit(tokens[0], 5, 99), merchant);
    let owner = address(payer.address());
    let call = exact::settleCall { permit: permit(tokens[0], 5, 99), owner, witness: early, signature };
    assert_eq!(refusal(&client, settler, EXACT, call.abi_encode()).await, error("PaymentTooEarly()"));
    let forged = exact_settle(devnet.accounts().payer(1), tokens[0], 5, 98, merchant);
    let mut call = exact::settleCall::abi_decode(&forged).unwrap();
    call.owner = owner;
    assert_eq!(refusal(&client, settler, EXACT, call.abi_encode()).await, error("InvalidSigner()"));
    let zero = exact_settle(payer, tokens[0], 0, 97, merchant);
    assert_eq!(refusal(&client, settler, EXACT, zero).await, error("InvalidAmount()"));
}

#[tokio::test]
async fn the_fee_token_pays_the_payee_less_than_was_sent() {
    let devnet = base().await;
    let chain = devnet.chain(8453).unwrap();
    let (payer, token) = (devnet.accounts().payer(0), TokenSpec::FEE.address);
    let client = client(chain, devnet.accounts().settler(0));
    let merchant = devnet.accounts().merchant(0).address();
    allow(chain, token, payer).await;
    let before = chain.token_balance(token, merchant).await.unwrap();
    let receipt = send(&client, EXACT, exact_settle(payer, token, 1_000, 0, merchant)).await;
    assert!(receipt.status());
    assert_eq!(chain.token_balance(token, merchant).await.unwrap(), before + 990);
    let sent: U256 = receipt
        .inner
        .logs()
        .iter()
        .filter_map(|log| Transfer::decode_log(&log.inner).ok())
        .map(|log| log.value)
        .sum();
    assert_eq!(sent, U256::from(1_000), "the payee's part and the fee");
}

#[tokio::test]
async fn a_permit_comes_with_the_payment_and_may_fail_without_ending_it() {
    let devnet = base().await;
    let chain = devnet.chain(8453).unwrap();
    let (payer, settler) = (devnet.accounts().payer(0), devnet.accounts().settler(0));
    let client = client(chain, settler);
    let merchant = devnet.accounts().merchant(0).address();
    let token = TokenSpec::PERMIT.address;

    let data = exact_with_permit(payer, sponsored(payer, token, 500, 0), permit(token, 500, 0), merchant);
    let receipt = send(&client, EXACT, data).await;
    assert!(receipt.status() && has::<SettledWithPermit>(&receipt));
    assert_eq!(chain.allowance(token, payer.address(), PERMIT2).await.unwrap(), 0, "used up");
    assert_eq!(read(&client, token, noncesCall { owner: address(payer.address()) }).await, U256::ONE);

    let wrong = exact_with_permit(payer, sponsored(payer, token, 499, 1), permit(token, 500, 1), merchant);
    assert_eq!(refusal(&client, settler, EXACT, wrong).await, error("Permit2612AmountMismatch()"));

    // A used permit: no allowance, so the whole ends; with one, it goes on and says why.
    let stale = |nonce| {
        exact_with_permit(payer, sponsored(payer, token, 500, 0), permit(token, 500, nonce), merchant)
    };
    refusal(&client, settler, EXACT, stale(2)).await;
    allow(chain, token, payer).await;
    let receipt = send(&client, EXACT, stale(2)).await;
    assert!(receipt.status() && has::<EIP2612PermitFailedWithData>(&receipt));

    allow(chain, chain.usdc(), payer).await;
    let data = exact_with_permit(
        payer,
        sponsored(payer, chain.usdc(), 500, 9),
        permit(chain.usdc(), 500, 3),
        merchant,
    );
    assert!(has::<EIP2612PermitFailedWithReason>(&send(&client, EXACT, data).await));

    // Panics at `permit`, and answers true to anything else.
    let panics = "0x5f3560e01c63d505accf1460165760015f5260205ff35b634e487b7160e01b5f52601160045260245ffd";
    chain.set_code(TokenSpec::SILENT.address, panics).await.unwrap();
    let mute = TokenSpec::SILENT.address;
    let data = exact_with_permit(payer, sponsored(payer, mute, 500, 0), permit(mute, 500, 4), merchant);
    assert!(has::<EIP2612PermitFailedWithPanic>(&send(&client, EXACT, data).await));
}

#[tokio::test]
async fn upto_moves_what_its_facilitator_says_up_to_the_permitted_amount() {
    let devnet = base().await;
    let chain = devnet.chain(8453).unwrap();
    let (payer, settler) = (devnet.accounts().payer(0), devnet.accounts().settler(0));
    let (client, token) = (client(chain, settler), TokenSpec::PLAIN.address);
    let merchant = devnet.accounts().merchant(0).address();
    allow(chain, token, payer).await;
    let call = |nonce, amount| upto_settle(payer, settler, permit(token, 1_000, nonce), amount, merchant);

    let before = chain.token_balance(token, merchant).await.unwrap();
    let receipt = send(&client, UPTO, call(0, 250)).await;
    assert!(receipt.status() && has::<Settled>(&receipt));
    eprintln!("upto: {} gas", receipt.gas_used);
    assert_eq!(chain.token_balance(token, merchant).await.unwrap(), before + 250);
    assert!(send(&client, UPTO, call(1, 1_000)).await.status(), "all of it");

    let refused = |from, data| refusal(&client, from, UPTO, data);
    assert_eq!(refused(settler, call(0, 100)).await, error("InvalidNonce()"), "at another amount");
    assert_eq!(refused(settler, call(2, 1_001)).await, error("AmountExceedsPermitted()"));
    let other = devnet.accounts().settler(1);
    assert_eq!(refused(other, call(2, 100)).await, error("UnauthorizedFacilitator()"));
    let late = (permit(token, 1_000, 2).0, U256::from(2), U256::from(1));
    let late = upto_settle(payer, settler, late, 100, merchant);
    assert_eq!(refused(settler, late).await, error("SignatureExpired(uint256)"));
    assert_eq!(refused(settler, call(2, 0)).await, error("InvalidAmount()"));
}
