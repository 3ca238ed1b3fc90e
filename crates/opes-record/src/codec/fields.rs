//! The fields of a record, one after the other. What is changed here needs another version of blocks.

use std::net::IpAddr;

use super::CodecError;
use super::words::{Reader, Writer};
use crate::detail::Client;
use crate::id::TraceId;
use crate::list::List;
use crate::outcome::{Direction, Outcome, Point};
use crate::record::{Bypass, Bypassed, HeaderValue, Parameter, Place, Record, RuleMatch, ServiceUse, Span};
use crate::text::Text;

const DIRECTIONS: [Direction; 2] = [Direction::Request, Direction::Response];
const POINTS: [Point; 4] = [Point::RequestIn, Point::RequestOut, Point::ResponseIn, Point::ResponseOut];

type Read<T> = Result<T, CodecError>;

/// The place in a table.
fn code<T: PartialEq>(table: &[T], value: &T) -> u8 {
    table.iter().position(|known| known == value).unwrap_or_default() as u8
}

fn coded<T: Copy>(table: &[T], reader: &mut Reader<'_>, what: &'static str) -> Read<T> {
    table.get(usize::from(reader.octet()?)).copied().ok_or(CodecError::Value(what))
}

fn write_list<T, const MAX: usize, const HERE: usize>(
    list: &List<T, MAX, HERE>,
    writer: &mut Writer<'_>,
    mut each: impl FnMut(&mut Writer<'_>, &T),
) {
    writer.number(list.len() as u64);
    writer.number(list.left_out());
    for item in list {
        each(writer, item);
    }
}

fn read_list<'a, T, const MAX: usize, const HERE: usize>(
    reader: &mut Reader<'a>,
    mut each: impl FnMut(&mut Reader<'a>) -> Read<T>,
) -> Read<List<T, MAX, HERE>> {
    let (items, left_out) = (reader.small::<usize>()?, reader.small()?);
    if items > MAX {
        return Err(CodecError::Value("list of its size"));
    }
    let items = (0..items).map(|_| each(reader)).collect::<Read<Vec<T>>>()?;
    Ok(List::of(items, left_out))
}

impl Record {
    /// Writes all but the identifier.
    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        writer.number(self.begun.wrapping_sub(self.id.millis()));
        writer.octet(code(&DIRECTIONS, &self.direction));
        writer.word(&self.method);
        writer.maybe(self.uri.as_ref(), |writer, uri| writer.text(uri));
        writer.maybe(self.status, Writer::number);
        writer.maybe(self.client.as_ref(), |writer, client| client.write(writer));
        writer.octet(code(&Outcome::ALL, &self.outcome));
        write_list(&self.rules, writer, |writer, rule| {
            writer.word(&rule.rule);
            writer.octet(code(&POINTS, &rule.point));
        });
        write_list(&self.services, writer, |writer, service| service.write(writer));
        write_list(&self.bypasses, writer, |writer, bypass| bypass.write(writer));
        writer.maybe(self.failure.as_ref(), |writer, failure| writer.word(failure));
        let mut first = true;
        write_list(&self.trace, writer, |writer, entry| {
            // The system's entry has the identifier in it.
            if std::mem::take(&mut first) { writer.text(entry) } else { writer.word(entry) }
        });
        write_list(&self.headers, writer, |writer, field| {
            writer.word(&field.name);
            writer.word(&field.value);
        });
        writer.number(self.octets_in);
        writer.number(self.octets_out);
        writer.number(self.micros);
        writer.number(self.strangers);
    }

    /// Reads the record of this identifier: all of the octets.
    pub(super) fn read(id: TraceId, reader: &mut Reader<'_>) -> Read<Self> {
        let begun = reader.number()?.wrapping_add(id.millis());
        let direction = coded(&DIRECTIONS, reader, "direction")?;
        let method = reader.word()?;
        let mut first = true;
        let record = Self {
            uri: reader.maybe(|reader| reader.text().map(Text::new))?,
            status: reader.maybe(Reader::small)?,
            client: reader.maybe(Client::read)?,
            outcome: coded(&Outcome::ALL, reader, "outcome")?,
            rules: read_list(reader, |reader| {
                Ok(RuleMatch { rule: reader.word()?.into(), point: coded(&POINTS, reader, "point")? })
            })?,
            services: read_list(reader, ServiceUse::read)?,
            bypasses: read_list(reader, Bypass::read)?,
            failure: reader.maybe(|reader| reader.word().map(Text::new))?,
            trace: read_list(reader, |reader| {
                let entry = if std::mem::take(&mut first) { reader.text() } else { reader.word() };
                entry.map(Text::new)
            })?,
            headers: read_list(reader, |reader| {
                Ok(HeaderValue { name: reader.word()?.into(), value: reader.word()?.into() })
            })?,
            octets_in: reader.number()?,
            octets_out: reader.number()?,
            micros: reader.number()?,
            strangers: reader.small()?,
            ..Self::new(id, begun, direction, method)
        };
        reader.end()?;
        Ok(record)
    }
}

