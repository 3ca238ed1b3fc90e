//! A body's codings, applied.

use std::collections::VecDeque;
use std::io::{self, Write};

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::{Coding, Codings, EncodeError};

/// Levels that keep up with a connection; who cares more about octets codes where the content is made.
const GZIP_LEVEL: u32 = 5;
const BR_QUALITY: u32 = 4;
const ZSTD_LEVEL: i32 = 3;

/// Of the window of `br`, 1 MiB: it is memory of both sides.
const BR_WINDOW_LOG: u32 = 20;

/// What an encoder of `br` writes at once.
const BR_BUFFER: usize = 16 * 1024;

/// Applies codings to one body: [`push`](Self::push) its octets and [`pull`](Self::pull) what comes out.
///
/// What is pushed may stay inside until more comes, or [`flush`](Self::flush) or [`finish`](Self::finish) drives it out.
pub struct Encoder {
    /// The first is applied first.
    layers: Vec<Layer>,
    output: VecDeque<Bytes>,
    waiting: usize,
    /// Something was pushed that no flush has driven out.
    pushed: bool,
    finished: bool,
}

impl Encoder {
    /// An encoder that applies these codings in their order.
    ///
    /// # Errors
    ///
    /// One of the encoders cannot be made, for want of memory.
    pub fn new(codings: &Codings) -> Result<Self, EncodeError> {
        let layers = codings.iter().map(Layer::new).collect::<Result<_, _>>()?;
        Ok(Self { layers, output: VecDeque::new(), waiting: 0, pushed: false, finished: false })
    }

    /// Takes the next octets; after [`finish`](Self::finish) there are none.
    ///
    /// # Errors
    ///
    /// An encoder fails; the body cannot be completed then.
    pub fn push(&mut self, octets: Bytes) -> Result<(), EncodeError> {
        if self.finished {
            return Ok(());
        }
        self.pushed |= !octets.is_empty();
        let coded = self.layers.iter_mut().try_fold(octets, |octets, layer| layer.push(&octets))?;
        self.queue(coded);
        Ok(())
    }

    /// Drives out whatever was pushed, so that who decodes what comes out has all of it.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn flush(&mut self) -> Result<(), EncodeError> {
        if !std::mem::take(&mut self.pushed) || self.finished {
            return Ok(());
        }
        let coded = self.layers.iter_mut().try_fold(Bytes::new(), |octets, layer| layer.flush(&octets))?;
        self.queue(coded);
        Ok(())
    }

    /// Ends the body.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn finish(&mut self) -> Result<(), EncodeError> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(());
        }
        let layers = std::mem::take(&mut self.layers);
        let coded = layers.into_iter().try_fold(Bytes::new(), |octets, layer| layer.finish(&octets))?;
        self.queue(coded);
        Ok(())
    }

    /// The next coded octets.
    pub fn pull(&mut self) -> Option<Bytes> {
        let octets = self.output.pop_front()?;
        self.waiting -= octets.len();
        Some(octets)
    }

    /// Whether something was pushed that [`flush`](Self::flush) might drive out.
    pub fn is_behind(&self) -> bool {
        self.pushed && !self.finished
    }

    /// Coded octets that were not pulled.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    fn queue(&mut self, octets: Bytes) {
        if !octets.is_empty() {
            self.waiting += octets.len();
            self.output.push_back(octets);
        }
    }
}

/// One coding, which writes into a vector of its own.
struct Layer {
    coding: Coding,
    format: Format,
}

enum Format {
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
    Br(Box<CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Layer {
    fn new(coding: Coding) -> Result<Self, EncodeError> {
        let level = Compression::new(GZIP_LEVEL);
        let format = match coding {
            Coding::Gzip => Format::Gzip(GzEncoder::new(Vec::new(), level)),
            Coding::Deflate => Format::Deflate(ZlibEncoder::new(Vec::new(), level)),
            Coding::Br => {
                let writer = CompressorWriter::new(Vec::new(), BR_BUFFER, BR_QUALITY, BR_WINDOW_LOG);
                Format::Br(Box::new(writer))
            }
            Coding::Zstd => {
                let encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL);
                Format::Zstd(encoder.map_err(|error| failed(coding, &error))?)
            }
        };
        Ok(Self { coding, format })
    }

    fn push(&mut self, octets: &[u8]) -> Result<Bytes, EncodeError> {
        self.writer().write_all(octets).map_err(|error| failed(self.coding, &error))?;
        Ok(self.take())
    }

    fn flush(&mut self, octets: &[u8]) -> Result<Bytes, EncodeError> {
        let writer = self.writer();
        writer
            .write_all(octets)
            .and_then(|()| writer.flush())
            .map_err(|error| failed(self.coding, &error))?;
        Ok(self.take())
    }

    fn finish(mut self, octets: &[u8]) -> Result<Bytes, EncodeError> {
        let written = self.writer().write_all(octets);
        let finished = written.and_then(|()| match self.format {
            Format::Gzip(encoder) => encoder.finish(),
            Format::Deflate(encoder) => encoder.finish(),
            Format::Br(encoder) => Ok(encoder.into_inner()),
            Format::Zstd(encoder) => encoder.finish(),
        });
        finished.map(Bytes::from).map_err(|error| failed(self.coding, &error))
    }

    fn writer(&mut self) -> &mut dyn Write {
        match &mut self.format {
            Format::Gzip(encoder) => encoder,
            Format::Deflate(encoder) => encoder,
            Format::Br(encoder) => encoder,
            Format::Zstd(encoder) => encoder,
        }
    }

    fn take(&mut self) -> Bytes {
        let written = match &mut self.format {
            Format::Gzip(encoder) => encoder.get_mut(),
            Format::Deflate(encoder) => encoder.get_mut(),
            Format::Br(encoder) => encoder.get_mut(),
            Format::Zstd(encoder) => encoder.get_mut(),
        };
        Bytes::from(std::mem::take(written))
    }
}

fn failed(coding: Coding, error: &io::Error) -> EncodeError {
    EncodeError { coding, problem: error.to_string() }
}
