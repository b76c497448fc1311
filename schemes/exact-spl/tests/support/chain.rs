//! A scripted chain with tokens, written from the token programs' rules, not from the plugin's code.

use super::forge::{BUDGET, Forge};
use solana_keypair::{Keypair, Signer as _};
use solana_signer::SignerError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tollway_core::*;
use tollway_solana::{Landed, *};

/// What happens to the next transactions.
#[derive(Clone, Default)]
pub enum Script {
    /// They land.
    #[default]
    Honest,
    /// They land, and the answer is lost.
    LoseAnswer,
    /// They are signed and journaled, the answer is lost, and no block takes them yet.
    LoseAll,
    /// They land and fail there.
    Fail,
    /// They are refused before they go out.
    Refuse(Error),
}

#[derive(Clone)]
pub struct Account {
    pub mint: Pubkey,
    pub owner: Pubkey,
    pub amount: u64,
    pub state: u8,
    /// Extensions as Token-2022 lists them.
    pub extensions: Vec<u8>,
}

#[derive(Clone)]
pub struct MintState {
    pub program: TokenProgram,
    pub decimals: u8,
    pub extensions: Vec<u8>,
}

pub struct World {
    pub height: u64,
    /// The oldest slot that the node still has, and when it was; 0 for all.
    pub first_block: (u64, Time),
    /// How far the finality lags behind the newest block.
    pub final_lag: u64,
    /// The height at which each blockhash was made.
    pub hashes: HashMap<[u8; 32], u64>,
    pub mints: HashMap<Pubkey, MintState>,
    pub accounts: HashMap<Pubkey, Account>,
    /// Signed transactions in blocks, with their height and fault.
    pub blocks: Vec<(Vec<u8>, u64, Option<Fault>)>,
    pub journal: HashMap<RecordKey, Vec<u8>>,
    pub script: Script,
    pub price: u64,
    /// What a trial says that programs called.
    pub tried: Vec<Inner>,
    /// What a confirmed transaction says of the same, and how token balances moved; nothing while the node
    /// has not filed it.
    pub confirmed: Option<(Vec<Inner>, Vec<TokenChange>)>,
    /// What a trial says, whatever the transaction.
    pub trial: Option<Fault>,
    pub unreachable: bool,
    /// Round trips of reads.
    pub looks: usize,
    pub attempts: usize,
    pub submitted: Vec<Submit>,
    /// Times that a fee payer's key signed.
    pub cosigned: usize,
}

pub struct FakeChain {
    pub chain: ChainId,
    pub payer: Option<Arc<Counting>>,
    pub sponsors: Vec<Keypair>,
    world: Mutex<World>,
}

/// The payer's key, which counts what it signs, and may answer for another key.
pub struct Counting {
    pub key: Keypair,
    pub signs_with: Keypair,
    pub signed: Mutex<usize>,
}

impl Signer for Counting {
    fn try_pubkey(&self) -> std::result::Result<Pubkey, SignerError> {
        self.key.try_pubkey()
    }
    fn try_sign_message(&self, message: &[u8]) -> std::result::Result<Signature, SignerError> {
        *self.signed.lock().unwrap() += 1;
        self.signs_with.try_sign_message(message)
    }
    fn is_interactive(&self) -> bool {
        false
    }
}

pub fn hash_at(height: u64) -> [u8; 32] {
    let mut hash = [0xb1; 32];
    hash[..8].copy_from_slice(&height.to_le_bytes());
    hash
}

