//! A host that is handed the processor's messages.

use ocp_proto::Transmit;
use opes_sdk::{Attributes, Context, Needs, Segment, Service as OpesService, Step, factory};

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
    Host::new(HostSettings {
        services,
        wanted: Arc::new(Wanted::default()),
        limits: Limits::default(),
        patience: Duration::from_secs(1),
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
