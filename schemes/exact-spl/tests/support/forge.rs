//! A transaction in pieces that can be bent in any way before it is put together: written from Solana's
//! format, not from the plugin's code.

use solana_keypair::{Keypair, Signer};
use std::str::FromStr;
use tollway_core::Json;
use tollway_solana::{Pubkey, address};

pub const MEMO: &str = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr";
pub const LIGHTHOUSE: &str = "L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95";
pub const BUDGET: Pubkey = address::COMPUTE_BUDGET;

pub fn key(text: &str) -> Pubkey {
    Pubkey::from_str(text).unwrap()
}

#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    pub key: Pubkey,
    pub signs: bool,
    pub writes: bool,
}

pub fn reads(key: Pubkey) -> Meta {
    Meta { key, signs: false, writes: false }
}
pub fn writes(key: Pubkey) -> Meta {
    Meta { key, signs: false, writes: true }
}
pub fn signs(key: Pubkey) -> Meta {
    Meta { key, signs: true, writes: false }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Ix {
    pub program: Pubkey,
    pub accounts: Vec<Meta>,
    pub data: Vec<u8>,
}

pub fn ix(program: Pubkey, accounts: &[Meta], data: &[u8]) -> Ix {
    Ix { program, accounts: accounts.to_vec(), data: data.to_vec() }
}
pub fn limit(units: u32) -> Ix {
    ix(BUDGET, &[], &[&[2][..], &units.to_le_bytes()].concat())
}
pub fn price(micro: u64) -> Ix {
    ix(BUDGET, &[], &[&[3][..], &micro.to_le_bytes()].concat())
}
pub fn memo(text: &[u8]) -> Ix {
    ix(key(MEMO), &[], text)
}

/// The pieces.
#[derive(Clone, Debug, PartialEq)]
pub struct Forge {
    /// The byte before the header; `None` for a legacy message.
    pub version: Option<u8>,
    pub fee_payer: Pubkey,
    pub blockhash: [u8; 32],
    pub ixs: Vec<Ix>,
    /// Lookup tables: the table, then indexes of writable and other accounts.
    pub tables: Vec<(Pubkey, Vec<u8>, Vec<u8>)>,
    /// Instruction accounts that stand in no list, by index, after those of the last instruction.
    pub stray: Vec<u8>,
    /// Signatures as found or made, by place.
    pub signatures: Vec<[u8; 64]>,
}

impl Forge {
    /// Takes a transaction apart. Panics on anything odd: it is for our own.
    pub fn apart(bytes: &[u8]) -> Self {
        let mut rest = bytes;
        let count = short(&mut rest);
        let signatures = (0..count).map(|_| take(&mut rest, 64).try_into().unwrap()).collect();
        let version = (rest[0] & 0x80 != 0).then(|| take(&mut rest, 1)[0]);
        let [required, ro_signed, ro_unsigned]: [u8; 3] = take(&mut rest, 3).try_into().unwrap();
        let count = short(&mut rest);
        let keys: Vec<Pubkey> =
            (0..count).map(|_| Pubkey::new_from_array(take(&mut rest, 32).try_into().unwrap())).collect();
        let blockhash = take(&mut rest, 32).try_into().unwrap();
        let meta = |at: u8| {
            let (at, required) = (usize::from(at), usize::from(required));
            let signs = at < required;
            let writes = if signs {
                at < required - usize::from(ro_signed)
            } else {
                at < keys.len() - usize::from(ro_unsigned)
            };
            Meta { key: keys[at], signs, writes }
        };
        let ixs = (0..short(&mut rest))
            .map(|_| {
                let program = keys[usize::from(take(&mut rest, 1)[0])];
                let count = short(&mut rest);
                let accounts = take(&mut rest, count).iter().map(|at| meta(*at)).collect();
                let count = short(&mut rest);
                Ix { program, accounts, data: take(&mut rest, count).to_vec() }
            })
            .collect();
        if version.is_some() {
            assert_eq!(short(&mut rest), 0);
        }
        assert!(rest.is_empty());
        Self { version, fee_payer: keys[0], blockhash, ixs, tables: vec![], stray: vec![], signatures }
    }

    /// Every account once, in the order of the format.
    pub fn metas(&self) -> Vec<Meta> {
        let mut all = vec![Meta { key: self.fee_payer, signs: true, writes: true }];
        let programs = self.ixs.iter().map(|ix| reads(ix.program));
        for meta in self.ixs.iter().flat_map(|ix| ix.accounts.clone()).chain(programs) {
            match all.iter_mut().find(|m| m.key == meta.key) {
                Some(known) => {
                    known.signs |= meta.signs;
                    known.writes |= meta.writes;
                }
                None => all.push(meta),
            }
        }
        all.sort_by_key(|m| (!m.signs, !m.writes));
        // The fee payer is the first of those who sign and write.
        let at = all.iter().position(|m| m.key == self.fee_payer).unwrap();
        all[..=at].rotate_right(1);
        all
    }

    pub fn message(&self) -> Vec<u8> {
        let metas = self.metas();
        let count =
            |of: &dyn Fn(&Meta) -> bool| u8::try_from(metas.iter().filter(|m| of(m)).count()).unwrap();
        let mut out: Vec<u8> = self.version.into_iter().collect();
        out.extend([
            count(&|m| m.signs),
            count(&|m| m.signs && !m.writes),
            count(&|m| !m.signs && !m.writes),
        ]);
        out.extend(length(metas.len()));
        metas.iter().for_each(|m| out.extend(m.key.as_array()));
        out.extend(self.blockhash);
        out.extend(length(self.ixs.len()));
        for (n, ix) in self.ixs.iter().enumerate() {
            let place =
                |key: &Pubkey| u8::try_from(metas.iter().position(|m| m.key == *key).unwrap()).unwrap();
            let stray = if n + 1 == self.ixs.len() { self.stray.as_slice() } else { &[] };
            out.push(place(&ix.program));
            out.extend(length(ix.accounts.len() + stray.len()));
            out.extend(ix.accounts.iter().map(|m| place(&m.key)));
            out.extend(stray);
            out.extend(length(ix.data.len()));
            out.extend(&ix.data);
        }
        if self.version.is_some() {
            out.extend(length(self.tables.len()));
            for (table, writable, others) in &self.tables {
                out.extend(table.as_array());
                for indexes in [writable, others] {
                    out.extend(length(indexes.len()));
                    out.extend(indexes);
                }
            }
        }
        out
    }

    /// Signs with whatever keys are at hand; the fee payer's place stays zero, as a payer leaves it.
    pub fn sign(&mut self, keys: &[&Keypair]) {
        let message = self.message();
        let signers = self.metas().into_iter().filter(|m| m.signs);
        self.signatures = signers
            .map(|m| {
                let own = keys.iter().find(|k| k.pubkey() == m.key && m.key != self.fee_payer);
                own.map_or([0; 64], |k| k.sign_message(&message).into())
            })
            .collect();
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = length(self.signatures.len());
        self.signatures.iter().for_each(|s| out.extend(s));
        out.extend(self.message());
        out
    }
}

/// The payload around a transaction.
pub fn payload(bytes: &[u8]) -> Json {
    let text = base64_simd::STANDARD.encode_to_string(bytes);
    Json::of(&serde_json::json!({ "transaction": text }))
}

/// The transaction in a payload.
pub fn transaction(payload: &Json) -> Vec<u8> {
    let value = payload.value();
    base64_simd::STANDARD.decode_to_vec(value["transaction"].as_str().unwrap()).unwrap()
}

pub fn length(n: usize) -> Vec<u8> {
    match n {
        0..0x80 => vec![u8::try_from(n).unwrap()],
        _ => vec![u8::try_from(n & 0x7f).unwrap() | 0x80, u8::try_from(n >> 7).unwrap()],
    }
}

fn short(rest: &mut &[u8]) -> usize {
    let low = usize::from(take(rest, 1)[0]);
    if low < 0x80 { low } else { (low & 0x7f) | usize::from(take(rest, 1)[0]) << 7 }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(count);
    *rest = left;
    taken
}
