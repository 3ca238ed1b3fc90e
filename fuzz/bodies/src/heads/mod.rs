//! Application messages inside OCP: heads, trailers, traces, bypass and the negotiation of profiles.

mod head;
mod negotiation;
mod trace;

/// Reads the input as what its first octet says; what can be read is written and read again.
pub fn heads(input: &[u8]) {
    let mut rest = input;
    let choice = rest.split_off_first().copied().unwrap_or_default();
    match choice % 8 {
        0 => head::request(rest),
        1 => head::response(rest),
        2 => head::trailer(rest),
        3 => head::described(rest),
        4 => trace::entries(rest),
        5 => trace::bypass(rest),
        6 => negotiation::profile(rest),
        _ => negotiation::parts(rest),
    }
}
