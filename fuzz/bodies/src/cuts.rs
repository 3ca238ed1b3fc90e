//! How an input is cut into reads.

/// Gives octets in pieces of the sizes that the input itself chose, again and again.
pub(crate) struct Cuts<'a> {
    sizes: &'a [u8],
    at: usize,
}

impl<'a> Cuts<'a> {
    /// Takes up to 15 sizes from the front of `input`: a count, then the sizes less one. No sizes cut after every octet.
    pub(crate) fn take(input: &mut &'a [u8]) -> Self {
        let count = input.split_off_first().map_or(0, |count| usize::from(count & 15));
        let sizes = input.split_off(..count.min(input.len())).unwrap_or_default();
        Self { sizes, at: 0 }
    }

    /// The next piece of `rest`, at least one octet of it.
    pub(crate) fn next<'r>(&mut self, rest: &mut &'r [u8]) -> Option<&'r [u8]> {
        let size = self.sizes.get(self.at).map_or(1, |size| usize::from(*size) + 1);
        self.at = if self.at + 1 < self.sizes.len() { self.at + 1 } else { 0 };
        rest.split_off(..size.min(rest.len())).filter(|piece| !piece.is_empty())
    }
}