impl World {
    fn program_of(&self, mint: &Pubkey) -> TokenProgram {
        self.mints[mint].program
    }
    fn advance(&mut self, blocks: u64) {
        for height in self.height..self.height + blocks {
            self.hashes.insert(hash_at(height + 1), height + 1);
        }
        self.height += blocks;
    }
    /// The fault of a transaction, or what it does.
    fn execute(&mut self, forge: &Forge, message: &[u8]) -> std::result::Result<(), Fault> {
        let known = self.hashes.get(&forge.blockhash).is_some_and(|h| h + BLOCKHASH_BLOCKS >= self.height);
        if !known {
            return Err(Fault::BlockhashNotFound);
        }
        if self.blocks.iter().any(|(wire, _, _)| Forge::apart(wire).message() == message) {
            return Err(Fault::AlreadyProcessed);
        }
        let before = self.accounts.clone();
        for (n, ix) in forge.ixs.iter().enumerate() {
            let fail = |custom, what: &str| Fault::Instruction {
                index: u8::try_from(n).unwrap(),
                custom,
                what: what.into(),
            };
            if let Some(program) = TokenProgram::at(&ix.program) {
                if let Err(fault) = self.token(program, forge, n).map_err(|(custom, what)| fail(custom, what))
                {
                    self.accounts = before;
                    return Err(fault);
                }
            } else if ix.program == address::ASSOCIATED_TOKEN {
                let [_, account, owner, mint, ..] = ix.accounts.as_slice() else { panic!() };
                let made =
                    Account { mint: mint.key, owner: owner.key, amount: 0, state: 1, extensions: vec![] };
                self.accounts.entry(account.key).or_insert(made);
            }
        }
        Ok(())
    }
    fn token(
        &mut self,
        program: TokenProgram,
        forge: &Forge,
        n: usize,
    ) -> std::result::Result<(), (Option<u32>, &'static str)> {
        let ix = &forge.ixs[n];
        if ix.data[0] != 12 {
            return Ok(());
        }
        let [source, mint, destination, authority] = ix.accounts.as_slice() else {
            return Err((None, "NotEnoughAccountKeys"));
        };
        let amount = u64::from_le_bytes(ix.data[1..9].try_into().unwrap());
        let known =
            self.mints.get(&mint.key).filter(|m| m.program == program).ok_or((None, "IncorrectProgramId"))?;
        if known.decimals != ix.data[9] {
            return Err((Some(18), "Custom"));
        }
        let invalid = (None, "InvalidAccountData");
        let from = self.accounts.get_mut(&source.key).ok_or(invalid)?;
        if from.owner != authority.key || !authority.signs {
            return Err((Some(4), "Custom"));
        }
        if from.state == 2 {
            return Err((Some(17), "Custom"));
        }
        from.amount = from.amount.checked_sub(amount).ok_or((Some(1), "Custom"))?;
        let to = self.accounts.get_mut(&destination.key).ok_or(invalid)?;
        if to.state == 2 {
            return Err((Some(17), "Custom"));
        }
        to.amount += amount;
        Ok(())
    }
    fn state(&self, key: &Pubkey) -> Option<State> {
        let (program, mut data, extensions, kind) = match (self.mints.get(key), self.accounts.get(key)) {
            (Some(mint), _) => {
                let mut data = vec![0; 82];
                data[44] = mint.decimals;
                data[45] = 1;
                (mint.program, data, &mint.extensions, 1)
            }
            (None, Some(account)) => {
                let mut data = vec![0; 165];
                data[..32].copy_from_slice(account.mint.as_array());
                data[32..64].copy_from_slice(account.owner.as_array());
                data[64..72].copy_from_slice(&account.amount.to_le_bytes());
                data[108] = account.state;
                (self.program_of(&account.mint), data, &account.extensions, 2)
            }
            (None, None) => return None,
        };
        if !extensions.is_empty() {
            data.resize(165, 0);
            data.push(kind);
            data.extend(extensions);
        }
        Some(State { owner: program.id(), lamports: 2_039_280, executable: false, data })
    }
    fn record(&self, (wire, height, fault): &(Vec<u8>, u64, Option<Fault>)) -> Recorded {
        let (inner, tokens) = self.confirmed.clone().unwrap_or_default();
        Recorded {
            tx: tx_id(wire),
            slot: height + 1_000,
            time: None,
            fault: fault.clone(),
            fee_lamports: fee(&Forge::apart(wire)),
            units: 6_200,
            wire: wire.clone(),
            loaded: vec![],
            inner,
            tokens,
        }
    }
    fn reach(&mut self) -> Result<()> {
        self.looks += 1;
        if self.unreachable { Err(Error::network(Code::Unreachable)) } else { Ok(()) }
    }
    fn looked(&self, accounts: &[Pubkey], at: At) -> Looked {
        let height = self.height - if at == At::Final { self.final_lag } else { 0 };
        let accounts = accounts.iter().map(|key| self.state(key)).collect();
        Looked { slot: height + 1_000, height, epoch: 700, time: Time::from_secs(super::NOW), accounts }
    }
}

/// What a transaction costs by the chain's rules.
pub fn fee(forge: &Forge) -> u64 {
    let of =
        |op: u8| forge.ixs.iter().find(|ix| ix.program == BUDGET && ix.data[0] == op).map(|ix| &ix.data[1..]);
    let limit = of(2).map_or(200_000, |d| u64::from(u32::from_le_bytes(d.try_into().unwrap())));
    let price = of(3).map_or(0, |d| u64::from_le_bytes(d.try_into().unwrap()));
    5_000 * forge.signatures.len() as u64 + (limit * price).div_ceil(1_000_000)
}

