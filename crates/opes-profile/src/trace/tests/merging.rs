//! Records of services in the entries of a trace.

use opes_sdk::TraceRecord;

use super::*;

fn trace(services: &[&str]) -> Trace {
    Trace { services: services.iter().map(|uri| entry(uri)).collect(), ..Trace::new(entry(SYSTEM)) }
}

fn told(trace: &Trace) -> Vec<String> {
    trace.services.iter().map(ToString::to_string).collect()
}

#[test]
fn records_become_parameters_of_their_service() {
    let mut trace = trace(&["http://s.example/a", "http://s.example/digest"]);
    let left_out = trace.add_records(&[
        TraceRecord::new("http://s.example/digest").with("sha256", "00ff"),
        TraceRecord::new("http://S.EXAMPLE/a").with("result", "changed").with("octets-in", "5"),
        TraceRecord::new("http://s.example/digest").with("result", "passed"),
        TraceRecord::new("http://helper.example/").with("why", "asked, \"politely\""),
        TraceRecord::new("not a uri").with("a", "b"),
    ]);
    assert_eq!(left_out, 1);
    let expected = [
        "http://s.example/a;result=changed;octets-in=5",
        "http://s.example/digest;sha256=00ff;result=passed",
        "http://helper.example/;why=\"asked, \\\"politely\\\"\"",
    ];
    assert_eq!(told(&trace), expected);
}

#[test]
fn a_service_that_is_applied_twice_has_two_records() {
    let mut trace = trace(&["http://s.example/a", "http://s.example/a"]);
    let record = |value: &str| TraceRecord::new("http://s.example/a").with("result", value);
    assert_eq!(trace.add_records(&[record("changed"), record("passed")]), 0);
    assert_eq!(told(&trace), ["http://s.example/a;result=changed", "http://s.example/a;result=passed"]);
}

proptest! {
    #[test]
    fn a_record_injects_nothing(
        records in vec((any::<String>(), vec((any::<String>(), any::<String>()), 0..4)), 0..4),
        rendering in prop_oneof![Just(Rendering::Rfc4236), Just(Rendering::EndComm), Just(Rendering::Both)],
    ) {
        let service = "http://s.example/a";
        let mut trace = trace(&[service]);
        let records: Vec<_> = records
            .iter()
            .map(|(agent, parameters)| {
                let agent = if agent.len() % 2 == 0 { service } else { agent };
                parameters.iter().fold(TraceRecord::new(agent), |record, (n, v)| record.with(n.as_str(), v.as_str()))
            })
            .collect();
        trace.add_records(&records);
        let mut headers = HeaderMap::new();
        trace.write_into(&mut headers, &Manner { rendering, ..Manner::default() });
        let field = if rendering == Rendering::EndComm { OPES_SERVICE } else { OPES_VIA };
        let read: Vec<_> = entries(sole(&headers, field)).map(|listed| listed.entry).collect();
        prop_assert!(read.iter().all(Option::is_some), "every element is an entry");
        let opened = usize::from(rendering != Rendering::EndComm);
        prop_assert_eq!(read.len(), trace.services.len() + opened, "and there are no more of them");
        prop_assert_eq!(sole(&headers, OPES_SYSTEM), SYSTEM.as_bytes());
    }
}
