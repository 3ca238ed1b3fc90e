//! Who may.

use super::*;
use crate::testing::{read_page, text, value};

const PATHS: &[&str] = &[
    "/",
    "/messages",
    "/messages/x",
    "/explain",
    "/nothing",
    "/login",
    "/logout",
    "/api",
    "/api/messages",
    "/api/x",
];

#[test]
fn a_stranger_learns_nothing() {
    let admin = admin(Vec::new());
    for path in PATHS {
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            let response = Ask { method, ..get(path) }.of(&admin);
            // A form for logging in that comes from nowhere is refused as such.
            let status = if (method, *path) == ("POST", "/login") { 403 } else { 401 };
            assert_eq!(response.status(), status, "{method} {path}");
            if status == 401 {
                assert_eq!(response.headers()["www-authenticate"], "Bearer");
                assert!(!text(&response).contains("opes.example.com"), "{path}");
            }
        }
    }
    let page = read_page(&text(&get("/").of(&admin)));
    assert!(page.contains("needs the token"), "{page}");
    assert!(value(&get("/api/messages").of(&admin))["error"].is_string());
}

#[test]
fn a_program_shows_the_token_each_time() {
    let admin = admin(Vec::new());
    assert_eq!(get("/").program().of(&admin).status(), 200);
    assert_eq!(get("/").with("authorization", "bearer  correct-horse-battery").of(&admin).status(), 200);
    for wrong in [
        "Bearer correct-horse-batterz",
        "Bearer correct-horse-batter",
        "Bearer correct-horse-battery2",
        "Bearer ",
        "Bearer",
        "",
        "correct-horse-battery",
        "Basic correct-horse-battery",
    ] {
        assert_eq!(get("/").with("authorization", wrong).of(&admin).status(), 401, "{wrong}");
    }
    assert_eq!(get("/").program().with("authorization", "Bearer x").of(&admin).status(), 401, "two tokens");
    let cookie = enter(&admin);
    let both = get("/").with("cookie", &cookie).with("authorization", "Bearer wrong");
    assert_eq!(both.of(&admin).status(), 401, "a wrong token is wrong with a session, too");
}

#[test]
fn a_person_comes_with_the_link_and_stays_with_the_cookie() {
    let admin = admin(Vec::new());
    let response = get("/?token=correct-horse-battery").of(&admin);
    assert_eq!((response.status().as_u16(), response.headers()["location"].to_str().unwrap()), (303, "/"));
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict") && !cookie.contains(TOKEN), "{cookie}");
    let page = get("/").with("cookie", cookie.split(';').next().unwrap()).of(&admin);
    assert_eq!(page.status(), 200);
    assert!(!text(&page).contains(TOKEN));
    for wrong in ["/?token=correct-horse-batterz", "/?token=", "/?token", "/?token=a&token=b"] {
        let response = get(wrong).of(&admin);
        assert!([400, 401].contains(&response.status().as_u16()), "{wrong}");
        assert!(!response.headers().contains_key("set-cookie"));
    }
    let looked = Ask { method: "HEAD", ..get("/?token=correct-horse-battery") }.of(&admin);
    assert_eq!(looked.status(), 401, "a preview of the link opens no session");
    assert_eq!(get("/").with("cookie", "opes-session=x").of(&admin).status(), 401);
}

#[test]
fn a_person_can_type_the_token_but_no_other_site_can_send_it() {
    let admin = admin(Vec::new());
    let body = "token=correct-horse-battery";
    let sent =
        post("/login", body).with("origin", "http://127.0.0.1:8081").with("sec-fetch-site", "same-origin");
    let response = sent.of(&admin);
    assert_eq!(response.status(), 303);
    assert!(response.headers().contains_key("set-cookie"));
    let wrong = post("/login", "token=x").with("origin", "http://127.0.0.1:8081").of(&admin);
    assert_eq!(wrong.status(), 401);
    for foreign in ["http://evil.example", "null", "http://127.0.0.1:8082", "127.0.0.1:8081", ""] {
        assert_eq!(post("/login", body).with("origin", foreign).of(&admin).status(), 403, "{foreign}");
    }
}

