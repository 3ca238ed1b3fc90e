//! Trace fields that are the same for many messages.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use http::HeaderMap;

/// Callout servers say which services they applied: whatever they say, no more sets of fields than this are kept.
const MOST: usize = 256;

/// The fields by the services that were applied, made once.
#[derive(Default)]
pub(crate) struct Ready(RwLock<HashMap<Box<[String]>, Arc<HeaderMap>>>);

impl Ready {
    /// The fields for these services, by `make` if they are not there.
    pub(crate) fn fields(&self, services: &[String], make: impl FnOnce() -> HeaderMap) -> Arc<HeaderMap> {
        if let Some(fields) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(services) {
            return Arc::clone(fields);
        }
        let made = Arc::new(make());
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST {
            all.insert(services.into(), Arc::clone(&made));
        }
        made
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_never_mixed() {
        let ready = Ready::default();
        for round in 0..2 {
            for number in 0..MOST + 10 {
                let services = [format!("urn:{number}")];
                let mut made = false;
                let fields = ready.fields(&services, || {
                    made = true;
                    HeaderMap::from_iter([(http::header::VIA, services[0].parse().unwrap())])
                });
                assert_eq!(fields[http::header::VIA], services[0]);
                assert_eq!(made, round == 0 || number >= MOST, "{number} in round {round}");
            }
        }
    }
}
