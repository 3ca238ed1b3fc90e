//! A host that is handed the processor's messages.

use ocp_proto::Transmit;
use opes_sdk::{Attributes, Context, Needs, Segment, Service as OpesService, Step, factory};
use opes_services::{Identity, Substitute};

use super::*;

/// Looks at so many octets, then leaves.
struct Looks(usize);

impl OpesService for Looks {
    fn needs(&self) -> Needs {
        Needs { look_only: true, modifies: false, ..Needs::default() }
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        self.0 = self.0.saturating_sub(segment.len());
        cx.emit(segment);
        if self.0 == 0 { Step::Leave } else { Step::Continue }
    }
}

fn host(octets: usize) -> Host {
    let mut services = Services::new();
    services.add(Arc::new(factory("ocp://looks", move |_: &Attributes| Looks(octets))));
    hosting(services)
}

fn hosting(services: Services) -> Host {
    Host::new(HostSettings {
        services,
        wanted: Arc::new(Wanted::default()),
        limits: Limits::default(),
        patience: Duration::from_secs(1),
        most_head: crate::server::HEAD_OCTETS,
        recoding: Arc::default(),
        clock: Clock::Real,
        open: Arc::default(),
        budget: Budget::default(),
    })
}

/// Takes messages of the processor; gives what the host says then.
fn hear(host: &mut Host, octets: &str) -> String {
    host.connection.read_buffer().extend_from_slice(octets.as_bytes());
    let now = host.clock.now();
    host.advance(now, Waker::noop());
    let mut out = Transmit::default();
    host.connection.poll_transmit(now, &mut out, usize::MAX);
    String::from_utf8(out.take().to_vec()).unwrap()
}

// req: OCP-8.1-01
#[test]
fn services_that_leave_after_dss_still_stop_the_original() {
    let mut host = host(4);
    hear(&mut host, "CS;\r\nNO ();\r\nSGC 1 ({\"11:ocp://looks\"});\r\n");
    let said = hear(&mut host, "TS 0 1;\r\nAMS 0;\r\nDUM 0 0\r\n2:ab\r\n;\r\n");
    assert!(said.contains("DWSS 0;") && !said.contains("DWSR"), "{said}");
    let said = hear(&mut host, "DSS 0;\r\n");
    assert!(said.ends_with("AME 0 {206};\r\n"), "{said}");
    assert_eq!(hear(&mut host, "DUM 0 2\r\n2:cd\r\n;\r\n"), "DWSR 0 4;\r\n");
    assert_eq!(hear(&mut host, "DUM 0 4\r\n2:ef\r\n;\r\n"), "");
    assert_eq!(hear(&mut host, "AME 0 {206};\r\n"), "TE 0;\r\n");
}

/// `urn:s` replaces `cat` by this; and then there is a service that stays as it is.
fn services(to: &str, same: &Arc<dyn opes_sdk::ServiceFactory>) -> Services {
    let mut services = Services::new();
    services.add(Arc::new(Substitute::new("urn:s", "cat", to).unwrap()));
    services.add(Arc::clone(same));
    services
}

fn same() -> Arc<dyn opes_sdk::ServiceFactory> {
    Arc::new(Identity::new("urn:same"))
}

const OPENING: &str = "CS;\r\nNO ();\r\nSGC 1 ({\"5:urn:s\"});\r\n";
const NEVER: Duration = Duration::from_secs(86_400);

fn begin(xid: u64) -> String {
    format!("TS {xid} 1;\r\nAMS {xid};\r\nDUM {xid} 0\r\n4:cat.\r\n;\r\n")
}

fn end(xid: u64) -> String {
    format!("AME {xid};\r\nTE {xid};\r\n")
}

#[test]
fn a_group_keeps_its_services_while_a_transaction_is_under_way() {
    let same = same();
    let mut host = hosting(services("dog", &same));
    let mut said = hear(&mut host, &(OPENING.to_owned() + &begin(0)));
    host.replace(services("cow", &same), NEVER);
    said += &hear(&mut host, &begin(1));
    said += &hear(&mut host, &end(0));
    said += &hear(&mut host, &end(1));
    assert_eq!((said.matches("dog.").count(), said.matches("cow.").count()), (2, 0), "{said}");
    said += &hear(&mut host, &begin(2));
    said += &hear(&mut host, &end(2));
    assert_eq!((said.matches("dog.").count(), said.matches("cow.").count()), (2, 1), "{said}");
    assert!(!said.contains("CE"), "{said}");
}

#[test]
fn a_connection_that_does_not_come_to_rest_has_the_new_services_after_a_while() {
    let same = same();
    let mut host = hosting(services("dog", &same));
    let mut said = hear(&mut host, &(OPENING.to_owned() + &begin(0)));
    host.replace(services("cow", &same), Duration::ZERO);
    assert!(host.poll_timeout().is_some_and(|due| due <= host.clock.now()));
    host.handle_timeout(host.clock.now());
    said += &hear(&mut host, &begin(1));
    said += &hear(&mut host, &(end(0) + &end(1)));
    assert_eq!((said.matches("dog.").count(), said.matches("cow.").count()), (1, 1), "{said}");
    assert!(!said.contains("CE") && !said.contains("400"), "it goes on: {said}");
}

#[test]
fn transactions_for_a_service_that_is_gone_are_refused_after_a_while() {
    let same = same();
    let mut host = hosting(services("dog", &same));
    let mut said = hear(&mut host, &(OPENING.to_owned() + &begin(0)));
    let mut rest = Services::new();
    rest.add(same);
    host.replace(rest, Duration::ZERO);
    host.handle_timeout(host.clock.now());
    said += &hear(&mut host, &begin(1));
    assert!(said.contains("TE 1 {400 "), "{said}");
    said += &hear(&mut host, &end(0));
    assert!(said.contains("dog.") && said.ends_with("CE;\r\n"), "{said}");
}

#[test]
fn a_connection_whose_services_stay_does_not_notice() {
    let same = same();
    let mut host = hosting(services("dog", &same));
    hear(&mut host, "CS;\r\nNO ();\r\nSGC 1 ({\"8:urn:same\"});\r\n");
    host.replace(services("cow", &same), Duration::ZERO);
    host.handle_timeout(host.clock.now());
    assert!(hear(&mut host, &begin(0)).contains("cat."));
    hear(&mut host, &end(0));
    let opening = format!("SGC 2 ({{\"5:urn:s\"}});\r\n{}", begin(1).replace("1 1", "1 2"));
    let said = hear(&mut host, &opening);
    assert!(said.contains("cow.") && !said.contains("CE"), "a new group has the new service: {said}");
}
