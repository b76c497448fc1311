//! Payments at the edge of HTTP: browsers, proxies that repeat, clients that hang up; with a real facilitator on a real
//! local chain.
//!
//! | module | what is there |
//! |---|---|
//! | [`scene`] | a chain, a facilitator whose doors can be held shut, and counters to sell at |
//! | [`door`] | something that is held until it is let go, and counts who came |
//! | [`twice`] | a reverse proxy in front of two servers that sends requests more than once |
//! | [`browser`] | headless Chromium, and what a page in it has to report |

pub mod browser;
pub mod door;
pub mod scene;
pub mod twice;

use axum::Router;
use std::time::Duration;
use tokio::net::TcpListener;
use tollway_e2e::Outcome;

/// The longest that anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Serves an app on loopback until the runtime ends; its address. HTTP/1.1, and HTTP/2 with prior knowledge.
///
/// # Errors
/// No port.
pub async fn serve(app: Router) -> Outcome<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        let _ = axum::serve(listener, app).await;
    });
    Ok(url)
}
