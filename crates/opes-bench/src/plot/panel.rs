//! One pair of axes with lines.

use std::fmt::Write;

use crate::plot::axis::Axis;

/// A line and how it looks: its colour and its dashes.
pub(crate) struct Line {
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) look: (&'static str, &'static str),
}

/// One pair of axes.
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    /// Its upper left corner.
    pub(crate) origin: (f64, f64),
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) lines: Vec<Line>,
}

const WIDTH: f64 = 410.0;
const HEIGHT: f64 = 210.0;

impl Panel {
    // Writing into a string does not fail.
    pub(crate) fn draw(&self, out: &mut String) {
        let (left, top) = self.origin;
        let bottom = top + HEIGHT;
        for (value, label) in &self.x.ticks {
            let x = left + WIDTH * self.x.place(*value);
            let _ = writeln!(
                out,
                "<path class=\"grid\" d=\"M{x:.1} {top:.1}V{bottom:.1}\"/>\
                 <text class=\"ink\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
                bottom + 16.0
            );
        }
        for (value, label) in &self.y.ticks {
            let y = bottom - HEIGHT * self.y.place(*value);
            let _ = writeln!(
                out,
                "<path class=\"grid\" d=\"M{left:.1} {y:.1}h{WIDTH}\"/>\
                 <text class=\"ink\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                left - 6.0,
                y + 4.0
            );
        }
        let _ = writeln!(
            out,
            "<text class=\"ink\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            left + WIDTH / 2.0,
            bottom + 36.0,
            self.title
        );
        for line in &self.lines {
            let mut path = String::new();
            for (x, y) in &line.points {
                let command = if path.is_empty() { 'M' } else { 'L' };
                let (x, y) = (left + WIDTH * self.x.place(*x), bottom - HEIGHT * self.y.place(*y));
                let _ = write!(path, "{command}{x:.1} {y:.1}");
            }
            let (colour, dash) = line.look;
            let _ = writeln!(
                out,
                "<path class=\"line\" stroke=\"{colour}\" stroke-dasharray=\"{dash}\" d=\"{path}\"/>"
            );
        }
    }
}
