use super::Facilitator;
use std::future::Future;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long [`Facilitator::serve`] waits for settlements after the signal.
const DRAIN: Duration = Duration::from_secs(30);

impl Facilitator {
    /// Serves on `listener` until `signal` resolves, then lets requests and settlements under way end.
    ///
    /// HTTP/1.1, and HTTP/2 with prior knowledge, in the clear: for a private network or behind a proxy that ends TLS and
    /// bounds slow headers. Dropping the future
    /// stops serving at once and waits for nothing; settlements under way are tasks of their own.
    ///
    /// # Errors
    /// The listener's.
    pub async fn serve(
        &self,
        listener: TcpListener,
        signal: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        axum::serve(listener, self.router()).with_graceful_shutdown(signal).await?;
        self.shutdown(DRAIN).await;
        Ok(())
    }

    /// Begins no settlement any more, and waits at most `within` for those under way. Returns how many are left: the
    /// journal has them, and the next life of this owner takes them up. With leases, this life ends here: its keys are the
    /// others', who take up what is left, and its ledger is told nothing any more.
    pub async fn shutdown(&self, within: Duration) -> usize {
        if self.0.tasks.timeout(within, self.0.flights.close()).await.is_none() {
            tracing::warn!(left = self.0.flights.open(), "settlements are left to the next start");
        }
        if let Err(error) = self.0.leases.end().await {
            tracing::warn!(%error, "leases are not given back: they run out by themselves");
        }
        self.0.flights.open()
    }
}
