//! Declarations in their context: every type with what it inherits.
//!
//! A type refers to types that were declared before it (the `old-type-name` of the templates), so nothing can be
//! circular.

use std::collections::HashMap;
use std::rc::Rc;

use super::error::{Error, Problem};
use super::parse::{Base, Declaration, Member, TypeName, parse};

/// How many types may build on one another, by extension or as parts.
const DEPTH: usize = 32;

/// The most members of a type, inherited ones included.
const MEMBERS: usize = 256;

/// A type with its namespace tag.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name {
    /// The namespace tag.
    pub(crate) namespace: String,
    /// The name.
    pub(crate) name: String,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}::{}", self.namespace, self.name)
    }
}

/// The base type that everything goes back to (RFC 4037 section 9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An atom.
    Atom,
    /// A list of items of this type.
    List(Rc<Type>),
    /// A structure.
    Structure,
    /// A message.
    Message,
}

/// The value of an anonymous member: its type, and whether it may be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The type of its value.
    pub(crate) value: Rc<Type>,
    /// Whether it stands in brackets.
    pub(crate) optional: bool,
}

/// A named member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// Its name.
    pub(crate) name: String,
    /// The types of its value, or of its values in a row.
    pub(crate) values: Vec<Rc<Type>>,
    /// Whether it stands in brackets.
    pub(crate) optional: bool,
}

/// Whether a message has payload with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    /// None is declared; one that comes is ignored (RFC 4037 section 11).
    Undeclared,
    /// `and [payload]`
    Optional,
    /// `and payload`
    Required,
}

/// A type with everything it inherits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Type {
    /// Its name.
    pub(crate) name: Name,
    /// The types it extends, the nearest first.
    pub(crate) ancestors: Vec<Name>,
    /// What it goes back to.
    pub(crate) kind: Kind,
    /// Anonymous members by position.
    pub(crate) anonymous: Vec<Slot>,
    /// Named members.
    pub(crate) named: Vec<Named>,
    /// Payload, for messages.
    pub(crate) payload: Payload,
    /// How many types it builds on, one upon the other.
    depth: usize,
}

impl Type {
    /// The type and all it extends, itself first.
    pub(crate) fn lineage(&self) -> impl Iterator<Item = &Name> {
        std::iter::once(&self.name).chain(&self.ancestors)
    }
}

/// All declared types.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    types: HashMap<Name, Rc<Type>>,
    order: Vec<Rc<Type>>,
}

impl Schema {
    /// Adds the declarations of a namespace.
    ///
    /// # Errors
    /// The text is not in the notation, or its declarations contradict themselves or those before.
    pub(crate) fn add(&mut self, namespace: &str, text: &str) -> Result<(), Error> {
        for declaration in parse(text)? {
            let declared = Rc::new(self.resolve(namespace, &declaration)?);
            if self.types.insert(declared.name.clone(), Rc::clone(&declared)).is_some() {
                return Err(Problem::DeclaredTwice(declared.name.to_string()).at(declaration.line));
            }
            self.order.push(declared);
        }
        Ok(())
    }

    /// The type of this name.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<&Rc<Type>> {
        self.types.get(&Name { namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// Every type, in the order of declaration.
    pub(crate) fn types(&self) -> impl Iterator<Item = &Rc<Type>> {
        self.order.iter()
    }

    fn find(&self, namespace: &str, name: &TypeName, line: usize) -> Result<&Rc<Type>, Error> {
        let namespace = name.namespace.as_deref().unwrap_or(namespace);
        self.get(namespace, &name.name)
            .ok_or_else(|| Problem::UnknownType(format!("{namespace}::{}", name.name)).at(line))
    }

    /// The type of a value.
    fn value(&self, namespace: &str, name: &TypeName, line: usize) -> Result<Rc<Type>, Error> {
        if name.namespace.is_none() && name.name == "atom" {
            return Ok(Rc::new(blank("Core", "atom", Kind::Atom)));
        }
        let found = self.find(namespace, name, line)?;
        if found.kind == Kind::Message {
            return Err(Problem::MessageAsValue(found.name.to_string()).at(line));
        }
        Ok(Rc::clone(found))
    }

    fn resolve(&self, namespace: &str, declaration: &Declaration) -> Result<Type, Error> {
        let mut new = self.inherit(namespace, declaration)?;
        let line = declaration.line;
        if declaration.with && !matches!(new.kind, Kind::Structure | Kind::Message) {
            return Err(Problem::NoMembers(new.name.to_string()).at(line));
        }
        if declaration.payload.is_some() && new.kind != Kind::Message {
            return Err(Problem::NoPayload(new.name.to_string()).at(line));
        }
        for member in &declaration.members {
            self.adopt(namespace, &mut new, member)?;
        }
        if new.depth > DEPTH {
            return Err(Problem::TooDeep(DEPTH).at(line));
        }
        if let Some(optional) = declaration.payload {
            new.payload = if optional { Payload::Optional } else { Payload::Required };
        }
        Ok(new)
    }

    fn inherit(&self, namespace: &str, declaration: &Declaration) -> Result<Type, Error> {
        let line = declaration.line;
        let kind = match &declaration.base {
            Base::Atom => Kind::Atom,
            Base::Structure => Kind::Structure,
            Base::Message => Kind::Message,
            Base::List(item) => Kind::List(self.value(namespace, item, line)?),
            Base::Type(old) => {
                let old = self.find(namespace, old, line)?;
                let ancestors = old.lineage().cloned().collect();
                let name = Name { namespace: namespace.to_owned(), name: declaration.name.clone() };
                return Ok(Type { name, ancestors, depth: old.depth + 1, ..Type::clone(old) });
            }
        };
        let depth = if let Kind::List(item) = &kind { item.depth + 1 } else { 0 };
        Ok(Type { depth, ..blank(namespace, &declaration.name, kind) })
    }

    /// RFC 4037 section 9: anonymous members are appended, named ones are merged.
    fn adopt(&self, namespace: &str, new: &mut Type, member: &Member) -> Result<(), Error> {
        let values = member.types.iter().map(|name| self.value(namespace, name, member.line));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        if new.anonymous.len() + new.named.len() + values.len() > MEMBERS {
            return Err(Problem::TooMany(MEMBERS).at(member.line));
        }
        let deepest = values.iter().map(|value| value.depth + 1).max();
        new.depth = new.depth.max(deepest.unwrap_or_default());
        let optional = member.optional;
        let Some(name) = member.name.clone() else {
            if !optional && new.anonymous.last().is_some_and(|last| last.optional) {
                return Err(Problem::RequiredAfterOptional.at(member.line));
            }
            new.anonymous.extend(values.into_iter().map(|value| Slot { value, optional }));
            return Ok(());
        };
        if new.named.iter().any(|old| old.name == name) {
            return Err(Problem::MemberTwice(name).at(member.line));
        }
        new.named.push(Named { name, values, optional });
        Ok(())
    }
}

fn blank(namespace: &str, name: &str, kind: Kind) -> Type {
    Type {
        name: Name { namespace: namespace.to_owned(), name: name.to_owned() },
        ancestors: Vec::new(),
        kind,
        anonymous: Vec::new(),
        named: Vec::new(),
        payload: Payload::Undeclared,
        depth: 0,
    }
}
