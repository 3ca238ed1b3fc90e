//! One transaction as an agent sees it: what either side may say next (RFC 4037 sections 7, 8 and 11).

use ocp_proto::Role;
use ocp_proto::message::{Code, Message, Range};

use super::Rule;
use super::flow::Flow;

/// What was negotiated about the body of each message of a group, as offsets into it.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Agreed {
    pub(super) pause: Option<u64>,
    pub(super) stop: Option<u64>,
    pub(super) preserve: Option<u64>,
}

/// What has happened in a transaction so far.
#[derive(Debug)]
pub(super) struct Dialogue {
    pub(super) original: Flow,
    pub(super) adapted: Flow,
    agreed: Agreed,
    /// Where the body began.
    pub(super) body: Option<u64>,
    resumed: bool,
    kept: Option<Range>,
    interest: Range,
    used: bool,
    void: bool,
    wants_stop_sending: bool,
    /// The size of DWSR, and whether DWSS came before it.
    enough: Option<(u64, bool)>,
    stop: bool,
    modp: Option<u8>,
}

impl Dialogue {
    pub(super) fn new(agreed: Agreed, largest: u64) -> Self {
        Self {
            original: Flow::default(),
            adapted: Flow::default(),
            agreed,
            body: None,
            resumed: false,
            kept: None,
            interest: Range { offset: 0, size: largest },
            used: false,
            void: false,
            wants_stop_sending: false,
            enough: None,
            stop: false,
            modp: None,
        }
    }

    fn flow(&mut self, of: Role) -> &mut Flow {
        match of {
            Role::Processor => &mut self.original,
            Role::Server => &mut self.adapted,
        }
    }

    /// Preserved octets that the server may still use.
    pub(super) fn preserved(&self) -> u64 {
        self.kept.and_then(|kept| common(kept, self.interest)).map_or(0, |range| range.size)
    }

    /// A message that the witness' own agent, `by`, has sent; `size` is that of its payload.
    pub(super) fn sent(&mut self, by: Role, message: &Message, size: u64) -> Rule {
        let peer = if by == Role::Processor { Role::Server } else { Role::Processor };
        match message {
            Message::Ams { .. } => self.flow(by).start(),
            Message::Dum { offset, as_is, kept, modp, .. } => {
                self.check_rest(by)?;
                self.flow(by).data(Some(*offset), size)?;
                self.check_body_pause(by)?;
                self.check_dum(by, *as_is, size, *modp)?;
                kept.map_or(Ok(()), |kept| self.keep(by, kept))
            }
            Message::Duy { range, .. } => self.use_kept(by, *range),
            Message::Ame { outcome, .. } => {
                self.check_end(by, outcome.code)?;
                self.flow(by).end(outcome.code)
            }
            Message::Dpi { range, .. } => self.limit(by, *range),
            Message::Dwsr { size, .. } => self.want_stop_receiving(*size),
            Message::Dwss { .. } if self.wants_stop_sending => Err("a second DWSS"),
            Message::Dwss { .. } => {
                self.wants_stop_sending = true;
                Ok(())
            }
            Message::Dss { .. } => self.stop(),
            Message::Dwp { .. } => self.flow(peer).want_pause(),
            Message::Dwm { .. } => {
                self.flow(peer).pause_wanted = false;
                Ok(())
            }
            Message::Dpm { .. } => {
                let unasked = by == Role::Processor && self.agreed.pause.is_some() && !self.resumed;
                self.flow(by).pause(unasked)
            }
            _ => Ok(()),
        }
    }

