//! Trace fields that are the same for many messages, but for the identifier of a message's record.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use http::{HeaderMap, HeaderName, HeaderValue};
use opes_record::{Text, TraceId};

/// Callout servers say which services they applied: whatever they say, no more sets of fields than this are kept.
const MOST: usize = 256;

/// Stands where the identifier of each message will.
const PLACE: TraceId = TraceId::from_octets([0; 15]);

/// What goes before it: no agent's identifier has a `;` in it.
const BEFORE: &str = ";id=";

/// The fields by the services that were applied, made once.
#[derive(Default)]
pub(crate) struct Ready(RwLock<HashMap<Box<[String]>, Arc<Fields>>>);

/// The trace fields of a message that had none.
#[derive(Default)]
pub(crate) struct Fields {
    fields: Vec<(HeaderName, HeaderValue, Option<Template>)>,
    system: Text,
    /// The system's entry, where it has the identifier in it.
    with_id: Option<Template>,
    details: Vec<Text>,
}

/// What stands around an identifier.
struct Template {
    before: String,
    after: String,
}

impl Ready {
    /// The fields for these services, by `make` if they are not there.
    pub(crate) fn fields(&self, services: &[String], make: impl FnOnce() -> Fields) -> Arc<Fields> {
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

impl Fields {
    /// What `write` writes of a trace, given the identifier that it shall have in it where messages have one.
    pub(crate) fn of(has_id: bool, write: impl FnOnce(Option<TraceId>, &mut HeaderMap) -> Vec<Text>) -> Self {
        let mut headers = HeaderMap::new();
        let mut entries = write(has_id.then_some(PLACE), &mut headers).into_iter();
        let system = entries.next().unwrap_or_default();
        let template = |text: &str| Template::of(text).filter(|_| has_id);
        let fields = headers.iter().map(|(name, value)| {
            let template = value.to_str().ok().and_then(template);
            (name.clone(), value.clone(), template)
        });
        Self {
            fields: fields.collect(),
            with_id: template(&system),
            system: shared(&system),
            details: entries.map(|entry| shared(&entry)).collect(),
        }
    }

    /// Adds them to a message that has none of them.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap, id: Option<&str>) {
        for (name, value, template) in &self.fields {
            let own = template.as_ref().zip(id).map(|(template, id)| template.with(id));
            let own = own.and_then(|own| HeaderValue::try_from(own).ok());
            headers.append(name, own.unwrap_or_else(|| value.clone()));
        }
    }

    /// The entries, the system's first.
    pub(crate) fn entries(&self, id: Option<&str>) -> impl Iterator<Item = Text> {
        let own = self.with_id.as_ref().zip(id).map(|(template, id)| Text::from(template.with(id)));
        std::iter::once(own.unwrap_or_else(|| self.system.clone())).chain(self.details.iter().cloned())
    }
}

impl Template {
    fn of(text: &str) -> Option<Self> {
        let place = PLACE.digits();
        let at = text.find(&[BEFORE, &place].concat())? + BEFORE.len();
        let (before, rest) = text.split_at(at);
        Some(Self { before: before.to_owned(), after: rest[place.len()..].to_owned() })
    }

    fn with(&self, id: &str) -> String {
        [&self.before, id, &self.after].concat()
    }
}

fn shared(text: &str) -> Text {
    Text::shared(&text.into())
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::header::VIA;
    use opes_record::TraceIds;

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
                    Fields::of(false, |id, headers| {
                        assert_eq!(id, None);
                        headers.insert(VIA, services[0].parse().unwrap());
                        vec![services[0].as_str().into()]
                    })
                });
                let mut headers = HeaderMap::new();
                fields.add_to(&mut headers, None);
                assert_eq!(headers[VIA], services[0]);
                assert_eq!(fields.entries(None).collect::<Vec<_>>(), [Text::new(&services[0])]);
                assert_eq!(made, round == 0 || number >= MOST, "{number} in round {round}");
            }
        }
    }

    #[test]
    fn each_message_has_its_own_identifier_in_the_place_of_it_and_nowhere_else() {
        // A service may be named like the place itself.
        let service = format!("http://s.example/{PLACE}");
        let fields = Fields::of(true, |id, headers| {
            let system = format!("http://o.example/;id={};n=1", id.unwrap());
            headers.append(VIA, format!("{service}, {system}, {service}").parse().unwrap());
            vec![system.into(), service.as_str().into()]
        });
        let ids = TraceIds::new();
        for id in [ids.make(), ids.make(), PLACE] {
            let mut headers = HeaderMap::new();
            let digits = id.digits();
            fields.add_to(&mut headers, Some(&digits));
            let system = format!("http://o.example/;id={id};n=1");
            assert_eq!(headers[VIA], format!("{service}, {system}, {service}"));
            assert_eq!(
                fields.entries(Some(&digits)).collect::<Vec<_>>(),
                [Text::from(system), Text::from(&service)]
            );
        }
    }
}