#[test]
fn a_session_ends() {
    let admin = admin(Vec::new());
    let cookie = enter(&admin);
    let (now, ask) = (Instant::now(), || get("/").with("cookie", &cookie));
    let page = ask().at(&admin, now);
    assert_eq!(page.status(), 200);
    assert_eq!(ask().at(&admin, now + SESSION_LASTS).status(), 401, "by itself");
    let body = format!("secret={}", secret(&text(&page)));
    let left =
        post("/logout", body).with("cookie", &cookie).with("origin", "https://127.0.0.1:8081").of(&admin);
    assert_eq!(left.status(), 303);
    assert!(left.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(ask().at(&admin, now).status(), 401, "when its person leaves");
}

#[test]
fn a_form_works_only_with_its_secret_and_from_our_own_page() {
    let admin = admin(Vec::new());
    let (cookie, other) = (enter(&admin), enter(&admin));
    let own = text(&get("/explain").with("cookie", &cookie).of(&admin));
    let others = text(&get("/explain").with("cookie", &other).of(&admin));
    let (own, others) =
        (format!("secret={}&text=x", secret(&own)), format!("secret={}&text=x", secret(&others)));
    let status = |body: &str, fields: &[(&'static str, &'static str)]| {
        let mut ask = post("/explain", body).with("cookie", &cookie);
        ask.fields.extend(fields);
        ask.of(&admin).status().as_u16()
    };
    let (site, origin) = (("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:8081"));
    for fields in [&[site, origin][..], &[site], &[origin]] {
        assert_eq!(status(&own, fields), 200, "{fields:?}");
    }
    assert_eq!(status(&own, &[]), 403, "no browser leaves out both");
    for body in [&*others, "text=x", "secret=&text=x", "secret=x&text=x", &format!("{own}&{own}"), ""] {
        assert!([400, 403].contains(&status(body, &[site, origin])), "{body}");
    }
    for fields in [
        [("sec-fetch-site", "cross-site"), origin],
        [("sec-fetch-site", "same-site"), origin],
        [("sec-fetch-site", "none"), origin],
        [site, ("origin", "http://evil.example")],
        [site, ("origin", "null")],
    ] {
        assert_eq!(status(&own, &fields), 403, "{fields:?}");
    }
}

#[test]
fn a_program_needs_no_secret_of_forms() {
    let response = post("/api/explain", "http://a.example/").program().with("content-type", "text/plain");
    assert_eq!(response.of(&admin(Vec::new())).status(), 200);
}

#[test]
fn what_is_too_long_is_refused_before_anything_else() {
    let admin = admin(Vec::new());
    let target = format!("/?uri={}", "a".repeat(crate::TARGET_OCTETS - 6));
    assert_eq!(target.len(), crate::TARGET_OCTETS);
    assert_eq!(get(&target).program().of(&admin).status(), 200);
    assert_eq!(get(&format!("{target}a")).program().of(&admin).status(), 414);
    let plain = |length| post("/explain", "a".repeat(length)).program().with("content-type", "text/plain");
    assert_eq!(plain(BODY_OCTETS).of(&admin).status(), 200);
    assert_eq!(plain(BODY_OCTETS + 1).of(&admin).status(), 413);
}

#[test]
fn every_place_has_its_methods() {
    let admin = admin(Vec::new());
    for (path, allow) in [
        ("/", "GET, HEAD"),
        ("/api/messages", "GET, HEAD"),
        ("/messages/x", "GET, HEAD"),
        ("/explain", "GET, HEAD, POST"),
        ("/login", "GET, HEAD, POST"),
    ] {
        let response = Ask { method: "DELETE", ..get(path) }.program().of(&admin);
        assert_eq!(
            (response.status().as_u16(), response.headers()["allow"].to_str().unwrap()),
            (405, allow),
            "{path}"
        );
    }
    assert_eq!(get("/logout").program().of(&admin).headers()["allow"], "POST");
    for path in ["/nothing", "/api", "/api/", "/api/login", "/message", "/apimessages", "//"] {
        assert_eq!(get(path).program().of(&admin).status(), 404, "{path}");
    }
    let (whole, head) =
        (get("/").program().of(&admin), Ask { method: "HEAD", ..get("/") }.program().of(&admin));
    assert_eq!((whole.status(), whole.headers()), (head.status(), head.headers()));
    assert!(head.body().is_empty() && !whole.body().is_empty());
}

#[test]
fn nothing_of_a_token_is_in_the_debug_output() {
    assert!(!format!("{:?}", admin(Vec::new())).contains("horse"));
}

#[test]
fn after_too_many_wrong_tokens_none_is_looked_at_for_a_second_but_sessions_go_on() {
    let admin = admin(Vec::new());
    let (cookie, now) = (enter(&admin), Instant::now());
    let wrong =
        |at| get("/").with("authorization", "Bearer guess-number-one").at(&admin, at).status().as_u16();
    let statuses: Vec<_> = (0..3 * WRONG_TOKENS).map(|_| wrong(now)).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), WRONG_TOKENS as usize);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 2 * WRONG_TOKENS as usize);
    assert_eq!(get("/").program().at(&admin, now).status(), 429, "not even the right one");
    assert_eq!(get("/?token=correct-horse-battery").at(&admin, now).status(), 429, "nor in a link");
    let typed = post("/login", "token=correct-horse-battery").with("origin", "http://127.0.0.1:8081");
    assert_eq!(typed.at(&admin, now).status(), 429, "nor in the form");
    assert_eq!(get("/").with("cookie", &cookie).at(&admin, now).status(), 200);
    let later = now + std::time::Duration::from_secs(1);
    assert_eq!(get("/").program().at(&admin, later).status(), 200);
    assert_eq!(wrong(later), 401);
}
