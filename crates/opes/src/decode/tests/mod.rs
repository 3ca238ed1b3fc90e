mod clean;
mod hostile;
mod printing;
mod rules;

use super::*;

/// The report on one capture, and the number of violations.
fn report(octets: &[u8]) -> (String, u64) {
    reports(vec![(octets, None)])
}

/// The report on both directions.
fn both(processor: &[u8], server: &[u8]) -> (String, u64) {
    reports(vec![(processor, Some(Role::Processor)), (server, Some(Role::Server))])
}

fn reports(captures: Vec<(&[u8], Option<Role>)>) -> (String, u64) {
    let sides = captures.into_iter().map(|(octets, role)| {
        let source = io::Cursor::new(octets.to_vec());
        Side::new(Capture::new(Box::new(source)), role)
    });
    let mut out = Vec::new();
    let violations = decode(sides.collect(), &mut out).unwrap();
    (String::from_utf8(out).unwrap(), violations)
}

/// The requirements that the report says are violated.
fn violated(report: &(String, u64)) -> Vec<&str> {
    let lines = report.0.lines().filter_map(|line| line.strip_prefix("! "));
    let ids: Vec<_> = lines.map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(ids.len() as u64, report.1, "{}", report.0);
    ids
}
