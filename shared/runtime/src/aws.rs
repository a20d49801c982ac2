//! What every client of an AWS service is built from: region, credentials, one HTTPS client, made once per process.
//! AWS-1: TLS is rustls on ring with the machine's certificates; all clients of a process share its connections.
//! Reads what a Lambda sandbox is given and nothing else: no profile files, no single sign-on, no instance metadata.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;
use aws_types::region::Region;

/// Says in logs and errors where the credentials came from.
const PROVIDER: &str = "touchline";

/// Where the services are, and who asks.
#[derive(Clone)]
pub struct AwsSettings {
    pub region: String,
    /// Another place for every service, `http://127.0.0.1:4566`. `None`: the region's own.
    pub endpoint: Option<String>,
    pub credentials: Credentials,
}

/// A variable that is not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not set; a Lambda sandbox sets it, elsewhere export it")]
pub struct MissingSetting(&'static str);

impl AwsSettings {
    /// As AWS's own tools name them: `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, and where they are set
    /// `AWS_SESSION_TOKEN` and `AWS_ENDPOINT_URL`.
    #[allow(clippy::disallowed_methods, reason = "this is the room that reads the environment")]
    pub fn from_environment() -> Result<Self, MissingSetting> {
        let optional = |name: &'static str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let required = |name: &'static str| optional(name).ok_or(MissingSetting(name));
        let (id, secret) = (required("AWS_ACCESS_KEY_ID")?, required("AWS_SECRET_ACCESS_KEY")?);
        Ok(Self {
            region: required("AWS_REGION")?,
            endpoint: optional("AWS_ENDPOINT_URL"),
            credentials: Credentials::new(id, secret, optional("AWS_SESSION_TOKEN"), None, PROVIDER),
        })
    }

    /// A server that stands in for a service and asks for no real credentials.
    pub fn of_counterpart(endpoint: &str) -> Self {
        Self {
            region: "us-east-1".to_owned(),
            endpoint: Some(endpoint.to_owned()),
            credentials: Credentials::new("counterpart", "counterpart", None, None, PROVIDER),
        }
    }

    /// What the services' clients take.
    pub fn into_config(self) -> SdkConfig {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region))
            .credentials_provider(SharedCredentialsProvider::new(self.credentials))
            .sleep_impl(TokioSleep::new())
            .http_client(Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https());
        config.set_endpoint_url(self.endpoint);
        config.build()
    }
}
