//! Finds what is wrong with a condition before any message comes: names that do not exist, values of the wrong type.

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr};

use super::point::Point;

/// What a condition's part evaluates to, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Octets,
    Null,
    /// A list of texts.
    Texts,
    /// A list of anything.
    List,
    /// Fields by name: lists of texts.
    Headers,
    /// Variables by name: texts.
    Variables,
    Map,
    /// Not known before there is a message.
    Any,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Bool => "a bool",
            Self::Int => "an int",
            Self::Uint => "a uint",
            Self::Double => "a double",
            Self::Text => "a string",
            Self::Octets => "bytes",
            Self::Null => "null",
            Self::Texts => "a list of strings",
            Self::List => "a list",
            Self::Headers => "all header fields",
            Self::Variables => "all variables",
            Self::Map => "a map",
            Self::Any => "any value",
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double | Self::Any)
    }

    fn is_list(self) -> bool {
        matches!(self, Self::Texts | Self::List | Self::Any)
    }

    fn is(self, other: Self) -> bool {
        let lists = self.is_list() && other.is_list();
        self == other || self == Self::Any || other == Self::Any || lists
    }

    /// Whether values of the two kinds can be compared with each other.
    fn compares(self, other: Self) -> bool {
        let whole = [self, other].iter().any(|kind| matches!(kind, Self::Headers | Self::Variables));
        !whole && (self.is(other) || (self.is_number() && other.is_number()))
    }
}

/// Something wrong, at the part of the condition with this number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) id: u64,
    pub(super) problem: String,
}

/// The names that every message has, and those of either kind.
const MESSAGE: [(&str, Kind); 4] =
    [("headers", Kind::Headers), ("type", Kind::Text), ("length", Kind::Int), ("coding", Kind::Texts)];
const REQUEST: [(&str, Kind); 7] = [
    ("method", Kind::Text),
    ("url", Kind::Text),
    ("scheme", Kind::Text),
    ("host", Kind::Text),
    ("port", Kind::Int),
    ("path", Kind::Text),
    ("query", Kind::Text),
];
const RESPONSE: [(&str, Kind); 1] = [("status", Kind::Int)];
const CLIENT: [(&str, Kind); 1] = [("address", Kind::Text)];

/// What is called on a text: what it takes, how many of that may be left out, and what it gives.
const ON_TEXT: [(&str, &[Kind], usize, Kind); 14] = [
    ("contains", &[Kind::Text], 0, Kind::Bool),
    ("startsWith", &[Kind::Text], 0, Kind::Bool),
    ("endsWith", &[Kind::Text], 0, Kind::Bool),
    ("matches", &[Kind::Text], 0, Kind::Bool),
    ("size", &[], 0, Kind::Int),
    ("lowerAscii", &[], 0, Kind::Text),
    ("upperAscii", &[], 0, Kind::Text),
    ("trim", &[], 0, Kind::Text),
    ("replace", &[Kind::Text, Kind::Text, Kind::Int], 1, Kind::Text),
    ("substring", &[Kind::Int, Kind::Int], 1, Kind::Text),
    ("charAt", &[Kind::Int], 0, Kind::Text),
    ("indexOf", &[Kind::Text, Kind::Int], 1, Kind::Int),
    ("lastIndexOf", &[Kind::Text, Kind::Int], 1, Kind::Int),
    ("split", &[Kind::Text, Kind::Int], 1, Kind::Texts),
];

/// The same on a list.
const ON_LIST: [(&str, &[Kind], usize, Kind); 2] =
    [("size", &[], 0, Kind::Int), ("join", &[Kind::Text], 1, Kind::Text)];

const NUMBERS: &[Kind] = &[Kind::Text, Kind::Int, Kind::Uint, Kind::Double];
const SIZED: &[Kind] = &[Kind::Text, Kind::Octets, Kind::Texts, Kind::List, Kind::Map];
const WRITTEN: &[Kind] = &[Kind::Text, Kind::Int, Kind::Uint, Kind::Double, Kind::Bool, Kind::Octets];

