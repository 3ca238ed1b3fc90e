//! The real nginx, in the foreground, with a configuration and files of its own.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::patience::eventually;
use crate::place::{Place, free_address};
use crate::process::Process;

/// A running nginx; the place with its files is gone with it.
#[derive(Debug)]
pub struct Nginx {
    process: Process,
    address: SocketAddr,
    place: Place,
}

/// One line of the access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The serial number of the connection.
    pub connection: u64,
    /// Method and target.
    pub request: String,
    /// The status.
    pub status: u16,
}

/// A configuration without its servers; `PLACE` is where the files are.
const CONFIGURATION: &str = r#"
daemon off;
master_process off;
pid PLACE/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
    log_format seen '$connection $status $request_method $request_uri';
    access_log PLACE/access.log seen;
    client_body_temp_path PLACE/body;
    proxy_temp_path PLACE/proxied;
    fastcgi_temp_path PLACE/fastcgi;
    uwsgi_temp_path PLACE/uwsgi;
    scgi_temp_path PLACE/scgi;
    client_max_body_size 64m;
    types { text/html html; text/plain txt; application/octet-stream bin; }
    SITE
}
"#;

impl Nginx {
    /// An origin: files under `/`, the same compressed under `/zipped/` and chunked under `/chunked/`, and `/old`,
    /// which has moved to `/new`.
    #[must_use]
    pub fn origin(files: &[(&str, &[u8])]) -> Self {
        let place = Place::new();
        let root = place.path().join("files");
        std::fs::create_dir(&root).expect("a directory for the files");
        for (name, octets) in files {
            std::fs::write(root.join(name), octets).expect("a file");
        }
        let server = "root PLACE/files;
            location /zipped/ { alias PLACE/files/; gzip on; gzip_proxied any; gzip_types text/plain; gzip_min_length 1; }
            location /chunked/ { alias PLACE/files/; ssi on; ssi_types text/plain; }
            location = /old { return 301 /new; }";
        Self::start(place, server)
    }

    /// A reverse proxy that knows nothing of OPES: under `/` it speaks HTTP/1.1 to the address, under `/1.0/` HTTP/1.0.
    #[must_use]
    pub fn before(address: SocketAddr) -> Self {
        let server = format!(
            "location / {{
                proxy_pass http://{address};
                proxy_http_version 1.1;
                proxy_set_header Connection \"\";
            }}
            location /1.0/ {{ proxy_pass http://{address}/; }}"
        );
        Self::start(Place::new(), &server)
    }

    fn start(place: Place, server: &str) -> Self {
        let address = Self::address_for_site();
        Self::with_site(place, address, &format!("server {{ listen {address}; {server} }}"))
    }

    /// An address for a site to listen at.
    #[must_use]
    pub fn address_for_site() -> SocketAddr {
        free_address(88)
    }

    /// With servers as they stand in a file that nginx includes, one of which listens at the address.
    #[must_use]
    pub fn with_site(place: Place, address: SocketAddr, site: &str) -> Self {
        let path = place.path().to_str().expect("a temporary path in UTF-8");
        let text = CONFIGURATION.replace("SITE", site).replace("PLACE", path);
        let file = place.write("nginx.conf", text);
        // Where Debian has it; not on the path of every user.
        let installed = Path::new("/usr/sbin/nginx");
        let mut command = Command::new(if installed.is_file() { installed } else { Path::new("nginx") });
        command.arg("-p").arg(place.path()).arg("-c").arg(file).args(["-e", "stderr"]);
        let mut process = Process::start(command);
        eventually("nginx to listen", || {
            assert!(process.alive(), "nginx does not start: {}", process.stderr());
            TcpStream::connect(address).ok()
        });
        Self { process, address, place }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has logged, once that is so many requests.
    #[must_use]
    pub fn log(&self, requests: usize) -> Vec<Logged> {
        let file = self.place.path().join("access.log");
        eventually("nginx to log the requests", || {
            let text = std::fs::read_to_string(&file).ok()?;
            let whole = &text[..text.rfind('\n').map_or(0, |last| last + 1)];
            let lines: Vec<_> = whole.lines().map(parse).collect();
            (lines.len() >= requests).then_some(lines)
        })
    }

    /// The lines of a log of its site, once there are so many.
    #[must_use]
    pub fn lines(&self, log: &str, count: usize) -> Vec<String> {
        let file = self.place.path().join(log);
        eventually("nginx to log", || {
            let text = std::fs::read_to_string(&file).ok()?;
            let lines: Vec<_> = text.lines().map(str::to_owned).collect();
            (lines.len() >= count).then_some(lines)
        })
    }

    /// Ends it gracefully, and gives what it had to complain about.
    pub fn finish(mut self) -> String {
        self.process.signal("QUIT");
        let status = self.process.exit();
        assert!(status.success(), "nginx: {status}\n{}", self.process.stderr());
        self.process.stderr()
    }
}

fn parse(line: &str) -> Logged {
    let mut parts = line.splitn(3, ' ');
    let mut next = || parts.next().unwrap_or_else(|| panic!("{line}"));
    Logged {
        connection: next().parse().expect("the number of a connection"),
        status: next().parse().expect("a status"),
        request: next().to_owned(),
    }
}
