//! The declarations of this repository.

use std::rc::Rc;

use opes_tests::binary::repository;

use crate::language::{Kind, Schema, Type};

/// The text of a declaration file.
pub(crate) fn text(file: &str) -> String {
    let path = repository().join("proto-spec").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

thread_local! {
    static SCHEMA: Rc<Schema> = Rc::new(read());
}

fn read() -> Schema {
    let mut schema = Schema::default();
    for (namespace, file) in [("Core", "core.petdm"), ("HTTP", "http.petdm"), ("Opes", "extensions.petdm")] {
        schema.add(namespace, &text(file)).unwrap_or_else(|error| panic!("{file}, {error}"));
    }
    schema
}

/// All declarations, under their namespace tags.
pub(crate) fn schema() -> Rc<Schema> {
    SCHEMA.with(Rc::clone)
}

/// The messages of a namespace, in the order of declaration.
pub(crate) fn messages(namespace: &str) -> Vec<Rc<Type>> {
    let schema = schema();
    let of_namespace =
        |declared: &&Rc<Type>| declared.kind == Kind::Message && declared.name.namespace == namespace;
    schema.types().filter(of_namespace).cloned().collect()
}
