//! Which store a URL means, and where in it: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, `file:///folder`. Credentials,
//! and an endpoint that is not the usual one, come from the environment variables that other tools read, too.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Location;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use url::Url;

use super::http::Connector;
use crate::error::StoreError;

pub(super) fn open(url: &str) -> Result<(Arc<dyn ObjectStore>, Location), StoreError> {
    let unusable = |detail: String| StoreError::BadPlace { url: url.to_owned(), detail };
    let parsed = Url::parse(url).map_err(|error| unusable(error.to_string()))?;
    if !parsed.username().is_empty() || parsed.password().is_some() || parsed.query().is_some() {
        return Err(unusable("it is to have a scheme, a name and a path, and nothing else".into()));
    }
    let bucket = || match parsed.host_str() {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err(unusable("it names no bucket".into())),
    };
    let failed = |error: object_store::Error| unusable(error.to_string());
    let store: Arc<dyn ObjectStore> = match parsed.scheme() {
        "s3" => {
            let builder = AmazonS3Builder::from_env().with_bucket_name(bucket()?);
            Arc::new(builder.with_retry(retry()).with_http_connector(Connector).build().map_err(failed)?)
        }
        "gs" => {
            let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket()?);
            Arc::new(builder.with_retry(retry()).with_http_connector(Connector).build().map_err(failed)?)
        }
        "az" => {
            let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket()?);
            Arc::new(builder.with_retry(retry()).with_http_connector(Connector).build().map_err(failed)?)
        }
        "file" => {
            let folder = parsed.to_file_path().map_err(|()| unusable("it is no path of this computer".into()))?;
            fs::create_dir_all(&folder).map_err(|error| unusable(error.to_string()))?;
            let store = LocalFileSystem::new_with_prefix(folder).map_err(failed)?;
            return Ok((Arc::new(store), Location::default()));
        }
        other => return Err(unusable(format!("`{other}` is no scheme that is known"))),
    };
    let prefix = Location::from_url_path(parsed.path()).map_err(|error| unusable(error.to_string()))?;
    Ok((store, prefix))
}

/// A store that does not answer is told after some ten seconds.
fn retry() -> RetryConfig {
    let (init_backoff, max_backoff) = (Duration::from_millis(100), Duration::from_secs(2));
    RetryConfig {
        backoff: BackoffConfig { init_backoff, max_backoff, base: 2.0 },
        max_retries: 4,
        retry_timeout: Duration::from_secs(10),
    }
}
