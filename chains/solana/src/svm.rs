//! The typed trait that schemes on Solana are written against. Fakes and fault wrappers implement it too.

use crate::{Fault, Holding, Mint};
use serde::{Deserialize, Serialize};
use solana_hash::Hash;
use solana_pubkey::Pubkey;
use solana_signature::Signature;
use solana_signer::Signer;
use std::sync::Arc;
use tollway_core::{Account, Network, Purpose, RecordKey, Result, Time, TxId, async_trait};

/// Which state a look is taken at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum At {
    /// The newest block that the node has processed. It may still be dropped with its fork.
    #[default]
    Latest,
    /// The newest block at this network's configured finality.
    Final,
}

/// One look at the chain: all accounts are of the same slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The slot.
    pub slot: u64,
    /// The block height about there (asked for in the same request, of a moment later at most).
    pub height: u64,
    /// The epoch; a token's transfer fee changes with one.
    pub epoch: u64,
    /// What the chain's own clock says there. Validators vote on it; it may lag by seconds.
    pub time: Time,
    /// Per account, in the order asked; `None` where nothing is.
    pub accounts: Vec<Option<State>>,
}

/// An account as it is on chain. `Debug` shows the size of the data alone.
#[derive(Clone, PartialEq, Eq)]
pub struct State {
    /// The program that owns it.
    pub owner: Pubkey,
    /// Its lamports, rent included.
    pub lamports: u64,
    /// True for a program.
    pub executable: bool,
    /// Its data.
    pub data: Vec<u8>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { owner, lamports, .. } = self;
        write!(f, "State({lamports} lamports, {} bytes of {owner})", self.data.len())
    }
}

/// A transaction to be tried without being sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Trial<'a> {
    /// The whole transaction as it would go over the wire; missing signatures are zeros. At most
    /// [`crate::PACKET_BYTES_MAX`] bytes.
    pub wire: &'a [u8],
    /// Accounts whose state *before* is wanted, at most 99.
    pub before: &'a [Pubkey],
    /// Accounts whose state *afterwards* is wanted, of those that it names.
    pub after: &'a [Pubkey],
    /// True when the instructions that programs call are wanted too.
    pub inner: bool,
}

impl std::fmt::Debug for Trial<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trial({} bytes)", self.wire.len())
    }
}

/// What a trial showed. Signatures were not looked at: a trial lets garbage through, so check them yourself
/// ([`crate::signature::verify_strict`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The look that was taken beside it: the accounts of [`Trial::before`].
    pub looked: Looked,
    /// The slot it was tried on.
    pub slot: u64,
    /// Why it would fail; an expired or unknown blockhash is [`Fault::BlockhashNotFound`].
    pub fault: Option<Fault>,
    /// Compute units it would use.
    pub units: u64,
    /// Per account of [`Trial::after`]: its state afterwards. Empty when the trial failed.
    pub after: Vec<Option<State>>,
    /// Instructions that programs called, when asked for.
    pub inner: Vec<Inner>,
}

/// An instruction that a program called while a transaction ran.
#[derive(Clone, PartialEq, Eq)]
pub struct Inner {
    /// The top-level instruction under which it ran, from 0.
    pub under: u8,
    /// The program called.
    pub program: Pubkey,
    /// What it was called with.
    pub call: Call,
    /// How deep: 1 is a top-level instruction, so this is at least 2 where the node tells it.
    pub depth: Option<u32>,
}

/// What a program was called with. Nodes take apart, in a trial, what they know the meaning of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// As it was.
    Plain {
        /// The accounts handed over.
        accounts: Vec<Pubkey>,
        /// The data.
        data: Vec<u8>,
    },
    /// A transfer by a token program, told by the node.
    Transfer {
        /// From which token account.
        source: Pubkey,
        /// To which.
        destination: Pubkey,
        /// Who allowed it; the first signer of several.
        authority: Pubkey,
        /// Of which token, where it was checked.
        mint: Option<Pubkey>,
        /// Atomic units.
        amount: u64,
    },
    /// Anything else that the node took apart, by its name there (`createIdempotent`), at most 64 bytes of it.
    Named(Box<str>),
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inner(under {}, program {})", self.under, self.program)
    }
}

/// A blockhash that transactions can be built on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blockhash {
    /// The hash.
    pub hash: Hash,
    /// The last block height at which a transaction on it can be in a block.
    pub last_valid_height: u64,
    /// When it was asked for.
    pub as_of: Time,
}

