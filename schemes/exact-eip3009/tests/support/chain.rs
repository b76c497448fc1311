//! A scripted chain with one EIP-3009 token, written from the EIP and alloy's own EIP-712, not from the plugin's code.

use alloy::primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{Eip712Domain, Revert, SolCall, SolError, SolEvent, SolStruct, SolValue};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tollway_core::*;
use tollway_evm::custody::Key;
use tollway_evm::{
    At, Evm, EvmCall, GasKey, Held, Landing, LogQuery, Looked, Mined, Sent, Submit, Trial, Tried,
};

alloy::sol! {
    function balanceOf(address account) external view returns (uint256);
    function authorizationState(address authorizer, bytes32 nonce) external view returns (bool);
    function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;
    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;
    event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);
    event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce);
    #[derive(Debug)]
    struct TransferWithAuthorization { address from; address to; uint256 value; uint256 validAfter; uint256 validBefore; bytes32 nonce; }
    struct CancelAuthorization { address authorizer; bytes32 nonce; }
}

/// What happens to the next transactions.
#[derive(Clone, Default)]
pub enum Script {
    /// They are mined.
    #[default]
    Honest,
    /// They are mined, and the answer is lost.
    LoseAnswer,
    /// They are signed and journaled, the answer is lost, and no block takes them.
    LoseAll,
    /// Somebody sends the same call first.
    FrontRun,
    /// Somebody sends the same call first, and we are told so before ours goes out.
    FrontRunSeen,
    /// They are mined, and a node that lags made us believe that another transaction took their nonce.
    Buried,
    /// They revert with these words.
    Revert(&'static str),
    /// They succeed without any log.
    Silent,
    /// They are refused before they go out.
    Refuse(Error),
}

pub struct World {
    pub time_s: u64,
    /// How far the finality lags behind the newest block.
    pub final_lag_s: u64,
    pub balances: HashMap<Address, U256>,
    /// When each nonce was used.
    pub states: HashMap<(Address, B256), u64>,
    pub txs: Vec<(TxId, u64, Mined)>,
    pub sent: HashMap<RecordKey, Option<TxId>>,
    pub script: Script,
    /// Extra revert for every transfer, simulated or not (paused, blacklisted).
    pub refuse: Option<Bytes>,
    /// Balances are not known without a look.
    pub cold: bool,
    pub deployed: bool,
    pub unreachable: bool,
    pub looks: usize,
    pub submitted: Vec<Submit>,
}

pub struct FakeChain {
    pub chain: ChainId,
    pub token: Address,
    pub domain: Eip712Domain,
    pub signer: Option<PrivateKeySigner>,
    pub senders: Vec<Address>,
    /// What every call is said to have used lately.
    pub learned: Option<u64>,
    world: Mutex<World>,
}

impl FakeChain {
    pub fn new(chain: ChainId, token: Address, name: &str, version: &str, time_s: u64) -> Self {
        let id: u64 = chain.reference().parse().unwrap();
        Self {
            chain,
            token,
            domain: Eip712Domain::new(
                Some(name.to_owned().into()),
                Some(version.to_owned().into()),
                Some(U256::from(id)),
                Some(token),
                None,
            ),
            signer: None,
            senders: Vec::new(),
            learned: None,
            world: Mutex::new(World {
                time_s,
                final_lag_s: 0,
                balances: HashMap::new(),
                states: HashMap::new(),
                txs: Vec::new(),
                sent: HashMap::new(),
                script: Script::Honest,
                refuse: None,
                cold: false,
                deployed: true,
                unreachable: false,
                looks: 0,
                submitted: Vec::new(),
            }),
        }
    }
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
    /// Mines calls as one transaction; reverts whole.
    pub fn mine(&self, calls: &[EvmCall]) -> Mined {
        let mut world = self.world();
        let tx = TxId(format!("{:#x}", keccak256(world.txs.len().to_be_bytes())));
        let (block, at) = (1_000 + world.time_s, world.time_s);
        let before = (world.balances.clone(), world.states.clone());
        let mut logs = Vec::new();
        let done = calls.iter().try_for_each(|call| {
            let events = self.execute(&mut world, call)?;
            logs.extend(events.into_iter().map(|(topics, data)| Landing {
                address: self.token,
                topics,
                data,
                tx: tx.clone(),
                block,
            }));
            Ok::<_, Bytes>(())
        });
        if done.is_err() {
            (world.balances, world.states) = before;
            logs.clear();
        }
        let mined =
            Mined { tx: tx.clone(), block, success: done.is_ok(), gas_used: 85_000, cost_wei: 4_242, logs };
        world.txs.push((tx, at, mined.clone()));
        mined
    }

