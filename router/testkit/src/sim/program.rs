use super::api::SimEvent;
use super::key::Keys;
use super::state::{Change, Over, State};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tollway_core::{Account, AssetId, Time, TxId};

/// Gas of any transaction before its program runs.
pub const GAS_BASE: u64 = 21_000;
/// Gas of each byte of input.
pub const GAS_BYTE: u64 = 16;
const GAS_NEW_SLOT: u64 = 20_000;
const GAS_SLOT: u64 = 5_000;
const GAS_LOOK: u64 = 200;
const GAS_EVENT: u64 = 1_500;
const GAS_SIGNATURE: u64 = 3_000;
const DEPTH_MAX: u32 = 16;

/// Why a program refused. Everything that the transaction had done is taken back.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Revert(pub String);

impl fmt::Display for Revert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl From<&str> for Revert {
    fn from(words: &str) -> Self {
        Self(words.to_owned())
    }
}
impl From<Over> for Revert {
    fn from(_: Over) -> Self {
        Self("a balance is too low, or a sum does not fit".to_owned())
    }
}

/// A contract on a simulated chain.
///
/// It keeps nothing in itself: its state is what it stores through [`Ctx`], so that a reorg takes it back. It must be
/// deterministic: the same call on the same state does the same.
pub trait Program: Send + Sync {
    /// Runs one call.
    ///
    /// # Errors
    /// A [`Revert`]: nothing of this call has happened.
    fn call(&self, ctx: &mut Ctx<'_>, caller: &Account, input: &[u8]) -> Result<Vec<u8>, Revert>;
}

/// What a chain looks like from inside a program.
pub struct Ctx<'a> {
    pub(super) state: &'a mut State,
    pub(super) world: World<'a>,
    pub(super) run: &'a mut Run,
    pub(super) me: Account,
    pub(super) depth: u32,
}

/// What a call cannot change.
#[derive(Clone, Copy)]
pub(super) struct World<'a> {
    pub(super) programs: &'a BTreeMap<Account, Arc<dyn Program>>,
    pub(super) keys: &'a Keys,
    pub(super) coin: AssetId,
    pub(super) block: u64,
    pub(super) time: Time,
}

/// What a transaction has used and said so far.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) tx: Option<TxId>,
    pub(super) gas_used: u64,
    pub(super) gas_limit: u64,
    pub(super) created_bytes: u64,
    pub(super) events: Vec<SimEvent>,
}

