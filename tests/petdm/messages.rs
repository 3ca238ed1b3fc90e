//! The 24 messages of OCP Core: `Message::parse` reads what the declarations say, and nothing else.

use std::collections::BTreeSet;

use ocp_proto::message::{Message, names};

use crate::declared;
use crate::prose::Place;
use crate::reading::{check, check_all, core, parse, plain, read, values_at};
use crate::sample::good_rows;
use crate::shape::{Parameters, Shape};

// req: OCP-11-07
#[test]
fn the_code_knows_the_declared_messages_and_no_other() {
    let declared: BTreeSet<_> = core().1.iter().map(|message| message.name.name.clone()).collect();
    let known: BTreeSet<_> = names::NAMES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(known, declared);
    assert_eq!(declared.len(), 24, "RFC 4037 section 11 has 24 messages");
    assert_eq!(names::NAMES.len(), 24);
    assert_eq!(names::known(b"X-DUM"), None);
    let unknown = parse("X-DUM", &Parameters::default(), false);
    assert_eq!(unknown, Ok(Ok(Message::Unknown)));
}

#[test]
fn titles_are_those_of_the_sections() {
    let text = declared::text("core.petdm");
    let headings = text.lines().filter_map(|line| line.strip_prefix("# 11."));
    let titles: BTreeSet<_> = headings
        .filter_map(|heading| heading.split_once(' '))
        .map(|(_, title)| title.split('.').next().unwrap_or_default())
        .collect();
    let known: BTreeSet<_> = names::NAMES.iter().map(|(_, title)| *title).collect();
    assert_eq!(known, titles);
}

// req: OCP-9.1-01, OCP-9.1-04
#[test]
fn the_code_reads_the_declared_parameters_and_no_other() {
    let (schema, messages) = core();
    for message in messages {
        let seen = read(&message.name.name, &plain(&schema, &message, true));
        let mut places: Vec<_> = (0..message.anonymous.len()).map(Place::Anonymous).collect();
        places.extend(message.named.iter().map(|member| Place::Named(member.name.clone())));
        let read: Vec<_> = seen.fields.into_iter().map(|(place, _)| place).collect();
        assert_eq!(read, places, "{}", message.name);
    }
}

// req: OCP-11.1-01, OCP-11.2-01, OCP-11.3-01, OCP-11.4-01, OCP-11.5-01, OCP-11.6-01, OCP-11.7-01
// req: OCP-11.8-01, OCP-11.9-01, OCP-11.9-02, OCP-11.9-03, OCP-11.9-04, OCP-11.10-01, OCP-11.11-01
// req: OCP-11.12-01, OCP-11.13-01, OCP-11.14-01, OCP-11.15-01, OCP-11.16-01, OCP-11.17-01, OCP-11.18-01
// req: OCP-11.19-01, OCP-11.20-01, OCP-11.21-01, OCP-11.22-01, OCP-11.23-01, OCP-11.24-01
#[test]
fn minimal_and_maximal_messages_are_read() {
    let (schema, messages) = core();
    for message in messages {
        check_all(&message, &plain(&schema, &message, false));
        check_all(&message, &plain(&schema, &message, true));
        let full = plain(&schema, &message, true);
        for absent in 0..full.named.len() {
            let mut some = full.clone();
            some.named.remove(absent);
            check_all(&message, &some);
        }
        let required = message.anonymous.iter().filter(|slot| !slot.optional).count();
        for count in required..message.anonymous.len() {
            let mut some = full.clone();
            some.anonymous.truncate(count);
            check_all(&message, &some);
        }
    }
}

// req: OCP-3.1-26, OCP-3.1-27, OCP-9-02, OCP-10.12-02, OCP-10.14-02
#[test]
fn every_value_of_a_declared_type_is_read() {
    let (schema, messages) = core();
    for message in messages {
        let full = plain(&schema, &message, true);
        for position in 0..message.anonymous.len() {
            for value in values_at(&schema, &message, position) {
                let mut some = full.clone();
                some.anonymous[position] = value;
                check_all(&message, &some);
            }
        }
        for (index, member) in message.named.iter().enumerate() {
            for row in good_rows(&schema, &member.values) {
                let mut some = full.clone();
                some.named[index].1 = row;
                check_all(&message, &some);
            }
        }
    }
}

// req: OCP-9-03, OCP-9-04, OCP-9-05, OCP-11-08, OCP-11-10
#[test]
fn what_is_not_declared_is_ignored() {
    let (schema, messages) = core();
    for message in messages {
        let full = plain(&schema, &message, true);
        let mut more = full.clone();
        more.anonymous.push(Shape::List(vec![Shape::atom("anything")]));
        more.named.push(("X-Parameter".to_owned(), vec![Shape::Structure(vec![], vec![])]));
        more.payload.get_or_insert_with(|| b"unexpected".to_vec());
        assert_eq!(read(&message.name.name, &full), read(&message.name.name, &more), "{}", message.name);
        check_all(&message, &more);
    }
}

// req: OCP-3.1-18, OCP-3.1-19, OCP-3.1-20
#[test]
fn names_are_case_sensitive() {
    let (schema, messages) = core();
    for message in messages {
        let full = plain(&schema, &message, true);
        let lower = message.name.name.to_lowercase();
        assert_eq!(parse(&lower, &full, false), Ok(Ok(Message::Unknown)), "{lower}");
        for (index, member) in message.named.iter().enumerate() {
            let mut other = full.clone();
            other.named[index].0 = swapped(&member.name);
            let seen = read(&message.name.name, &other);
            check(&message, &seen, &Place::Named(member.name.clone()), None);
        }
    }
}

fn swapped(name: &str) -> String {
    let flip = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    name.chars().map(flip).collect()
}

// req: OCP-11-02
#[test]
fn named_parameters_come_in_any_order() {
    let (schema, messages) = core();
    for message in messages {
        let full = plain(&schema, &message, true);
        let mut reversed = full.clone();
        reversed.named.reverse();
        assert_eq!(read(&message.name.name, &full), read(&message.name.name, &reversed), "{}", message.name);
    }
}
