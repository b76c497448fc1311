//! Where the database is, and a connection to it.

use super::{LeaseSettings, fail};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use tollway_core::Result;

/// The longest that opening a connection takes.
const OPENING: Duration = Duration::from_secs(5);
/// How long a peer may leave bytes unacknowledged before the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(10);
/// Connections of one process, unless it says otherwise.
const CONNECTIONS: usize = 8;

/// Where a PostgreSQL ledger is. `Debug` shows nothing of it: the address may hold a password.
#[derive(Clone)]
pub struct PostgresSettings {
    config: Config,
    pub(super) connections: usize,
    roots: Option<RootCertStore>,
    pub(super) lease: Option<LeaseSettings>,
    pub(super) life: Option<i64>,
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresSettings({} connections)", self.connections)
    }
}

impl PostgresSettings {
    /// From a URL, `postgres://user:password@host:5432/database`, or `key=value` pairs as libpq takes them.
    ///
    /// A host that is not this machine is spoken to over TLS, with its certificate and name checked, whatever `sslmode` says;
    /// this machine's own only where `sslmode=require` asks for it.
    ///
    /// # Errors
    /// [`tollway_core::Code::BadSettings`], without the text in it.
    pub fn new(url: &str) -> Result<Self> {
        let mut config: Config = url
            .parse()
            .map_err(|_| fail::settings("the address is not like postgres://user@host:5432/database"))?;
        if config.get_hosts().is_empty() {
            return Err(fail::settings("the address names no host"));
        }
        // Where there are addresses, they are connected to, whatever the host is called.
        let near = config.get_hosts().iter().all(is_here)
            && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
        if !near {
            config.ssl_mode(SslMode::Require);
        }
        config.connect_timeout(OPENING).tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
        config.application_name("tollway");
        Ok(Self { config, connections: CONNECTIONS, roots: None, lease: None, life: None })
    }

    /// How many connections this process keeps (8): as many commits can be under way at once. At least one, at most 64.
    #[must_use]
    pub fn connections(mut self, count: usize) -> Self {
        self.connections = count.clamp(1, 64);
        self
    }

    /// Begins a life that shares signers' keys with others of this database: see [`super::PostgresLedger::leases`]. It takes one
    /// connection more.
    #[must_use]
    pub fn leases(mut self, lease: LeaseSettings) -> Self {
        self.lease = Some(lease);
        self
    }

    /// In whose name the connections write.
    pub(super) fn life(mut self, life: Option<i64>) -> Self {
        self.life = life;
        self
    }

    /// Whose certificates are believed, in place of the public roots: a DER certificate of one's own authority.
    ///
    /// # Errors
    /// [`tollway_core::Code::BadSettings`] for what is no certificate.
    pub fn authority(mut self, der: &[u8]) -> Result<Self> {
        let roots = self.roots.get_or_insert_with(RootCertStore::empty);
        let certificate = rustls::pki_types::CertificateDer::from(der.to_vec());
        roots.add(certificate).map_err(|_| fail::settings("not a certificate"))?;
        Ok(self)
    }

    /// One connection, and the task that drives it.
    pub(super) async fn connect(&self) -> Result<(Client, JoinHandle<()>)> {
        let opening = async {
            if self.config.get_ssl_mode() != SslMode::Require {
                let (client, connection) = self.config.connect(NoTls).await.map_err(fail::postgres)?;
                return Ok((client, tokio::spawn(async move { drop(connection.await) })));
            }
            let (client, connection) = self.config.connect(self.tls()?).await.map_err(fail::postgres)?;
            Ok((client, tokio::spawn(async move { drop(connection.await) })))
        };
        match tokio::time::timeout(OPENING, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(fail::away("PostgreSQL does not answer")),
        }
    }

    fn tls(&self) -> Result<MakeRustlsConnect> {
        let public = || RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| fail::settings("no TLS"))?
            .with_root_certificates(self.roots.clone().unwrap_or_else(public))
            .with_no_client_auth();
        Ok(MakeRustlsConnect::new(config))
    }
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_this_machine_in_the_clear() {
        let cases = [
            ("host=localhost", false),
            ("host=127.0.0.1", false),
            ("host=/run/postgres", false),
            ("host=localhost hostaddr=127.0.0.1", false),
            ("host=localhost hostaddr=203.0.113.7", true),
            ("host=localhost,localhost hostaddr=127.0.0.1,203.0.113.7", true),
            ("host=db.example", true),
            ("host=db.example sslmode=disable", true),
        ];
        for (url, tls) in cases {
            let settings = PostgresSettings::new(url).unwrap();
            assert_eq!(settings.config.get_ssl_mode() == SslMode::Require, tls, "{url}");
        }
    }
}
