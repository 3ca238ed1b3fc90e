//! What a peer says first, so that an input need not find it out.

use ocp_proto::Role;

const SERVER: [&str; 16] = [
    "",
    "CS;|",
    "CS;|NO ();|",
    "CS;|NO ();|SGC 1 ({\"7:ocp://s\"});|",
    "CS;|NO ();|SGC 1 ({\"7:ocp://s\"});|TS 0 1;|",
    "CS;|NO ();|SGC 1 ({\"7:ocp://s\"});|TS 0 1;|AMS 0;|",
    "CS;|NO ();|SGC 1 ({\"7:ocp://s\"});|TS 0 1;|AMS 0;|DUM 0 0|5:hello|;|",
    "CS;|SGC 1 ({\"7:ocp://s\"});|TS 0 1;|AMS 0;|DUM 0 0|Kept: {0 90}||90:|",
    "CS;|SGC 1 ({\"7:ocp://s\"});|TS 0 1;|AMS 0;|DUM 0 0|Kept: 0 5||5:hello|;|AME 0;|",
    "CS;|SGC 1 ({\"7:ocp://s\"});|TS 0 1;|AMS 0;|TS 1 1;|AMS 1;|DUM 1 0|5:hello|;|DWP 0 0;|",
    "CS;|NO ({\"10:ocp://able\"},{\"1:a\"})|Offer-Pending: true|;|",
    "CS;|NO ({\"10:ocp://able\"})|Offer-Pending: true|;|SGC 1 ({\"7:ocp://s\"});|",
    "CS;|SGC 1 ({\"7:ocp://s\"});|TS 0 1;|AMS 0;|DUM 0 0|5:hello|;|DSS 0;|",
    "CS;|SGC 1 ({\"7:ocp://s\"});|TS 2147483646 1;|AMS 2147483646;|",
    "CS;|SGC 1 ({\"7:ocp://s\"});|TS 0 1;|AMS 0;|DUM 0 0|2147483647:x|",
    "CS;|SGC 1 ({\"7:ocp://s\"});|SGC 2 ({\"7:ocp://t\"},{\"7:ocp://s\"});|NO ({\"10:ocp://able\"})|SG: 2|;|TS 0 2;|",
];

const PROCESSOR: [&str; 16] = [
    "",
    "CS;|",
    "CS;|NR;|",
    "CS;|NR;|AMS 0;|",
    "CS;|NR;|AMS 0;|DUM 0 0|5:hello|;|",
    "CS;|NR;|AMS 0;|DUY 0 0 5;|",
    "CS;|NR;|AMS 0;|DPI 0 0 100;|DUY 0 0 100;|",
    "CS;|NR;|AMS 0;|DWSS 0;|",
    "CS;|NR;|AMS 0;|DWSS 0;|DWSR 0 10;|",
    "CS;|NR;|AMS 0;|DWSR 0 10;|",
    "CS;|NR;|DWP 0 100;|",
    "CS;|NR;|DWP 0 0;|DWM 0;|",
    "CS;|NR|Offer-Pending: true|;|",
    "CS;|NO ({\"10:ocp://able\"});|NR;|",
    "CS;|NR;|AMS 0;|AMS 1;|AMS 2;|DWSS 1;|",
    "CS;|NR;|AMS 0;|DUM 0 0|5:hello|;|AME 0;|",
];

/// The messages of this choice, in octets.
pub(super) fn of(role: Role, choice: u8) -> &'static [u8] {
    use std::sync::OnceLock;
    static OCTETS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let all = OCTETS.get_or_init(|| {
        SERVER.iter().chain(&PROCESSOR).map(|text| text.replace('|', "\r\n").into_bytes()).collect()
    });
    let first = if role == Role::Server { 0 } else { SERVER.len() };
    &all[first + usize::from(choice)]
}
