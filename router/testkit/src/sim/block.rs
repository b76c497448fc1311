//! How blocks come about, and go again.

use super::api::{Mined, SimCall, SimEvent, Viewed};
use super::fees;
use super::program::{GAS_BASE, GAS_BYTE, Program, Revert, Run, World, execute};
use super::settings::SimSettings;
use super::state::{Change, State};
use super::tx::Tx;
use super::{key::Keys, settings::FeeSettings};
use crate::weave::SeededDice;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tollway_core::{Account, AssetId, Time, TxId};

/// Gas of one call that is only looked at.
const VIEW_GAS: u64 = 1_000_000_000;
/// Blocks that are made one by one when nobody has looked for a long time; the rest are empty.
const SLOW_BLOCKS: u64 = 128;

/// A block that can still be taken back, or looked behind.
pub(super) struct Block {
    pub(super) number: u64,
    pub(super) base_fee: u128,
    journal: Vec<Change>,
    txs: Vec<Tx>,
}

/// Seen by the miners from a block on.
pub(super) struct Waiting {
    pub(super) tx: Tx,
    pub(super) from_block: u64,
}

/// Everything of a chain that changes.
pub(super) struct Inner {
    pub(super) genesis: Time,
    pub(super) number: u64,
    pub(super) base_fee: u128,
    pub(super) state: State,
    pub(super) programs: BTreeMap<Account, Arc<dyn Program>>,
    pub(super) pool: Vec<Waiting>,
    pub(super) mined: BTreeMap<TxId, Mined>,
    pub(super) events: Vec<SimEvent>,
    pub(super) blocks: VecDeque<Block>,
    pub(super) reorgs: u64,
}

/// What a chain is made of that does not change.
pub(super) struct Frame {
    pub(super) settings: SimSettings,
    pub(super) coin: AssetId,
    pub(super) miner: Account,
    pub(super) keys: Keys,
    pub(super) dice: SeededDice,
}

impl Inner {
    pub(super) fn time(&self, frame: &Frame, number: u64) -> Time {
        self.genesis.plus_ms(number.saturating_mul(u64::from(frame.settings.block_ms.max(1))))
    }

    /// Makes every block that is due.
    pub(super) fn catch_up(&mut self, frame: &Frame, now: Time) {
        let due = now.ms_since(self.genesis) / u64::from(frame.settings.block_ms.max(1));
        let slow = self.number.saturating_add(SLOW_BLOCKS);
        while self.number < due.min(slow) {
            self.mine(frame);
            let deepest = frame.settings.finality.saturating_sub(1);
            if deepest > 0 && frame.dice.chance(frame.settings.pool.reorg_per_mille) {
                self.reorg(frame, frame.dice.between(1, u64::from(deepest)));
            }
        }
        if self.number < due {
            self.number = due.saturating_sub(1);
            self.mine(frame);
        }
    }

    /// The next block.
    fn mine(&mut self, frame: &Frame) {
        self.number = self.number.saturating_add(1);
        self.base_fee = fees::walk(self.base_fee, &frame.settings.fees, &frame.dice);
        let mut taken = Vec::new();
        while taken.len() < frame.settings.block_txs {
            let Some(tx) = self.next_tx(frame) else { break };
            self.include(frame, &tx);
            taken.push(tx);
        }
        let journal = self.state.seal();
        self.blocks.push_back(Block { number: self.number, base_fee: self.base_fee, journal, txs: taken });
        let keep = usize::try_from(frame.settings.finality).unwrap_or(usize::MAX).saturating_add(8);
        while self.blocks.len() > keep {
            self.blocks.pop_front();
        }
    }

    /// Takes a transaction that can be included now out of the pool.
    fn next_tx(&mut self, frame: &Frame) -> Option<Tx> {
        let state = &self.state;
        self.pool.retain(|w| w.tx.nonce >= state.nonce(&w.tx.from));
        let ready = |w: &Waiting| {
            w.from_block <= self.number
                && w.tx.nonce == self.state.nonce(&w.tx.from)
                && self.state.balance(&frame.coin, &w.tx.from)
                    >= most(&w.tx, self.base_fee, &frame.settings.fees)
        };
        let ready: Vec<usize> =
            self.pool.iter().enumerate().filter(|(_, w)| ready(w)).map(|(at, _)| at).collect();
        let any = frame.dice.chance(frame.settings.pool.reorder_per_mille);
        let at = if any { frame.dice.pick(&ready) } else { ready.first() }?;
        Some(self.pool.remove(*at).tx)
    }

    /// Runs a transaction in the block that is being made.
    fn include(&mut self, frame: &Frame, tx: &Tx) {
        let time = self.time(frame, self.number);
        let _ = self.state.make(Change::Nonce(tx.from, tx.nonce.saturating_add(1)));
        let mut run = Run { tx: Some(tx.id.clone()), gas_limit: tx.gas_limit, ..Run::default() };
        let world =
            World { programs: &self.programs, keys: &frame.keys, coin: frame.coin, block: self.number, time };
        let output = attempt(&mut self.state, world, &mut run, &tx.from, &tx.call);
        let cost_atomic = self.charge(frame, tx, &run);
        self.events.extend(run.events.iter().cloned());
        let mined = Mined {
            tx: tx.id.clone(),
            from: tx.from,
            block: self.number,
            time,
            call: tx.call.clone(),
            output,
            gas_used: run.gas_used,
            cost_atomic,
            events: run.events,
        };
        self.mined.insert(tx.id.clone(), mined);
    }

