//! A Solana key that is held to a policy: what it signs, and what it refuses, read from the message.

use solana_instruction::{AccountMeta, Instruction};
use solana_message::v0::MessageAddressTableLookup;
use solana_message::{VersionedMessage, legacy, v0};
use solana_signer::SignerError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tollway_core::custody::{AllowedCall, AssetLimit, FeeLimit, KeyPolicy};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{Blame, ChainId, Clock, Code, Ledger, Time, async_trait};
use tollway_solana::custody::{PolicySigner, sign};
use tollway_solana::{Hash, LocalKey, Pubkey, Signature, Signer, TokenProgram, address};

const MINT: Pubkey = Pubkey::new_from_array([0xaa; 32]);
const PAYEE: Pubkey = Pubkey::new_from_array([0x11; 32]);
const THIEF: Pubkey = Pubkey::new_from_array([0x66; 32]);
const SPONSOR: Pubkey = Pubkey::new_from_array([0x55; 32]);
const PROGRAM: Pubkey = Pubkey::new_from_array([0xcc; 32]);
const SYSTEM: Pubkey = Pubkey::new_from_array([0; 32]);
const MEMO: Pubkey = Pubkey::from_str_const("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");

struct SetClock(AtomicU64);

#[async_trait]
impl Clock for SetClock {
    fn now(&self) -> Time {
        Time::from_ms(self.0.load(Ordering::SeqCst))
    }
    async fn sleep(&self, _ms: u64) {}
}

/// Counts what it is asked to sign.
struct Spy(LocalKey, AtomicUsize);

impl Signer for Spy {
    fn try_pubkey(&self) -> Result<Pubkey, SignerError> {
        self.0.try_pubkey()
    }
    fn try_sign_message(&self, message: &[u8]) -> Result<Signature, SignerError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.try_sign_message(message)
    }
    fn is_interactive(&self) -> bool {
        false
    }
}

fn own() -> Pubkey {
    LocalKey::from_secret(&[7; 32]).address()
}
fn chain() -> ChainId {
    ChainId::new("solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1").unwrap()
}

fn policy() -> KeyPolicy {
    let asset = address::asset(chain(), &MINT).unwrap();
    let call = |to| AllowedCall {
        chain: chain(),
        to: Some(address::account(chain(), &to).unwrap()),
        selector: None,
    };
    KeyPolicy {
        assets: vec![AssetLimit { asset, max: 100, hour: Some(150), day: None }],
        payees: vec![address::account(chain(), &PAYEE).unwrap()],
        // Naming programs that give money away does not let money go.
        calls: vec![call(PROGRAM), call(SYSTEM), call(TokenProgram::Token.id())],
        fees: vec![FeeLimit { chain: chain(), max: 10_020, day: None }],
        ..KeyPolicy::default()
    }
}

struct House {
    spy: Arc<Spy>,
    signer: Arc<dyn Signer + Send + Sync>,
}

fn house(policy: KeyPolicy, ledger: Arc<dyn Ledger>, clock: Arc<SetClock>) -> House {
    let spy = Arc::new(Spy(LocalKey::from_secret(&[7; 32]), AtomicUsize::new(0)));
    let signer = Arc::new(PolicySigner::new(spy.clone(), chain(), policy, ledger, clock).unwrap());
    House { spy, signer }
}

fn budget(limit: u32, price: u64) -> Vec<Instruction> {
    let set = |data: Vec<u8>| Instruction { program_id: address::COMPUTE_BUDGET, accounts: vec![], data };
    vec![set([&[2][..], &limit.to_le_bytes()].concat()), set([&[3][..], &price.to_le_bytes()].concat())]
}

