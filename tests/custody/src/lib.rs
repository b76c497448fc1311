//! Keys that are not in this process, driven for real.
//!
//! | test | what it shows |
//! |---|---|
//! | `tests/kms.rs` | a key in a key service that speaks KMS over HTTP signs, pays and settles on a chain; its failures have names |
//! | `tests/devices.rs` | typed data as devices take it is what is signed here; a device that knows none says so |
//!
//! The key service is `moto`, an implementation of AWS's interfaces that has nothing to do with this one; pip fetches it
//! once per machine. It hashes what is a digest already, which `python/serve.py` mends.

use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tollway_evm::custody::kms::sdk;
use tollway_evm::custody::kms::sdk::config::timeout::TimeoutConfig;
use tollway_evm::custody::kms::sdk::config::{BehaviorVersion, Credentials, Region};

const REQUIREMENTS: &str = include_str!("../python/requirements.txt");
const SERVE: &str = include_str!("../python/serve.py");
/// A slow machine imports much Python.
const START: Duration = Duration::from_secs(120);
/// What nobody may ever read in a log or an error.
pub const SECRET: &str = "0ecretAccessKeyOfTheTests";

/// A key service of its own, on any free port.
#[derive(Debug)]
pub struct KeyService {
    child: Child,
    /// Where it is.
    pub url: String,
}

impl KeyService {
    /// Starts it. After so many requests it asks for rights that nobody has; `None`: never.
    ///
    /// # Errors
    /// No Python, no package index, or it does not start.
    pub fn start(free_requests: Option<u32>) -> io::Result<Self> {
        let python = tollway_golden::python::install(REQUIREMENTS)?;
        let mut command = Command::new(python);
        command.args(["-c", SERVE]);
        if let Some(count) = free_requests {
            command.env("INITIAL_NO_AUTH_ACTION_COUNT", count.to_string());
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take();
        let mut service = Self { child, url: String::new() };
        let stderr = stderr.ok_or_else(|| io::Error::other("no pipe"))?;
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if let Some((_, url)) = line.split_once("Running on ") {
                    let _ = tell.send(url.trim().to_owned());
                }
            }
        });
        service.url = told.recv_timeout(START).map_err(|_| io::Error::other("moto does not start"))?;
        Ok(service)
    }

    /// A client of it.
    pub fn client(&self) -> sdk::Client {
        client(&self.url)
    }

    /// Makes a key of this kind and gives back its id.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn make(
        &self,
        kind: sdk::types::KeySpec,
    ) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        let making = self.client().create_key().key_spec(kind);
        let made = making.key_usage(sdk::types::KeyUsageType::SignVerify).send().await?;
        Ok(made.key_metadata.ok_or("no metadata")?.key_id)
    }
}

impl Drop for KeyService {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client of the service at this address, that waits a little while.
pub fn client(url: &str) -> sdk::Client {
    client_within(url, Duration::from_secs(60))
}

/// A client of the service at this address, that waits so long.
pub fn client_within(url: &str, limit: Duration) -> sdk::Client {
    let limits = TimeoutConfig::builder().operation_timeout(limit).build();
    let config = sdk::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .timeout_config(limits)
        .credentials_provider(Credentials::new("AKIATESTS", SECRET, None, None, "tests"));
    sdk::Client::from_conf(config.build())
}