/// What is called with one value: of these kinds, or of any where there are none, and gives this.
const OF_ONE: [(&str, &[Kind], Kind); 8] = [
    ("size", SIZED, Kind::Int),
    ("string", WRITTEN, Kind::Text),
    ("int", NUMBERS, Kind::Int),
    ("uint", NUMBERS, Kind::Uint),
    ("double", NUMBERS, Kind::Double),
    ("bool", &[Kind::Text, Kind::Bool], Kind::Bool),
    ("bytes", &[Kind::Text, Kind::Octets], Kind::Octets),
    ("dyn", &[], Kind::Any),
];

/// Checks a whole condition for rules at this point.
pub(super) fn condition(expression: &IdedExpr, point: Point) -> Result<(), Wrong> {
    let mut checker = Checker { point, scopes: Vec::new() };
    match checker.kind(expression)? {
        Kind::Bool | Kind::Any => Ok(()),
        other => wrong(expression, format!("a condition is true or false, this is {}", other.name())),
    }
}

struct Checker {
    point: Point,
    /// What macros such as `exists` have named.
    scopes: Vec<(String, Kind)>,
}

fn wrong<T>(at: &IdedExpr, problem: String) -> Result<T, Wrong> {
    Err(Wrong { id: at.id, problem })
}

impl Checker {
    fn kind(&mut self, expression: &IdedExpr) -> Result<Kind, Wrong> {
        match &expression.expr {
            Expr::Literal(literal) => Ok(of_literal(literal)),
            Expr::Ident(name) => self.named(expression, name),
            Expr::Select(select) => self.selected(expression, select),
            Expr::Call(call) => self.called(expression, call),
            Expr::Comprehension(comprehension) => self.comprehended(comprehension),
            Expr::List(list) => {
                let kinds: Result<Vec<_>, _> = list.elements.iter().map(|item| self.kind(item)).collect();
                let texts = kinds?.iter().all(|kind| *kind == Kind::Text);
                Ok(if texts { Kind::Texts } else { Kind::List })
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.kind(&entry.key)?;
                        self.kind(&entry.value)?;
                    }
                }
                Ok(Kind::Map)
            }
            Expr::Struct(made) => wrong(expression, format!("there is no type {}", made.type_name)),
            Expr::Unspecified => Ok(Kind::Any),
        }
    }

    fn named(&self, at: &IdedExpr, name: &str) -> Result<Kind, Wrong> {
        if let Some((_, kind)) = self.scopes.iter().rev().find(|(known, _)| known == name) {
            return Ok(*kind);
        }
        match name {
            "vars" => Ok(Kind::Variables),
            "request" | "response" | "client" => wrong(
                at,
                format!(
                    "{name} is no value of its own: name one of its members, as in {name}.{}",
                    member(name)
                ),
            ),
            _ => wrong(at, format!("there is no {name}: conditions know request, response, client and vars")),
        }
    }

    fn selected(&mut self, at: &IdedExpr, select: &SelectExpr) -> Result<Kind, Wrong> {
        if let Expr::Ident(owner) = &select.operand.expr
            && !self.scopes.iter().any(|(known, _)| known == owner)
            && owner != "vars"
        {
            let kind = self.member(at, owner, &select.field)?;
            if select.test {
                return wrong(
                    at,
                    format!("{owner}.{} is always there: has() says nothing of it", select.field),
                );
            }
            return Ok(kind);
        }
        let of = self.kind(&select.operand)?;
        let kind = match of {
            // What is not there is empty, so that has() would always hold.
            Kind::Headers | Kind::Variables if select.test => {
                return wrong(
                    at,
                    format!("has() says nothing of {}: say '{}' in them", of.name(), select.field),
                );
            }
            Kind::Headers => Kind::Texts,
            Kind::Variables => Kind::Text,
            Kind::Map | Kind::Any => Kind::Any,
            other => return wrong(at, format!("{} has no member {}", other.name(), select.field)),
        };
        Ok(if select.test { Kind::Bool } else { kind })
    }

    fn member(&self, at: &IdedExpr, owner: &str, field: &str) -> Result<Kind, Wrong> {
        let members: Vec<(&str, Kind)> = match owner {
            "request" => [&REQUEST[..], &MESSAGE].concat(),
            "response" if !Point::RESPONSE.contains(&self.point) => {
                return wrong(at, format!("there is no response yet at {}", self.point));
            }
            "response" => [&RESPONSE[..], &MESSAGE].concat(),
            "client" => CLIENT.to_vec(),
            _ => return self.named(at, owner),
        };
        let found = members.iter().find(|(name, _)| *name == field).map(|(_, kind)| *kind);
        found.map_or_else(
            || {
                let known: Vec<_> = members.iter().map(|(name, _)| *name).collect();
                wrong(at, format!("there is no {owner}.{field}: {owner} has {}", known.join(", ")))
            },
            Ok,
        )
    }

    fn called(&mut self, at: &IdedExpr, call: &CallExpr) -> Result<Kind, Wrong> {
        if let Some(target) = &call.target {
            return self.called_on(at, target, call);
        }
        let kinds = call.args.iter().map(|argument| self.kind(argument)).collect::<Result<Vec<_>, _>>()?;
        if let Some((name, takes, kind)) = OF_ONE.iter().find(|(name, ..)| *name == call.func_name) {
            return match kinds[..] {
                [of] if takes.is_empty() || of == Kind::Any || takes.contains(&of) => Ok(*kind),
                [of] => wrong(at, format!("{name} does not take {}", of.name())),
                _ => wrong(at, format!("{name} takes one value, not {}", kinds.len())),
            };
        }
        self.operator(at, call, &kinds)
    }

    fn operator(&self, at: &IdedExpr, call: &CallExpr, kinds: &[Kind]) -> Result<Kind, Wrong> {
        let mismatch = |symbol: &str| {
            let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
            wrong(at, format!("`{symbol}` does not go with {}", names.join(" and ")))
        };
        match (call.func_name.as_str(), kinds) {
            ("_&&_" | "_||_", [left, right]) => match left.is(Kind::Bool) && right.is(Kind::Bool) {
                true => Ok(Kind::Bool),
                false => mismatch(call.func_name.trim_matches('_')),
            },
            ("!_", [kind]) if kind.is(Kind::Bool) => Ok(Kind::Bool),
            ("!_", _) => mismatch("!"),
            ("-_", [kind]) if kind.is_number() => Ok(*kind),
            ("-_", _) => mismatch("-"),
            ("_==_" | "_!=_", [left, right]) => {
                match left.compares(*right) || [left, right].contains(&&Kind::Null) {
                    true => Ok(Kind::Bool),
                    false => mismatch(call.func_name.trim_matches('_')),
                }
            }
            ("_<_" | "_<=_" | "_>_" | "_>=_", [left, right]) => {
                let ordered =
                    |kind: &Kind| kind.is_number() || matches!(kind, Kind::Text | Kind::Bool | Kind::Octets);
                match left.compares(*right) && ordered(left) && ordered(right) {
                    true => Ok(Kind::Bool),
                    false => mismatch(call.func_name.trim_matches('_')),
                }
            }
            ("_+_", [left, right]) => {
                match left.is(*right) && !matches!(left, Kind::Bool | Kind::Map | Kind::Headers) {
                    true => Ok(if *left == Kind::Any { *right } else { *left }),
                    false => mismatch("+"),
                }
            }
            ("_-_" | "_*_" | "_/_" | "_%_", [left, right]) => {
                match left.is(*right) && left.is_number() && right.is_number() {
                    true => Ok(if *left == Kind::Any { *right } else { *left }),
                    false => mismatch(call.func_name.trim_matches('_')),
                }
            }
            ("@in", [item, container]) => match container {
                Kind::Texts | Kind::Headers | Kind::Variables if item.is(Kind::Text) => Ok(Kind::Bool),
                Kind::List | Kind::Map | Kind::Any => Ok(Kind::Bool),
                _ => mismatch("in"),
            },
            ("_[_]", [container, index]) => {
                self.indexed(*container, *index).map_or_else(|| mismatch("[]"), Ok)
            }
            ("_?_:_", [condition, yes, no]) => match condition.is(Kind::Bool) {
                true => Ok(if yes == no { *yes } else { Kind::Any }),
                false => mismatch("?:"),
            },
            ("@not_strictly_false", _) => Ok(Kind::Bool),
            (name, _) => wrong(at, format!("there is no function {name}")),
        }
    }

    fn indexed(&self, container: Kind, index: Kind) -> Option<Kind> {
        match container {
            Kind::Headers if index.is(Kind::Text) => Some(Kind::Texts),
            Kind::Variables if index.is(Kind::Text) => Some(Kind::Text),
            Kind::Texts if index.is_number() => Some(Kind::Text),
            Kind::List if index.is_number() => Some(Kind::Any),
            Kind::Map | Kind::Any => Some(Kind::Any),
            _ => None,
        }
    }

    fn called_on(&mut self, at: &IdedExpr, target: &IdedExpr, call: &CallExpr) -> Result<Kind, Wrong> {
        let on = self.kind(target)?;
        let name = call.func_name.as_str();
        let mut given = Vec::new();
        for argument in &call.args {
            given.push((argument, self.kind(argument)?));
        }
        let lists = matches!(on, Kind::Texts | Kind::List | Kind::Map);
        let known =
            ON_LIST.iter().filter(|_| lists || on == Kind::Any).chain(ON_TEXT.iter().filter(|_| !lists));
        let Some((_, takes, optional, kind)) = known.clone().find(|(known, ..)| *known == name) else {
            let elsewhere = ON_TEXT.iter().any(|(known, ..)| *known == name);
            return match elsewhere {
                true => wrong(at, format!("{name} is for strings, not for {}", on.name())),
                false => wrong(at, format!("there is no function {name}")),
            };
        };
        if !lists && !on.is(Kind::Text) {
            return wrong(at, format!("{name} is for strings, not for {}", on.name()));
        }
        if !(takes.len() - optional..=takes.len()).contains(&given.len()) {
            return wrong(at, format!("{name} does not take {} values", given.len()));
        }
        match given.iter().zip(*takes).find(|((_, given), takes)| !given.is(**takes)) {
            Some(((argument, given), _)) => wrong(argument, format!("{name} does not take {}", given.name())),
            None => Ok(*kind),
        }
    }

    /// What `exists`, `all`, `map` and `filter` come to.
    fn comprehended(&mut self, comprehension: &ComprehensionExpr) -> Result<Kind, Wrong> {
        let item = match self.kind(&comprehension.iter_range)? {
            Kind::Texts => Kind::Text,
            Kind::List | Kind::Map | Kind::Any => Kind::Any,
            other => {
                return wrong(&comprehension.iter_range, format!("{} cannot be gone through", other.name()));
            }
        };
        let result = self.kind(&comprehension.accu_init)?;
        let depth = self.scopes.len();
        self.scopes.push((comprehension.iter_var.clone(), item));
        self.scopes.extend(comprehension.iter_var2.iter().map(|name| (name.clone(), Kind::Any)));
        let held = if result == Kind::Bool { Kind::Bool } else { Kind::Any };
        self.scopes.push((comprehension.accu_var.clone(), held));
        self.kind(&comprehension.loop_cond)?;
        self.kind(&comprehension.loop_step)?;
        let result = self.kind(&comprehension.result);
        self.scopes.truncate(depth);
        result
    }
}

fn of_literal(literal: &LiteralValue) -> Kind {
    match literal {
        LiteralValue::Boolean(_) => Kind::Bool,
        LiteralValue::Bytes(_) => Kind::Octets,
        LiteralValue::Double(_) => Kind::Double,
        LiteralValue::Int(_) => Kind::Int,
        LiteralValue::Null => Kind::Null,
        LiteralValue::String(_) => Kind::Text,
        LiteralValue::UInt(_) => Kind::Uint,
    }
}

fn member(owner: &str) -> &'static str {
    match owner {
        "request" => "host",
        "response" => "status",
        _ => "address",
    }
}