/// `TransferChecked` from this authority to the associated account of this owner.
fn transfer(authority: Pubkey, to: Pubkey, amount: u64) -> Instruction {
    let token = TokenProgram::Token;
    Instruction {
        program_id: token.id(),
        accounts: vec![
            AccountMeta::new(address::ata(&authority, &MINT, token), false),
            AccountMeta::new_readonly(MINT, false),
            AccountMeta::new(address::ata(&to, &MINT, token), false),
            AccountMeta::new_readonly(authority, true),
        ],
        data: [&[12][..], &amount.to_le_bytes(), &[6]].concat(),
    }
}

/// An instruction that names the key as its signer.
fn named(program_id: Pubkey, data: &[u8]) -> Instruction {
    Instruction { program_id, accounts: vec![AccountMeta::new(own(), true)], data: data.to_vec() }
}

fn message(fee_payer: Pubkey, instructions: &[Instruction]) -> VersionedMessage {
    let all = [budget(20_000, 1_000), instructions.to_vec()].concat();
    let hash = Hash::new_from_array([5; 32]);
    VersionedMessage::V0(v0::Message::try_compile(&fee_payer, &all, &[], hash).unwrap())
}

fn pay(to: Pubkey, amount: u64) -> Vec<u8> {
    message(SPONSOR, &[transfer(own(), to, amount)]).serialize()
}

#[tokio::test]
async fn each_limit_refuses_and_lets_its_twin_through() {
    let good = || pay(PAYEE, 100);
    let alone = |instruction: Instruction| message(SPONSOR, &[instruction]).serialize();
    let paying = |instructions: &[Instruction]| message(own(), instructions).serialize();
    let price = |price| {
        let hash = Hash::new_from_array([5; 32]);
        let all = [budget(20_000, price), vec![transfer(THIEF, PAYEE, 1_000_000)]].concat();
        VersionedMessage::V0(v0::Message::try_compile(&own(), &all, &[], hash).unwrap()).serialize()
    };
    let mut tables = match message(SPONSOR, &[transfer(own(), PAYEE, 100)]) {
        VersionedMessage::V0(message) => message,
        _ => unreachable!(),
    };
    let lookup = MessageAddressTableLookup {
        account_key: PROGRAM,
        writable_indexes: vec![0],
        readonly_indexes: vec![],
    };
    tables.address_table_lookups.push(lookup);
    let unchecked =
        Instruction { data: [&[3][..], &100u64.to_le_bytes()].concat(), ..transfer(own(), PAYEE, 1) };
    let other_mint = {
        let mut one = transfer(own(), PAYEE, 100);
        one.accounts[1].pubkey = PROGRAM;
        one
    };
    let memo = named(MEMO, b"for tea");
    let rows: Vec<(&str, Vec<u8>, &str, Vec<u8>)> = vec![
        ("amount", pay(PAYEE, 101), "100 are the most", good()),
        ("payee", pay(THIEF, 100), "not on the list of payees", good()),
        ("mint", alone(other_mint), "has no limit", good()),
        ("program", alone(named(THIEF, &[1])), "not on the list of calls", alone(named(PROGRAM, &[1]))),
        ("lamports", alone(named(SYSTEM, &[2, 0, 0, 0])), "not on the list of calls", alone(memo.clone())),
        ("a durable nonce", alone(named(SYSTEM, &[4, 0, 0, 0])), "not on the list of calls", alone(memo)),
        (
            "an approval",
            alone(Instruction { data: vec![4], ..transfer(own(), PAYEE, 1) }),
            "list of calls",
            good(),
        ),
        ("an unchecked transfer", alone(unchecked), "not on the list of calls", good()),
        ("cut", alone(Instruction { data: vec![12], ..transfer(own(), PAYEE, 1) }), "cannot be read", good()),
        ("lookup tables", VersionedMessage::V0(tables).serialize(), "lookup tables", good()),
        ("bytes behind the end", [good(), vec![0]].concat(), "behind the end", good()),
        ("no message", b"pay me".to_vec(), "no message of a transaction", good()),
        ("fee", price(2_000_000), "it may cost 50000", price(1_000)),
        ("two fees", paying(&[transfer(own(), THIEF, 1)]), "payees", paying(&[transfer(own(), PAYEE, 1)])),
    ];
    for (name, wrong, words, right) in rows {
        let ledger = Arc::new(MemoryLedger::new());
        let house = house(policy(), ledger, Arc::new(SetClock(AtomicU64::new(1_000))));
        let error = sign(&house.signer, &wrong, Blame::Caller).await.expect_err(name);
        assert_eq!((&error.code, error.blame), (&Code::PolicyDenied, Blame::Payer), "{name}: {error}");
        assert!(error.detail.contains(words), "{name}: {error}");
        assert_eq!(house.spy.1.load(Ordering::SeqCst), 0, "{name}: the key must not see it");
        let signed = sign(&house.signer, &right, Blame::Caller).await;
        let signed = signed.unwrap_or_else(|e| panic!("the twin of {name}: {e}"));
        assert!(signed.verify(own().as_ref(), &right), "{name}");
    }
}

