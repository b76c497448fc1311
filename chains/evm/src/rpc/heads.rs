use alloy::primitives::B256;
use alloy::pubsub::RawSubscription;
use alloy::rpc::client::RpcClient;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// New blocks, pushed by the node.
pub(crate) struct Heads(RawSubscription);

impl Heads {
    pub(super) async fn subscribe(client: &RpcClient, limit: Duration) -> Option<Self> {
        let frontend = client.pubsub_frontend()?.clone();
        let mut call = client.request::<_, B256>("eth_subscribe", ["newHeads"]);
        call.set_is_subscription();
        let id = tokio::time::timeout(limit, call).await.ok()?.ok()?;
        frontend.get_subscription(id).await.ok().map(Self)
    }

    /// Resolves with each new head; `None` when there will be no more. What the header says is not used: it is only
    /// the moment to look.
    pub(crate) async fn next(&mut self) -> Option<()> {
        match self.0.recv().await {
            Ok(_) | Err(RecvError::Lagged(_)) => Some(()),
            Err(RecvError::Closed) => None,
        }
    }
}
