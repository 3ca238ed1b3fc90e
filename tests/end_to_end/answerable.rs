//! Every trace can be answered for: what the record behind its `id` says, and what nobody learns of it
//! (RFC 3897 section 3, RFC 3238 section 5).

use http::{Method, StatusCode};
use opes_tests::body::full;
use opes_tests::client::{self, Answer, Connection, piece, request, with_body, with_field};
use opes_tests::config::{BLOCK, Config, DIGEST, IDENTITY, Rule, SECOND, SUBSTITUTE, SYSTEM};
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};
use opes_tests::place::Nobody;
use opes_tests::records::Keeper;
use opes_tests::trace::{entries, id};
use serde_json::Value;

/// Origin, callout server, and a proxy that keeps records.
struct Kept {
    origin: Origin,
    server: Opes,
    keeper: Keeper,
}

impl Kept {
    async fn start(rules: &[Rule<'_>]) -> Self {
        Self::with(rules, "", "").await
    }

    /// With these lines in `[store]`, and these tables.
    async fn with(rules: &[Rule<'_>], store: &str, tables: &str) -> Self {
        let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
        let config = Config::reverse(origin.address(), server.address).table(tables);
        let keeper = Keeper::keeping(rules.iter().fold(config, Config::rule), store);
        Self { origin, server, keeper }
    }

    async fn get(&self, target: &str) -> Answer {
        client::get(self.keeper.proxy.address, target).await
    }

    async fn bypassing(&self, target: &str, bypass: &str) -> Answer {
        let asked = with_field(request(Method::GET, target), "opes-bypass", bypass);
        client::fetch(self.keeper.proxy.address, asked).await.expect("a whole response")
    }

    /// What is kept of the message that this is.
    async fn record_of(&self, answer: &Answer) -> Value {
        self.keeper.record(&id(&answer.headers).expect("an id in the trace")).await
    }
}

fn services(record: &Value) -> Vec<&str> {
    let services = record["services"].as_array().expect("a list of services");
    services.iter().map(|service| service["uri"].as_str().expect("a uri")).collect()
}

// req: EEPC-3.2-04, EEPC-3.2-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adapted_response_has_a_record_of_what_was_done_to_it() {
    let kept = Kept::start(&[Rule::response(&[SUBSTITUTE, SECOND])]).await;
    kept.origin.page("/zoo", Page::text("a cat, a dog"));
    let answer = kept.get("/zoo").await;
    assert_eq!(answer.text(), "a lion, a dog");
    let record = kept.record_of(&answer).await;
    assert_eq!(record["outcome"], "adapted", "{record}");
    assert_eq!((&record["direction"], &record["method"]), (&"response".into(), &"GET".into()));
    assert_eq!(record["status"], 200);
    assert_eq!(record["rules"], serde_json::json!([{ "rule": "#1", "point": "response-out" }]));
    assert_eq!(services(&record), [SUBSTITUTE, SECOND]);
    for service in record["services"].as_array().expect("services") {
        assert_eq!(service["result"], 200, "{service}");
        assert_eq!(service["callout_server"]["name"], "adapt", "{service}");
        assert_eq!(service["callout_server"]["address"], kept.server.address.to_string(), "{service}");
        assert!(service["start"].as_u64() <= service["end"].as_u64(), "{service}");
    }
    assert_eq!((&record["octets_in"], &record["octets_out"]), (&12.into(), &13.into()));
    assert!(record["failure"].is_null(), "{record}");

    let trace: Vec<_> = entries(&answer.headers, "opes-via").into_iter().map(|entry| entry.0).collect();
    let explained = record["explained"]["entries"].as_array().expect("what the entries say");
    let told: Vec<_> = explained.iter().map(|entry| entry["agent"].as_str().expect("an agent")).collect();
    assert_eq!(told, trace, "the record has the trace that was sent");
    assert!(explained.iter().all(|entry| entry["whose"] == "ours"), "{record}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_messages_of_a_transaction_have_records_of_their_own() {
    let kept = Kept::start(&[Rule::request(&[SUBSTITUTE]), Rule::response(&[SECOND])]).await;
    let upload = with_body(Method::POST, "/echo", full("a cat"));
    let answer = client::fetch(kept.keeper.proxy.address, upload).await.expect("a whole response");
    assert_eq!(answer.text(), "a lion");
    let seen = kept.origin.request(Method::POST, "/echo");
    let request = kept.keeper.record(&id(&seen.headers).expect("an id at the origin")).await;
    let response = kept.record_of(&answer).await;
    assert_ne!(request["id"], response["id"]);
    assert_eq!((&request["direction"], &response["direction"]), (&"request".into(), &"response".into()));
    assert_eq!((services(&request), services(&response)), (vec![SUBSTITUTE], vec![SECOND]));
    assert_eq!((&request["outcome"], &response["outcome"]), (&"adapted".into(), &"adapted".into()));
    assert_eq!(request["rules"][0]["point"], "request-in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_a_service_only_read_is_unchanged() {
    let rules = [Rule::response(&[DIGEST]).reading_only(&[DIGEST])];
    let kept = Kept::start(&rules).await;
    kept.origin.page("/zoo", Page::text("a cat"));
    let answer = kept.get("/zoo").await;
    assert_eq!(answer.text(), "a cat");
    let record = kept.record_of(&answer).await;
    assert_eq!(record["outcome"], "unchanged", "{record}");
    assert_eq!(services(&record), [DIGEST], "{record}");
    let service = &record["services"][0];
    assert_eq!((&service["octets_in"], &service["octets_out"]), (&5.into(), &5.into()), "{record}");
    assert!(
        service["parameters"].to_string().contains("sha256"),
        "what it records at the end, too: {record}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_request_and_a_blocked_response_are_told_apart() {
    let kept = Kept::start(&[Rule::request(&[BLOCK])]).await;
    let answer = kept.get("/zoo").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let record = kept.record_of(&answer).await;
    assert_eq!(
        (&record["outcome"], &record["direction"]),
        (&"answered".into(), &"request".into()),
        "{record}"
    );
    assert_eq!((&record["status"], services(&record)), (&403.into(), vec![BLOCK]), "{record}");

    let kept = Kept::start(&[Rule::response(&[BLOCK])]).await;
    let answer = kept.get("/status/200").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let record = kept.record_of(&answer).await;
    assert_eq!(
        (&record["outcome"], &record["direction"]),
        (&"answered".into(), &"response".into()),
        "{record}"
    );
    assert_eq!((&record["status"], services(&record)), (&403.into(), vec![BLOCK]), "{record}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_message_can_be_asked_about() {
    let (origin, nobody) = (Origin::start().await, Nobody::new());
    origin.page("/zoo", Page::text("a cat"));
    for (rule, direction) in
        [(Rule::response(&[SUBSTITUTE]), "response"), (Rule::request(&[SUBSTITUTE]), "request")]
    {
        let config = Config::reverse(origin.address(), nobody.address()).rule(&rule);
        let keeper = Keeper::start(config);
        let answer = client::get(keeper.proxy.address, "/zoo").await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
        let record = keeper.record(&id(&answer.headers).expect("an id in the 502")).await;
        assert_eq!(
            (&record["outcome"], &record["direction"]),
            (&"failed".into(), &direction.into()),
            "{record}"
        );
        assert_eq!((&record["status"], services(&record)), (&502.into(), vec![SUBSTITUTE]), "{record}");
        assert!(!record["failure"].as_str().expect("why").is_empty(), "{record}");
        assert!(record["services"][0]["result"].is_null(), "{record}");
        let nobody = nobody.address().to_string();
        assert!(!answer.text().contains(&nobody), "the client is told nothing of that: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_original_that_passed_says_so() {
    let (origin, nobody) = (Origin::start().await, Nobody::new());
    origin.page("/zoo", Page::text("a cat"));
    let config = Config::reverse(origin.address(), nobody.address());
    let keeper = Keeper::start(config.rule(&Rule::response(&[SUBSTITUTE]).or_pass()));
    let answer = client::get(keeper.proxy.address, "/zoo").await;
    assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "a cat"));
    let record = keeper.record(&id(&answer.headers).expect("an id in the trace")).await;
    assert_eq!(record["outcome"], "original-passed", "{record}");
    assert_eq!((&record["status"], services(&record)), (&200.into(), vec![SUBSTITUTE]), "{record}");
    assert!(!record["failure"].as_str().expect("why").is_empty(), "{record}");
}

// req: EEPC-4-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_bypassed_is_kept_with_what_was_not() {
    let kept = Kept::start(&[Rule::response(&[SUBSTITUTE, SECOND])]).await;
    kept.origin.page("/zoo", Page::text("a cat, a tiger"));
    let honoured = |uri: &str| serde_json::json!({ "entry": uri, "honoured": true, "why": Value::Null });

    let answer = kept.bypassing("/zoo", "*").await;
    assert_eq!(answer.text(), "a cat, a tiger");
    let record = kept.record_of(&answer).await;
    assert_eq!((&record["outcome"], services(&record).len()), (&"bypassed".into(), 0), "{record}");
    assert_eq!(record["bypasses"], serde_json::json!([honoured(SUBSTITUTE), honoured(SECOND)]));

    let answer = kept.bypassing("/zoo", SUBSTITUTE).await;
    assert_eq!(answer.text(), "a cat, a lion");
    let record = kept.record_of(&answer).await;
    assert_eq!((&record["outcome"], services(&record)), (&"adapted".into(), vec![SECOND]), "{record}");
    assert_eq!(record["bypasses"], serde_json::json!([honoured(SUBSTITUTE)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_leaves_an_abandoned_message() {
    let kept = Kept::start(&[Rule::response(&[SUBSTITUTE])]).await;
    let feed = kept.origin.stage("/long", None);
    let feeding = tokio::spawn(async move { while feed.send_slowly(vec![b'x'; 65_536]).await {} });
    let mut connection = Connection::open(kept.keeper.proxy.address).await;
    let mut response = connection.send(request(Method::GET, "/long")).await.expect("a head");
    let id = id(response.headers()).expect("an id in the head");
    piece(&mut response).await.expect("it has begun").expect("it has not ended");
    drop((response, connection));
    let record = kept.keeper.record(&id).await;
    assert_eq!(record["outcome"], "abandoned", "{record}");
    assert_eq!(services(&record), [SUBSTITUTE], "{record}");
    feeding.await.expect("the origin is hung up on as well");
}

/// Nothing was asked of services, so that there is nothing to be told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_for_which_no_rule_decides_has_no_id() {
    let kept = Kept::start(&[Rule::request(&[IDENTITY])]).await;
    kept.origin.page("/zoo", Page::text("a cat"));
    let answer = kept.get("/zoo").await;
    assert_eq!(answer.headers["opes-system"], SYSTEM);
}

/// The secrets of a client, and where the message had them.
const SECRETS: [(&str, &str); 4] = [
    ("query", "a-secret-in-the-query"),
    ("field", "a-secret-in-a-field"),
    ("payload", "a-secret-in-the-payload"),
    ("answer", "a-secret-in-the-answer"),
];

fn secret(name: &str) -> &'static str {
    SECRETS.iter().find(|(known, _)| *known == name).expect("a secret").1
}

/// Sends the secrets; gives the records of request and response.
async fn tell_secrets(kept: &Kept) -> [Value; 2] {
    let answered = Page::text(secret("answer")).field("x-answered", secret("field"));
    kept.origin.page("/secrets", answered);
    let target = format!("/secrets?q={}", secret("query"));
    let asked = with_body(Method::POST, &target, full(secret("payload")));
    let asked = with_field(asked, "x-asked", secret("field"));
    let answer = client::fetch(kept.keeper.proxy.address, asked).await.expect("a whole response");
    let seen = kept.origin.request(Method::POST, "/secrets");
    let asked = id(&seen.headers).expect("an id at the origin");
    [kept.keeper.record(&asked).await, kept.record_of(&answer).await]
}

const BOTH: &[Rule<'_>] = &[Rule::request(&[IDENTITY]), Rule::response(&[IDENTITY])];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_default_a_record_tells_nothing_of_clients() {
    let kept = Kept::start(BOTH).await;
    for record in tell_secrets(&kept).await {
        assert!(record["uri"].as_str().expect("a URI").ends_with("/secrets"), "{record}");
        assert!(record["client"].is_null(), "{record}");
        let text = record.to_string();
        for (place, secret) in SECRETS {
            assert!(!text.contains(secret), "{place}: {record}");
        }
    }
}

/// What policy has it is kept, and payload in no case: neither is it in the files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_tells_what_policy_says_and_never_payload() {
    let policy = "uri = \"full\"\nclient = \"full\"\nheaders = [\"X-Asked\", \"X-Answered\"]\n";
    let mut kept = Kept::with(BOTH, policy, "").await;
    let [request, response] = tell_secrets(&kept).await;
    for record in [&request, &response] {
        let uri = record["uri"].as_str().expect("a URI");
        assert!(uri.ends_with(&format!("/secrets?q={}", secret("query"))), "{record}");
        assert_eq!(record["client"], "127.0.0.1", "{record}");
    }
    let field = |name: &str| serde_json::json!([{ "name": name, "value": secret("field") }]);
    assert_eq!(request["headers"], field("x-asked"));
    assert_eq!(response["headers"], field("x-answered"));

    kept.keeper.proxy.process.signal("TERM");
    kept.keeper.proxy.process.exit();
    let (mut octets, mut files) = (Vec::new(), 0);
    for file in std::fs::read_dir(kept.keeper.folder()).expect("the folder of the records").flatten() {
        octets.extend(std::fs::read(file.path()).expect("a file of records"));
        files += 1;
    }
    let found = |text: &str| octets.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(found(secret("field")) && found(secret("query")), "the search works: {files} files");
    assert!(!found(secret("payload")) && !found(secret("answer")), "{files} files");

    let truncated = Kept::with(BOTH, "uri = \"none\"\nclient = \"truncated\"\n", "").await;
    for record in tell_secrets(&truncated).await {
        assert_eq!((&record["client"], record["uri"].is_null()), (&"127.0.0.0/24".into(), true), "{record}");
    }
}

/// What nobody who has an id learns.
fn assert_discreet(kept: &Kept, text: &str) {
    let server = kept.server.address.to_string();
    let origin = kept.origin.address().to_string();
    // The page has a stylesheet, with colours.
    let style = text.find("<style>").zip(text.find("</style>"));
    let text = style.map_or_else(|| text.to_owned(), |(start, end)| [&text[..start], &text[end..]].concat());
    for private in ["#1", "adapt\"", "127.0.0", "/zoo", "a cat", server.as_str(), origin.as_str()] {
        assert!(!text.contains(private), "{private}: {text}");
    }
}

// req: EEPC-3.2-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_page_tells_the_outcome_and_no_more() {
    let kept = Kept::with(&[Rule::response(&[SUBSTITUTE])], "uri = \"full\"\nclient = \"full\"\n", "").await;
    kept.origin.page("/zoo", Page::text("a cat"));
    let answer = kept.get("/zoo?secret").await;
    let id = id(&answer.headers).expect("an id in the trace");
    kept.record_of(&answer).await;
    for accept in ["application/json", "text/html"] {
        let told = kept.keeper.public(&format!("?id={id}"), accept).await;
        assert_eq!(told.status, StatusCode::OK, "{}", told.text());
        assert_eq!(told.headers["content-type"].to_str().unwrap().split(';').next(), Some(accept));
        assert!(told.text().contains("adapted") && told.text().contains(&id), "{}", told.text());
        assert!(!told.text().contains(SUBSTITUTE) && !told.text().contains("secret"), "{}", told.text());
        assert_discreet(&kept, &told.text());
    }
    let nobody = format!("{}{}", if id.starts_with('0') { '1' } else { '0' }, &id[1..]);
    assert_eq!(kept.keeper.public(&format!("?id={nobody}"), "text/html").await.status, StatusCode::NOT_FOUND);
    assert_eq!(kept.keeper.public("?id=../..", "text/html").await.status, StatusCode::BAD_REQUEST);
    assert!(kept.origin.seen().iter().all(|seen| seen.target.starts_with("/zoo")), "the origin is not asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_page_tells_services_or_nothing_where_policy_says_so() {
    let rules = [Rule::response(&[SUBSTITUTE])];
    let kept = Kept::with(&rules, "", "[trace]\npublic = \"services\"\n").await;
    kept.origin.page("/zoo", Page::text("a cat"));
    let answer = kept.get("/zoo").await;
    kept.record_of(&answer).await;
    let query = format!("?id={}", id(&answer.headers).expect("an id in the trace"));
    let told = kept.keeper.public(&query, "application/json").await;
    let value: Value = serde_json::from_str(&told.text()).expect("JSON");
    assert_eq!(value["services"], serde_json::json!([SUBSTITUTE]), "{value}");
    assert_discreet(&kept, &told.text());

    let kept = Kept::with(&rules, "", "[trace]\npublic = \"off\"\n").await;
    kept.origin.page("/zoo", Page::text("a cat"));
    let answer = kept.get("/zoo").await;
    kept.record_of(&answer).await;
    let known = id(&answer.headers).expect("an id in the trace");
    let unknown = format!("{}{}", if known.starts_with('0') { '1' } else { '0' }, &known[1..]);
    let [known, unknown] = [known, unknown].map(|id| format!("?id={id}"));
    let known = kept.keeper.public(&known, "application/json").await;
    let unknown = kept.keeper.public(&unknown, "application/json").await;
    assert_eq!((known.status, unknown.status), (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN));
    assert_eq!(known.text(), unknown.text(), "nor whether there is a record");
}

// req: EEPC-3.2-02, EEPC-3.2-03, EEPC-3.2-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_uri_of_the_system_leads_to_its_references_policy_and_contact() {
    let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
    let said = [
        ("references", "Links stay as they are."),
        ("privacy", "Records go after a week."),
        ("responsible", "The example company, Privacy Street 1."),
        ("contact", "mailto:opes@example.com"),
    ];
    let lines = said.map(|(key, text)| format!("{key} = {text:?}\n")).concat();
    let system = format!("uri = {SYSTEM:?}");
    let config = Config::reverse(origin.address(), server.address).rule(&Rule::response(&[SUBSTITUTE]));
    let text = config.to_string().replace(&system, &format!("{system}\n{lines}"));
    let keeper = Keeper::start(Config::default().table(&text));

    origin.page("/zoo", Page::text("a cat"));
    let answer = client::get(keeper.proxy.address, "/zoo").await;
    let (agent, _) = entries(&answer.headers, "opes-system").pop().expect("an entry");
    assert_eq!(agent, SYSTEM, "this is the address that a reader of the trace has");
    let page = keeper.public("", "text/html").await;
    assert_eq!(page.status, StatusCode::OK);
    for (key, text) in said {
        assert!(page.text().contains(text), "{key}: {}", page.text());
    }
    let value: Value = serde_json::from_str(&keeper.public("", "application/json").await.text()).unwrap();
    assert_eq!(value["references"]["text"], said[0].1);
    assert_eq!(value["privacy_policy"]["text"], said[1].1);
    assert_eq!(value["responsible"]["text"], said[2].1);
    assert_eq!(value["contact"]["text"], said[3].1);

    let bare =
        Keeper::start(Config::reverse(origin.address(), server.address).rule(&Rule::response(&[SUBSTITUTE])));
    let value: Value = serde_json::from_str(&bare.public("", "application/json").await.text()).unwrap();
    for key in ["references", "privacy_policy", "responsible", "contact"] {
        assert_eq!(value[key]["configured"], false, "{value}");
        assert!(
            !value[key]["text"].as_str().expect("a text").is_empty(),
            "it says what holds without: {value}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_learn_nothing_from_the_administrators_pages() {
    let kept = Kept::start(&[Rule::response(&[SUBSTITUTE])]).await;
    kept.origin.page("/zoo", Page::text("a cat"));
    let answer = kept.get("/zoo").await;
    kept.record_of(&answer).await;
    let id = id(&answer.headers).expect("an id in the trace");
    let mut texts = Vec::new();
    for path in [format!("/api/messages/{id}"), "/api/messages".into(), "/api/nothing".into()] {
        for token in [None, Some("Bearer "), Some("Bearer another-token-of-somebody"), Some("Basic YTpi")] {
            let asked = request(Method::GET, &path);
            let asked = match token {
                Some(token) => with_field(asked, "authorization", token),
                None => asked,
            };
            let answer = client::fetch(kept.keeper.admin, asked).await.expect("a whole response");
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path} {token:?}");
            assert!(!answer.text().contains(&id) && !answer.text().contains(SYSTEM), "{}", answer.text());
            texts.push(answer.text());
        }
    }
    assert!(texts.iter().all(|text| text.contains("token")), "{texts:?}");
    let (status, _) = kept.keeper.json(&format!("/api/messages/{id}")).await;
    assert_eq!(status, StatusCode::OK, "with the token it is there");
}
