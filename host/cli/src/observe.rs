//! Traces, metrics and logs, as variables ask for them ([docs/observability.md](../../../docs/observability.md)). Without these variables
//! nothing is started here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use taskhost_telemetry::{LogSettings, SettingError, Settings, Telemetry, install_logs};

use crate::error::CliError;
use crate::interrupt;
use crate::output::{self, WARN, styled, visible};

static HAS_LOGS: AtomicBool = AtomicBool::new(false);

/// Logs to stderr from here on, if they are asked for.
pub(crate) fn start_logs() -> Result<(), CliError> {
    if let Some(settings) = LogSettings::from_variables(variable)? {
        HAS_LOGS.store(true, Ordering::Relaxed);
        install_logs(settings, Arc::new(output::stderr));
    }
    Ok(())
}

/// Whether logs go to stderr, where they would tear apart what is drawn there.
pub(crate) fn has_logs() -> bool {
    HAS_LOGS.load(Ordering::Relaxed)
}

/// Does `work`, whose flow runs are followed if that is asked for, and then sends and writes what is left. What goes wrong there is a warning and
/// changes nothing.
pub(crate) fn followed<T>(work: impl FnOnce(Option<Arc<Telemetry>>) -> Result<T, CliError>) -> Result<T, CliError> {
    let settings = Settings::from_variables(variable)?;
    if settings.is_off() && !has_logs() {
        return work(None);
    }
    let (telemetry, warnings) = Telemetry::start(settings);
    warn(warnings);
    let done = work(Some(Arc::clone(&telemetry)));
    // What is wrong with the file is told in the end.
    let _ = telemetry.write_metrics();
    // A collector that does not answer may take seconds, and nobody has to wait for it.
    interrupt::forget();
    warn(telemetry.finish());
    done
}

fn variable(name: &str) -> Option<String> {
    // What is no UTF-8 is told as what it nearly is.
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

fn warn(warnings: Vec<String>) {
    for warning in warnings {
        output::stderr(&format!("{} {}\n", styled(WARN, "warning:"), visible(&warning)));
    }
}

impl From<SettingError> for CliError {
    fn from(error: SettingError) -> CliError {
        CliError::usage(error.message, error.help)
    }
}