/// Costs that are in no fee: signatures that a program checks, and rent that the key pays where another pays the fee.
#[tokio::test]
async fn what_a_message_costs_beside_the_fee_is_refused_or_counted() {
    let clock = || Arc::new(SetClock(AtomicU64::new(1_000)));
    let associated = address::account(chain(), &address::ASSOCIATED_TOKEN).unwrap();
    let with = |lamports| {
        let mut policy = policy();
        policy.calls.push(AllowedCall { chain: chain(), to: Some(associated), selector: None });
        policy.fees[0].max = lamports;
        house(policy, Arc::new(MemoryLedger::new()), clock())
    };
    for precompile in [
        "Ed25519SigVerify111111111111111111111111111",
        "KeccakSecp256k11111111111111111111111111111",
        "Secp256r1SigVerify1111111111111111111111111",
    ] {
        let program_id = Pubkey::from_str_const(precompile);
        let checks = || Instruction { program_id, accounts: vec![], data: vec![200, 0] };
        let (mine, sponsored) =
            (message(own(), &[checks()]), message(SPONSOR, &[checks(), named(MEMO, b"")]));
        let error = sign(&with(10_020).signer, &mine.serialize(), Blame::Caller).await.expect_err(precompile);
        assert!(error.detail.contains("a fee for signatures"), "{error}");
        sign(&with(10_020).signer, &sponsored.serialize(), Blame::Caller).await.unwrap();
    }
    let opens = |funder: Pubkey, program: Pubkey| Instruction {
        program_id: address::ASSOCIATED_TOKEN,
        accounts: vec![
            AccountMeta::new(funder, true),
            AccountMeta::new(address::ata(&PAYEE, &MINT, TokenProgram::Token), false),
            AccountMeta::new_readonly(PAYEE, false),
            AccountMeta::new_readonly(MINT, false),
            AccountMeta::new_readonly(SYSTEM, false),
            AccountMeta::new_readonly(program, false),
        ],
        data: vec![1],
    };
    let (token, token_2022) = (TokenProgram::Token.id(), TokenProgram::Token2022.id());
    // An account of Token-2022 has 170 bytes at least, and 187 in a dollar token with fees and a hook.
    let rent = |bytes: u64| (bytes + 128) * 6_960;
    for (programs, lamports) in [
        (vec![token], rent(165)),
        (vec![token_2022], rent(256)),
        (vec![token, token_2022], rent(165) + rent(256)),
    ] {
        let all: Vec<_> = programs.iter().map(|program| opens(own(), *program)).collect();
        let funded = message(SPONSOR, &all).serialize();
        let error = sign(&with(u128::from(lamports) - 1).signer, &funded, Blame::Caller).await.unwrap_err();
        assert!(error.detail.contains(&format!("it may cost {lamports}")), "{error}");
        sign(&with(lamports.into()).signer, &funded, Blame::Caller).await.unwrap();
    }
    assert_eq!(rent(165), 2_039_280);
    // Another program may say that its accounts are of any size.
    let strange = message(SPONSOR, &[opens(own(), PROGRAM)]).serialize();
    let error = sign(&with(u128::MAX).signer, &strange, Blame::Caller).await.unwrap_err();
    assert!(error.detail.contains("no token program that is known"), "{error}");
    // Paid for by another, it costs the key that pays the fee nothing.
    let others = message(own(), &[opens(SPONSOR, token)]).serialize();
    sign(&with(10_020).signer, &others, Blame::Caller).await.unwrap();
}

