//! What the programs here share: their settings, and talking to the bench that started them.
//!
//! A program takes its settings as JSON in its first argument, writes one line, `{"port": …}`, to standard output once it
//! serves, and ends with standard input.

use axum::Router;
use serde::Deserialize;
use std::io::Read;
use std::time::Duration;

/// Whatever goes wrong.
pub type Anything = Box<dyn std::error::Error>;

/// What a program is told. It holds keys, and so has no `Debug`.
#[derive(Deserialize)]
pub struct Settings {
    /// The chain's id.
    pub chain: u64,
    /// Where its node is.
    pub rpc: String,
    /// The private keys that it sends from.
    pub keys: Vec<String>,
    /// How often it asks for a receipt, where that is not left as it comes.
    pub poll_ms: Option<u64>,
}

impl Settings {
    /// Those in the first argument.
    pub fn read() -> Result<Self, Anything> {
        Ok(serde_json::from_str(&std::env::args().nth(1).ok_or("no settings")?)?)
    }

    /// The pause between two looks for a receipt, if it is not the library's own.
    pub fn poll(&self) -> Option<Duration> {
        self.poll_ms.map(Duration::from_millis)
    }
}

/// Serves on any free port of this machine, until standard input ends.
pub async fn serve(app: Router) -> Result<(), Anything> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", serde_json::json!({ "port": listener.local_addr()?.port() }));
    std::thread::spawn(|| {
        let mut nothing = [0; 64];
        while std::io::stdin().read(&mut nothing).is_ok_and(|n| n > 0) {}
        std::process::exit(0);
    });
    Ok(axum::serve(listener, app).await?)
}
