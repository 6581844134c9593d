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
    let parsed = Url::parse(url);
    let shown = shown(url, parsed.as_ref().ok());
    let unusable = |detail: String| StoreError::BadPlace { url: shown.clone(), detail };
    let parsed = parsed.map_err(|error| unusable(error.to_string()))?;
    let has_user = !parsed.username().is_empty() || parsed.password().is_some();
    if has_user || parsed.port().is_some() || parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(unusable("it is to have a scheme, a name and a path, and nothing else".into()));
    }
    if url.split(['/', '\\']).any(is_dots) {
        return Err(unusable("it has `.` or `..` in its path".into()));
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
            // What is relative would be taken as if it began at the root.
            if !url.trim().get(.."file:///".len()).is_some_and(|start| start.eq_ignore_ascii_case("file:///")) {
                return Err(unusable("it is no absolute path, as in `file:///FOLDER`".into()));
            }
            let folder = parsed.to_file_path().map_err(|()| unusable("it is no path of this computer".into()))?;
            fs::create_dir_all(&folder).map_err(|error| unusable(error.to_string()))?;
            let store = LocalFileSystem::new_with_prefix(folder).map_err(failed)?;
            return Ok((Arc::new(store), Location::default()));
        }
        _ if parsed.cannot_be_a_base() => return Err(unusable("there is no `://` after its scheme".into())),
        other => return Err(unusable(format!("`{other}` is no scheme that is known"))),
    };
    let prefix = Location::from_url_path(parsed.path()).map_err(|error| unusable(error.to_string()))?;
    Ok((store, prefix))
}

/// The URL without what may be a password: what stands before a name, or after a `?`.
fn shown(url: &str, parsed: Option<&Url>) -> String {
    match parsed.filter(|parsed| !parsed.cannot_be_a_base() && !parsed.path().contains('@')) {
        Some(parsed) => {
            let mut shown = parsed.clone();
            // Neither can be set, and neither is there, in a URL without a host.
            let _ = (shown.set_username(""), shown.set_password(None));
            shown.set_query(None);
            shown.set_fragment(None);
            shown.to_string()
        }
        None if url.contains(['@', '?', '#']) => match url.split_once("://") {
            Some((scheme, _)) if !scheme.contains(['@', '?', '#', ':']) => format!("{scheme}://…"),
            _ => "…".to_owned(),
        },
        None => url.to_owned(),
    }
}

/// Whether a part of a path means the folder itself or the one around it, which would make another URL of it.
fn is_dots(part: &str) -> bool {
    matches!(&*part.to_ascii_lowercase().replace("%2e", "."), "." | "..")
}

/// No second try begins after half the time that a silent server is waited for: with its last answer awaited, a request ends within 20 s.
fn retry() -> RetryConfig {
    let (init_backoff, max_backoff) = (Duration::from_millis(100), Duration::from_secs(2));
    RetryConfig {
        backoff: BackoffConfig { init_backoff, max_backoff, base: 2.0 },
        max_retries: 4,
        retry_timeout: Duration::from_secs(5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_may_be_a_password_is_told() {
        for url in [
            "s3://key:secret@bucket/x",
            "s3://key:sec/secret@bucket/x",
            "s3://key:123/secret@bucket/x",
            "s3://secret@bucket",
            "s3://bucket/x?token=secret",
            "s3://bucket/x#secret",
            "key:secret@bucket",
            "key/secret@bucket",
            "bucket?token=secret",
            "ftp://key:secret@bucket/x",
            "s3://key:secret@/x",
        ] {
            let error = open(url).expect_err("refused").to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_folder_is_named_by_an_absolute_path_without_dots() {
        for url in ["file:x", "file:x/y", "file:/x", "file://x/y", "file://localhost/x"] {
            let error = open(url).expect_err("refused").to_string();
            assert!(error.contains("no absolute path"), "{error}");
        }
        for url in ["file:///a/../b", "file:///a/%2e%2E/b", "file:///a\\..\\b", "file:///./a", "s3://bucket/a/../b"] {
            let error = open(url).expect_err("refused").to_string();
            assert!(error.contains("`..` in its path"), "{error}");
        }
    }
}
