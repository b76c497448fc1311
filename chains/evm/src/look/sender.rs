//! A look with one call that somebody makes: for contracts that ask who calls them.

use super::{Header, Looker, looked, multicall, with_block};
use crate::rpc::Slot;
use crate::signature::AccountCode;
use crate::{At, EvmCall, Looked};
use alloy::primitives::{Address, Bytes, keccak256};
use std::sync::atomic::Ordering;
use tollway_core::{Code, Error, Result};

impl Looker {
    /// As [`look`](Self::look) at the newest block, and last what the call answers when the address makes it. Multicall3
    /// would make it in its own name, so it goes beside it, in the same request; so does the question for the code of an
    /// account.
    pub(crate) async fn look_as(
        &self,
        calls: &[EvmCall],
        (from, made): (Address, &EvmCall),
        account: Option<Address>,
    ) -> Result<(Looked, AccountCode)> {
        if self.no_multicall.load(Ordering::Relaxed) {
            return self.each_as(calls, (from, made), account).await;
        }
        let (all, tag) = (with_block(self.profile.multicall, calls), self.tag(At::Latest).await?);
        let mut batch = self.rpc.batch();
        let question = multicall::question(self.profile.multicall, &all, tag.clone());
        let many = batch.add::<_, Bytes>("eth_call", &question)?;
        let last =
            batch.add::<_, Bytes>("eth_call", &multicall::made_by(from, made.to, &made.data, tag.clone()))?;
        let code =
            account.map(|account| batch.add::<_, Bytes>("eth_getCode", &(account, tag))).transpose()?;
        batch.send().await?;
        match looked(&many.get().await?, all.len()) {
            Ok(mut looked) => {
                looked.results.push(self.answer(last).await?);
                Ok((looked, kind(code).await?))
            }
            Err(error) if error.code == Code::NotFound => {
                self.no_multicall.store(true, Ordering::Relaxed);
                self.each_as(calls, (from, made), account).await
            }
            Err(error) => Err(error),
        }
    }

    /// The same without Multicall3: every call on its own, in one request.
    async fn each_as(
        &self,
        calls: &[EvmCall],
        (from, made): (Address, &EvmCall),
        account: Option<Address>,
    ) -> Result<(Looked, AccountCode)> {
        let tag = self.tag(At::Latest).await?;
        let mut batch = self.rpc.batch();
        let header = batch.add::<_, Option<Header>>("eth_getBlockByNumber", &(tag.clone(), false))?;
        let mut slots: Vec<Slot<Bytes>> = Vec::with_capacity(calls.len().saturating_add(1));
        for call in calls {
            slots.push(batch.add("eth_call", &multicall::plain(call.to, &call.data, tag.clone()))?);
        }
        slots.push(batch.add("eth_call", &multicall::made_by(from, made.to, &made.data, tag.clone()))?);
        let code =
            account.map(|account| batch.add::<_, Bytes>("eth_getCode", &(account, tag))).transpose()?;
        batch.send().await?;
        let header = header.get().await?;
        let header = header.ok_or_else(|| Error::network(Code::InvalidAnswer).detail("no newest block"))?;
        let mut results = Vec::with_capacity(slots.len());
        for slot in slots {
            results.push(self.answer(slot).await?);
        }
        Ok((Looked { block: header.number(), time: header.time(), results }, kind(code).await?))
    }
}

/// What kind of account has this code; a plain one where nobody asked.
async fn kind(code: Option<Slot<Bytes>>) -> Result<AccountCode> {
    let Some(code) = code else { return Ok(AccountCode::Plain) };
    let code = code.get().await?;
    Ok(AccountCode::of(code.len(), keccak256(&code), &code))
}
