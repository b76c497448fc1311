//! A scripted chain with Permit2, the exact proxy and one token, written from their interfaces and alloy's own EIP-712,
//! not from the plugin's code.

use super::tariff::Gas500;
pub use super::world::{Script, World};
use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::{Address, B256, Bytes, Signature, U256, address, keccak256};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{Eip712Domain, Revert, SolCall, SolError, SolStruct, SolValue, eip712_domain};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tollway_core::*;
use tollway_evm::custody::Key;
use tollway_evm::{
    At, Evm, EvmCall, GasKey, Held, Landing, LogQuery, Looked, Mined, Sent, Submit, Trial, Tried,
};

pub const PERMIT2: Address = address!("000000000022D473030F116dDEE9F6B43aC78BA3");
pub const PROXY: Address = address!("402085c248EeA27D92E8b30b2C58ed07f9E20001");

alloy::sol! {
    function balanceOf(address account) external view returns (uint256);
    function allowance(address owner, address spender) external view returns (uint256);
    function nonces(address owner) external view returns (uint256);
    function DOMAIN_SEPARATOR() external view returns (bytes32);
    function approve(address spender, uint256 amount) external returns (bool);
    function nonceBitmap(address owner, uint256 word) external view returns (uint256);
    function invalidateUnorderedNonces(uint256 wordPos, uint256 mask) external;
    #[derive(Debug)]
    struct TokenPermissions { address token; uint256 amount; }
    struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }
    #[derive(Debug)]
    struct Witness { address to; uint256 validAfter; }
    struct EIP2612Permit { uint256 value; uint256 deadline; bytes32 r; bytes32 s; uint8 v; }
    struct PermitWitnessTransferFrom { TokenPermissions permitted; address spender; uint256 nonce; uint256 deadline; Witness witness; }
    struct Permit { address owner; address spender; uint256 value; uint256 nonce; uint256 deadline; }
    function settle(PermitTransferFrom permit, address owner, Witness witness, bytes signature) external;
    function settleWithPermit(EIP2612Permit permit2612, PermitTransferFrom permit, address owner, Witness witness, bytes signature) external;
}

pub struct FakeChain {
    pub chain: ChainId,
    pub token: Address,
    pub domain: Eip712Domain,
    pub signer: Option<PrivateKeySigner>,
    pub senders: Vec<Address>,
    world: Mutex<World>,
}

type Done = Result<Vec<(Vec<B256>, Bytes)>, Bytes>;

impl FakeChain {
    pub fn new(chain: ChainId, token: Address, name: &str, version: &str, time_s: u64) -> Self {
        let id: u64 = chain.reference().parse().unwrap();
        let domain = Eip712Domain::new(
            Some(name.to_owned().into()),
            Some(version.to_owned().into()),
            Some(U256::from(id)),
            Some(token),
            None,
        );
        Self {
            chain,
            token,
            domain,
            signer: None,
            senders: Vec::new(),
            world: Mutex::new(World::new(time_s)),
        }
    }
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
    fn permit2(&self) -> Eip712Domain {
        eip712_domain! { name: "Permit2", chain_id: self.chain_id(), verifying_contract: PERMIT2, }
    }
    /// Mines a call as one transaction.
    pub fn mine(&self, from: Address, call: &EvmCall) -> Mined {
        let mut world = self.world();
        let tx = TxId(format!("{:#x}", keccak256(world.txs.len().to_be_bytes())));
        let (block, at) = (1_000 + world.time_s, world.time_s);
        let before = world.clone();
        let done = self.execute(&mut world, from, call);
        if done.is_err() {
            *world = before;
        }
        let address = if call.to == PERMIT2 { PERMIT2 } else { self.token };
        let logs = done.clone().unwrap_or_default().into_iter();
        let logs = logs.map(|(topics, data)| Landing { address, topics, data, tx: tx.clone(), block });
        let (logs, success) = (logs.collect(), done.is_ok());
        let mined = Mined { tx: tx.clone(), block, success, gas_used: 98_000, cost_wei: 4_242, logs };
        world.txs.push((tx, at, mined.clone(), call.clone()));
        mined
    }