    fn signed_by(&self, from: Address, hash: B256, v: u8, r: B256, s: B256) -> Result<(), Bytes> {
        let signature = Signature::from_scalars_and_parity(r, s, v == 28);
        let ok = (v == 27 || v == 28) && signature.normalize_s().is_none();
        match signature.recover_address_from_prehash(&hash) {
            Ok(signer) if ok && signer == from => Ok(()),
            _ => Err(revert("FiatTokenV2: invalid signature")),
        }
    }

    #[allow(clippy::type_complexity)]
    fn execute(&self, world: &mut World, call: &EvmCall) -> Result<Vec<(Vec<B256>, Bytes)>, Bytes> {
        if let Ok(c) = cancelAuthorizationCall::abi_decode(&call.data) {
            if world.states.contains_key(&(c.authorizer, c.nonce)) {
                return Err(revert("FiatTokenV2: authorization is used or canceled"));
            }
            let said = CancelAuthorization { authorizer: c.authorizer, nonce: c.nonce };
            self.signed_by(c.authorizer, said.eip712_signing_hash(&self.domain), c.v, c.r, c.s)?;
            world.states.insert((c.authorizer, c.nonce), world.time_s);
            let topics = vec![AuthorizationCanceled::SIGNATURE_HASH, c.authorizer.into_word(), c.nonce];
            return Ok(vec![(topics, Bytes::new())]);
        }
        let c = transferWithAuthorizationCall::abi_decode(&call.data).map_err(|_| Bytes::new())?;
        if let Some(words) = &world.refuse {
            return Err(words.clone());
        }
        if U256::from(world.time_s) <= c.validAfter {
            return Err(revert("FiatTokenV2: authorization is not yet valid"));
        }
        if U256::from(world.time_s) >= c.validBefore {
            return Err(revert("FiatTokenV2: authorization is expired"));
        }
        if world.states.contains_key(&(c.from, c.nonce)) {
            return Err(revert("FiatTokenV2: authorization is used or canceled"));
        }
        let said = TransferWithAuthorization {
            from: c.from,
            to: c.to,
            value: c.value,
            validAfter: c.validAfter,
            validBefore: c.validBefore,
            nonce: c.nonce,
        };
        self.signed_by(c.from, said.eip712_signing_hash(&self.domain), c.v, c.r, c.s)?;
        let had = world.balances.get(&c.from).copied().unwrap_or_default();
        let left =
            had.checked_sub(c.value).ok_or_else(|| revert("ERC20: transfer amount exceeds balance"))?;
        world.balances.insert(c.from, left);
        *world.balances.entry(c.to).or_default() += c.value;
        world.states.insert((c.from, c.nonce), world.time_s);
        let moved = keccak256("Transfer(address,address,uint256)");
        let used = AuthorizationUsed::SIGNATURE_HASH;
        Ok(vec![
            (vec![used, c.from.into_word(), c.nonce], Bytes::new()),
            (vec![moved, c.from.into_word(), c.to.into_word()], c.value.abi_encode().into()),
        ])
    }

