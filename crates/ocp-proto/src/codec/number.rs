//! Decimal numbers of the wire: sizes, offsets, identifiers (RFC 4037 sections 3.1, 10.2 to 10.4).

/// The largest size, offset or identifier of OCP Core.
pub const MAX: u64 = 2_147_483_647;

/// The largest size or offset where large sizes were negotiated (`proto-spec/extensions/large-sizes.md`).
pub const LARGE_MAX: u64 = (1 << 62) - 1;

/// Reads a `dec-number`: digits only, no sign, no leading zero, at most [`MAX`].
pub fn parse(octets: &[u8]) -> Option<u64> {
    parse_up_to(octets, MAX)
}

/// Reads a `dec-number` of at most `max`.
pub fn parse_up_to(octets: &[u8], max: u64) -> Option<u64> {
    if octets.is_empty() || octets.len() > 19 || (octets[0] == b'0' && octets.len() > 1) {
        return None;
    }
    let mut number = 0_u64;
    for digit in octets {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + u64::from(digit - b'0');
    }
    (number <= max).then_some(number)
}

/// Appends `number` in decimal.
pub fn write(number: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: OCP-3.1-16, OCP-3.1-21, OCP-3.1-22, OCP-10.2-01, OCP-10.3-01, OCP-10.4-01
    #[test]
    fn numbers_have_one_spelling_and_a_limit() {
        assert_eq!(parse(b"0"), Some(0));
        assert_eq!(parse(b"2147483647"), Some(MAX));
        for bad in ["", "00", "01", "+1", "-1", "1 ", "2147483648", "18446744073709551617", "1a"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 7, 10, 4037, MAX, u64::MAX] {
            let mut out = Vec::new();
            write(number, &mut out);
            assert_eq!(out, number.to_string().as_bytes());
        }
    }
}
