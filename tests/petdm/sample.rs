//! Values that are of a declared type, and values that are not.

use std::rc::Rc;

use crate::language::{Kind, Schema, Type};
use crate::prose::{self, narrowed};
use crate::shape::Shape;

/// A value that is not of its type, and why.
#[derive(Debug, Clone)]
pub(crate) struct Bad {
    /// What is wrong with it.
    pub(crate) why: String,
    /// The value.
    pub(crate) shape: Shape,
}

fn bad_because(why: impl Into<String>, shape: Shape) -> Bad {
    Bad { why: why.into(), shape }
}

/// The type of an anonymous member, as narrow as prose makes it.
pub(crate) fn slot_type(schema: &Schema, owner: &Type, position: usize) -> Rc<Type> {
    match narrowed(owner, position) {
        Some((namespace, name)) => Rc::clone(schema.get(namespace, name).expect("a declared type")),
        None => Rc::clone(&owner.anonymous[position].value),
    }
}

/// Values of this type, the plainest first.
pub(crate) fn good(schema: &Schema, declared: &Type) -> Vec<Shape> {
    match &declared.kind {
        Kind::Atom => good_atoms(declared),
        Kind::List(item) => {
            let items = good(schema, item);
            let one = |item: &Shape| Shape::List(vec![item.clone()]);
            let mut lists: Vec<_> = items.iter().map(one).collect();
            lists.push(Shape::List(items));
            // RFC 4037 section 9: empty lists are valid.
            lists.push(Shape::List(Vec::new()));
            lists
        }
        Kind::Structure => good_structures(schema, declared),
        Kind::Message => panic!("{} is no value", declared.name),
    }
}

fn good_atoms(declared: &Type) -> Vec<Shape> {
    let any: &[&[u8]] = &[b"plain", b"", b"\x00\xff \"quoted\"\r\n;{}(),:", b"0"];
    prose::rule(declared).map_or(any, |rule| rule.good).iter().map(Shape::atom).collect()
}

fn good_structures(schema: &Schema, declared: &Type) -> Vec<Shape> {
    let required = declared.anonymous.iter().filter(|slot| !slot.optional).count();
    let anonymous = |count: usize| -> Vec<Shape> {
        (0..count)
            .map(|position| good(schema, &slot_type(schema, declared, position)).swap_remove(0))
            .collect()
    };
    let named = |all: bool| -> Vec<(String, Shape)> {
        let wanted = declared.named.iter().filter(|member| all || !member.optional);
        wanted.map(|member| (member.name.clone(), good(schema, &member.values[0]).swap_remove(0))).collect()
    };
    let mut structures = vec![Shape::Structure(anonymous(required), named(false))];
    for position in 0..declared.anonymous.len() {
        for value in good(schema, &slot_type(schema, declared, position)) {
            let mut members = anonymous(declared.anonymous.len());
            members[position] = value;
            structures.push(Shape::Structure(members, named(true)));
        }
    }
    for (position, member) in declared.named.iter().enumerate() {
        for value in good(schema, &member.values[0]) {
            let mut members = named(true);
            members[position].1 = value;
            structures.push(Shape::Structure(anonymous(required), members));
        }
    }
    // RFC 4037 section 9: unrecognised members are ignored.
    let mut more = anonymous(declared.anonymous.len());
    more.push(Shape::List(Vec::new()));
    let mut extra = named(true);
    extra.push(("X-Member".to_owned(), Shape::atom("extra")));
    structures.push(Shape::Structure(more, extra));
    structures
}

/// Values that are not of this type.
pub(crate) fn bad(schema: &Schema, declared: &Type) -> Vec<Bad> {
    let (atom, list) = (Shape::atom("5"), Shape::List(vec![Shape::atom("5")]));
    let structure = Shape::structure(Shape::atom("5"));
    match &declared.kind {
        Kind::Atom => {
            let mut bad = vec![
                bad_because("a list where an atom is due", list),
                bad_because("an empty list where an atom is due", Shape::List(Vec::new())),
                bad_because("a structure where an atom is due", structure),
            ];
            for (rule, octets) in prose::rule(declared)
                .into_iter()
                .flat_map(|rule| rule.bad.iter().map(move |octets| (rule, octets)))
            {
                let why = format!("`{}` against {}", octets.escape_ascii(), rule.section);
                bad.push(bad_because(why, Shape::atom(octets)));
            }
            bad
        }
        Kind::List(item) => {
            let mut all = vec![
                bad_because("an atom where a list is due", atom),
                bad_because("a structure where a list is due", structure),
            ];
            let fine = good(schema, item).swap_remove(0);
            for bad in bad(schema, item) {
                let items = vec![fine.clone(), bad.shape];
                all.push(bad_because(format!("an item: {}", bad.why), Shape::List(items)));
            }
            all
        }
        Kind::Structure => bad_structures(schema, declared),
        Kind::Message => panic!("{} is no value", declared.name),
    }
}

