//! Every other message about a configuration that cannot be used, word by word: what `check` does not have.

use opes_tests::opes::{File, run_opes};

use crate::check::said;

/// Keys of a rule, and what is said of them: line and column from the table on, the key, the problem.
const RULES: &[(&str, &str)] = &[
    (
        "when = 'request == 1'",
        "3:9: rules.when: expected a condition in CEL; request is no value of its own: name one of its members, as in request.host",
    ),
    (
        "when = 'has(request.path)'",
        "3:12: rules.when: expected a condition in CEL; request.path is always there: has() says nothing of it",
    ),
    (
        "when = 'has(vars.none)'",
        "3:12: rules.when: expected a condition in CEL; has() says nothing of all variables: say 'none' in them",
    ),
    (
        "when = 'request.path.none == 1'",
        "3:21: rules.when: expected a condition in CEL; a string has no member none",
    ),
    (
        "when = 'client.name == \"x\"'",
        "3:15: rules.when: expected a condition in CEL; there is no client.name: client has address",
    ),
    (
        "when = 'response.phrase == \"x\"'",
        "3:17: rules.when: expected a condition in CEL; there is no response.phrase: response has status, headers, type, length, coding",
    ),
    (
        "when = 'int(request.headers) == 0'",
        "3:12: rules.when: expected a condition in CEL; int does not take all header fields",
    ),
    (
        "when = 'size(request.path, 1) == 1'",
        "3:13: rules.when: expected a condition in CEL; size takes one value, not 2",
    ),
    (
        "when = 'request.port.startsWith(\"8\")'",
        "3:32: rules.when: expected a condition in CEL; startsWith is for strings, not for an int",
    ),
    (
        "when = 'request.path.contains()'",
        "3:30: rules.when: expected a condition in CEL; contains does not take 0 values",
    ),
    (
        "when = 'request.path.contains(1)'",
        "3:31: rules.when: expected a condition in CEL; contains does not take an int",
    ),
    (
        "when = 'request.path.exists(x, true)'",
        "3:16: rules.when: expected a condition in CEL; a string cannot be gone through",
    ),
    (
        "when = 'request.path.matches(request.query)'",
        "3:29: rules.when: expected a condition in CEL; matches takes a pattern that is written out as a string",
    ),
    ("when = 'Message{}'", "3:16: rules.when: expected a condition in CEL; there is no type Message"),
    ("when = '!request.path'", "3:9: rules.when: expected a condition in CEL; `!` does not go with a string"),
    (
        "when = '-request.path == 1'",
        "3:9: rules.when: expected a condition in CEL; `-` does not go with a string",
    ),
    (
        "when = 'request.path < 1'",
        "3:22: rules.when: expected a condition in CEL; `<` does not go with a string and an int",
    ),
    (
        "when = 'request.path + 1 == 1'",
        "3:22: rules.when: expected a condition in CEL; `+` does not go with a string and an int",
    ),
    (
        "when = '1 in request.path'",
        "3:11: rules.when: expected a condition in CEL; `in` does not go with an int and a string",
    ),
    (
        "when = 'request.path[0] == 1'",
        "3:21: rules.when: expected a condition in CEL; `[]` does not go with a string and an int",
    ),
    (
        "when = '(1 ? true : false)'",
        "3:12: rules.when: expected a condition in CEL; `?:` does not go with an int and a bool and a bool",
    ),
    ("when = 'frob(1)'", "3:13: rules.when: expected a condition in CEL; there is no function frob"),
    ("services = [\"\"]", "2: rules.services: expected the URI of a service"),
    ("services = []", "2: rules.services: expected at least one service"),
    (
        "read_only = [\"stranger\"]",
        "3: rules.read_only: expected some of the rule's services, found \"stranger\"",
    ),
    (
        "never_bypass = [\"stranger\"]",
        "3: rules.never_bypass: expected some of the rule's services, found \"stranger\"",
    ),
    ("on_failure = \"shrug\"", "3: rules.on_failure: unknown variant `shrug`, expected `fail` or `pass`"),
    ("replay_bytes = -1", "3: rules.replay_bytes: invalid value: integer `-1`, expected u64"),
    ("name = 7", "3: rules.name: invalid type: integer `7`, expected a string"),
    (
        "wen = 'true'",
        "3: rules: unknown key `wen`, expected one of `name`, `point`, `direction`, `when`, `callout_server`, `services`, `read_only`, `never_bypass`, `parameters`, `on_failure`, `replay_bytes`",
    ),
];