    fn execute(&self, world: &mut World, from: Address, call: &EvmCall) -> Done {
        if call.to == self.token
            && let Ok(c) = approveCall::abi_decode(&call.data)
        {
            world.allowances.insert(from, c.amount);
            return Ok(Vec::new());
        }
        if call.to == PERMIT2 {
            let c = invalidateUnorderedNoncesCall::abi_decode(&call.data).map_err(|_| Bytes::new())?;
            let bits = (0..256usize).filter(|bit| c.mask.bit(*bit));
            let now = world.time_s;
            let nonces: Vec<_> = bits.map(|bit| (c.wordPos << 8) | U256::from(bit)).collect();
            for nonce in nonces {
                world.used.entry((from, nonce)).or_insert(now);
            }
            let kind = keccak256("UnorderedNonceInvalidation(address,uint256,uint256)");
            return Ok(vec![(vec![kind, from.into_word()], (c.wordPos, c.mask).abi_encode().into())]);
        }
        if call.to != PROXY || !world.proxy {
            return Ok(Vec::new());
        }
        if let Ok(c) = settleCall::abi_decode(&call.data) {
            return self.settle(world, c.permit, c.owner, c.witness, &c.signature);
        }
        let c = settleWithPermitCall::abi_decode(&call.data).map_err(|_| Bytes::new())?;
        if c.permit2612.value != c.permit.permitted.amount {
            return Err(custom("Permit2612AmountMismatch()"));
        }
        self.permit(world, &c);
        self.settle(world, c.permit, c.owner, c.witness, &c.signature)
    }

    fn permit(&self, world: &mut World, c: &settleWithPermitCall) {
        let nonce = world.permit_nonces.get(&c.owner).copied().unwrap_or_default();
        let (p, owner) = (&c.permit2612, c.owner);
        let said = Permit { owner, spender: PERMIT2, value: p.value, nonce, deadline: p.deadline };
        let signature = Signature::from_scalars_and_parity(p.r, p.s, p.v == 28);
        let signer = signature.recover_address_from_prehash(&said.eip712_signing_hash(&self.domain));
        if world.permits && signer.is_ok_and(|s| s == owner) && U256::from(world.time_s) <= p.deadline {
            world.permit_nonces.insert(owner, nonce + U256::from(1));
            world.allowances.insert(owner, p.value);
        }
    }

    fn settle(
        &self,
        world: &mut World,
        permit: PermitTransferFrom,
        owner: Address,
        witness: Witness,
        signature: &Bytes,
    ) -> Done {
        let now = U256::from(world.time_s);
        if now < witness.validAfter {
            return Err(custom("PaymentTooEarly()"));
        }
        if now > permit.deadline {
            return Err(custom("SignatureExpired(uint256)"));
        }
        if world.used.contains_key(&(owner, permit.nonce)) {
            return Err(custom("InvalidNonce()"));
        }
        let (to, amount) = (witness.to, permit.permitted.amount);
        let said = PermitWitnessTransferFrom {
            permitted: permit.permitted,
            spender: PROXY,
            nonce: permit.nonce,
            deadline: permit.deadline,
            witness,
        };
        let signer = Signature::from_raw(signature)
            .ok()
            .and_then(|s| s.recover_address_from_prehash(&said.eip712_signing_hash(&self.permit2())).ok());
        if signer != Some(owner) {
            return Err(custom("InvalidSigner()"));
        }
        let (had, allowed) = (held(&world.balances, owner), held(&world.allowances, owner));
        if world.paused || had < amount || allowed < amount {
            return Err(Revert::from("TRANSFER_FROM_FAILED").abi_encode().into());
        }
        if allowed != U256::MAX {
            world.allowances.insert(owner, allowed - amount);
        }
        let arrives = amount - U256::from(world.fee);
        world.balances.insert(owner, had - amount);
        *world.balances.entry(to).or_default() += arrives;
        world.used.insert((owner, permit.nonce), world.time_s);
        let moved = keccak256("Transfer(address,address,uint256)");
        Ok(vec![(vec![moved, owner.into_word(), to.into_word()], arrives.abi_encode().into())])
    }

    fn answer(&self, world: &mut World, call: &EvmCall, at: At) -> Result<Bytes, Bytes> {
        let seen = match at {
            At::Latest => world.time_s,
            At::Final => world.time_s - world.final_lag_s,
        };
        let word = |n: U256| Ok(n.abi_encode().into());
        if call.to == PERMIT2
            && let Ok(c) = nonceBitmapCall::abi_decode(&call.data)
        {
            let ours = world
                .used
                .iter()
                .filter(|((who, nonce), when)| *who == c.owner && *nonce >> 8 == c.word && **when <= seen);
            return word(
                ours.fold(U256::ZERO, |all, ((_, n), _)| all | (U256::from(1) << (*n & U256::from(0xff)))),
            );
        }
        if call.to == self.token {
            return self.token_answer(world, &call.data);
        }
        if call.to == PROXY && world.proxy && call.data.len() == 4 {
            return Ok(PERMIT2.abi_encode().into());
        }
        self.execute(world, Address::ZERO, call).map(|_| Bytes::new())
    }