#[tokio::test]
async fn a_fee_is_not_paid_where_no_network_is_named_and_both_versions_are_read() {
    let clock = Arc::new(SetClock(AtomicU64::new(1_000)));
    let none = KeyPolicy { fees: Vec::new(), ..policy() };
    let house = house(none, Arc::new(MemoryLedger::new()), clock);
    let paying = message(own(), &[transfer(own(), PAYEE, 1)]).serialize();
    let error = sign(&house.signer, &paying, Blame::Caller).await.unwrap_err();
    assert!(error.detail.contains("no fee limit"), "{error}");
    let hash = Hash::new_from_array([5; 32]);
    let old = |to| {
        let all = [transfer(own(), to, 1)];
        VersionedMessage::Legacy(legacy::Message::new_with_blockhash(&all, Some(&SPONSOR), &hash)).serialize()
    };
    sign(&house.signer, &old(PAYEE), Blame::Caller).await.unwrap();
    assert_eq!(sign(&house.signer, &old(THIEF), Blame::Caller).await.unwrap_err().code, Code::PolicyDenied);
}

#[tokio::test]
async fn sums_hold_across_a_restart_and_make_room_when_the_hour_is_over() {
    let (ledger, clock) = (Arc::new(MemoryLedger::new()), Arc::new(SetClock(AtomicU64::new(1_000))));
    let again = || house(policy(), ledger.clone(), clock.clone());
    let first = again();
    sign(&first.signer, &pay(PAYEE, 100), Blame::Caller).await.unwrap();
    sign(&first.signer, &pay(PAYEE, 100), Blame::Caller).await.unwrap(); // the very same counts once
    let error = sign(&again().signer, &pay(PAYEE, 51), Blame::Caller).await.unwrap_err();
    assert_eq!(error.code, Code::BudgetExceeded);
    assert!(error.detail.contains("/hour: 51 more on top of 100 would pass 150"), "{error}");
    // Two transfers in one message are one signature of both.
    let both = [transfer(own(), PAYEE, 30), transfer(own(), PAYEE, 21)];
    let error = sign(&again().signer, &message(SPONSOR, &both).serialize(), Blame::Caller).await.unwrap_err();
    assert_eq!(error.code, Code::BudgetExceeded, "{error}");
    sign(&again().signer, &pay(PAYEE, 50), Blame::Caller).await.unwrap();
    clock.0.fetch_add(3_600_001, Ordering::SeqCst);
    sign(&again().signer, &pay(PAYEE, 51), Blame::Caller).await.unwrap();
}

/// Another signer's words stay out, even where they look like a policy's.
#[tokio::test]
async fn what_another_signer_says_is_not_passed_on() {
    struct Broken;
    impl Signer for Broken {
        fn try_pubkey(&self) -> Result<Pubkey, SignerError> {
            Ok(own())
        }
        fn try_sign_message(&self, _: &[u8]) -> Result<Signature, SignerError> {
            Err(SignerError::Custom("the seed is 12 34".to_owned()))
        }
        fn is_interactive(&self) -> bool {
            true
        }
    }
    let broken: Arc<dyn Signer + Send + Sync> = Arc::new(Broken);
    let error = sign(&broken, b"pay", Blame::Settler).await.unwrap_err();
    assert_eq!((&error.code, error.blame), (&Code::NoSigner, Blame::Settler));
    assert!(!error.detail.contains("seed"), "{error}");
}
