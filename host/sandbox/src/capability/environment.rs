//! `env`: environment variables of the host, by name. One that is not set is not there for the guest either.

use std::sync::Arc;

/// The variables as they are now; text that is no UTF-8 cannot be handed to a guest.
pub(super) fn look_up(names: &[Arc<str>]) -> Vec<(String, String)> {
    names.iter().filter_map(|name| Some((name.to_string(), std::env::var(&**name).ok()?))).collect()
}