/// The same of a service.
const SERVICES: &[(&str, &str)] = &[
    (
        "uri = \"http://s.example/a\"\nkind = \"identiy\"",
        "3: services.kind: expected one of \"identity\", \"substitute\", \"block\", \"digest\", \"inject\", \"peek\", \"tag\", \"clamav\", found \"identiy\"",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = \"substitute\"\nto = \"x\"",
        "3: services.from: a service of kind \"substitute\" needs `from`",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = \"substitute\"\nfrom = \"\"\nto = \"x\"",
        "4: services.from: expected text that is to be replaced, found none",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = \"inject\"\nafter = \"\"\ntext = \"x\"",
        "4: services.after: expected text to insert behind, found none",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = \"clamav\"",
        "3: services.address: a service of kind \"clamav\" needs `address`",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = \"clamav\"\naddress = \"there\"",
        "4: services.address: expected a host and a port, or the path of a socket (\"/run/clamd.sock\"), found \"there\"",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = \"clamav\"\naddress = \"a:1\"\npolicy = \"x\"",
        "5: services.policy: expected \"hold\" or \"prefix\", found \"x\"",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = \"clamav\"\naddress = \"a:1\"\npast_max = \"x\"",
        "5: services.past_max: expected \"refuse\" or \"pass\", found \"x\"",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = \"clamav\"\naddress = \"a:1\"\nprefix_bytes = 7",
        "5: services.prefix_bytes: only policy = \"prefix\" has `prefix_bytes`",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = \"clamav\"\naddress = \"a:1\"\nmax_bytes = 0",
        "5: services.max_bytes: expected a number of at least 1, found 0",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = \"clamav\"\naddress = \"a:1\"\npool = 0",
        "5: services.pool: expected a number from 1 to 65536, found 0",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = \"clamav\"\naddress = \"a:1\"\ntimeout_seconds = 86401",
        "5: services.timeout_seconds: expected a number from 1 to 86400, found 86401",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = 7",
        "3: services.kind: invalid type: integer `7`, expected a string",
    ),
    (
        "uri = \"http://s.example/a\"\nfrm = \"x\"\nkind = \"identity\"",
        "3: services: unknown key `frm`, expected one of `uri`, `name`, `callout_server`, `on_failure`, `read_only`, `never_bypass`, `parameters`, `kind`, `from`, `to`, `reason`, `after`, `text`, `within`, `first`, `deny`, `find`, `variable`, `value`, `address`, `policy`, `prefix_bytes`, `max_bytes`, `past_max`, `timeout_seconds`, `pool`",
    ),
    (
        "uri = \"http://s.example/a\"\nwithin = \"x\"\nkind = \"inject\"",
        "3: services.within: invalid type: string \"x\", expected u64",
    ),
    (
        "uri = \"http://s.example/a\"\ncallout_server = \"\"",
        "3: services.callout_server: expected the name of one of [[callout_servers]], found \"\"",
    ),
    (
        "uri = \"http://s.example/a\"\nname = \"a\"\nread_only = \"x\"",
        "4: services.read_only: invalid type: string \"x\", expected a boolean",
    ),
    (
        "uri = \"http://s.example/a\"",
        "4: rules.services: expected a callout_server or a `kind` for the service \"http://s.example/a\"",
    ),
];

