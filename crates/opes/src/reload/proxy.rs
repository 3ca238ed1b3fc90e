//! Rules of a proxy that are exchanged while it runs.

use std::convert::Infallible;
use std::time::Duration;

use ocp::client::Client;
use opes_processor::http::{ProxyConfig, ServerTls};
use opes_processor::rules::LiveRules;

use super::clients::Clients;
use super::{Occasions, renew, warn_of};
use crate::config::{self, LIVE_IN_PROXY, ProxyFile, Written};

/// What a proxy adapts by, and what it was started with.
pub(crate) struct Adapting {
    rules: LiveRules,
    clients: Clients,
    /// What clients of the proxy are shown.
    tls: Option<ServerTls>,
    owners: Vec<String>,
    started: Written,
}

impl Adapting {
    pub(crate) fn new(settings: &ProxyConfig, clients: Vec<Client>, started: Written) -> Self {
        Self {
            rules: settings.rules.clone(),
            clients: Clients::new(clients),
            tls: settings.tls.clone(),
            owners: settings.system.owners(),
            started,
        }
    }

    /// Puts the rules of the file in force on every occasion.
    pub(crate) async fn follow(&mut self, mut occasions: Occasions) -> Infallible {
        loop {
            let file = occasions.next(config::proxy).await;
            self.replace(file);
        }
    }

    fn replace(&mut self, file: ProxyFile) {
        let mut in_vain = self.started.changed(&file.written, LIVE_IN_PROXY);
        if !renew(self.tls.as_ref(), file.tls.as_ref()) {
            in_vain.push("tls".to_owned());
        }
        warn_of(&in_vain);
        let (rules, services) = (file.adaptation.rules(), file.adaptation.services());
        let (snapshot, clients) = file.adaptation.into_rules(self.owners.clone(), &self.clients.present);
        self.rules.replace(snapshot);
        self.clients.replace(clients);
        tracing::info!(rules, services, "the configuration is reloaded");
    }

    /// Ends the connections to the callout servers, those with transactions under way after `drain` at the latest.
    pub(crate) async fn close(self, drain: Duration) {
        self.clients.close(drain).await;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::sync::Arc;
    use std::thread::{self, JoinHandle};

    use ocp::client::{Briefing, GroupSpec};
    use opes_processor::report::Log;
    use opes_profile::http::Profile;
    use tokio::sync::oneshot;

    use super::*;

    /// A callout server that negotiates, tells when a group is wanted, and gives all that it hears to the end.
    fn server() -> (SocketAddr, oneshot::Receiver<()>, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, wanted) = oneshot::channel();
        let heard = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"CS;\r\nNR;\r\n").unwrap();
            let (mut tell, mut heard, mut buffer) = (Some(tell), String::new(), [0; 1000]);
            loop {
                let size = stream.read(&mut buffer).unwrap();
                if size == 0 {
                    return heard;
                }
                heard.push_str(std::str::from_utf8(&buffer[..size]).unwrap());
                if heard.contains("SGC 1") {
                    let told = tell.take().map(|tell| tell.send(()));
                    assert_ne!(told, Some(Err(())), "somebody waits for it");
                }
            }
        });
        (address, wanted, heard)
    }

    fn file(name: &str, rest: &str) -> ProxyFile {
        let file = std::env::temp_dir().join(format!("opes-{name}-{}.toml", std::process::id()));
        std::fs::write(&file, format!("origin = 'http://127.0.0.1:9'\n[system]\nuri = 'urn:s'\n{rest}"))
            .unwrap();
        let read = config::proxy(&file).unwrap();
        std::fs::remove_file(file).unwrap();
        read
    }

    #[test]
    fn clients_of_earlier_rules_end_with_ce_too() {
        let (address, wanted, heard) = server();
        let before = file("before", &format!("[[callout_servers]]\nname = 'a'\naddress = '{address}'"));
        // Nothing moves in it but while it is waited for.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (settings, clients, written) = before.into_processor(Arc::new(Log), None);
            let mut adapting = Adapting::new(&settings, clients.clone(), written);
            let (spec, briefing) = (GroupSpec::new(Profile::Response, ["urn:a"]), Briefing::default());
            tokio::select! {
                _ = clients[0].start(&spec, None, None, &briefing) => panic!("nobody creates the group"),
                asked = wanted => asked.unwrap(),
            }
            drop(clients);
            adapting.replace(file("after", ""));
            adapting.close(Duration::from_secs(10)).await;
        });
        drop(runtime);
        let heard = heard.join().unwrap();
        assert!(heard.ends_with("CE;\r\n"), "{heard}");
    }

    #[test]
    fn only_clients_that_nobody_uses_any_more_are_waited_for() {
        let one = "[[callout_servers]]\nname = 'a'\naddress = '127.0.0.1:9'";
        let (settings, clients, written) = file("one", one).into_processor(Arc::new(Log), None);
        let mut adapting = Adapting::new(&settings, clients, written);
        adapting.replace(file("same", one));
        assert_eq!((adapting.clients.present.len(), adapting.clients.retired.len()), (1, 0));
        adapting.replace(file("none", ""));
        assert_eq!((adapting.clients.present.len(), adapting.clients.retired.len()), (0, 1));
        adapting.replace(file("none", ""));
        assert_eq!(adapting.clients.retired.len(), 0, "it has ended");
    }
}
