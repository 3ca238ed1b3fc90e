use super::*;

fn lines(octets: &str) -> Vec<String> {
    let (text, _) = report(octets.as_bytes());
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_message_is_a_line_and_what_is_complex_stands_below() {
    let octets = "CS;\r\nNO ({\"7:urn:a:b\"\r\nAux-Parts: (x,y)\r\nZ: {1 (2)}\r\n},{c}) extra\r\nSG: 5\r\n;\r\n\
                  DUM 1 0\r\nKept: 0 16\r\n\r\n6:a\x1b\"\\\r\n\r\n;\r\nX-own \"3:a b\";\r\nCE {400 \"2:no\"};\r\n";
    let wanted = [
        "            0   CS                        Connection Start",
        "            5   NO                        Negotiation Offer",
        "                (",
        "                  {\"urn:a:b\"",
        "                    Aux-Parts: (x, y)",
        "                    Z: {1 (2)}",
        "                  },",
        "                  {c}",
        "                )",
        "                extra",
        "                SG: 5",
        "           77   DUM 1 0                   Data Use Mine",
        "                Kept: 0 16",
        "                payload of 6 octets: \"a\\x1b\\\"\\\\\\r\\n\"",
        "! OCP-2.2-02 at 77: transaction 1: data before AMS",
        "          113   X-own \"a b\"               not of OCP Core",
        "          129   CE {400 no}               Connection End",
        "5 messages, 1 violation",
    ];
    assert_eq!(lines(octets), wanted);
}

#[test]
fn long_things_are_cut() {
    let octets = format!("CS;\r\nX \"300:{}\"\r\n500:{}\r\n;\r\n", "a".repeat(300), "b".repeat(500));
    let shown = lines(&octets);
    assert_eq!(shown[2].trim(), format!("\"{}\"... (300 octets)", "a".repeat(200)));
    assert_eq!(shown[3].trim(), format!("payload of 500 octets: \"{}\"...", "b".repeat(48)));
}

#[test]
fn the_end_of_a_capture_is_told() {
    let last = |octets: &str| lines(octets).iter().rev().skip(1).take(2).rev().cloned().collect::<Vec<_>>();
    assert_eq!(last("CS;\r\n")[1], "            5   (the capture ends without CE)");
    assert_eq!(last("CS;\r\nCE;\r\n")[1].trim_start(), "5   CE                        Connection End");
    let cut = last("CS;\r\nX\r\n9:abc");
    assert_eq!(cut[0], "           13   (the capture ends inside a message, after 8 octets of it)");
    assert_eq!(cut[1], "! OCP-11.2-02 at 13: the connection ends inside a message, and CE has not come");
    let (text, violations) = report(b"CS;\r\nCE;\r\nP");
    assert_eq!(violations, 0, "{text}");
    assert!(text.contains("after 1 octets of it"), "{text}");
    assert_eq!(lines("")[0], "            0   (the capture ends without CE)");
}

#[test]
fn a_payload_that_is_not_all_there_says_so() {
    let (text, _) = report(b"CS;\r\nX\r\n9:abc");
    assert!(text.contains("payload of 9 octets, of which 3 are there: \"abc\"\n"), "{text}");
}

#[test]
fn two_directions_are_printed_in_an_order_that_can_have_been() {
    let processor = "CS;\r\nNO ();\r\nSGC 1 ();\r\nTS 0 1;\r\nAMS 0;\r\nDUM 0 0\r\nKept: 0 2\r\n\r\n2:ab\r\n;\r\n\
                     AME 0;\r\nDSS 0;\r\nTE 0;\r\nCE;\r\n";
    let server = "CS;\r\nNR;\r\nAMS 0;\r\nDUY 0 0 2;\r\nDWSS 0;\r\nAME 0 {206};\r\nCE;\r\n";
    let (text, violations) = both(processor.as_bytes(), server.as_bytes());
    assert_eq!(violations, 0, "{text}");
    let order = text.lines().filter(|line| !line.starts_with("     "));
    let order: Vec<_> = order.map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    let names: Vec<_> =
        order.iter().filter(|words| words[0].len() == 1).map(|words| (words[0], words[2])).collect();
    let wanted = "S CS, P CS, P NO, S NR, P SGC, P TS, S AMS, P AMS, P DUM, S DUY, S DWSS, P AME, P DSS, S AME, P TE, \
                  P CE, S CE";
    assert_eq!(
        names.iter().map(|(who, name)| format!("{who} {name}")).collect::<Vec<_>>().join(", "),
        wanted
    );
}