/// Whole files, of proxies, gateways and servers.
const FILES: &[(&str, &str)] = &[
    (
        "listen = \"here\"\norigin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n",
        "FILE:1: listen: expected an address and port such as 127.0.0.1:4037, found \"here\"",
    ),
    (
        "origin = \"127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n",
        "FILE:1: origin: expected an http or https URI without a path, such as http://127.0.0.1:9000, found \"127.0.0.1:9\"",
    ),
    (
        "origin = \"http://127.0.0.1:9/x\"\n[system]\nuri = \"urn:s\"\n",
        "FILE:1: origin: expected an http or https URI without a path, such as http://127.0.0.1:9000, found \"http://127.0.0.1:9/x\"",
    ),
    ("origin = \"http://127.0.0.1:9\"\n", "FILE:1: expected the required key `system`, which is missing"),
    ("[system]\n", "FILE:1: system: expected the required key `uri`, which is missing"),
    (
        "[system]\nuri = \"s\"\n",
        "FILE:2: system.uri: expected an absolute URI that a trace can hold: it is not an absolute URI, such as http://opes.example.com/system",
    ),
    (
        "[system]\nuri = \"urn:a,b\"\n",
        "FILE:2: system.uri: expected an absolute URI that a trace can hold: it contains ',', which separates the parts of a trace",
    ),
    (
        "[system]\nuri = \"urn:a#b\"\n",
        "FILE:2: system.uri: expected an absolute URI that a trace can hold: it contains '#', which an absolute URI cannot hold",
    ),
    (
        "[system]\nuri = \"urn:s\"\nprocessor = \"urn:a;b\"\n",
        "FILE:3: system.processor: expected an absolute URI that a trace can hold: it contains ';', which separates the parts of a trace",
    ),
    (
        "[system]\nuri = \"urn:s\"\nowner = \"x\"\n",
        "FILE:3: system: unknown key `owner`, expected one of `uri`, `processor`, `references`, `privacy`, `responsible`, `contact`",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[limits]\nconnections = 0\n",
        "FILE: limits.connections: expected at least 1, found 0",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[limits]\nhead_bytes = 8191\n",
        "FILE: limits.head_bytes: expected at least 8192, found 8191",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[limits]\nhead_fields = 0\n",
        "FILE: limits.head_fields: expected at least 1, found 0",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[limits]\nstreams_per_connection = 0\n",
        "FILE: limits.streams_per_connection: expected at least 1, found 0",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[limits]\ndecoded_ratio = 0\n",
        "FILE: limits.decoded_ratio: expected at least 1, found 0",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[limits]\nhead_bites = 1\n",
        "FILE:5: limits: unknown key `head_bites`, expected one of `connections`, `head_bytes`, `head_fields`, `streams_per_connection`, `recode_hold_bytes`, `decoded_ratio`, `decoded_bytes`",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[limits]\ndecoded_ratio = 4294967296\n",
        "FILE:5: limits.decoded_ratio: invalid value: integer `4294967296`, expected u32",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[timeouts]\nconnect = 0\n",
        "FILE: timeouts.connect: expected at least 1 second",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[timeouts]\nrequest_head = 0\n",
        "FILE: timeouts.request_head: expected at least 1 second",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[timeouts]\nrequest_body = 31536000\n",
        "FILE: timeouts.request_body: expected less than a year",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[timeouts]\nresponse_head = 0\n",
        "FILE: timeouts.response_head: expected at least 1 second",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[timeouts]\nprogress = 0\n[[callout_servers]]\nname = \"a\"\naddress = \"127.0.0.1:10\"\n",
        "FILE: timeouts.progress: expected at least 1 second",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[[callout_servers]]\nname = \"a\"\naddress = \"127.0.0.1:10\"\nbreaker_seconds = 0\n",
        "FILE: callout_servers.breaker_seconds: expected at least 1 second",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[[callout_servers]]\nname = \"a\"\naddress = \"127.0.0.1:10\"\n[[callout_servers]]\nname = \"a\"\naddress = \"127.0.0.1:10\"\n",
        "FILE:8: callout_servers.name: two callout servers are named \"a\"",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[[callout_servers]]\nname = \"a\"\naddress = \"there\"\n",
        "FILE:6: callout_servers.address: expected a host and port such as 127.0.0.1:4037, found \"there\"",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[[callout_servers]]\nname = \"a\"\n",
        "FILE:4: callout_servers: expected the required key `address`, which is missing",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[[callout_servers]]\naddress = \"a:1\"\n",
        "FILE:4: callout_servers: expected the required key `name`, which is missing",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[tls]\ncertificate = \"nowhere.pem\"\nkey = \"nowhere.key\"\n",
        "FILE:5: tls.certificate: FOLDER/nowhere.pem: expected PEM with certificates: I/O error: No such file or directory (os error 2)",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[tls]\ncertificate = \"nowhere.pem\"\n",
        "FILE:4: tls: expected the required key `key`, which is missing",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[origin_tls]\nauthorities = \"nowhere.pem\"\n",
        "FILE:5: origin_tls.authorities: FOLDER/nowhere.pem: expected PEM with certificates: I/O error: No such file or directory (os error 2)",
    ),
    (
        "forwarded = \"all\"\norigin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n",
        "FILE:1: forwarded: unknown variant `all`, expected one of `off`, `standard`, `x-forwarded`",
    ),
    (
        "no_transform = \"never\"\norigin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n",
        "FILE:1: no_transform: unknown variant `never`, expected `obey` or `ignore`",
    ),
    (
        "tunnel_ports = [65536]\norigin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n",
        "FILE:1: tunnel_ports: invalid value: integer `65536`, expected u16",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[store]\nfolder = \"\"\n",
        "FILE:5: store.folder: expected a folder, found none",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[store]\nfolder = \"f\"\nkeep_days = 0\n",
        "FILE:6: store.keep_days: expected 1 to 3650 days",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[store]\nfolder = \"f\"\nmax_bytes = 1\n",
        "FILE:6: store.max_bytes: expected at least 67108864 (64 MiB)",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[store]\nfolder = \"f\"\nheaders = [\"a b\"]\n",
        "FILE:6: store.headers: expected names of header fields, found \"a b\"",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[store]\nfolder = \"f\"\nuri = \"some\"\n",
        "FILE:6: store.uri: unknown variant `some`, expected one of `full`, `without-query`, `none`",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[store]\nfolder = \"f\"\nclient = \"some\"\n",
        "FILE:6: store.client: unknown variant `some`, expected one of `full`, `truncated`, `none`",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[admin]\nlisten = \"127.0.0.1:0\"\n",
        "FILE:5: admin.listen: the administrator's pages show what a [store] keeps, and there is none",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[store]\nfolder = \"f\"\n[admin]\nlisten = \"here\"\n",
        "FILE:7: admin.listen: expected an address and port such as 127.0.0.1:4037, found \"here\"",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[store]\nfolder = \"f\"\n[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"nowhere\"\n",
        "FILE:8: admin.token_file: expected a file with a token in it, FOLDER/nowhere: No such file or directory (os error 2)",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[trace]\ngranularity = \"some\"\n",
        "FILE:5: trace.granularity: unknown variant `some`, expected one of `off`, `summary`, `full`",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[trace]\nheaders = \"all\"\n",
        "FILE:5: trace.headers: unknown variant `all`, expected one of `rfc4236`, `end-comm`, `both`",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[trace]\npublic = \"all\"\n",
        "FILE:5: trace.public: unknown variant `all`, expected one of `off`, `outcome`, `services`",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[[rules]]\n",
        "FILE:4: rules: expected the required key `services`, which is missing",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[[services]]\nname = \"a\"\n",
        "FILE:4: services: expected the required key `uri`, which is missing",
    ),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\norigin = \"x\"\n",
        "FILE:4: system: unknown key `origin`, expected one of `uri`, `processor`, `references`, `privacy`, `responsible`, `contact`",
    ),
    (
        "origin = \n[system]\nuri = \"urn:s\"\n",
        "FILE:1: origin: string values must be quoted, expected literal string",
    ),
    ("[system\n", "FILE:1: unclosed table, expected `]`"),
    (
        "[system]\nuri = \"urn:s\"\nuri = \"urn:t\"\n",
        "FILE:3: system.uri: expected valid TOML: duplicate key",
    ),
    ("[system]\nuri = \"urn:s\"\n[system]\n", "FILE:3: expected valid TOML: duplicate key"),
    (
        "[icap]\nlisten = \"here\"\n[system]\nuri = \"urn:s\"\n",
        "FILE:2: icap.listen: expected an address and port such as 127.0.0.1:1344, found \"here\"",
    ),
    (
        "[icap]\npreview_bytes = 65537\n[system]\nuri = \"urn:s\"\n",
        "FILE:2: icap.preview_bytes: expected at most 65536, found 65537",
    ),
    (
        "[[icap.paths]]\npath = \"scan\"\n[system]\nuri = \"urn:s\"\n",
        "FILE:2: icap.paths.path: expected a path such as /scan, found \"scan\"",
    ),
    (
        "[[icap.paths]]\npath = \"/a?b\"\n[system]\nuri = \"urn:s\"\n",
        "FILE:2: icap.paths.path: expected a path such as /scan, found \"/a?b\"",
    ),
    (
        "[[icap.paths]]\npath = \"/a\"\n[[icap.paths]]\npath = \"/a\"\n[system]\nuri = \"urn:s\"\n",
        "FILE:4: icap.paths.path: /a stands twice",
    ),
    (
        "[[icap.paths]]\npath = \"/a\"\nrules = [\"none\"]\n[system]\nuri = \"urn:s\"\n",
        "FILE:3: icap.paths.rules: expected the name of one of [[rules]], found \"none\"",
    ),
    (
        "[icap]\nport = 1\n[system]\nuri = \"urn:s\"\n",
        "FILE:2: icap: unknown key `port`, expected one of `listen`, `tls`, `preview_bytes`, `always_trace`, `paths`",
    ),
    ("[icap]\n", "FILE:1: icap: expected the required key `system`, which is missing"),
    (
        "listen = \"here\"\n",
        "FILE:1: listen: expected an address and port such as 127.0.0.1:4037, found \"here\"",
    ),
    ("listen = 4037\n", "FILE:1: listen: invalid type: integer `4037`, expected a string"),
    ("[limits]\nconnections = 0\n", "FILE: limits.connections: expected at least 1"),
    ("[limits]\nmessage_bytes = 255\n", "FILE: limits.message_bytes: expected at least 256"),
    ("[limits]\nnesting_depth = 0\n", "FILE: limits.nesting_depth: expected at least 1"),
    (
        "[limits]\ntransactions_per_connection = 0\n",
        "FILE: limits.transactions_per_connection: expected at least 1",
    ),
    (
        "[limits]\nservice_groups_per_connection = 0\n",
        "FILE: limits.service_groups_per_connection: expected at least 1",
    ),
    ("[limits]\nidle_seconds = 0\n", "FILE: limits.idle_seconds: expected at least 1 second"),
    ("[limits]\nprogress_seconds = 31536000\n", "FILE: limits.progress_seconds: expected less than a year"),
    ("[limits]\nservice_seconds = 0\n", "FILE: limits.service_seconds: expected at least 1 second"),
    ("[limits]\ndecoded_ratio = 0\n", "FILE: limits.decoded_ratio: expected at least 1"),
    (
        "[limits]\nconections = 1\n",
        "FILE:2: limits: unknown key `conections`, expected one of `connections`, `transactions_per_connection`, `service_groups_per_connection`, `message_bytes`, `head_bytes`, `nesting_depth`, `idle_seconds`, `progress_seconds`, `service_seconds`, `recode_hold_bytes`, `decoded_bytes`, `decoded_ratio`",
    ),
    (
        "listn = 1\n",
        "FILE:1: unknown key `listn`, expected one of `listen`, `drain_seconds`, `limits`, `services`",
    ),
    (
        "[[services]]\nuri = \"http://s.example/i\"\nkind = \"identity\"\n[[services]]\nuri = \"http://s.example/i\"\nkind = \"digest\"\n",
        "FILE:5: services.uri: two services have this uri; each service needs its own",
    ),
    (
        "[[services]]\nuri = \"s\"\nkind = \"identity\"\n",
        "FILE:2: services.uri: expected an absolute URI that names the service: it is not an absolute URI, such as http://opes.example.com/system",
    ),
    (
        "[[services]]\nuri = \"http://s.example/i\"\n",
        "FILE:1: services: expected the required key `kind`, which is missing",
    ),
    (
        "[[services]]\nuri = \"http://s.example/i\"\nkind = \"identity\"\nfrom = \"x\"\n",
        "FILE:4: services.from: a service of kind \"identity\" has no `from`",
    ),
    ("drain_seconds = -1\n", "FILE:1: drain_seconds: invalid value: integer `-1`, expected u64"),
    (
        "origin = \"http://127.0.0.1:9\"\n[system]\nuri = \"urn:s\"\n[timeouts]\nprogress = 0\n",
        "FILE: timeouts.progress: expected at least 1 second",
    ),
];

