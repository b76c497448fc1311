//! Reading mints and token accounts as the token programs lay them out.
//!
//! A mint is 82 bytes, an account 165. Token-2022 pads either to 165, says at 165 which of the two it is, and lists
//! extensions from 166 on: type and length as little-endian u16, then the value.

use super::{Extension, Mint, TokenAccount, TokenProgram, TransferFee};
use crate::svm::State;
use solana_pubkey::Pubkey;
use tollway_core::{Code, Error, Result};

const MINT_BYTES: usize = 82;
const ACCOUNT_BYTES: usize = 165;
const MULTISIG_BYTES: usize = 355;
const KIND_MINT: u8 = 1;
const KIND_ACCOUNT: u8 = 2;
/// More extensions than there will be in years are no mint.
const EXTENSIONS_MAX: usize = 64;

impl Mint {
    /// Reads a mint.
    ///
    /// # Errors
    /// [`Code::AssetNotDeployed`] when the state is no initialised mint of a token program, or its extensions cannot be
    /// read to the end.
    pub fn parse(state: &State) -> Result<Self> {
        let no = |why| Error::payee(Code::AssetNotDeployed).detail(why);
        let program = TokenProgram::at(&state.owner).ok_or_else(|| no("it belongs to no token program"))?;
        let data = state.data.as_slice();
        let plain = data.len() == MINT_BYTES;
        if !plain && (program == TokenProgram::Token || !padded(data, MINT_BYTES, KIND_MINT)) {
            return Err(no("it is no mint"));
        }
        let (Some(&decimals), Some(1)) = (data.get(44), data.get(45)) else {
            return Err(no("the mint is not initialised"));
        };
        let extensions = if plain { Some(Vec::new()) } else { extensions(data) };
        let extensions = extensions.ok_or_else(|| no("its extensions cannot be read"))?;
        Ok(Self { program, decimals, extensions })
    }
}

impl TokenAccount {
    /// Reads a token account; `None` when the state is no initialised one, or its extensions cannot be read.
    pub fn parse(state: &State) -> Option<Self> {
        let program = TokenProgram::at(&state.owner)?;
        let data = state.data.as_slice();
        let plain = data.len() == ACCOUNT_BYTES;
        if !plain && (program == TokenProgram::Token || !padded(data, ACCOUNT_BYTES, KIND_ACCOUNT)) {
            return None;
        }
        let frozen = match data.get(108)? {
            1 => false,
            2 => true,
            _ => return None,
        };
        let delegate =
            if u32_at(data, 72)? == 1 { Some((key_at(data, 76)?, u64_at(data, 121)?)) } else { None };
        Some(Self {
            program,
            mint: key_at(data, 0)?,
            owner: key_at(data, 32)?,
            amount: u64_at(data, 64)?,
            frozen,
            delegate,
            extensions: if plain { Vec::new() } else { extensions(data)? },
        })
    }
}

/// True when this is Token-2022's longer form: zeros after the plain part, then the kind.
fn padded(data: &[u8], plain: usize, kind: u8) -> bool {
    data.len() > ACCOUNT_BYTES
        && data.len() != MULTISIG_BYTES
        && data.get(ACCOUNT_BYTES) == Some(&kind)
        && data.get(plain..ACCOUNT_BYTES).is_some_and(|pad| pad.iter().all(|byte| *byte == 0))
}

/// The extensions; `None` when the list is cut off.
fn extensions(data: &[u8]) -> Option<Vec<Extension>> {
    let mut rest = data.get(ACCOUNT_BYTES.checked_add(1)?..)?;
    let mut found = Vec::new();
    // Fewer than four bytes cannot hold another; type 0 is unused space.
    while let Some(kind) = u16_at(rest, 0).filter(|kind| *kind != 0 && rest.len() >= 4) {
        let length = usize::from(u16_at(rest, 2)?);
        let (value, after) = rest.get(4..)?.split_at_checked(length)?;
        if found.len() >= EXTENSIONS_MAX {
            return None;
        }
        found.push(extension(kind, value)?);
        rest = after;
    }
    Some(found)
}

