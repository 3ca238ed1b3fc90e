//! The ICAP request that is sent again and again.

use std::fmt::Write;

use bytes::{BufMut, Bytes, BytesMut};

use crate::load::{Load, Mode, Profile};
use crate::message::Sample;

/// What ends a chunked body.
const LAST: &[u8] = b"0\r\n\r\n";

/// The octets of a request, the same each time.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// All of it, or with a preview all up to the preview's end.
    pub(crate) first: Bytes,
    /// With a preview that does not hold the whole body: what follows `100 Continue`.
    pub(crate) rest: Option<Bytes>,
    pub(crate) sample: Sample,
    /// The answer may leave the message as it is (204).
    pub(crate) look: bool,
}

impl Request {
    pub(crate) fn new(load: &Load) -> Self {
        let response = load.profile == Profile::Response;
        let sample = Sample::new(response, load.size, load.chunk);
        let look = load.mode == Mode::Look;
        let mut first = BytesMut::from(head(load, &sample).as_bytes());
        first.extend_from_slice(&sample.head);
        let mut rest = None;
        match load.preview {
            _ if sample.size() == 0 => {}
            Some(preview) if preview < sample.size() => {
                let body: Bytes = sample.pieces.concat().into();
                chunk(&mut first, &body[..preview]);
                first.extend_from_slice(LAST);
                let mut more = BytesMut::new();
                for at in (preview..body.len()).step_by(load.chunk.max(1)) {
                    chunk(&mut more, &body[at..body.len().min(at + load.chunk.max(1))]);
                }
                more.extend_from_slice(LAST);
                rest = Some(more.freeze());
            }
            Some(_) => {
                sample.pieces.iter().for_each(|piece| chunk(&mut first, piece));
                first.extend_from_slice(b"0; ieof\r\n\r\n");
            }
            None => {
                sample.pieces.iter().for_each(|piece| chunk(&mut first, piece));
                first.extend_from_slice(LAST);
            }
        }
        Self { first: first.freeze(), rest, sample, look }
    }
}

fn head(load: &Load, sample: &Sample) -> String {
    let (method, section) = match load.profile {
        Profile::Response => ("RESPMOD", "res"),
        Profile::Request => ("REQMOD", "req"),
    };
    let (address, path) = (load.address, load.path.trim_start_matches('/'));
    let body = if sample.size() == 0 { "null" } else { section };
    let mut head = format!("{method} icap://{address}/{path} ICAP/1.0\r\nHost: {address}\r\n");
    if load.mode == Mode::Look {
        head.push_str("Allow: 204\r\n");
    }
    if let Some(preview) = load.preview.filter(|_| sample.size() > 0) {
        // Writing into a string does not fail.
        let _ = write!(head, "Preview: {preview}\r\n");
    }
    let _ = write!(head, "Encapsulated: {section}-hdr=0, {body}-body={}\r\n\r\n", sample.head.len());
    head
}

fn chunk(out: &mut BytesMut, octets: &[u8]) {
    if octets.is_empty() {
        return;
    }
    out.extend_from_slice(format!("{:x}\r\n", octets.len()).as_bytes());
    out.put_slice(octets);
    out.put_slice(b"\r\n");
}