impl Run {
    pub(super) fn use_gas(&mut self, gas: u64) -> Result<(), Revert> {
        match self.gas_used.checked_add(gas).filter(|used| *used <= self.gas_limit) {
            Some(used) => self.gas_used = used,
            None => {
                self.gas_used = self.gas_limit;
                return Err("out of gas".into());
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Ctx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ctx({} in block {})", self.me, self.world.block)
    }
}

impl Ctx<'_> {
    /// The program's own account.
    pub fn me(&self) -> Account {
        self.me
    }
    /// The block's time.
    pub fn now(&self) -> Time {
        self.world.time
    }
    /// The block's number.
    pub fn block(&self) -> u64 {
        self.world.block
    }
    /// The chain's own coin.
    pub fn coin(&self) -> AssetId {
        self.world.coin
    }
    /// Uses gas for work that only the program knows of.
    ///
    /// # Errors
    /// Out of gas.
    pub fn use_gas(&mut self, gas: u64) -> Result<(), Revert> {
        self.run.use_gas(gas)
    }
    /// What somebody holds.
    ///
    /// # Errors
    /// Out of gas.
    pub fn balance(&mut self, asset: &AssetId, owner: &Account) -> Result<u128, Revert> {
        self.run.use_gas(GAS_LOOK)?;
        Ok(self.state.balance(asset, owner))
    }
    /// Reads the program's own state.
    ///
    /// # Errors
    /// Out of gas.
    pub fn load(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Revert> {
        self.run.use_gas(GAS_LOOK)?;
        Ok(self.state.stored(&self.me, key).cloned())
    }
    /// Writes the program's own state; `None` forgets.
    ///
    /// # Errors
    /// Out of gas.
    pub fn store(&mut self, key: &[u8], value: Option<Vec<u8>>) -> Result<(), Revert> {
        let new = value.is_some() && self.state.stored(&self.me, key).is_none();
        self.run.use_gas(if new { GAS_NEW_SLOT } else { GAS_SLOT })?;
        if new {
            let bytes = key.len().saturating_add(value.as_ref().map_or(0, Vec::len));
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            self.run.created_bytes = self.run.created_bytes.saturating_add(bytes);
        }
        Ok(self.state.make(Change::Put { program: self.me, key: key.to_vec(), value })?)
    }
    /// Moves the program's own coins.
    ///
    /// # Errors
    /// It has too few; out of gas.
    pub fn pay(&mut self, to: &Account, atomic: u128) -> Result<(), Revert> {
        self.shift(self.world.coin, self.me, *to, atomic)
    }
    /// Moves the token whose program this is, from anybody to anybody: the program is its book, and decides.
    ///
    /// # Errors
    /// The program is no token's; too little is there; out of gas.
    pub fn move_own(&mut self, from: &Account, to: &Account, atomic: u128) -> Result<(), Revert> {
        let own = self.own_asset()?;
        self.shift(own, *from, *to, atomic)
    }
    /// Makes units of the token whose program this is.
    ///
    /// # Errors
    /// The sum does not fit; out of gas.
    pub fn mint_own(&mut self, to: &Account, atomic: u128) -> Result<(), Revert> {
        self.run.use_gas(GAS_SLOT)?;
        let own = self.own_asset()?;
        self.state.make(Change::Mint(own, atomic))?;
        Ok(self.state.make(Change::Credit(own, *to, atomic))?)
    }
    /// Destroys units of the token whose program this is.
    ///
    /// # Errors
    /// Too little is there; out of gas.
    pub fn burn_own(&mut self, from: &Account, atomic: u128) -> Result<(), Revert> {
        self.run.use_gas(GAS_SLOT)?;
        let own = self.own_asset()?;
        self.state.make(Change::Debit(own, *from, atomic))?;
        Ok(self.state.make(Change::Burn(own, atomic))?)
    }
    /// Says something that everybody can find later.
    ///
    /// # Errors
    /// Out of gas.
    pub fn emit(&mut self, topic: &str, data: Vec<u8>) -> Result<(), Revert> {
        let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
        self.run.use_gas(GAS_EVENT.saturating_add(bytes))?;
        let (tx, topic) = (self.run.tx.clone().unwrap_or_else(|| TxId(String::new())), topic.to_owned());
        let (block, time) = (self.world.block, self.world.time);
        self.run.events.push(SimEvent { program: self.me, topic, data, tx, block, time });
        Ok(())
    }
    /// True when `signature` is `who`'s on `message`.
    ///
    /// # Errors
    /// Out of gas.
    pub fn signed_by(&mut self, who: &Account, message: &[u8], signature: &[u8]) -> Result<bool, Revert> {
        self.run.use_gas(GAS_SIGNATURE)?;
        Ok(self.world.keys.signed(who, message, signature))
    }
    /// Calls another program in this one's name. What it did is taken back when it reverts.
    ///
    /// # Errors
    /// Nothing is there; it reverts; too deep; out of gas.
    pub fn call(&mut self, program: &Account, input: &[u8]) -> Result<Vec<u8>, Revert> {
        let caller = self.me;
        execute(self.state, self.world, self.run, &caller, program, input, self.depth.saturating_add(1))
    }

    fn own_asset(&self) -> Result<AssetId, Revert> {
        AssetId::new(self.me.chain, self.me.address()).map_err(|_| "no token".into())
    }
    fn shift(&mut self, asset: AssetId, from: Account, to: Account, atomic: u128) -> Result<(), Revert> {
        let new = self.state.balance(&asset, &to) == 0;
        self.run.use_gas(GAS_SLOT.saturating_add(if new { GAS_NEW_SLOT } else { GAS_SLOT }))?;
        self.state.make(Change::Debit(asset, from, atomic))?;
        Ok(self.state.make(Change::Credit(asset, to, atomic))?)
    }
}

/// Runs one call, and takes it back when it reverts.
pub(super) fn execute(
    state: &mut State,
    world: World<'_>,
    run: &mut Run,
    caller: &Account,
    program: &Account,
    input: &[u8],
    depth: u32,
) -> Result<Vec<u8>, Revert> {
    if depth > DEPTH_MAX {
        return Err("calls are nested too deep".into());
    }
    let found = world.programs.get(program).cloned().ok_or_else(|| Revert::from("no program is there"))?;
    let (mark, said) = (state.mark(), run.events.len());
    let done = found.call(&mut Ctx { state, world, run, me: *program, depth }, caller, input);
    if done.is_err() {
        state.back_to(mark);
        run.events.truncate(said);
    }
    done
}