impl FakeChain {
    pub fn new(chain: ChainId) -> Self {
        let world = World {
            height: 10_000,
            first_block: (0, Time::ZERO),
            final_lag: 0,
            hashes: HashMap::from([(hash_at(10_000), 10_000)]),
            mints: HashMap::new(),
            accounts: HashMap::new(),
            blocks: Vec::new(),
            journal: HashMap::new(),
            script: Script::Honest,
            price: 700,
            tried: Vec::new(),
            confirmed: None,
            trial: None,
            unreachable: false,
            looks: 0,
            attempts: 0,
            submitted: Vec::new(),
            cosigned: 0,
        };
        Self { chain, payer: None, sponsors: Vec::new(), world: Mutex::new(world) }
    }
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
    pub fn advance(&self, blocks: u64) {
        self.world().advance(blocks);
    }
    /// Puts a transaction that is out into a block.
    pub fn land(&self, wire: &[u8]) -> Landed {
        let mut world = self.world();
        let forge = Forge::apart(wire);
        let fault = match world.script {
            Script::Fail => Some(Fault::Instruction { index: 2, custom: Some(1), what: "Custom".into() }),
            _ => world.execute(&forge, &forge.message()).err(),
        };
        let height = world.height;
        world.blocks.push((wire.to_vec(), height, fault.clone()));
        Landed { tx: tx_id(wire), slot: height + 1_000, fault, fee_lamports: fee(&forge) }
    }
    fn cosign(&self, submit: &Submit) -> Vec<u8> {
        let mut forge = Forge::apart(&submit.wire);
        if let Some(fee_payer) = submit.fee_payer {
            let key = self.sponsors.iter().find(|k| k.pubkey() == fee_payer).expect("a key of ours");
            assert_eq!(forge.fee_payer, fee_payer);
            forge.signatures[0] = key.sign_message(&forge.message()).into();
            self.world().cosigned += 1;
        }
        forge.bytes()
    }
    fn lost() -> Error {
        Error::unknown(Code::TimedOut, None)
    }
}

fn tx_id(wire: &[u8]) -> TxId {
    TxId(Signature::from(Forge::apart(wire).signatures[0]).to_string())
}

#[derive(Debug)]
struct Flat;
impl Tariff for Flat {
    fn price(&self, _: &Work) -> Result<Cost> {
        Err(Error::us(Code::NoQuote))
    }
    fn taken_at(&self) -> Time {
        Time::ZERO
    }
    fn valid_until(&self) -> Time {
        Time::FAR
    }
    fn source(&self) -> &str {
        "fake"
    }
}

#[async_trait]
impl Network for FakeChain {
    fn id(&self) -> ChainId {
        self.chain
    }
    fn traits(&self) -> NetworkTraits {
        NetworkTraits { block_ms: 400, testnet: true }
    }
    async fn tariff(&self, _: Purpose, _: &[tollway_core::Account]) -> Result<Arc<dyn Tariff>> {
        Ok(Arc::new(Flat))
    }
    async fn balances(&self, _: &tollway_core::Account, _: &[AssetId]) -> Result<Vec<Amount>> {
        Ok(Vec::new())
    }
    async fn outcome(&self, _: &TxId) -> Result<Outcome> {
        Ok(Outcome::Unseen)
    }
}

