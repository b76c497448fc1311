//! A key in a key service over HTTP: what it signs is good on a chain, and what fails has a name.

use alloy::consensus::SignableTransaction;
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol_types::SolCall;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tollway_core::custody::{AllowedCall, AssetLimit, FeeLimit, KeyPolicy};
use tollway_core::{ChainId, Clock, Code, Ledger, Next, Purpose, Time, async_trait};
use tollway_custody_tests::{KeyService, SECRET, client, client_within};
use tollway_devnet::{ChainSpec, Devnet};
use tollway_evm::custody::kms::sdk::types::KeySpec;
use tollway_evm::custody::{Key, KmsKey, Message, PolicySigner, TokenDomain, authorize};
use tollway_evm::eip712::Transfer;
use tollway_evm::{EvmCall, EvmNetwork, Submit, address};
use tollway_ledger::SqliteLedger;

alloy::sol! {
    function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter,
        uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;
}

struct Wall;

#[async_trait]
impl Clock for Wall {
    fn now(&self) -> Time {
        Time::from_secs(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// Everything that is logged, at the loudest level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn message(chain: u64, token: Address, name: &str, said: Transfer) -> Message<'_> {
    Message::Transfer {
        token: TokenDomain { name: name.into(), version: "2".into(), chain_id: chain, token },
        said,
    }
}

fn transfer(from: Address, to: Address) -> Transfer {
    let nonce = keccak256(from);
    let until = Wall.now().secs() + 600;
    let (value, valid_before) = (U256::from(10_000), U256::from(until));
    Transfer { from, to, value, valid_after: U256::ZERO, valid_before, nonce }
}

/// May pay a cent to one payee, and settle with one token's `transferWithAuthorization`.
fn policy(chain: ChainId, token: Address, payee: Address) -> KeyPolicy {
    let asset = address::asset(chain, &token).unwrap();
    let call = transferWithAuthorizationCall::SELECTOR;
    KeyPolicy {
        assets: vec![AssetLimit { asset, max: 10_000, hour: None, day: Some(10_000) }],
        payees: vec![address::account(chain, &payee).unwrap()],
        messages: vec!["TransferWithAuthorization".to_owned()],
        validity_s_max: 600,
        calls: vec![AllowedCall {
            chain,
            to: Some(address::account(chain, &token).unwrap()),
            selector: Some(call),
        }],
        fees: vec![FeeLimit { chain, max: 10u128.pow(16), day: None }],
        ..KeyPolicy::default()
    }
}

fn settlement(token: Address, said: &Transfer, signature: &[u8; 65]) -> Submit {
    let [rs @ .., v] = signature;
    let (r, s) = rs.split_at(32);
    let call = transferWithAuthorizationCall {
        from: said.from,
        to: said.to,
        value: said.value,
        validAfter: said.valid_after,
        validBefore: said.valid_before,
        nonce: said.nonce,
        v: *v,
        r: B256::from_slice(r),
        s: B256::from_slice(s),
    };
    Submit {
        call: EvmCall { to: token, data: Bytes::from(call.abi_encode()) },
        value_wei: 0,
        gas_limit: 150_000,
        purpose: Purpose::Interactive,
        sender: None,
        not_after: Time::FAR,
        learn: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_in_a_key_service_pay_and_settle_on_a_chain_within_their_policies() {
    let log = Log::default();
    let writer = log.clone();
    let filter = "tollway=trace,tollway_evm=trace,tollway_core=trace,alloy_signer_aws=info";
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone()).init();
    let service = KeyService::start(None).unwrap();
    let kms = async || {
        let id = service.make(KeySpec::EccSecgP256K1).await.unwrap();
        Arc::new(KmsKey::with(service.client(), &id).await.unwrap())
    };
    let (payer, settler) = (kms().await, kms().await);
    assert_ne!(Key::address(&*payer), Key::address(&*settler));

    let devnet = Devnet::builder().chains([ChainSpec::BASE]).keep_fresh(false).start().await.unwrap();
    let chain = &devnet.chains()[0];
    let (id, token) = (ChainId::new(&chain.spec().caip2()).unwrap(), address::parse(chain.usdc()).unwrap());
    let payee = address::parse(devnet.accounts().merchant(0).address()).unwrap();
    let (from, sender) = (Key::address(&*payer), Key::address(&*settler));
    chain.mint_usdc(&from.to_string(), 50_000).await.unwrap();
    chain.set_native_balance(&sender.to_string(), 10u128.pow(18)).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::open(folder.path().join("keys.sqlite")).unwrap());
    let held = |key: Arc<dyn Key>| {
        PolicySigner::new(key, policy(id, token, payee), Arc::clone(&ledger), Arc::new(Wall))
    };
    let signer = held(payer);
    let said = transfer(from, payee);
    let name = chain.spec().usdc_name;
    let signature = authorize(&signer, &message(chain.id(), token, name, said)).await.unwrap();
    let again = Transfer { nonce: B256::ZERO, value: U256::from(1), ..said };
    let error = authorize(&signer, &message(chain.id(), token, name, again)).await.unwrap_err();
    assert_eq!(error.code, Code::BudgetExceeded, "{error}");

    let network = EvmNetwork::builder(Arc::clone(&ledger), Arc::new(Wall)).url(chain.http_url());
    let network = network.sender(Arc::new(held(settler))).connect().await.unwrap();
    let before = chain.usdc_balance(&payee.to_string()).await.unwrap();
    let mined = tollway_evm::Evm::send(&*network, settlement(token, &said, &signature), &"kms".into()).await;
    assert!(mined.unwrap().success);
    assert_eq!(chain.usdc_balance(&payee.to_string()).await.unwrap(), before + 10_000);
    assert_eq!(chain.usdc_balance(&from.to_string()).await.unwrap(), 40_000);

    // What the settler's policy does not name is not sent, and the error says why.
    let mut stray = settlement(token, &said, &signature);
    stray.call.to = payee;
    let refused = tollway_evm::Evm::send(&*network, stray, &"stray".into()).await.unwrap_err();
    assert_eq!(refused.code, Code::PolicyDenied, "{refused}");
    assert!(refused.detail.contains("not on the list of calls"), "{refused}");

    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains("nothing was signed"), "the log is read: {logged}");
    for secret in [SECRET.to_owned(), alloy::hex::encode(signature), alloy::hex::encode(&signature[..32])] {
        assert!(!logged.contains(&secret), "{logged}");
    }
}

#[tokio::test]
async fn a_signature_is_by_the_key_that_it_says() {
    let service = KeyService::start(None).unwrap();
    let id = service.make(KeySpec::EccSecgP256K1).await.unwrap();
    let key = KmsKey::with(service.client(), &id).await.unwrap();
    for n in 0..8u8 {
        let said = Transfer { nonce: B256::repeat_byte(n), ..transfer(Key::address(&key), Address::ZERO) };
        let message = message(8453, Address::repeat_byte(9), "USD Coin", said);
        let signature = key.sign_authorization(&message).await.unwrap();
        let who = signature.recover_address_from_prehash(&message.digest()).unwrap();
        assert_eq!(who, Key::address(&key));
        assert!(signature.normalize_s().is_none(), "high s is refused by tokens");
    }
    let tx = alloy::consensus::TxEip1559 { chain_id: 8453, ..Default::default() };
    let signature = key.sign_call(&tx).await.unwrap();
    assert_eq!(signature.recover_address_from_prehash(&tx.signature_hash()).unwrap(), Key::address(&key));
}

#[tokio::test]
async fn what_is_no_such_key_is_told_apart() {
    let service = KeyService::start(None).unwrap();
    for kind in [KeySpec::Rsa2048, KeySpec::EccNistP256] {
        let id = service.make(kind.clone()).await.unwrap();
        let error = KmsKey::with(service.client(), &id).await.unwrap_err();
        assert_eq!(error.code, Code::BadKey, "{kind:?}: {error}");
        assert!(error.detail.contains("ECC_SECG_P256K1"), "{kind:?}: {error}");
    }
    let error = KmsKey::with(service.client(), "11111111-2222-3333-4444-555555555555").await.unwrap_err();
    assert_eq!(error.code, Code::BadKey, "{error}");
    assert!(error.detail.contains("NotFoundException"), "{error}");
}

#[tokio::test]
async fn a_service_that_refuses_hangs_or_is_away_has_a_code_for_each() {
    // The first two requests are free: making the key, and reading its public half.
    let service = KeyService::start(Some(2)).unwrap();
    let id = service.make(KeySpec::EccSecgP256K1).await.unwrap();
    let key = KmsKey::with(service.client(), &id).await.unwrap();
    let said = transfer(Key::address(&key), Address::ZERO);
    let message = message(8453, Address::ZERO, "USD Coin", said);
    let refused = key.sign_authorization(&message).await.unwrap_err();
    assert_eq!((&refused.code, &refused.next), (&Code::NoSigner, &Next::Never), "{refused}");
    assert!(refused.detail.starts_with("KMS says "), "{refused}");

    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let hung = KmsKey::with(client_within(&url, Duration::from_millis(500)), &id).await.unwrap_err();
    assert_eq!((&hung.code, &hung.next), (&Code::TimedOut, &Next::Later), "{hung}");
    drop(silent);
    let away = KmsKey::with(client(&url), &id).await.unwrap_err();
    assert_eq!((&away.code, &away.next), (&Code::Unreachable, &Next::Later), "{away}");
    for error in [refused, hung, away] {
        assert!(!error.to_string().contains(SECRET) && !error.to_string().contains(&id), "{error}");
    }
    assert!(!format!("{key:?}").contains(SECRET));
}