#[test]
fn what_is_wrong_with_the_keys_of_a_rule_is_said_word_by_word() {
    for (keys, expected) in RULES {
        let services = if keys.starts_with("services") { "" } else { "services = [\"tag\"]\n" };
        assert_eq!(said(&format!("[[rules]]\n{services}{keys}\n")), *expected, "{keys}");
    }
}

#[test]
fn what_is_wrong_with_the_keys_of_a_service_is_said_word_by_word() {
    for (keys, expected) in SERVICES {
        let table = format!("[[services]]\n{keys}\n[[rules]]\nservices = [\"http://s.example/a\"]\n");
        assert_eq!(said(&table), *expected, "{keys}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_word_by_word() {
    for (text, expected) in FILES {
        let file = File::new(text);
        let done = run_opes(&["check", file.argument()]);
        assert_eq!(done.status.code(), Some(2), "{text}\n{}", done.stdout);
        let (folder, _) = file.argument().rsplit_once('/').expect("a path");
        let said = done.stderr.trim_end().replace(file.argument(), "FILE").replace(folder, "FOLDER");
        assert_eq!(said.strip_prefix("opes: "), Some(*expected), "{text}");
    }
}

/// What is too long or too deep for a table.
#[test]
fn what_is_too_much_is_said_word_by_word() {
    let condition = |text: &str| said(&format!("[[rules]]\nservices = [\"tag\"]\nwhen = '{text}'\n"));
    let long = "request.path == \"x\" || ".repeat(3000) + "true";
    assert_eq!(
        condition(&long),
        "3:9: rules.when: expected a condition in CEL; a condition has at most 65536 octets"
    );
    let deep = "(".repeat(2000) + "true" + &")".repeat(2000);
    let deep = condition(&deep);
    let problem = "rules.when: expected a condition in CEL; a condition is not nested so deeply";
    assert!(deep.starts_with("3:") && deep.ends_with(problem), "{deep}");
    let value = "x".repeat(4097);
    assert_eq!(
        said(&format!("[[rules]]\nservices = [\"tag\"]\nparameters = {{ level = \"{value}\" }}\n")),
        "3: rules.parameters: expected names of up to 64 of a-z, 0-9 and _, and values of up to 4096 octets, found \"level\""
    );
    let tag = format!(
        "[[services]]\nuri = \"urn:t\"\nkind = \"tag\"\nfind = \"x\"\nvariable = \"y\"\nvalue = \"{value}\"\n"
    );
    assert_eq!(
        said(&tag),
        "6: services.value: expected a name of up to 64 of a-z, 0-9 and _, and a value of up to 4096 octets"
    );
}
