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
    for octet in octets {
        let digit = octet.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // At most 19 digits: less than 2^64.
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    (number <= max).then_some(number)
}

/// The most digits of a number.
const DIGITS: usize = 20;

/// Appends `number` in decimal.
pub fn write(number: u64, out: &mut Vec<u8>) {
    // Twice the room, so that as many octets as a number can have may be copied from wherever it begins: a copy of a
    // constant size takes no call, and what is too much of it goes again.
    let mut digits = [b'0'; 2 * DIGITS];
    let (mut at, mut rest) = (DIGITS, number);
    while rest >= 10 {
        let pair = 2 * (rest % 100) as usize;
        at -= 2;
        digits[at] = PAIRS[pair];
        digits[at + 1] = PAIRS[pair + 1];
        rest /= 100;
    }
    if rest > 0 || at == DIGITS {
        at -= 1;
        digits[at] += rest as u8;
    }
    let end = out.len() + DIGITS - at;
    if out.capacity() - out.len() < DIGITS {
        return out.extend_from_slice(&digits[at..DIGITS]);
    }
    out.extend_from_slice(&digits[at..at + DIGITS]);
    out.truncate(end);
}

/// 00 to 99.
static PAIRS: [u8; 200] = {
    let mut pairs = [0; 200];
    let mut number = 0;
    while number < 100 {
        pairs[2 * number] = b'0' + (number / 10) as u8;
        pairs[2 * number + 1] = b'0' + (number % 10) as u8;
        number += 1;
    }
    pairs
};

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
        for number in (0..1100).chain([4037, 9999, 10_000, 12_345, MAX, u64::MAX - 1, u64::MAX]) {
            let mut out = Vec::new();
            write(number, &mut out);
            assert_eq!(out, number.to_string().as_bytes());
        }
    }
}
