//! Places: a folder of this machine or a bucket, as an object store and an address. What warehouses and file sources lie in.

mod durable;

use std::collections::BTreeMap;
use std::path::{Path as FsPath, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore};
use serde_json::{Map, Value};
use url::Url;

pub use durable::sync_files;

use durable::DurableLocal;

/// An object store, and the place in it that is ours.
#[derive(Debug, Clone)]
pub struct Location {
    /// Ends with a slash.
    url: Url,
    /// Rooted at the file system, or at the bucket.
    store: Arc<dyn ObjectStore>,
}

impl Location {
    /// A folder relative to `base`, or an `s3://` address. Only what `options` and `env` say is used to reach it.
    pub fn open(
        location: &str,
        base: &FsPath,
        options: &Map<String, Value>,
        env: &BTreeMap<String, String>,
    ) -> Result<Self, InvalidLocation> {
        let refused = |reason: String| InvalidLocation { location: location.to_owned(), reason };
        let Some((scheme, _)) = location.split_once("://") else {
            let folder = absolute(&base.join(location));
            let url = Url::from_directory_path(&folder).map_err(|()| refused("not a folder's path".to_owned()))?;
            return Ok(Self { url, store: Arc::new(DurableLocal::new()) });
        };
        let with_slash = format!("{}/", location.trim_end_matches('/'));
        let url = Url::parse(&with_slash).map_err(|error| refused(error.to_string()))?;
        match scheme {
            "file" => Ok(Self { url, store: Arc::new(DurableLocal::new()) }),
            "s3" | "s3a" => {
                let store = amazon_s3(&url, options, env).map_err(|error| refused(error.to_string()))?;
                Ok(Self { url, store })
            }
            other => Err(refused(format!("`{other}://` is not known; a folder, `file://` and `s3://` are"))),
        }
    }

    pub fn url(&self) -> &Url {
        &self.url
    }

    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// The folder on this machine, if it is one.
    pub fn folder(&self) -> Option<PathBuf> {
        (self.url.scheme() == "file").then(|| self.url.to_file_path().ok()).flatten()
    }

    /// The address of a place below.
    pub fn below(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}/", self.url.path()));
        url
    }

    /// The path of a place below within [`Location::store`].
    pub fn path(&self, below: &str) -> Path {
        self.path_of(&self.below(below))
    }

    /// The path of an address within [`Location::store`].
    pub fn path_of(&self, url: &Url) -> Path {
        Path::from_url_path(url.path()).unwrap_or_else(|_| Path::from(url.path()))
    }
}

/// A place that cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot use `{location}`: {reason}")]
pub struct InvalidLocation {
    pub location: String,
    pub reason: String,
}

/// Without `.` and `..`, and without asking the disk: the folder need not exist yet.
fn absolute(path: &FsPath) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut clean = PathBuf::new();
    for component in absolute.components() {
        match component {
            std::path::Component::ParentDir => {
                clean.pop();
            }
            std::path::Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

/// Settings one of which says how requests are signed. Without any, the client would ask the machine's metadata service:
/// nothing is looked up that nobody has asked for.
const SIGNERS: &[&str] = &[
    "access_key_id",
    "web_identity_token_file",
    "container_credentials_relative_uri",
    "container_credentials_full_uri",
    "metadata_endpoint",
    "skip_signature",
];

fn amazon_s3(
    url: &Url,
    options: &Map<String, Value>,
    env: &BTreeMap<String, String>,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    let mut settings: BTreeMap<String, String> = env
        .iter()
        .filter(|(name, value)| name.starts_with("AWS_") && !value.is_empty())
        .map(|(name, value)| (name.to_lowercase(), value.clone()))
        .collect();
    for (name, value) in options {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !value.is_empty() {
            settings.insert(name.to_lowercase(), value);
        }
    }
    if !SIGNERS.iter().any(|name| settings.contains_key(*name) || settings.contains_key(&format!("aws_{name}"))) {
        return Err(object_store::Error::Generic {
            store: "S3",
            source: "no credentials: set aws_access_key_id and aws_secret_access_key in `storage_options`, or \
                     aws_metadata_endpoint for a machine's own role"
                .into(),
        });
    }
    let mut builder = AmazonS3Builder::new().with_bucket_name(url.host_str().unwrap_or_default());
    let plain_http = settings.get("aws_endpoint_url").or_else(|| settings.get("endpoint_url"));
    if plain_http.is_some_and(|endpoint| endpoint.starts_with("http://")) {
        builder = builder.with_client_options(ClientOptions::new().with_allow_http(true));
    }
    for (name, value) in settings {
        // Other AWS_ variables of the machine are none of ours.
        if let Ok(key) = AmazonS3ConfigKey::from_str(&name) {
            builder = builder.with_config(key, value);
        }
    }
    Ok(Arc::new(builder.build()?))
}
