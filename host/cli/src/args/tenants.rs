//! `taskhost nats-config`.

use std::path::PathBuf;

use clap::Args;
use taskhost::nats::tenants::TenantLimits;

use super::units::bytes;

/// A NATS server's configuration for tenants.
#[derive(Args, Debug)]
pub(crate) struct NatsConfigArgs {
    /// A tenant; may stand several times
    #[arg(long = "tenant", value_name = "NAME", required = true)]
    pub tenants: Vec<String>,
    /// The folder to write to; keys that are there stay
    #[arg(long, short, value_name = "FOLDER")]
    pub output: PathBuf,
    /// The most that each keeps on disk
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "10GiB")]
    pub storage: u64,
    /// Connections of each one's hosts, and as many of its workers
    #[arg(long, value_name = "N", default_value_t = TenantLimits::default().connections_max)]
    pub connections: u32,
    /// The largest message
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "1MiB")]
    pub payload: u64,
    /// The server's certificate
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Hosts and workers must show a certificate that one of these has signed
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_ca: Option<PathBuf>,
    /// Leave out tenants and TLS that the folder has and that are not named
    #[arg(long)]
    pub force: bool,
    /// Where the server listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4222")]
    pub listen: String,
    /// Where the server keeps its streams; a relative folder begins where the server is started
    #[arg(long, value_name = "FOLDER", default_value = "nats-data")]
    pub store: PathBuf,
}
