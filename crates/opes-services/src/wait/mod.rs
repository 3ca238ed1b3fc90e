//! Services that wait for something outside.

#[cfg(feature = "clamav")]
pub(crate) mod clamav;