impl Blockhash {
    /// The block height that it is of: transactions on it are in later blocks.
    pub const fn height(&self) -> u64 {
        self.last_valid_height.saturating_sub(crate::BLOCKHASH_BLOCKS)
    }
    /// The last block height at which a transaction can be in a block whose blockhash *somebody else* gave, however new
    /// it is, when it was signed at `now`: nobody knows the hashes of blocks to come.
    pub fn bound(&self, now: Time) -> u64 {
        let blocks_since = now.ms_since(self.as_of) / crate::SLOT_MS_MIN;
        self.last_valid_height.saturating_add(blocks_since).saturating_add(crate::FORK_BLOCKS_MAX)
    }
}

/// Where a transaction stands, as one node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its slot.
    pub slot: u64,
    /// Why it failed; it is in a block all the same, and its fee was paid.
    pub fault: Option<Fault>,
    /// True when this network's configured finality is reached.
    pub done: bool,
}

/// A question for a transaction whose id is not known: the one with this message among an address's newest, at this
/// network's configured finality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Find<'a> {
    /// Any account that it names. A token account's history is shorter than its owner's.
    pub address: Pubkey,
    /// The message, without signatures; compared byte for byte.
    pub message: &'a [u8],
    /// A memo that it holds: spares looking at transactions with others.
    pub memo: Option<&'a str>,
    /// Not older than this, in chain time; [`Time::ZERO`] where nobody knows.
    pub since: Time,
    /// In no block below this height, where that is known.
    pub from_height: Option<u64>,
    /// The answering node must have reached this slot, so that what it lacks is not there.
    pub min_slot: Option<u64>,
}

/// A transaction in a block, whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its first signature in base58.
    pub tx: TxId,
    /// Its slot.
    pub slot: u64,
    /// Its block's time, where the node tells one.
    pub time: Option<Time>,
    /// Why it failed.
    pub fault: Option<Fault>,
    /// What it cost in lamports, as the node tells.
    pub fee_lamports: u64,
    /// Compute units it used; 0 where the node does not tell.
    pub units: u64,
    /// The whole transaction as it went over the wire.
    pub wire: Vec<u8>,
    /// Accounts loaded from lookup tables: first those it could write, then the others.
    pub loaded: Vec<Pubkey>,
    /// Instructions that programs called.
    pub inner: Vec<Inner>,
    /// Token balances that it found and left behind.
    pub tokens: Vec<TokenChange>,
}

impl std::fmt::Debug for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorded")
            .field("slot", &self.slot)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

/// What a transaction did to one token account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenChange {
    /// The token account.
    pub account: Pubkey,
    /// The token.
    pub mint: Pubkey,
    /// Atomic units before.
    pub before: u64,
    /// Atomic units after.
    pub after: u64,
}

/// A transaction to be sent: everything is signed but, perhaps, the fee payer's place.
#[derive(Clone, PartialEq, Eq)]
pub struct Submit {
    /// The whole transaction as it goes over the wire, at most [`crate::PACKET_BYTES_MAX`] bytes. One on a durable nonce
    /// is refused: it would live for ever.
    pub wire: Vec<u8>,
    /// Who signs it in the first place (it must be the first account), with a key of this network. `None`: it is
    /// fully signed already.
    ///
    /// **Only a transaction that was checked through and through may be co-signed**: the network does not look at
    /// its instructions.
    pub fee_payer: Option<Pubkey>,
    /// Do not send it for the first time after this.
    pub not_after: Time,
}

impl std::fmt::Debug for Submit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Submit").field("fee_payer", &self.fee_payer).finish_non_exhaustive()
    }
}

/// A transaction in a block at the set finality.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landed {
    /// Its first signature in base58.
    pub tx: TxId,
    /// Its slot; where it was learned by a push, perhaps one a moment later.
    pub slot: u64,
    /// Why it failed there, when it did: nothing moved but the fee.
    pub fault: Option<Fault>,
    /// What it cost in lamports, by the chain's rules: signatures, and the compute *limit* at its price. The rent of
    /// accounts that it made is not in it.
    pub fee_lamports: u64,
}

