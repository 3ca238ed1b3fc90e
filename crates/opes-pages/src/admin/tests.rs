//! The pages of the administrator: who may, and what is shown.

mod access;
mod records;

use bytes::Bytes;
use http::Response;
use opes_record::Record;

use super::*;
use crate::testing::{Memory, check_fields};

const TOKEN: &str = "correct-horse-battery";
const SYSTEM: &str = "http://opes.example.com/system";
const HOST: &str = "127.0.0.1:8081";

fn admin_of(store: Memory) -> Admin {
    let about = About { systems: vec![AgentId::new(SYSTEM).unwrap()] };
    Admin::new(&Token::new(TOKEN).unwrap(), Arc::new(store), about)
}

fn admin(records: Vec<Record>) -> Admin {
    admin_of(Memory { records, ..Memory::default() })
}

/// A request, said shortly.
struct Ask<'a> {
    method: &'a str,
    target: &'a str,
    fields: Vec<(&'a str, &'a str)>,
    body: String,
}

fn get(target: &str) -> Ask<'_> {
    Ask { method: "GET", target, fields: vec![("host", HOST)], body: String::new() }
}

fn post(target: &str, body: impl Into<String>) -> Ask<'_> {
    Ask { method: "POST", body: body.into(), ..get(target) }
}

impl<'a> Ask<'a> {
    fn with(mut self, name: &'a str, value: &'a str) -> Self {
        self.fields.push((name, value));
        self
    }

    /// As a program does.
    fn program(self) -> Self {
        self.with("authorization", "Bearer correct-horse-battery").with("accept", "application/json")
    }

    fn build(self) -> Request<Bytes> {
        let mut request = Request::builder().method(self.method).uri(self.target);
        for (name, value) in self.fields {
            request = request.header(name, value);
        }
        request.body(self.body.into()).unwrap()
    }

    fn at(self, admin: &Admin, now: Instant) -> Response<Bytes> {
        let response = admin.answer_at(&self.build(), now);
        check_fields(&response);
        assert!(response.headers()["cache-control"] == "no-store");
        response
    }

    fn of(self, admin: &Admin) -> Response<Bytes> {
        self.at(admin, Instant::now())
    }
}

/// The cookie of a new session.
fn enter(admin: &Admin) -> String {
    let response = get("/?token=correct-horse-battery").of(admin);
    assert_eq!(response.status(), 303);
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// The secret in the forms of a page.
fn secret(page: &str) -> &str {
    let (_, rest) = page.split_once("name=\"secret\" value=\"").unwrap();
    rest.split('"').next().unwrap()
}
