//! The token as this scheme sees it: may it be paid with, and how large is an account of it?

use tollway_core::{Code, Error, Result};
use tollway_solana::{Extension, Mint, TokenAccount, TokenProgram, TransferFee};

/// A plain transfer of this token moves what it says, and calls nothing else.
///
/// # Errors
/// The payee's to mend, with another asset: [`Code::TokenTransferFee`] when a part of a transfer would be
/// withheld, now or from an epoch to come; [`Code::TokenExtension`] for extensions that stop or change
/// transfers, and for those that nobody here knows.
pub(crate) fn plain(mint: &Mint) -> Result<()> {
    for extension in &mint.extensions {
        let words = match extension {
            Extension::TransferFee(fee) if withholds(fee) => {
                return Err(Error::payee(Code::TokenTransferFee).detail(format!(
                    "the token withholds {} basis points of a transfer, {} from epoch {} on: the payee would \
                     receive less than was asked",
                    fee.older_bps, fee.newer_bps, fee.newer_from_epoch
                )));
            }
            Extension::TransferHook(Some(program)) => format!("a transfer of the token calls {program}"),
            Extension::NonTransferable => "the token cannot be transferred".to_owned(),
            Extension::Pausable(true) => "transfers of the token are stopped at present".to_owned(),
            Extension::Other(number) => {
                format!("the token has an extension that is not known here ({number})")
            }
            // These change what is shown, who may freeze or take back, or nothing at all; an amount sent
            // arrives.
            _ => continue,
        };
        return Err(Error::payee(Code::TokenExtension).detail(words));
    }
    Ok(())
}

fn withholds(fee: &TransferFee) -> bool {
    [(fee.older_bps, fee.older_max), (fee.newer_bps, fee.newer_max)]
        .iter()
        .any(|(bps, max)| *bps > 0 && *max > 0)
}

/// Why an account cannot receive, where it cannot.
pub(crate) fn cannot_receive(account: &TokenAccount) -> Option<&'static str> {
    if account.frozen {
        return Some("is frozen");
    }
    // The token program wants it right before the transfer, where the protocol has no place for one.
    let memo = account.extensions.iter().any(|e| matches!(e, Extension::MemoRequired(true)));
    memo.then_some("wants a memo before every transfer")
}

/// Bytes of a token account for this mint, as the associated token program makes it: it cannot change its
/// owner, and carries what the mint's extensions demand of accounts. Source: the token programs' own length
/// rules.
pub(crate) fn account_bytes(mint: &Mint) -> u32 {
    const PLAIN: u32 = 165;
    const KIND: u32 = 1;
    const HEADER: u32 = 4;
    const MULTISIG: u32 = 355;
    if mint.program == TokenProgram::Token {
        return PLAIN;
    }
    let demanded = mint.extensions.iter().map(|extension| match extension {
        Extension::TransferFee(_) => HEADER.saturating_add(8),
        Extension::TransferHook(_) => HEADER.saturating_add(1),
        Extension::NonTransferable | Extension::Pausable(_) => HEADER,
        _ => 0,
    });
    let bytes = demanded.fold(PLAIN.saturating_add(KIND).saturating_add(HEADER), u32::saturating_add);
    // An account of a multisig's size could be taken for one.
    if bytes == MULTISIG { bytes.saturating_add(2) } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollway_solana::Pubkey;

    fn mint(extensions: &[Extension]) -> Mint {
        Mint { program: TokenProgram::Token2022, decimals: 6, extensions: extensions.to_vec() }
    }
    fn fee(older: (u16, u64), newer: (u16, u64)) -> Extension {
        Extension::TransferFee(TransferFee {
            older_bps: older.0,
            older_max: older.1,
            newer_from_epoch: 700,
            newer_bps: newer.0,
            newer_max: newer.1,
        })
    }

    #[test]
    fn what_changes_the_amount_received_is_refused_and_what_does_not_is_not() {
        let hook = Extension::TransferHook(Some(Pubkey::new_from_array([1; 32])));
        let refused = [
            (fee((1, 9), (0, 0)), Code::TokenTransferFee),
            (fee((0, 0), (1, 1)), Code::TokenTransferFee),
            (hook, Code::TokenExtension),
            (Extension::NonTransferable, Code::TokenExtension),
            (Extension::Pausable(true), Code::TokenExtension),
            (Extension::Other(99), Code::TokenExtension),
        ];
        for (extension, code) in refused {
            let e = plain(&mint(&[Extension::Metadata, extension])).unwrap_err();
            assert_eq!(e.code, code, "{extension:?}");
        }
        // A dollar token of Token-2022 carries all of these.
        let harmless = [
            fee((0, 0), (0, 0)),
            fee((100, 0), (0, 5)),
            Extension::TransferHook(None),
            Extension::PermanentDelegate(Some(Pubkey::default())),
            Extension::ConfidentialTransfer,
            Extension::MintCloseAuthority,
            Extension::Metadata,
            Extension::ScaledAmount,
            Extension::Pausable(false),
        ];
        plain(&mint(&harmless)).unwrap();
    }

    #[test]
    fn an_account_is_as_large_as_the_token_programs_make_it() {
        let plain = Mint { program: TokenProgram::Token, decimals: 6, extensions: Vec::new() };
        assert_eq!(account_bytes(&plain), 165);
        assert_eq!(account_bytes(&mint(&[])), 170);
        assert_eq!(account_bytes(&mint(&[fee((0, 0), (0, 0)), Extension::Metadata])), 182);
        assert_eq!(account_bytes(&mint(&[fee((0, 0), (0, 0)), Extension::TransferHook(None)])), 187);
    }
}
