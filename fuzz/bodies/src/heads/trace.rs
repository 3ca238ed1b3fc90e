//! Trace entries and requests for bypass.

use http::{HeaderMap, HeaderValue};
use opes_profile::bypass::Bypass;
use opes_profile::trace::{
    AgentId, Entry, OPES_BYPASS, OPES_SYSTEM, OPES_VIA, Trace, append, entries as listed, same_agent,
};

const SYSTEM: &str = "http://opes.example.com/system";

pub(super) fn entries(octets: &[u8]) {
    let mut count = 0;
    for element in listed(octets) {
        count += 1;
        assert!(!element.text.is_empty() && element.text.trim_ascii() == element.text);
        assert_eq!(element.entry, Entry::parse(element.text));
        if let Some(entry) = element.entry {
            again(&entry);
        }
    }
    // A field may hold it several times.
    for values in [&[octets][..], &[octets, octets]] {
        let Ok(values) =
            values.iter().map(|value| HeaderValue::from_bytes(value)).collect::<Result<Vec<_>, _>>()
        else {
            return;
        };
        appended(&values, count * values.len());
    }
}

/// An entry as text is the same entry.
fn again(entry: &Entry) {
    let text = entry.to_string();
    assert!(HeaderValue::from_str(&text).is_ok() || !text.is_ascii(), "a field can carry it: {text:?}");
    let reread = Entry::parse(text.as_bytes()).expect("what was written can be read");
    assert_eq!(reread.to_string(), text);
    let controls = entry.parameters.iter().any(|(_, value)| {
        value.as_deref().unwrap_or_default().contains(|octet: char| octet.is_ascii_control())
    });
    assert!(controls || reread == *entry, "{entry:?} became {reread:?}");
    assert!(same_agent(reread.agent.as_str(), entry.agent.as_str()));
}

/// Our entries come after the `count` that are there, and change none of them.
fn appended(values: &[HeaderValue], count: usize) {
    let system = Entry::new(AgentId::new(SYSTEM).unwrap()).with("id", "1, \"2\"; 3");
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(OPES_SYSTEM, value.clone());
        headers.append(OPES_VIA, value.clone());
    }
    let before: Vec<u8> = values.iter().flat_map(|value| value.as_bytes()).copied().collect();
    append(&mut headers, OPES_SYSTEM, &[]);
    assert_eq!(headers.get_all(OPES_SYSTEM).iter().count(), values.len(), "nothing to append");
    let mut trace = Trace::new(system.clone());
    trace.services.push(system.clone().with("mode", ""));
    trace.merge_into(&mut headers);
    for (field, added) in [(OPES_SYSTEM, 1), (OPES_VIA, 2)] {
        assert_eq!(headers.get_all(&field).iter().count(), 1, "one field");
        let value = headers[&field].as_bytes();
        let mut all = listed(value);
        let ours: Vec<_> = all.by_ref().collect();
        assert!(ours.len() >= added);
        let first = ours.len() - added;
        assert_eq!(ours[first].entry.as_ref(), Some(&system), "in {:?}", String::from_utf8_lossy(value));
        assert_eq!(first, count, "{:?}", String::from_utf8_lossy(value));
        let mut rest = before.iter();
        let kept =
            value.iter().filter(|octet| rest.as_slice().first() == Some(octet) && rest.next().is_some());
        assert!(kept.count() >= before.len() || before.trim_ascii().is_empty(), "what was there stays");
    }
}

pub(super) fn bypass(octets: &[u8]) {
    let mut headers = HeaderMap::new();
    for value in octets.split(|octet| *octet == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(value) else { return };
        headers.append(OPES_BYPASS, value);
    }
    const ONE: &str = "http://services.example.com/one";
    let bypass = Bypass::parse(&headers);
    let known = |uri: &str| same_agent(uri, ONE);
    let applies = bypass.applies(ONE, &[SYSTEM], known);
    match &bypass {
        Bypass::None => assert!(!applies),
        Bypass::All => assert!(applies),
        Bypass::Agents(agents) => {
            assert!(agents.iter().all(|agent| !agent.is_empty() && agent != b"*"));
            assert!(agents.iter().next().is_some());
            // Whatever is listed is the service, the system, or not known.
            assert!(applies);
            for agent in agents.iter().filter_map(|agent| std::str::from_utf8(agent).ok()) {
                assert!(same_agent(agent, agent));
                assert_eq!(same_agent(agent, SYSTEM), same_agent(SYSTEM, agent));
                if let Ok(id) = AgentId::new(agent) {
                    assert_eq!(Entry::parse(agent.as_bytes()), Some(Entry::new(id)));
                }
            }
        }
    }
    assert!(bypass.applies(ONE, &[], |_| false) != (bypass == Bypass::None));
}