    /// A message that has come from the peer of the witness' own agent, `at`.
    pub(super) fn received(&mut self, at: Role, message: &Message, size: u64) -> Rule {
        let by = if at == Role::Processor { Role::Server } else { Role::Processor };
        match message {
            Message::Ams { .. } => self.flow(by).start(),
            Message::Dum { offset, kept, .. } => {
                self.flow(by).data(Some(*offset), size)?;
                kept.map_or(Ok(()), |kept| self.keep(by, kept))
            }
            Message::Duy { range, .. } => self.flow(by).data(None, range.size),
            Message::Ame { outcome, .. } => self.flow(by).end(outcome.code),
            Message::Dpi { range, .. } => self.limit(by, *range),
            Message::Dwsr { size, .. } => self.want_stop_receiving(*size),
            Message::Dwss { .. } => {
                self.wants_stop_sending = true;
                Ok(())
            }
            Message::Dss { .. } => {
                self.stop = true;
                Ok(())
            }
            Message::Dwp { offset, .. } => {
                self.flow(at).pause_from(*offset);
                Ok(())
            }
            Message::Dwm { .. } => {
                self.resumed = true;
                self.flow(at).resume();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// After DSS the original flow rests until the adapted one has ended: we keep no copy of it.
    fn check_rest(&self, by: Role) -> Rule {
        let rests = by == Role::Processor && self.stop && self.adapted.ended.is_none();
        if rests { Err("original data between DSS and the server's AME") } else { Ok(()) }
    }

    /// RFC 4236 section 3.2.4: as if DWP had come.
    fn check_body_pause(&self, by: Role) -> Rule {
        let (Some(pause), Some(body)) = (self.agreed.pause, self.body) else { return Ok(()) };
        let past = by == Role::Processor && !self.resumed && self.original.offset > body + pause;
        if past { Err("body octets past Pause-At-Body before DWM") } else { Ok(()) }
    }

    fn check_dum(&mut self, by: Role, as_is: Option<u64>, size: u64, modp: Option<u8>) -> Rule {
        if by == Role::Processor && (as_is.is_some() || modp.is_some()) {
            return Err("As-is or Modp from a processor");
        }
        if as_is.is_some_and(|offset| offset + size > self.original.offset) {
            return Err("As-is names data that has not come");
        }
        if modp.is_some() && modp == self.modp {
            return Err("the same Modp again");
        }
        self.modp = modp.or(self.modp);
        Ok(())
    }

    /// A Kept parameter: promises hold, except for what DPI has released (section 7).
    fn keep(&mut self, by: Role, kept: Range) -> Rule {
        if by == Role::Server {
            return Err("Kept from a server");
        }
        let promised = self.kept.and_then(|old| common(old, self.interest));
        let covered = promised.is_none_or(|old| kept.offset <= old.offset && kept.end() >= old.end());
        // RFC 4236 section 3.2.6: as if DPI had come.
        let most = self.agreed.preserve.zip(self.body).map(|(size, body)| body + size);
        if most.is_some_and(|most| kept.end() > most) {
            return Err("Kept promises more than Preservation-Interest-Body");
        }
        if kept.end() > self.original.offset {
            return Err("Kept promises data that was not sent");
        }
        self.void |= !covered;
        self.kept = Some(kept);
        if covered { Ok(()) } else { Err("Kept breaks a promise") }
    }

    fn use_kept(&mut self, by: Role, range: Range) -> Rule {
        let usable = self.kept.and_then(|kept| common(kept, self.interest));
        let inside =
            usable.is_some_and(|usable| range.offset >= usable.offset && range.end() <= usable.end());
        if by == Role::Processor || self.void || !inside || range.size == 0 {
            return Err("DUY of data that is not kept, or was declared disposable");
        }
        self.used = true;
        self.adapted.data(None, range.size)
    }

    fn limit(&mut self, by: Role, range: Range) -> Rule {
        let inside =
            range.size == 0 || (range.offset >= self.interest.offset && range.end() <= self.interest.end());
        if by == Role::Processor || !inside {
            return Err("DPI grows what is reusable");
        }
        self.interest = range;
        Ok(())
    }

    fn want_stop_receiving(&mut self, size: u64) -> Rule {
        if self.enough.is_some() {
            return Err("a second DWSR");
        }
        self.enough = Some((size, self.wants_stop_sending));
        Ok(())
    }

    fn stop(&mut self) -> Rule {
        // The server's AME may have come after the decision: the server ignores DSS then (section 11.14).
        if !self.wants_stop_sending || self.stop {
            return Err("DSS unasked or twice");
        }
        if self.original.ended == Some(Code::Partial) {
            return Err("DSS after a partial original");
        }
        self.stop = true;
        Ok(())
    }

    fn check_end(&self, by: Role, code: Code) -> Rule {
        if code != Code::Partial {
            return Ok(());
        }
        if by == Role::Server {
            return if self.stop { Ok(()) } else { Err("AME 206 of the server without DSS") };
        }
        if self.adapted.ended.is_some() {
            return Ok(());
        }
        // RFC 4236 section 3.2.5: as if DWSR had come.
        let body = self.body.unwrap_or(self.original.offset);
        let agreed = self.agreed.stop.map(|size| (body + size, false));
        match self.enough.or(agreed) {
            None => Err("AME 206 of the processor without DWSR"),
            Some((size, _)) if self.original.offset < size => {
                Err("AME 206 before the prefix that DWSR asks for")
            }
            Some((_, true)) if !self.stop => Err("AME 206 before DSS although DWSS came before DWSR"),
            Some(_) => Ok(()),
        }
    }
}

fn common(one: Range, other: Range) -> Option<Range> {
    let offset = one.offset.max(other.offset);
    let end = one.end().min(other.end());
    (offset < end).then(|| Range { offset, size: end - offset })
}