    fn token_answer(&self, world: &World, data: &Bytes) -> Result<Bytes, Bytes> {
        let word = |n: U256| Ok(n.abi_encode().into());
        if !world.deployed {
            return Ok(Bytes::new());
        }
        if let Ok(c) = balanceOfCall::abi_decode(data) {
            return word(held(&world.balances, c.account));
        }
        if let Ok(c) = allowanceCall::abi_decode(data) {
            return word(if c.spender == PERMIT2 { held(&world.allowances, c.owner) } else { U256::ZERO });
        }
        match noncesCall::abi_decode(data) {
            Ok(c) if world.permits => word(held(&world.permit_nonces, c.owner)),
            Err(_) if world.permits && DOMAIN_SEPARATORCall::abi_decode(data).is_ok() => {
                Ok(self.domain.separator().abi_encode().into())
            }
            _ => Err(Bytes::new()),
        }
    }
}

fn held(map: &HashMap<Address, U256>, who: Address) -> U256 {
    map.get(&who).copied().unwrap_or_default()
}

fn custom(error: &str) -> Bytes {
    keccak256(error)[..4].to_vec().into()
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
        Ok(Arc::new(Gas500(AssetId::native(self.chain))))
    }
    async fn balances(&self, _: &Account, assets: &[AssetId]) -> Result<Vec<Amount>> {
        let wei = self.world().coins_wei;
        Ok(assets.iter().map(|asset| Amount::new(*asset, wei)).collect())
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
        let before = world.clone();
        // One after another on one state, as aggregate3 does it; nothing stays.
        let results = calls.iter().map(|call| self.answer(&mut world, call, at)).collect();
        *world = before;
        let time_s = if at == At::Final { world.time_s - world.final_lag_s } else { world.time_s };
        Ok(Looked { block: 1_000 + time_s, time: Time::from_secs(time_s), results })
    }
    async fn find_log(&self, query: &LogQuery) -> Result<Option<Landing>> {
        Ok(self.find_logs(query, 1).await?.pop())
    }
    async fn find_logs(&self, query: &LogQuery, most: usize) -> Result<Vec<Landing>> {
        let fits = |log: &Landing| {
            let mut topics = query.topics.iter().enumerate();
            log.address == query.address
                && topics.all(|(i, t)| t.is_none() || log.topics.get(i) == t.as_ref())
        };
        let world = self.world();
        let recent = world.txs.iter().rev().filter(|(_, at, ..)| {
            let at = Time::from_secs(*at);
            query.since <= at && at <= query.until
        });
        let logs = recent.flat_map(|(_, _, m, _)| m.logs.iter().rev()).filter(|log| fits(log));
        Ok(logs.take(most).cloned().collect())
    }
    async fn call_of(&self, tx: &TxId) -> Result<Option<EvmCall>> {
        Ok(self.world().txs.iter().find(|(id, ..)| id == tx).map(|(.., call)| call.clone()))
    }
    async fn mined(&self, tx: &TxId) -> Result<Option<Mined>> {
        Ok(self.world().txs.iter().find(|(id, ..)| id == tx).map(|(_, _, m, _)| m.clone()))
    }
    async fn funds(&self, owner: &Account, token: Address) -> Result<Funds> {
        let asset = AssetId::new(self.chain, &format!("{token:#x}"))?;
        let world = self.world();
        let atomic = held(&world.balances, owner.address().parse().unwrap());
        let balance = Amount::new(asset, u128::try_from(atomic).unwrap());
        Ok(Funds { owner: *owner, balance, as_of: Time::from_secs(world.time_s) })
    }
    fn funds_now(&self, owner: Address, _: Address, _: Time) -> Option<Held> {
        let world = self.world();
        let atomic = u128::try_from(held(&world.balances, owner)).unwrap();
        Some(Held { atomic, as_of: Time::from_secs(world.time_s) }).filter(|_| !world.cold)
    }
    async fn allowance(&self, owner: Address, _: Address, spender: Address) -> Result<Held> {
        assert_eq!(spender, PERMIT2);
        let world = self.world();
        let atomic = u128::try_from(held(&world.allowances, owner)).unwrap_or(u128::MAX);
        Ok(Held { atomic, as_of: Time::from_secs(world.time_s) })
    }
    fn allowance_now(&self, owner: Address, _: Address, _: Address, _: Time) -> Option<Held> {
        let world = self.world();
        let atomic = u128::try_from(held(&world.allowances, owner)).unwrap_or(u128::MAX);
        Some(Held { atomic, as_of: Time::from_secs(world.time_s) }).filter(|_| !world.cold)
    }
    async fn sign_call(&self, call: &EvmCall, gas_limit: u64) -> Result<Bytes> {
        use alloy::consensus::{SignableTransaction, TxEip1559};
        use alloy::eips::eip2718::Encodable2718;
        use alloy::signers::SignerSync;
        self.world().signed_calls += 1;
        let tx = TxEip1559 {
            chain_id: self.chain_id(),
            gas_limit,
            max_fee_per_gas: self.world().approval_fee_wei,
            to: alloy::primitives::TxKind::Call(call.to),
            input: call.data.clone(),
            ..TxEip1559::default()
        };
        let signature = self.signer.as_ref().unwrap().sign_hash_sync(&tx.signature_hash()).unwrap();
        Ok(TxEnvelope::from(tx.into_signed(signature)).encoded_2718().into())
    }
    async fn next_nonce(&self, account: Address) -> Result<u64> {
        assert_eq!(Some(account), self.signer.as_ref().map(|key| key.address()));
        let world = self.world();
        Ok(world.stale_nonce.unwrap_or(world.payer_nonce))
    }
    async fn relay(&self, raw: &Bytes) -> Result<Mined> {
        let tx = TxEnvelope::decode_2718(&mut &raw[..]).unwrap();
        let from = tx.signature().recover_address_from_prehash(&tx.signature_hash()).unwrap();
        if tx.nonce() < self.world().payer_nonce {
            return Err(Error::network(Code::RpcRefused).detail("nonce too low"));
        }
        let cost = u128::from(tx.gas_limit()) * tx.max_fee_per_gas();
        if self.world().coins_wei < cost {
            return Err(Error::network(Code::RpcRefused).detail("insufficient funds for gas"));
        }
        let mut world = self.world();
        world.relayed.push(raw.clone());
        world.payer_nonce = tx.nonce() + 1;
        drop(world);
        Ok(self.mine(from, &EvmCall { to: tx.to().unwrap(), data: tx.input().clone() }))
    }
    async fn send(&self, submit: Submit, key: &RecordKey) -> Result<Mined> {
        if let Sent::Mined(mined) = self.sent(key).await? {
            return Ok(*mined);
        }
        if submit.value_wei > 0 {
            self.world().endowed.push((submit.call.to, submit.value_wei));
            if !self.world().thief {
                self.world().coins_wei += submit.value_wei;
            }
            let mined = self.mine(Address::ZERO, &submit.call);
            self.world().sent.insert(key.clone(), mined.tx.clone());
            if self.world().slow_coins {
                return Err(Error::unknown(Code::SettlementPending, Some(mined.tx)));
            }
            return Ok(mined);
        }
        self.world().submitted.push(submit.clone());
        let script = self.world().script.clone();
        let from = submit.sender.unwrap_or_default();
        let mine = || {
            let mined = self.mine(from, &submit.call);
            self.world().sent.insert(key.clone(), mined.tx.clone());
            mined
        };
        match script {
            Script::Honest => Ok(mine()),
            Script::LoseAnswer => Err(Error::unknown(Code::TimedOut, Some(mine().tx))),
            Script::FrontRun => {
                self.mine(Address::ZERO, &submit.call);
                Ok(mine())
            }
            Script::Revert => {
                self.world().paused = true;
                Ok(mine())
            }
            Script::Short(less) => {
                self.world().fee = less;
                Ok(mine())
            }
        }
    }
    async fn sent(&self, key: &RecordKey) -> Result<Sent> {
        let found = self.world().sent.get(key).cloned();
        let slow = self.world().slow_coins;
        Ok(match found {
            None => Sent::Never,
            Some(tx) if slow => Sent::Pending(tx),
            Some(tx) => Sent::Mined(Box::new(self.mined(&tx).await?.unwrap())),
        })
    }
    async fn try_out(&self, trial: &Trial) -> Result<Tried> {
        let code = self.world().code;
        Ok(Tried { code, ..trial.by_look(self).await? })
    }
    fn learned_gas(&self, _: &GasKey) -> Option<u64> {
        self.world().learned_gas
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
