//! What ICAP clients say beside a message, and what they are told beside it: fields of draft-stecher-icap-subid, which are
//! in use everywhere.

use bytes::Bytes;
use icap_proto::{Fields, RequestHead};
use opes_processor::rules::Variables;

/// The name of what a service has found. As a variable it becomes X-Infection-Found and X-Virus-ID.
const VIRUS: &str = "virus";

/// The same of the service `clamav`.
const SIGNATURE: &str = "clamav_signature";

/// The name of the policy that a message violates. As a variable it becomes X-Violations-Found.
const VIOLATION: &str = "violation";

/// The authenticated user, as a variable for rules and services: what the client has said, which may be base64.
const USER: &str = "user";

/// The address of the origin, as a variable.
const SERVER: &str = "server_address";

/// The longest value that becomes a variable.
const LONGEST: usize = 1024;

/// Who sent the message, as the client says.
pub(super) fn client(head: &RequestHead) -> Option<std::sync::Arc<str>> {
    text(head, "x-client-ip").map(Into::into)
}

/// What rules and services may know.
pub(super) fn variables(head: &RequestHead) -> Variables {
    let known = [(USER, "x-authenticated-user"), (SERVER, "x-server-ip")];
    let known = known.into_iter().filter_map(|(name, field)| Some((name, text(head, field)?)));
    known.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn text<'a>(head: &'a RequestHead, field: &'a str) -> Option<&'a str> {
    let good =
        |value: &&str| !value.is_empty() && value.len() <= LONGEST && !value.contains(char::is_control);
    head.fields.get(field).filter(good)
}

/// Adds what services have found.
pub(super) fn tell(variables: &Variables, fields: &mut Fields) {
    let found = |name: &str| {
        let value: String = variables.get(name)?.chars().filter(|c| !c.is_control()).take(200).collect();
        (!value.is_empty()).then_some(value)
    };
    let mut add = |name: &'static str, value: String| {
        // What is left of the value fits into a field.
        let _ = fields.push(name, Bytes::from(value));
    };
    let (virus, violation) = (found(VIRUS).or_else(|| found(SIGNATURE)), found(VIOLATION));
    if let Some(virus) = &virus {
        let threat = virus.replace(';', " ");
        // Type 0: a virus. Resolution 2: what was sent is blocked or changed.
        add("X-Infection-Found", format!("Type=0; Resolution=2; Threat={threat};"));
        add("X-Virus-ID", virus.clone());
    }
    if let Some(found) = violation.or(virus) {
        // Their number; then for each, file name, threat, problem and resolution.
        add("X-Violations-Found", format!("1\r\n\t-\r\n\t{found}\r\n\t0\r\n\t2"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_services_have_found_is_told() {
        let told = |variables: &[(&str, &str)]| {
            let mut fields = Fields::default();
            let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
            tell(&variables.collect(), &mut fields);
            fields
        };
        assert!(told(&[("other", "x")]).is_empty());
        let fields = told(&[(VIRUS, "Eicar;\r\nTest")]);
        assert_eq!(fields.get("x-virus-id"), Some("Eicar;Test"));
        assert_eq!(fields.get("x-infection-found"), Some("Type=0; Resolution=2; Threat=Eicar Test;"));
        assert!(fields.get("x-violations-found").is_some_and(|value| value.starts_with("1\r\n\t")));
        assert_eq!(told(&[(SIGNATURE, "Eicar")]).get("x-virus-id"), Some("Eicar"));
        assert!(told(&[(VIOLATION, "ads")]).get("x-virus-id").is_none());
    }
}
