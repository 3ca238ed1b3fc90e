//! The notation of RFC 4037 section 9: what it says and what it does not.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::language::{Base, Kind, Payload, Problem, Schema, parse};

fn schema(text: &str) -> Result<Schema, (usize, Problem)> {
    let mut schema = Schema::default();
    schema.add("Core", text).map_err(|error| (error.line, error.problem))?;
    Ok(schema)
}

fn problem(text: &str) -> (usize, Problem) {
    match schema(text) {
        Ok(_) => panic!("accepted: {text}"),
        Err(problem) => problem,
    }
}

// The templates of section 9, in its order.
const TEMPLATES: &str = "
a: extends atom;
l: extends list of a;
s: extends structure with {
        a a [l];
        one: a;
        [two: l];
};
M: extends message with {
        a [s];
        [Three: l];
};
b: extends a;
t: extends s with {
        [b];
        [three: b];
};
P: extends M with { } and payload;
Q: extends M with { } and [payload];
";

#[test]
fn every_template_is_read() {
    let schema = schema(TEMPLATES).unwrap();
    let get = |name: &str| schema.get("Core", name).unwrap();
    assert_eq!(get("a").kind, Kind::Atom);
    assert_eq!(get("b").kind, Kind::Atom);
    assert!(matches!(&get("l").kind, Kind::List(item) if item.name.name == "a"));
    let t = get("t");
    assert_eq!(t.kind, Kind::Structure);
    let slots: Vec<_> =
        t.anonymous.iter().map(|slot| (slot.value.name.name.as_str(), slot.optional)).collect();
    assert_eq!(slots, [("a", false), ("a", false), ("l", true), ("b", true)], "appended");
    let names: Vec<_> = t.named.iter().map(|member| (member.name.as_str(), member.optional)).collect();
    assert_eq!(names, [("one", false), ("two", true), ("three", true)], "merged");
    assert_eq!(t.lineage().map(|name| name.name.as_str()).collect::<Vec<_>>(), ["t", "s"]);
    assert_eq!(get("M").payload, Payload::Undeclared);
    assert_eq!(get("P").payload, Payload::Required);
    assert_eq!(get("Q").payload, Payload::Optional);
    assert_eq!(get("P").anonymous, get("M").anonymous);
    assert_eq!(schema.types().count(), 8);
}

// The example of section 9.
#[test]
fn a_type_of_another_namespace_is_extended_without_a_new_name() {
    let mut schema = schema("xid: extends atom; AMS: extends message with { xid; };").unwrap();
    schema.add("SMTP", "am-id: extends atom; AMS: extends Core::AMS with { Am-Id: am-id; };").unwrap();
    let extended = schema.get("SMTP", "AMS").unwrap();
    assert_eq!(extended.named[0].name, "Am-Id");
    assert_eq!(extended.anonymous.len(), 1);
    assert!(schema.get("Core", "AMS").unwrap().named.is_empty());
    let wrong = schema.add("Other", "x: extends am-id;").unwrap_err();
    assert_eq!(wrong.problem, Problem::UnknownType("Other::am-id".to_owned()));
}

#[test]
fn comments_and_white_space_say_nothing() {
    let plain = parse("a: extends atom; l: extends list of a;").unwrap();
    let mut spaced = parse("# one\r\n\n a :\textends # two\n atom;#;\nl:extends list of a;").unwrap();
    assert_eq!(spaced.iter().map(|declaration| declaration.line).collect::<Vec<_>>(), [3, 5]);
    for (spaced, plain) in spaced.iter_mut().zip(&plain) {
        spaced.line = plain.line;
    }
    assert_eq!(spaced, plain);
    assert_eq!(parse("").unwrap(), []);
}

#[test]
fn keywords_are_keywords_only_where_they_stand() {
    let read =
        parse("list: extends atom; with: extends list of list; payload: extends Core::message;").unwrap();
    assert_eq!(read[0].base, Base::Atom);
    assert!(matches!(&read[1].base, Base::List(item) if item.name == "list"));
    assert!(matches!(&read[2].base, Base::Type(name) if name.name == "message"));
}

