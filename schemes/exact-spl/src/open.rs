//! Making a payee's missing token account: the payer's own transaction, before the payment, and only when it
//! is set so.

use crate::asked::Asked;
use crate::build::{self, Opening};
use crate::effort;
use crate::fate::spent;
use crate::payer::{Paying, random};
use serde::{Deserialize, Serialize};
use tollway_core::{
    Action, ActionKind, Amount, AssetId, Code, Error, Extra, Json, Landed as Place, Purpose, Receipt,
    RecordKey, Result,
};
use tollway_solana::{At, Mint, Pubkey, Submit, TokenProgram, address};

/// What making an account needs to know; the detail of a create-account [`Action`].
#[derive(Serialize, Deserialize)]
pub(crate) struct Open {
    owner: Pubkey,
    mint: Pubkey,
    program: Pubkey,
    /// Tells this action from another for the same account: one that came to nothing can be followed by a
    /// next.
    id: String,
}

/// The action that makes the payee's account, with its rent.
pub(crate) fn action(payer: &Paying, account: &Pubkey, asked: &Asked<'_>, mint: &Mint) -> Result<Action> {
    let detail =
        Open { owner: asked.pay_to, mint: asked.mint, program: mint.program.id(), id: random(&*payer.dice) };
    Ok(Action {
        kind: ActionKind::CreateAccount,
        chain: payer.chain,
        effort: effort::opening(payer.chain, account, mint)?,
        detail: Json::of(&detail),
    })
}

/// Makes the account, once per action. One that is there by now costs the fee alone.
pub(crate) async fn perform(payer: &Paying, open: &Open) -> Result<Receipt> {
    let program = TokenProgram::at(&open.program)
        .ok_or_else(|| Error::caller(Code::InvalidPayload).detail("not an action of this plugin"))?;
    let account = address::ata(&open.owner, &open.mint, program);
    let before = payer.svm.look(&[account], At::Latest).await?;
    let market = payer.svm.unit_price(Purpose::Interactive, &[account]).await?;
    let me = payer.pubkey()?;
    let opening = Opening {
        payer: me,
        owner: open.owner,
        mint: open.mint,
        program,
        account,
        budget: (effort::OPEN_UNITS, payer.settings.price(market, effort::OPEN_UNITS)),
    };
    let blockhash = payer.svm.blockhash().await?;
    let message = build::opening(&opening, &blockhash.hash)?;
    let submit = Submit {
        wire: build::wire(&[payer.sign(&message).await?], &message)?,
        fee_payer: None,
        not_after: payer.clock.now().plus_ms(payer.life_ms()),
    };
    let key = RecordKey(format!("spl:{}:open:{account}:{}", payer.chain, open.id));
    let landed = payer.svm.send(submit, &key).await?;
    if let Some(fault) = landed.fault {
        return Err(Error::caller(Code::TransactionFailed)
            .detail(format!("making the account {account} failed: {fault}"))
            .transaction(landed.tx));
    }
    let had = lamports(&before.accounts);
    // It is paid for, whether or not its cost can be read.
    let after = payer.svm.look(&[account], At::Latest).await.map_err(|e| e.transaction(landed.tx.clone()))?;
    let has = lamports(&after.accounts);
    let asset = AssetId::native(payer.chain);
    Ok(Receipt {
        landed: Place::OnChain { transaction: landed.tx },
        charged: Amount::zero(asset),
        payer: Some(address::account(payer.chain, &me)?),
        chain: payer.chain,
        spent: Some(spent(payer.chain, landed.fee_lamports.saturating_add(has.saturating_sub(had)))),
        extra: Extra::of_pairs(&[("created", &account.to_string())]),
    })
}

fn lamports(accounts: &[Option<tollway_solana::State>]) -> u64 {
    accounts.first().and_then(Option::as_ref).map_or(0, |state| state.lamports)
}
