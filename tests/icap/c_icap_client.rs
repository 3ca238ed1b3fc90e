//! The client of c-icap, which somebody else wrote.

use std::path::Path;
use std::process::Command;

use opes_tests::config::{DIGEST, SUBSTITUTE};
use opes_tests::octets::Pattern;
use opes_tests::oracle::substitute;
use opes_tests::place::Place;
use opes_tests::process::run;

use crate::Gateway;

/// Sends a file; gives what comes back, and what it prints.
fn client(gateway: &Gateway, place: &Place, file: &Path, arguments: &[&str]) -> (Option<Vec<u8>>, String) {
    let out = place.path().join("out");
    let _ = std::fs::remove_file(&out);
    let mut command = Command::new("c-icap-client");
    let address = gateway.opes.address;
    command.args(["-i", &address.ip().to_string(), "-p", &address.port().to_string(), "-s", "scan", "-v"]);
    command.arg("-f").arg(file).arg("-o").arg(&out).args(arguments);
    let done = run(command);
    let printed = format!("{}{}", done.stdout, done.stderr);
    assert!(done.status.success(), "{printed}");
    (std::fs::read(&out).ok().filter(|octets| !octets.is_empty()), printed)
}

#[test]
fn options_are_understood() {
    let gateway = Gateway::here(&["substitute"]);
    let mut command = Command::new("c-icap-client");
    let address = gateway.opes.address;
    command.args(["-i", &address.ip().to_string(), "-p", &address.port().to_string(), "-s", "scan", "-v"]);
    let done = run(command);
    let printed = format!("{}{}", done.stdout, done.stderr);
    assert!(printed.contains("Allow 204: Yes") && printed.contains("Preview: 4096"), "{printed}");
}

#[test]
fn files_of_every_size_are_adapted() {
    let place = Place::new();
    let gateway = Gateway::elsewhere(&[SUBSTITUTE]);
    for size in [1u64, 1000, 4096, 4097, 405_264, 20_000_000] {
        let octets = Pattern::new(3).slice(0, size);
        let file = place.write("file", &octets);
        let expected = substitute(&octets, b"cat", b"tiger");
        for arguments in [&[][..], &["-no204"], &["-nopreview"], &["-no204", "-nopreview"]] {
            let (came, printed) = client(&gateway, &place, &file, arguments);
            match came {
                Some(came) => {
                    assert!(came == expected, "{size} {arguments:?}: {} octets came\n{printed}", came.len());
                }
                // It writes nothing where the answer was 204.
                None => assert!(expected == octets, "{size} {arguments:?}\n{printed}"),
            }
        }
    }
}

#[test]
fn files_that_are_only_looked_at_stay_with_the_client() {
    let place = Place::new();
    let gateway = Gateway::elsewhere(&[DIGEST]);
    let octets = Pattern::new(4).slice(0, 5_000_000);
    let file = place.write("file", &octets);
    let (came, printed) = client(&gateway, &place, &file, &[]);
    assert!(came.is_none(), "{printed}");
    let (came, printed) = client(&gateway, &place, &file, &["-no204"]);
    assert!(came.is_some_and(|came| came == octets), "{printed}");
}