#[test]
fn errors_name_the_line() {
    let unexpected = |expected, found: &str| Problem::Unexpected { expected, found: found.to_owned() };
    let cases = [
        ("a: extends atom;\nb extends atom;", 2, unexpected(":", "`extends`")),
        ("a: extend atom;", 1, unexpected("extends", "`extend`")),
        ("a: extends atom", 1, Problem::Ends(";")),
        ("a: extends\n\n", 1, Problem::Ends("a type name")),
        ("a: extends atom;\n  $", 2, Problem::Character('$')),
        ("a: extends atom;\n5: extends a;", 2, Problem::Character('5')),
        ("a: extends list a;", 1, unexpected("of", "`a`")),
        ("a: extends ;", 1, unexpected("a type name", "`;`")),
        ("a: extends Core::;", 1, unexpected("a type name", "`;`")),
        ("a: extends atom;\ns: extends structure with {\n a;\n x: a;\n a;\n};", 5, Problem::AnonymousLater),
        ("a: extends atom;\ns: extends structure with {\n a;\n a;\n};", 4, Problem::AnonymousLater),
        ("a: extends atom;\ns: extends structure with {\n [a] a;\n};", 3, Problem::RequiredAfterOptional),
        ("a: extends atom;\ns: extends structure with { [a; };", 2, unexpected("]", "`;`")),
        ("a: extends atom;\ns: extends structure with { [x: a; };", 2, unexpected("a type name", "`;`")),
        ("s: extends structure with { } and load;", 1, unexpected("payload", "`load`")),
        ("s: extends structure with {\n\n", 1, Problem::Ends("a type name")),
        ("a: extends b;\nb: extends atom;", 1, Problem::UnknownType("Core::b".to_owned())),
        ("a: extends a;", 1, Problem::UnknownType("Core::a".to_owned())),
        ("a: extends atom;\n\na: extends atom;", 3, Problem::DeclaredTwice("Core::a".to_owned())),
        ("a: extends atom with { };", 1, Problem::NoMembers("Core::a".to_owned())),
        ("s: extends structure and payload;", 1, Problem::NoPayload("Core::s".to_owned())),
        (
            "a: extends atom;\ns: extends structure with {\n x: a;\n x: a;\n};",
            4,
            Problem::MemberTwice("x".to_owned()),
        ),
        (
            "a: extends atom;\ns: extends structure with { x: a; };\nt: extends s with { [x: a]; };",
            3,
            Problem::MemberTwice("x".to_owned()),
        ),
        (
            "a: extends atom;\ns: extends structure with { [a]; };\nt: extends s with {\n a; };",
            4,
            Problem::RequiredAfterOptional,
        ),
        (
            "M: extends message;\ns: extends structure with { M; };",
            2,
            Problem::MessageAsValue("Core::M".to_owned()),
        ),
    ];
    for (text, line, wanted) in cases {
        assert_eq!(problem(text), (line, wanted), "{text}");
    }
    let error = Schema::default().add("Core", "a: extends\nboolean;").unwrap_err();
    assert_eq!(error.to_string(), "line 1: the type Core::boolean is not declared before");
}

#[test]
fn nothing_grows_without_bound() {
    let deep = |link: &dyn Fn(usize) -> String| -> String { (1..100_000).map(link).collect() };
    let lists = deep(&|n| format!("t{n}: extends list of t{};\n", n - 1));
    assert_eq!(problem(&format!("t0: extends atom;\n{lists}")).1, Problem::TooDeep(32));
    let types = deep(&|n| format!("t{n}: extends t{};\n", n - 1));
    assert_eq!(problem(&format!("t0: extends atom;\n{types}")).1, Problem::TooDeep(32));
    let members = "a ".repeat(1000);
    let text = format!("a: extends atom;\ns: extends structure with {{ {members} ; }};");
    assert_eq!(problem(&text), (2, Problem::TooMany(256)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = schema(&text);
    }

    #[test]
    fn no_row_of_words_makes_the_parser_panic(words in vec(select(vec![
        "a", "b", "Core::a", ":", "::", ";", "[", "]", "{", "}", "extends", "list", "of", "structure", "message",
        "atom", "with", "and", "payload", "#", "\n", "a: extends atom;", "b: extends structure with {", "};", "é",
    ]), 0..40)) {
        let _ = schema(&words.join(" "));
    }

    #[test]
    fn a_broken_declaration_is_an_error_with_a_line_of_the_text(at in any::<prop::sample::Index>(), with in any::<char>()) {
        let text = crate::declared::text("core.petdm");
        let at = at.index(text.len());
        let broken = format!("{}{with}{}", &text[..at], &text[at + 1..]);
        if let Err((line, _)) = schema(&broken) {
            prop_assert!(line >= 1 && line <= broken.lines().count());
        }
    }
}