/// What became of what was sent under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Nothing was ever sent under that key, and nothing ever will be by this process.
    Never,
    /// Signed and journaled; not in a block at the set finality yet. It is looked for now, and sent again once no other process
    /// may take it back.
    Pending(TxId),
    /// In a block at the set finality, whether it succeeded there or not.
    Landed(Box<Landed>),
    /// Its blockhash is too old for every block to come, and no node has it in a block: it never will be.
    Expired(TxId),
}

/// A Solana chain, as schemes see it.
///
/// * `look`, `attempt`, `height`, `statuses`, `recorded` are reads of one round trip: safe to retry and to drop. `find`
///   takes one more for what there is to look at, and one more for the age of a history that ends early. `holding`, `mint`, `blockhash` and `unit_price` answer from snapshots that are kept warm in the background;
///   the first question may do I/O.
/// * `send` writes the signed transaction to the ledger *before* it goes out, under `key`, and sends those bytes again
///   until they are in a block or cannot be any more. Calling it again with the same key never makes a second
///   transaction: it waits for the first. Dropping it stops the waiting, not the transaction. An error whose next step
///   is unknown means it may land; any other means it never will.
/// * Wrong: `send` again with a new key because an answer was lost. Right: `sent(key)`.
/// * Wrong: calling a signature dead because no status is there. Right: [`Svm::height`] at [`At::Final`] beyond the
///   last valid height first ([`Blockhash::bound`] where a peer gave the hash), *then* no status, searched with history.
#[async_trait]
pub trait Svm: Network {
    /// Accounts of one slot, with the chain's time there. At most 99.
    async fn look(&self, accounts: &[Pubkey], at: At) -> Result<Looked>;
    /// Tries a transaction on the newest block, with its own blockhash and without looking at signatures.
    async fn attempt(&self, trial: Trial<'_>) -> Result<Tried>;
    /// A recent blockhash, a few seconds old at most.
    async fn blockhash(&self) -> Result<Blockhash>;
    /// The current block height (which counts blocks; slots may be empty).
    async fn height(&self, at: At) -> Result<u64>;
    /// Where transactions stand, searched in the whole history; `None` where the node knows nothing. At most 256.
    async fn statuses(&self, signatures: &[Signature]) -> Result<Vec<Option<Status>>>;
    /// The transaction with a message that is known, when it is in a block at the set finality: the only way for a
    /// payer, whose sponsor's signature is the id. `None`: it is not in any block up to [`Find::min_slot`].
    ///
    /// # Errors
    /// [`tollway_core::Code::NotFound`], to be asked again later or of another node, when it is in no block that the node
    /// still has, and the node's history reaches back neither to [`Find::from_height`] nor to [`Find::since`].
    async fn find(&self, question: &Find<'_>) -> Result<Option<Recorded>>;
    /// A transaction at the set finality with all that it did, `None` while there is none.
    async fn recorded(&self, signature: &Signature) -> Result<Option<Recorded>>;
    /// What `owner` holds of `mint` in its associated token account, whichever token program the mint belongs to.
    async fn holding(&self, owner: &Account, mint: &Pubkey) -> Result<Holding>;
    /// A token's facts: program, decimals, extensions.
    ///
    /// # Errors
    /// [`tollway_core::Code::AssetNotDeployed`] when there is no mint.
    async fn mint(&self, mint: &Pubkey) -> Result<Mint>;
    /// What to offer per compute unit for work that writes `written`, in micro-lamports; the same snapshot that
    /// [`Network::tariff`] prices with, at least 1.
    async fn unit_price(&self, purpose: Purpose, written: &[Pubkey]) -> Result<u64>;
    /// Sends at most once per key, and waits for the set finality.
    async fn send(&self, submit: Submit, key: &RecordKey) -> Result<Landed>;
    /// What became of what was sent under `key`; sends the very same bytes again when they are in no block.
    async fn sent(&self, key: &RecordKey) -> Result<Sent>;
    /// Every key that pays fees here; empty when this process only reads or signs.
    fn fee_payers(&self) -> Vec<Pubkey>;
    /// The fee payer whose turn it is, of those that have enough lamports.
    ///
    /// # Errors
    /// [`tollway_core::Code::NoSigner`] without any; [`tollway_core::Code::InsufficientFunds`] when all are empty.
    fn next_fee_payer(&self) -> Result<Pubkey>;
    /// The payer's key.
    ///
    /// # Errors
    /// [`tollway_core::Code::NoSigner`] when there is none.
    fn signer(&self) -> Result<Arc<dyn Signer + Send + Sync>>;
}
