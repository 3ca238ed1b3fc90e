//! What services see of an HTTP message: neutral attributes, read from its heads.

use http::Method;
use httparse::Header;
use opes_sdk::Attributes;

pub use super::describe::{describe, refusal};
use super::head::HeadError;
use super::raw::{self, RawRequest};
use super::{Profile, media_type};
use crate::list;

/// The most content codings that a message may have, each applied over the one before it.
const MAX_CODINGS: usize = 16;

/// How many accepted codings are looked at; no client needs that many.
const MAX_ACCEPTED_CODINGS: usize = 64;

/// The attributes of the message that `head` (its header part) belongs to.
///
/// In the response profile `aux_request` is the header part of the request, where it was negotiated: without
/// it a response has no `uri`, `method` and `accepted_codings`. In the request profile it is not looked at,
/// and `accepted_codings` stays empty, as Accept-Encoding is about the response. `am_el` is the body's length
/// in octets as AM-EL gives it; Content-Length is not trusted (RFC 4236 section 3.8.1). The client,
/// parameters and variables are not in the message and stay empty.
///
/// # Errors
///
/// A [`HeadError`] when either head cannot be read, or has more content codings than make sense.
pub fn attributes(
    profile: Profile,
    aux_request: Option<&[u8]>,
    head: &[u8],
    am_el: Option<u64>,
) -> Result<Attributes, HeadError> {
    let mut slots = raw::slots();
    let mut attributes = Attributes { length: am_el, ..Attributes::default() };
    match profile {
        Profile::Request => {
            let request = raw::request(head, &mut slots)?;
            asked_for(&request, &mut attributes);
            content(request.fields, &mut attributes)?;
        }
        Profile::Response => {
            let response = raw::response(head, &mut slots)?;
            attributes.status = Some(response.status.as_u16());
            content(response.fields, &mut attributes)?;
            if let Some(octets) = aux_request {
                let mut slots = raw::slots();
                let request = raw::request(octets, &mut slots)?;
                asked_for(&request, &mut attributes);
                attributes.accepted_codings = accepted_codings(request.fields);
            }
        }
    }
    Ok(attributes)
}

fn asked_for(request: &RawRequest<'_, '_>, attributes: &mut Attributes) {
    attributes.method = Some(request.method.to_owned());
    attributes.uri = target_uri(request);
}

fn content(fields: &[Header<'_>], attributes: &mut Attributes) -> Result<(), HeadError> {
    // A message has one Content-Type; where a broken one has several, recipients go by the last.
    if let Some(value) = values(fields, "content-type").last() {
        attributes.media_type = media_type::essence(value);
        attributes.charset = media_type::charset(value);
    }
    for coding in values(fields, "content-encoding").flat_map(list::elements) {
        if attributes.coding.len() == MAX_CODINGS {
            return Err(HeadError::TooManyMembers("Content-Encoding"));
        }
        match canonical_coding(coding) {
            coding if coding == "identity" => {}
            coding => attributes.coding.push(coding),
        }
    }
    Ok(())
}

/// The absolute URI that a request is for (RFC 9112 section 3.3); `None` where the head does not tell.
fn target_uri(request: &RawRequest<'_, '_>) -> Option<String> {
    let target = request.target;
    if is_absolute(target) {
        return Some(target.to_owned());
    }
    if request.method == Method::CONNECT.as_str() {
        return is_authority(target).then(|| format!("http://{target}"));
    }
    let path = match target {
        "*" => "",
        path if path.starts_with('/') => path,
        _ => return None,
    };
    let host = sole_host(request.fields)?;
    Some(format!("http://{host}{path}"))
}

fn is_absolute(target: &str) -> bool {
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet);
    target.split_once("://").is_some_and(|(scheme, rest)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(allowed)
            && !rest.is_empty()
    })
}

/// The value of Host, where there is one field and it names an authority (RFC 9112 section 3.2).
fn sole_host<'b>(fields: &[Header<'b>]) -> Option<&'b str> {
    let mut hosts = values(fields, "host");
    let host = std::str::from_utf8(hosts.next()?).ok()?;
    (hosts.next().is_none() && is_authority(host)).then_some(host)
}

/// Whether this is a host with or without a port; user information is none of ours (RFC 9110 section 4.2.4).
fn is_authority(text: &str) -> bool {
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&octet);
    !text.is_empty() && text.bytes().all(allowed)
}

/// The codings of Accept-Encoding that are acceptable, the preferred first (RFC 9110 section 12.5.3).
fn accepted_codings(fields: &[Header<'_>]) -> Vec<String> {
    let members = values(fields, "accept-encoding").flat_map(list::elements);
    let mut accepted = members.take(MAX_ACCEPTED_CODINGS).filter_map(weighted).collect::<Vec<_>>();
    accepted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    accepted.into_iter().map(|(_, coding)| coding).collect()
}

/// A coding with its weight in thousandths; `None` when it is not acceptable or not understood.
fn weighted(member: &[u8]) -> Option<(u16, String)> {
    let mut pieces = list::split(member, b';');
    let coding = pieces.next().filter(|coding| list::is_token(coding))?;
    let q = pieces.map(list::name_and_value).find(|(name, _)| name.eq_ignore_ascii_case(b"q"));
    let weight = match q {
        Some((_, value)) => thousandths(value?)?,
        None => 1000,
    };
    (weight > 0).then(|| (weight, canonical_coding(coding)))
}

/// A `qvalue` in thousandths (RFC 9110 section 12.4.2).
fn thousandths(qvalue: &[u8]) -> Option<u16> {
    let (whole, decimals) = match qvalue {
        [whole @ (b'0' | b'1')] => (whole, &[][..]),
        [whole @ (b'0' | b'1'), b'.', decimals @ ..] if decimals.len() <= 3 => (whole, decimals),
        _ => return None,
    };
    let mut weight = u16::from(whole - b'0');
    for at in 0..3 {
        let digit = *decimals.get(at).unwrap_or(&b'0');
        weight = weight * 10 + u16::from(digit.is_ascii_digit().then(|| digit - b'0')?);
    }
    (weight <= 1000).then_some(weight)
}

/// A coding's name in lower case, and the old names as the new ones (RFC 9110 sections 8.4.1.1 and 8.4.1.3).
fn canonical_coding(coding: &[u8]) -> String {
    let mut name = String::from_utf8_lossy(coding).into_owned();
    name.make_ascii_lowercase();
    match &name[..] {
        "x-gzip" => "gzip".to_owned(),
        "x-compress" => "compress".to_owned(),
        _ => name,
    }
}

fn values<'h, 'b>(fields: &'h [Header<'b>], name: &'static str) -> impl Iterator<Item = &'b [u8]> + 'h {
    fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
}

#[cfg(test)]
mod tests;