/// One extension by Token-2022's numbers; `None` when a known one is too short.
fn extension(kind: u16, value: &[u8]) -> Option<Extension> {
    let flag = |at: usize| value.get(at).map(|byte| *byte != 0);
    Some(match kind {
        1 => Extension::TransferFee(transfer_fee(value)?),
        2 => Extension::WithheldFee,
        3 => Extension::MintCloseAuthority,
        4 | 5 | 16 | 17 => Extension::ConfidentialTransfer,
        6 => Extension::DefaultFrozen(value.first().map(|state| *state == 2)?),
        7 => Extension::ImmutableOwner,
        8 => Extension::MemoRequired(flag(0)?),
        9 | 13 => Extension::NonTransferable,
        10 => Extension::InterestBearing,
        11 => Extension::CpiGuard(flag(0)?),
        12 => Extension::PermanentDelegate(some_key(value, 0)?),
        14 => Extension::TransferHook(some_key(value, 32)?),
        15 => Extension::TransferHook(None),
        18 | 19 => Extension::Metadata,
        20..=23 => Extension::Group,
        25 => Extension::ScaledAmount,
        26 => Extension::Pausable(flag(32)?),
        27 => Extension::Pausable(false),
        other => Extension::Other(other),
    })
}

/// Two authorities, the amount withheld, then the older and the newer rate: epoch, maximum, basis points.
fn transfer_fee(value: &[u8]) -> Option<TransferFee> {
    Some(TransferFee {
        older_max: u64_at(value, 80)?,
        older_bps: u16_at(value, 88)?,
        newer_from_epoch: u64_at(value, 90)?,
        newer_max: u64_at(value, 98)?,
        newer_bps: u16_at(value, 106)?,
    })
}

fn bytes_at<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..at.checked_add(N)?)?.try_into().ok()
}
fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    bytes_at(data, at).map(u16::from_le_bytes)
}
fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    bytes_at(data, at).map(u32::from_le_bytes)
}
fn u64_at(data: &[u8], at: usize) -> Option<u64> {
    bytes_at(data, at).map(u64::from_le_bytes)
}
fn key_at(data: &[u8], at: usize) -> Option<Pubkey> {
    bytes_at::<32>(data, at).map(Pubkey::from)
}
/// A key that is absent when it is all zeros.
fn some_key(data: &[u8], at: usize) -> Option<Option<Pubkey>> {
    key_at(data, at).map(|key| (key != Pubkey::default()).then_some(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{TOKEN, TOKEN_2022};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_do_any_harm_and_what_is_read_was_there(
            mut data in proptest::collection::vec(any::<u8>(), 0..600),
            kind in 0u8..3,
            newer: bool,
        ) {
            if let Some(byte) = data.get_mut(ACCOUNT_BYTES) {
                *byte = kind;
            }
            for pad in [MINT_BYTES..ACCOUNT_BYTES, 0..0] {
                if let Some(pad) = data.get_mut(pad) {
                    pad.fill(0);
                }
                let owner = if newer { TOKEN_2022 } else { TOKEN };
                let state = State { owner, lamports: 1, executable: false, data: data.clone() };
                if let Ok(mint) = Mint::parse(&state) {
                    prop_assert_eq!(mint.decimals, data[44]);
                    prop_assert!(newer || mint.extensions.is_empty());
                }
                if let Some(account) = TokenAccount::parse(&state) {
                    prop_assert_eq!(account.amount.to_le_bytes().to_vec(), data[64..72].to_vec());
                }
            }
        }
    }

    #[test]
    fn a_mint_is_never_taken_for_an_account_nor_the_other_way() {
        let mut account = vec![0; ACCOUNT_BYTES];
        (account[44], account[45], account[108]) = (6, 1, 1);
        let state = |owner, data: &[u8]| State { owner, lamports: 1, executable: false, data: data.to_vec() };
        assert!(TokenAccount::parse(&state(TOKEN, &account)).is_some());
        assert!(Mint::parse(&state(TOKEN, &account)).is_err());
        let mut mint = vec![0; ACCOUNT_BYTES];
        (mint[44], mint[45]) = (6, 1);
        mint.push(KIND_MINT);
        assert!(Mint::parse(&state(TOKEN_2022, &mint)).is_ok());
        assert!(TokenAccount::parse(&state(TOKEN_2022, &mint)).is_none());
        mint[ACCOUNT_BYTES] = KIND_ACCOUNT;
        assert!(Mint::parse(&state(TOKEN_2022, &mint)).is_err());
        mint.resize(MULTISIG_BYTES, 0);
        mint[ACCOUNT_BYTES] = KIND_MINT;
        assert!(Mint::parse(&state(TOKEN_2022, &mint)).is_err(), "as long as a multisig is one");
    }
}