fn bad_structures(schema: &Schema, declared: &Type) -> Vec<Bad> {
    let mut all = vec![
        bad_because("an atom where a structure is due", Shape::atom("200")),
        bad_because("a list where a structure is due", Shape::List(vec![Shape::atom("200")])),
        bad_because("an empty list where a structure is due", Shape::List(Vec::new())),
    ];
    let Some(Shape::Structure(anonymous, named)) = good_structures(schema, declared).into_iter().next()
    else {
        return all;
    };
    for missing in 0..anonymous.len() {
        all.push(bad_because(
            "a member is missing",
            Shape::Structure(anonymous[..missing].to_vec(), named.clone()),
        ));
    }
    for position in 0..declared.anonymous.len() {
        let before = (0..position).map(|at| good(schema, &slot_type(schema, declared, at)).swap_remove(0));
        let before: Vec<_> = before.collect();
        for bad in bad(schema, &slot_type(schema, declared, position)) {
            let mut members = before.clone();
            members.push(bad.shape);
            members.extend(anonymous.iter().skip(position + 1).cloned());
            all.push(bad_because(
                format!("member {position}: {}", bad.why),
                Shape::Structure(members, named.clone()),
            ));
        }
    }
    for member in &declared.named {
        for bad in bad(schema, &member.values[0]) {
            let mut members = named.clone();
            members.retain(|(name, _)| *name != member.name);
            members.push((member.name.clone(), bad.shape));
            all.push(bad_because(
                format!("{}: {}", member.name, bad.why),
                Shape::Structure(anonymous.clone(), members),
            ));
        }
    }
    all
}

/// Values in a row that are of these types. Two or more also travel as one structure (RFC 4037 section 11.9, `Kept`).
pub(crate) fn good_rows(schema: &Schema, types: &[Rc<Type>]) -> Vec<Vec<Shape>> {
    if let [only] = types {
        return good(schema, only).into_iter().map(|value| vec![value]).collect();
    }
    let columns: Vec<_> = types.iter().map(|declared| good(schema, declared)).collect();
    let longest = columns.iter().map(Vec::len).max().unwrap_or_default();
    let rows = (0..longest)
        .map(|index| columns.iter().map(|column| column[(index) % column.len()].clone()).collect::<Vec<_>>());
    rows.flat_map(|row| [vec![Shape::Structure(row.clone(), Vec::new())], row]).collect()
}

/// Values in a row that are not.
pub(crate) fn bad_rows(schema: &Schema, types: &[Rc<Type>]) -> Vec<(String, Vec<Shape>)> {
    if let [only] = types {
        return bad(schema, only).into_iter().map(|bad| (bad.why, vec![bad.shape])).collect();
    }
    let fine: Vec<_> = types.iter().map(|declared| good(schema, declared).swap_remove(0)).collect();
    let mut all = vec![
        ("too few values".to_owned(), fine[..1].to_vec()),
        (
            "too few values in the structure".to_owned(),
            vec![Shape::Structure(fine[..1].to_vec(), Vec::new())],
        ),
        ("no value in the structure".to_owned(), vec![Shape::Structure(Vec::new(), Vec::new())]),
        ("a list".to_owned(), vec![Shape::List(fine.clone())]),
        ("more values than declared".to_owned(), [fine.clone(), vec![fine[0].clone()]].concat()),
    ];
    for (position, declared) in types.iter().enumerate() {
        for bad in bad(schema, declared) {
            let mut row = fine.clone();
            row[position] = bad.shape;
            all.push((format!("value {position}: {}", bad.why), row.clone()));
            all.push((format!("member {position}: {}", bad.why), vec![Shape::Structure(row, Vec::new())]));
        }
    }
    all
}