    /// Takes the fee: the base fee is burned, the rest is the miner's.
    fn charge(&mut self, frame: &Frame, tx: &Tx, run: &Run) -> u128 {
        let fees = &frame.settings.fees;
        let have = self.state.balance(&frame.coin, &tx.from);
        let gas = u128::from(run.gas_used);
        let burned = gas.saturating_mul(self.base_fee).min(have);
        let rest = gas
            .saturating_mul(tx.tip)
            .saturating_add(tx.bytes().saturating_mul(fees.l1_per_byte))
            .saturating_add(u128::from(run.created_bytes).saturating_mul(fees.rent_per_byte))
            .min(have.saturating_sub(burned));
        let changes = [
            Change::Debit(frame.coin, tx.from, burned),
            Change::Burn(frame.coin, burned),
            Change::Debit(frame.coin, tx.from, rest),
            Change::Credit(frame.coin, frame.miner, rest),
        ];
        for change in changes {
            let _ = self.state.make(change); // it was checked against the balance just now
        }
        burned.saturating_add(rest)
    }

    /// Takes the newest `depth` blocks back and makes others in their place. Returns how many transactions went back to
    /// the pool.
    pub(super) fn reorg(&mut self, frame: &Frame, depth: u64) -> usize {
        let depth = depth.min(self.number);
        let (old, kept) = (self.number, self.number.saturating_sub(depth));
        let mut back = Vec::new();
        while let Some(block) = self.blocks.pop_back_if(|b| b.number > kept) {
            let _ = self.state.rewind(block.journal);
            back.extend(block.txs.into_iter().rev());
        }
        self.base_fee = self.blocks.back().map_or(self.base_fee, |b| b.base_fee);
        while self.events.pop_if(|e| e.block > kept).is_some() {}
        self.number = kept;
        self.reorgs = self.reorgs.saturating_add(1);
        let returned = back.len();
        for tx in back.into_iter().rev() {
            self.mined.remove(&tx.id);
            if !frame.dice.chance(frame.settings.pool.drop_per_mille) {
                let from_block = frame.dice.between(kept.saturating_add(1), old.saturating_add(2));
                self.pool.push(Waiting { tx, from_block });
            }
        }
        while self.number < old {
            self.mine(frame);
        }
        returned
    }

    /// Looks at the state as it was `back` blocks ago.
    pub(super) fn behind<T>(&mut self, back: u64, look: impl FnOnce(&mut Self, u64) -> T) -> T {
        let then = self.number.saturating_sub(back);
        let newer = self.blocks.iter().rev().take_while(|b| b.number > then).count();
        for block in self.blocks.iter_mut().rev().take(newer) {
            block.journal = self.state.rewind(std::mem::take(&mut block.journal));
        }
        let seen = look(self, then);
        let older = self.blocks.len().saturating_sub(newer);
        for block in self.blocks.iter_mut().skip(older) {
            block.journal = self.state.rewind(std::mem::take(&mut block.journal));
        }
        seen
    }

    /// Tries a call `back` blocks ago.
    pub(super) fn view(&mut self, frame: &Frame, call: &SimCall, back: u64) -> Viewed {
        self.behind(back, |inner, block| {
            let time = inner.time(frame, block);
            let mut run = Run { gas_limit: VIEW_GAS, ..Run::default() };
            let world = World { programs: &inner.programs, keys: &frame.keys, coin: frame.coin, block, time };
            let mark = inner.state.mark();
            let from = call.from.unwrap_or(call.to);
            let output = attempt(&mut inner.state, world, &mut run, &from, call);
            inner.state.back_to(mark);
            Viewed { block, time, output, gas_used: run.gas_used }
        })
    }
}

/// Coins, then the program; nothing of it when either fails.
fn attempt(
    state: &mut State,
    world: World<'_>,
    run: &mut Run,
    from: &Account,
    call: &SimCall,
) -> Result<Vec<u8>, Revert> {
    let mark = state.mark();
    let done = (|| {
        let bytes = u64::try_from(call.input.len()).unwrap_or(u64::MAX);
        run.use_gas(GAS_BASE.saturating_add(GAS_BYTE.saturating_mul(bytes)))?;
        if call.value_atomic > 0 {
            state.make(Change::Debit(world.coin, *from, call.value_atomic))?;
            state.make(Change::Credit(world.coin, call.to, call.value_atomic))?;
        }
        if world.programs.contains_key(&call.to) || !call.input.is_empty() {
            return execute(state, world, run, from, &call.to, &call.input, 0);
        }
        Ok(Vec::new())
    })();
    if done.is_err() {
        state.back_to(mark);
        run.events.clear();
        run.created_bytes = 0;
    }
    done
}

/// What a transaction may cost at most, coins that go with it included.
pub(super) fn most(tx: &Tx, base_fee: u128, fees: &FeeSettings) -> u128 {
    u128::from(tx.gas_limit)
        .saturating_mul(base_fee.saturating_add(tx.tip))
        .saturating_add(tx.bytes().saturating_mul(fees.l1_per_byte))
        .saturating_add(tx.call.value_atomic)
}
