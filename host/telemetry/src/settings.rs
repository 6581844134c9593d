//! What is switched on: read from variables, those of OpenTelemetry under its own names. Without any of them everything is off.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::trace::Parent;

/// What is to be told of flow runs, and where.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Settings {
    /// Where spans go; none for no spans.
    pub traces: Option<TraceSettings>,
    /// Where metrics can be had; none for no metrics.
    pub metrics: Option<MetricsTarget>,
}

/// Where spans go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceSettings {
    /// The whole URL that is posted to.
    pub endpoint: Url,
    /// Sent with each post. They may hold a password: never shown.
    pub headers: Vec<(String, String)>,
    /// For a post, and for all that is left at the end.
    pub timeout: Duration,
    /// What tells this service from others, `service.name` among it.
    pub resource: BTreeMap<String, String>,
    /// Whose child a flow run is, if the caller says.
    pub parent: Option<Parent>,
}

/// Where metrics can be had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MetricsTarget {
    /// `/metrics` at this address, while the process runs.
    Address(SocketAddr),
    /// A file, written at the end.
    File(PathBuf),
}

/// A variable that cannot be meant. Its value is not repeated where it may hold a password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettingError {
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// What would be right.
    pub help: String,
}

impl SettingError {
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> SettingError {
        SettingError { message: message.into(), help: help.into() }
    }
}

impl std::fmt::Display for SettingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SettingError {}

/// Time for a post if nothing else is said, as OpenTelemetry has it.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

impl Settings {
    /// From variables, by name; an empty one is as good as none.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Settings, SettingError> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        Ok(Settings { traces: traces(&variable)?, metrics: variable("TASKHOST_METRICS").map(metrics).transpose()? })
    }

    /// Whether there is anything to do.
    pub fn is_off(&self) -> bool {
        *self == Settings::default()
    }
}

fn traces(variable: &impl Fn(&str) -> Option<String>) -> Result<Option<TraceSettings>, SettingError> {
    let is_off = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || ["OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER"]
            .into_iter()
            .any(|name| variable(name).is_some_and(|value| value == "none" || value == "always_off"));
    // Those of traces alone win.
    let either = |end: &str| {
        let name = format!("OTEL_EXPORTER_OTLP_TRACES_{end}");
        let common = format!("OTEL_EXPORTER_OTLP_{end}");
        variable(&name).map(|value| (name, value)).or_else(|| variable(&common).map(|value| (common, value)))
    };
    let Some((name, text)) = either("ENDPOINT").filter(|_| !is_off) else { return Ok(None) };
    if let Some((name, protocol)) = either("PROTOCOL").filter(|(_, protocol)| protocol != "http/protobuf") {
        let help =
            "set it to `http/protobuf`, and the endpoint to the collector's HTTP port, such as http://localhost:4318";
        return Err(SettingError::new(format!("{name} is `{protocol}`, which is not spoken here"), help));
    }
    let endpoint = endpoint(&name, &text)?;
    let parent = variable("TRACEPARENT").and_then(|text| Parent::parse(&text));
    if parent.as_ref().is_some_and(|parent| !parent.is_sampled) {
        return Ok(None);
    }
    let headers = either("HEADERS").map(|(name, text)| pairs(&name, &text)).transpose()?.unwrap_or_default();
    if headers.iter().any(|(name, value)| !is_header(name, value)) {
        let help = "write them as in `authorization=Bearer%20…,x-tenant=a`, by characters that HTTP allows";
        return Err(SettingError::new("a header for OTLP cannot be sent", help));
    }
    let timeout = match either("TIMEOUT") {
        None => TIMEOUT_DEFAULT,
        Some((name, text)) => {
            let milliseconds = text.trim().parse().ok().filter(|number| *number > 0).ok_or_else(|| {
                SettingError::new(format!("{name} is `{text}`, which is no time"), "give milliseconds, such as 10000")
            })?;
            Duration::from_millis(milliseconds)
        }
    };
    let resource = resource(variable)?;
    Ok(Some(TraceSettings { endpoint, headers, timeout, resource, parent }))
}