impl Client {
    fn write(&self, writer: &mut Writer<'_>) {
        let (address, bits) = match self {
            Self::Address(address) => (address, None),
            Self::Network(address, bits) => (address, Some(*bits)),
        };
        match address {
            IpAddr::V4(address) => {
                writer.octet(4);
                writer.octets(&address.octets());
            }
            IpAddr::V6(address) => {
                writer.octet(6);
                writer.octets(&address.octets());
            }
        }
        writer.maybe(bits, Writer::octet);
    }

    fn read(reader: &mut Reader<'_>) -> Read<Self> {
        const NO_ADDRESS: CodecError = CodecError::Value("address");
        let address = match reader.octet()? {
            4 => <[u8; 4]>::try_from(reader.octets(4)?).map(IpAddr::from).map_err(|_| NO_ADDRESS)?,
            6 => <[u8; 16]>::try_from(reader.octets(16)?).map(IpAddr::from).map_err(|_| NO_ADDRESS)?,
            _ => return Err(NO_ADDRESS),
        };
        let bits = reader.maybe(Reader::octet)?;
        Ok(bits.map_or(Self::Address(address), |bits| Self::Network(address, bits)))
    }
}

impl ServiceUse {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.word(&self.uri);
        let place = match &self.place {
            Place::Here => None,
            Place::Callout { name, address } => Some((name, address)),
        };
        writer.maybe(place, |writer, (name, address)| {
            writer.word(name);
            writer.word(address);
        });
        writer.number(self.run);
        writer.maybe(self.result, Writer::number);
        writer.number(self.octets_in);
        writer.number(self.octets_out);
        writer.maybe(self.span.as_ref(), |writer, span| span.write(writer));
        write_list(&self.pauses, writer, |writer, pause| pause.write(writer));
        writer.maybe(self.verdict.as_ref(), |writer, verdict| writer.word(verdict));
        write_list(&self.parameters, writer, |writer, parameter| {
            writer.word(&parameter.name);
            writer.word(&parameter.value);
        });
    }

    fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let uri = reader.word()?;
        let callout = reader.maybe(|reader| {
            Ok(Place::Callout { name: reader.word()?.into(), address: reader.word()?.into() })
        })?;
        Ok(Self {
            run: reader.small()?,
            result: reader.maybe(Reader::small)?,
            octets_in: reader.number()?,
            octets_out: reader.number()?,
            span: reader.maybe(Span::read)?,
            pauses: read_list(reader, Span::read)?,
            verdict: reader.maybe(|reader| reader.word().map(Text::new))?,
            parameters: read_list(reader, |reader| {
                Ok(Parameter { name: reader.word()?.into(), value: reader.word()?.into() })
            })?,
            ..Self::new(uri, callout.unwrap_or(Place::Here))
        })
    }
}

impl Span {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.number(self.start);
        writer.number(self.end);
    }

    fn read(reader: &mut Reader<'_>) -> Read<Self> {
        Ok(Self { start: reader.number()?, end: reader.number()? })
    }
}

impl Bypass {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.word(&self.entry);
        let why = match &self.done {
            Bypassed::Honoured => None,
            Bypassed::Ignored(why) => Some(why),
        };
        writer.maybe(why, |writer, why| writer.word(why));
    }

    fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let entry = reader.word()?.into();
        let why = reader.maybe(|reader| reader.word().map(Text::new))?;
        Ok(Self { entry, done: why.map_or(Bypassed::Honoured, Bypassed::Ignored) })
    }
}