    fn answer(&self, world: &mut World, call: &EvmCall, at: At) -> Result<Bytes, Bytes> {
        if !world.deployed || call.to != self.token {
            return Ok(Bytes::new());
        }
        if let Ok(c) = balanceOfCall::abi_decode(&call.data) {
            return Ok(world.balances.get(&c.account).copied().unwrap_or_default().abi_encode().into());
        }
        if let Ok(c) = authorizationStateCall::abi_decode(&call.data) {
            let seen = match at {
                At::Latest => world.time_s,
                At::Final => world.time_s - world.final_lag_s,
            };
            let used = world.states.get(&(c.authorizer, c.nonce)).is_some_and(|when| *when <= seen);
            return Ok(used.abi_encode().into());
        }
        self.execute(world, call).map(|_| Bytes::new())
    }
}

pub fn revert(words: &str) -> Bytes {
    Revert::from(words).abi_encode().into()
}

fn lost(tx: Option<TxId>) -> Error {
    Error::unknown(Code::TimedOut, tx).detail("no answer")
}

#[async_trait]
impl Network for FakeChain {
    fn id(&self) -> ChainId {
        self.chain
    }
    fn traits(&self) -> NetworkTraits {
        NetworkTraits { block_ms: 2_000, testnet: true }
    }
    async fn tariff(&self, _: Purpose, _: &[Account]) -> Result<Arc<dyn Tariff>> {
        Err(Error::network(Code::NoQuote))
    }
    async fn balances(&self, _: &Account, _: &[AssetId]) -> Result<Vec<Amount>> {
        Err(Error::network(Code::Unreachable))
    }
    async fn outcome(&self, _: &TxId) -> Result<Outcome> {
        Err(Error::network(Code::Unreachable))
    }
}

#[async_trait]
impl Evm for FakeChain {
    fn chain_id(&self) -> u64 {
        self.chain.reference().parse().unwrap()
    }
    async fn look(&self, calls: &[EvmCall], at: At) -> Result<Looked> {
        let mut world = self.world();
        world.looks += 1;
        if world.unreachable {
            return Err(Error::network(Code::Unreachable));
        }
        let (balances, states) = (world.balances.clone(), world.states.clone());
        // One after another on one state, as aggregate3 does it; nothing stays.
        let results = calls.iter().map(|call| self.answer(&mut world, call, at)).collect();
        (world.balances, world.states) = (balances, states);
        let time_s = if at == At::Final { world.time_s - world.final_lag_s } else { world.time_s };
        Ok(Looked { block: 1_000 + time_s, time: Time::from_secs(time_s), results })
    }
    async fn find_log(&self, query: &LogQuery) -> Result<Option<Landing>> {
        let world = self.world();
        let fits = |log: &Landing| {
            log.address == query.address
                && query
                    .topics
                    .iter()
                    .enumerate()
                    .all(|(i, t)| t.is_none() || log.topics.get(i) == t.as_ref())
        };
        let recent = world.txs.iter().rev().filter(|(_, at, _)| {
            let at = Time::from_secs(*at);
            query.since <= at && at <= query.until
        });
        Ok(recent.flat_map(|(_, _, m)| m.logs.iter().rev()).find(|log| fits(log)).cloned())
    }
    async fn mined(&self, tx: &TxId) -> Result<Option<Mined>> {
        Ok(self.world().txs.iter().find(|(id, _, _)| id == tx).map(|(_, _, m)| m.clone()))
    }
    async fn funds(&self, owner: &Account, token: Address) -> Result<Funds> {
        let asset = AssetId::new(self.chain, &format!("{token:#x}"))?;
        let world = self.world();
        let atomic =
            world.balances.get(&owner.address().parse::<Address>().unwrap()).copied().unwrap_or_default();
        Ok(Funds {
            owner: *owner,
            balance: Amount::new(asset, u128::try_from(atomic).unwrap()),
            as_of: Time::from_secs(world.time_s),
        })
    }
    fn funds_now(&self, owner: Address, _: Address, _: Time) -> Option<Held> {
        let world = self.world();
        let atomic = u128::try_from(world.balances.get(&owner).copied().unwrap_or_default()).unwrap();
        Some(Held { atomic, as_of: Time::from_secs(world.time_s) }).filter(|_| !world.cold)
    }
    async fn send(&self, submit: Submit, key: &RecordKey) -> Result<Mined> {
        let script = self.world().script.clone();
        if let Sent::Mined(mined) = self.sent(key).await? {
            return Ok(*mined);
        }
        self.world().submitted.push(submit.clone());
        let keep = |tx: Option<&TxId>| self.world().sent.insert(key.clone(), tx.cloned());
        let mine = |calls: &[EvmCall]| {
            let mined = self.mine(calls);
            keep(Some(&mined.tx));
            mined
        };
        match script {
            Script::Honest => Ok(mine(&[submit.call])),
            Script::LoseAnswer => Err(lost(Some(mine(&[submit.call]).tx))),
            Script::LoseAll => {
                keep(None);
                Err(lost(None))
            }
            Script::FrontRun => {
                self.mine(std::slice::from_ref(&submit.call));
                Ok(mine(&[submit.call]))
            }
            Script::FrontRunSeen => {
                self.mine(std::slice::from_ref(&submit.call));
                Err(Error::payer(Code::NonceUsed))
            }
            Script::Buried => {
                self.mine(std::slice::from_ref(&submit.call));
                Err(Error::us(Code::Conflict).next(Next::Later))
            }
            Script::Revert(words) => {
                self.world().refuse = Some(revert(words));
                Ok(mine(&[submit.call]))
            }
            Script::Silent => {
                let mined = mine(&[]);
                Ok(mined)
            }
            Script::Refuse(e) => Err(e),
        }
    }
    async fn sent(&self, key: &RecordKey) -> Result<Sent> {
        let found = self.world().sent.get(key).cloned();
        Ok(match found {
            None => Sent::Never,
            Some(None) => Sent::Pending(TxId("0xpending".to_owned())),
            Some(Some(tx)) => Sent::Mined(Box::new(self.mined(&tx).await?.unwrap())),
        })
    }
    async fn try_out(&self, trial: &Trial) -> Result<Tried> {
        trial.by_look(self).await
    }
    fn learned_gas(&self, _: &GasKey) -> Option<u64> {
        self.learned
    }
    fn sample(&self, call: &EvmCall, _: u64) -> Sample {
        Sample::new(call.data.to_vec())
    }
    fn senders(&self) -> Vec<Address> {
        self.senders.clone()
    }
    fn signer(&self) -> Result<Arc<dyn Key>> {
        match &self.signer {
            Some(key) => Ok(Arc::new(key.clone())),
            None => Err(Error::caller(Code::NoSigner)),
        }
    }
}
