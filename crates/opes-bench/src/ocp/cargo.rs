//! What transactions carry, and what their answers look like.

use super::running::Running;
use super::shape::Shapes;
use super::template::Template;
use crate::load::{Load, Mode};
use crate::message::Sample;

/// A message that is sent again and again.
pub(super) struct Cargo {
    pub(super) sample: Sample,
    pub(super) shapes: Shapes,
    template: Template,
    /// The messages that say what is kept, where anything is.
    keeping: Option<Template>,
}

impl Cargo {
    pub(super) fn new(load: &Load, sample: Sample, group: u64) -> Self {
        let template = |kept| Template::new(&sample, load.profile, group, kept);
        let keeping = (load.mode == Mode::Look).then(|| template(true));
        Self { template: template(false), keeping, shapes: Shapes::default(), sample }
    }

    /// RFC 4037 section 11.11: what the server has no use for is not kept any more.
    pub(super) fn template(&mut self, running: &Running) -> &mut Template {
        self.keeping.as_mut().filter(|_| running.keeps_all()).unwrap_or(&mut self.template)
    }
}

/// What there is to carry.
pub(super) struct Cargoes {
    pub(super) counted: Cargo,
    pub(super) background: Option<Cargo>,
}

impl Cargoes {
    #[inline]
    pub(super) fn of(&self, running: &Running) -> &Cargo {
        match (&self.background, running.ticket) {
            (Some(background), None) => background,
            _ => &self.counted,
        }
    }

    /// The same, for one of the background or one that counts.
    pub(super) fn of_kind(&mut self, counted: bool) -> &mut Cargo {
        match &mut self.background {
            Some(background) if !counted => background,
            _ => &mut self.counted,
        }
    }
}
