use super::{Rpc, RpcFault};
use alloy::rpc::client::{BatchRequest, Waiter};
use alloy::rpc::json_rpc::{RpcRecv, RpcSend};
use tollway_core::{Code, Error, Result};

/// Calls that go out in one request. Each answer is taken from its own [`Slot`] after [`Batch::send`].
pub(crate) struct Batch<'a> {
    rpc: &'a Rpc,
    inner: BatchRequest<'a>,
}

/// Where the answer of one call of a batch will be.
pub(crate) struct Slot<R> {
    waiter: Waiter<R>,
    method: &'static str,
    place: std::sync::Arc<str>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(rpc: &'a Rpc, inner: BatchRequest<'a>) -> Self {
        Self { rpc, inner }
    }

    /// Adds a call.
    pub(crate) fn add<P: RpcSend, R: RpcRecv>(
        &mut self,
        method: &'static str,
        params: &P,
    ) -> Result<Slot<R>> {
        let waiter = self.inner.add_call(method, params).map_err(|_| {
            Error::us(Code::Internal).detail(format!("the parameters of {method} cannot be written"))
        })?;
        Ok(Slot { waiter, method, place: self.rpc.place.clone() })
    }

    /// Sends all of them.
    pub(crate) async fn send(self) -> Result<()> {
        let (rpc, inner) = (self.rpc, self.inner);
        let answer = match tokio::time::timeout(rpc.timeout, inner.send()).await {
            Ok(answer) => answer.map_err(RpcFault::of),
            Err(_) => Err(RpcFault::Silent),
        };
        answer.map_err(|fault| fault.error("a batch", &rpc.place))
    }
}

impl<R: RpcRecv> Slot<R> {
    /// The answer, failures as they are.
    pub(crate) async fn take(self) -> Result<R, RpcFault> {
        self.waiter.await.map_err(RpcFault::of)
    }
    /// The answer, failures in the contract's words.
    pub(crate) async fn get(self) -> Result<R> {
        let (method, place) = (self.method, self.place.clone());
        self.take().await.map_err(|fault| fault.error(method, &place))
    }
}