#[async_trait]
impl Svm for FakeChain {
    async fn look(&self, accounts: &[Pubkey], at: At) -> Result<Looked> {
        let mut world = self.world();
        world.reach()?;
        Ok(world.looked(accounts, at))
    }
    async fn attempt(&self, trial: Trial<'_>) -> Result<Tried> {
        let mut world = self.world();
        world.reach()?;
        world.attempts += 1;
        let looked = world.looked(trial.before, At::Latest);
        let forge = Forge::apart(trial.wire);
        let saved = world.accounts.clone();
        let fault = match world.trial.clone() {
            Some(fault) => Some(fault),
            None => world.execute(&forge, &forge.message()).err(),
        };
        let after = if fault.is_some() { vec![] } else { world.looked(trial.after, At::Latest).accounts };
        world.accounts = saved;
        Ok(Tried { slot: looked.slot, looked, fault, units: 6_200, after, inner: world.tried.clone() })
    }
    async fn blockhash(&self) -> Result<Blockhash> {
        let height = self.world().height;
        let hash = Hash::new_from_array(hash_at(height));
        let as_of = Time::from_secs(super::NOW);
        Ok(Blockhash { hash, last_valid_height: height + BLOCKHASH_BLOCKS, as_of })
    }
    async fn height(&self, at: At) -> Result<u64> {
        Ok(self.world().looked(&[], at).height)
    }
    async fn statuses(&self, signatures: &[Signature]) -> Result<Vec<Option<Status>>> {
        Ok(signatures.iter().map(|_| None).collect())
    }
    async fn find(&self, question: &Find<'_>) -> Result<Option<Recorded>> {
        let mut world = self.world();
        world.reach()?;
        let (top, lag) = (world.height, world.final_lag);
        assert!(question.min_slot.is_none_or(|slot| slot <= top + 1_000));
        let found = world.blocks.iter().find(|(wire, height, _)| {
            let forge = Forge::apart(wire);
            let named = forge.metas().iter().any(|m| m.key == question.address);
            let memo = question.memo.is_none_or(|m| forge.ixs.iter().any(|ix| ix.data == m.as_bytes()));
            let there = (world.first_block.0..=top - lag + 1_000).contains(&(height + 1_000));
            named && memo && forge.message() == question.message && there
        });
        let (first, at) = world.first_block;
        if found.is_none()
            && first > question.from_height.map_or(0, |height| height + 1_000)
            && at >= question.since
        {
            return Err(Error::network(Code::NotFound).detail("forgotten, perhaps"));
        }
        Ok(found.map(|block| world.record(block)))
    }
    async fn recorded(&self, signature: &Signature) -> Result<Option<Recorded>> {
        let mut world = self.world();
        world.reach()?;
        let found = world.blocks.iter().find(|(wire, _, _)| tx_id(wire).0 == signature.to_string());
        Ok(found.filter(|_| world.confirmed.is_some()).map(|block| world.record(block)))
    }
    async fn holding(&self, owner: &tollway_core::Account, mint: &Pubkey) -> Result<Holding> {
        let world = self.world();
        let program = world.mints.get(mint).ok_or_else(|| Error::payee(Code::AssetNotDeployed))?.program;
        let key = address::of_account(owner)?;
        let account = address::ata(&key, mint, program);
        let (amount, state) = match world.accounts.get(&account) {
            None => (0, HoldingState::Missing),
            Some(a) if a.owner != key || a.mint != *mint => (0, HoldingState::Unusable),
            Some(a) if a.state == 2 => (a.amount, HoldingState::Frozen),
            Some(a) => (a.amount, HoldingState::Ready),
        };
        let balance = Amount::new(address::asset(self.chain, mint)?, amount.into());
        let funds = Funds { owner: *owner, balance, as_of: Time::from_secs(super::NOW) };
        Ok(Holding { funds, program, account, state })
    }
    async fn mint(&self, mint: &Pubkey) -> Result<Mint> {
        let state = self.world().state(mint).ok_or_else(|| Error::payee(Code::AssetNotDeployed))?;
        Mint::parse(&state)
    }
    async fn unit_price(&self, _: Purpose, _: &[Pubkey]) -> Result<u64> {
        Ok(self.world().price)
    }
    async fn send(&self, submit: Submit, key: &RecordKey) -> Result<Landed> {
        if let Sent::Landed(landed) = self.sent(key).await? {
            return Ok(*landed);
        }
        let script = self.world().script.clone();
        if let Script::Refuse(e) = script {
            return Err(e);
        }
        self.world().submitted.push(submit.clone());
        let wire = self.cosign(&submit);
        self.world().journal.insert(key.clone(), wire.clone());
        match script {
            Script::LoseAll => Err(Self::lost()),
            Script::LoseAnswer => {
                self.land(&wire);
                Err(Self::lost())
            }
            _ => Ok(self.land(&wire)),
        }
    }
    async fn sent(&self, key: &RecordKey) -> Result<Sent> {
        let world = self.world();
        let Some(wire) = world.journal.get(key) else { return Ok(Sent::Never) };
        let forge = Forge::apart(wire);
        if let Some((wire, height, fault)) = world.blocks.iter().find(|(landed, _, _)| landed == wire) {
            let landed = Landed {
                tx: tx_id(wire),
                slot: height + 1_000,
                fault: fault.clone(),
                fee_lamports: fee(&forge),
            };
            return Ok(Sent::Landed(Box::new(landed)));
        }
        let over = world.hashes[&forge.blockhash] + BLOCKHASH_BLOCKS < world.height - world.final_lag;
        Ok(if over { Sent::Expired(tx_id(wire)) } else { Sent::Pending(tx_id(wire)) })
    }
    fn fee_payers(&self) -> Vec<Pubkey> {
        self.sponsors.iter().map(|k| k.pubkey()).collect()
    }
    fn next_fee_payer(&self) -> Result<Pubkey> {
        self.fee_payers().first().copied().ok_or_else(|| Error::caller(Code::NoSigner))
    }
    fn signer(&self) -> Result<Arc<dyn Signer + Send + Sync>> {
        match &self.payer {
            Some(key) => Ok(key.clone()),
            None => Err(Error::caller(Code::NoSigner)),
        }
    }
}