fn endpoint(name: &str, text: &str) -> Result<Url, SettingError> {
    // It may hold a password, so it is not repeated.
    let wrong = |what: &str| {
        SettingError::new(format!("{name} {what}"), "give the URL of a collector, such as http://localhost:4318")
    };
    let mut url = Url::parse(text.trim()).map_err(|error| wrong(&format!("is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("is no `http://` or `https://` URL of a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let help = "leave them out, and give them in OTEL_EXPORTER_OTLP_HEADERS: `authorization=Basic%20…`";
        return Err(SettingError::new(format!("{name} has a user or password in it"), help));
    }
    if !name.ends_with("TRACES_ENDPOINT") {
        let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    Ok(url)
}

fn resource(variable: &impl Fn(&str) -> Option<String>) -> Result<BTreeMap<String, String>, SettingError> {
    let name = "OTEL_RESOURCE_ATTRIBUTES";
    let mut all: BTreeMap<String, String> = [
        ("service.name", "taskhost"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("telemetry.sdk.language", "rust"),
        ("telemetry.sdk.name", "taskhost"),
        ("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    all.extend(variable(name).map(|text| pairs(name, &text)).transpose()?.unwrap_or_default());
    all.extend(variable("OTEL_SERVICE_NAME").map(|value| ("service.name".to_owned(), value)));
    Ok(all)
}

/// `a=b,c=d`, with `%20` for what may not stand there.
fn pairs(name: &str, text: &str) -> Result<Vec<(String, String)>, SettingError> {
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    let pair = |part: &str| {
        let (key, value) = part.split_once('=').filter(|(key, _)| !key.trim().is_empty()).ok_or_else(|| {
            SettingError::new(format!("{name} is no list of `key=value`"), "write it as in `key1=value1,key2=value2`")
        })?;
        Ok((key.trim().to_owned(), percent_decoded(value.trim())))
    };
    parts.map(pair).collect()
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let digit = |offset: usize| char::from(*bytes.get(at + offset)?).to_digit(16);
        match (byte, digit(1), digit(2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn is_header(name: &str, value: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_text = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte);
    name.bytes().all(is_token) && value.bytes().all(is_text)
}

fn metrics(text: String) -> Result<MetricsTarget, SettingError> {
    let help = "give an address such as `127.0.0.1:9464`, or `file:PATH`";
    match text.strip_prefix("file:") {
        Some("") => Err(SettingError::new("TASKHOST_METRICS names no file", help)),
        Some(path) => Ok(MetricsTarget::File(path.into())),
        None => text.trim().parse().map(MetricsTarget::Address).map_err(|_| {
            SettingError::new(format!("TASKHOST_METRICS is `{text}`, which is no address with a port"), help)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingError> {
        Settings::from_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn traced(variables: &[(&str, &str)]) -> TraceSettings {
        read(variables).expect("settings").traces.expect("traces")
    }

    #[test]
    fn without_variables_everything_is_off() {
        assert!(read(&[]).expect("settings").is_off());
        assert!(read(&[("OTEL_SERVICE_NAME", "x"), ("TASKHOST_METRICS", "")]).expect("settings").is_off());
    }

    #[test]
    fn the_endpoint_of_traces_is_taken_whole_and_the_common_one_gets_a_path() {
        let common = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/base/");
        assert_eq!(traced(&[common]).endpoint.as_str(), "http://collector:4318/base/v1/traces");
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://other/take");
        assert_eq!(traced(&[common, own]).endpoint.as_str(), "https://other/take");
    }

    #[test]
    fn traces_are_off_where_opentelemetry_says_so() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
        let unsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        for off in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none"), ("TRACEPARENT", unsampled)] {
            assert_eq!(read(&[endpoint, off]).expect("settings").traces, None, "{off:?}");
        }
    }

    #[test]
    fn headers_and_resource_are_lists_of_pairs() {
        let settings = traced(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20a=b, x-tenant = t"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=ci,service.name=lost"),
            ("OTEL_SERVICE_NAME", "nightly"),
        ]);
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(settings.headers, [pair("authorization", "Bearer a=b"), pair("x-tenant", "t")]);
        assert_eq!(settings.resource["service.name"], "nightly");
        assert_eq!(settings.resource["deployment.environment"], "ci");
    }

    #[test]
    fn what_cannot_be_meant_is_told_without_a_password() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:hunter2@localhost"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hunter2%0d%0ax: y"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
            ("TASKHOST_METRICS", "9464"),
            ("TASKHOST_METRICS", "file:"),
        ] {
            let error = read(&[(name, value), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost")]).expect_err(value);
            assert!(!error.message.contains("hunter2") && !error.help.is_empty(), "{error:?}");
        }
    }

    #[test]
    fn metrics_go_to_an_address_or_a_file() {
        let target = |text| read(&[("TASKHOST_METRICS", text)]).expect("settings").metrics.expect("metrics");
        assert_eq!(target("[::1]:9464"), MetricsTarget::Address("[::1]:9464".parse().expect("an address")));
        assert_eq!(target("file:/tmp/x.prom"), MetricsTarget::File("/tmp/x.prom".into()));
    }
}
