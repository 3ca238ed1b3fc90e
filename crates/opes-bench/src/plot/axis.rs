//! Scales and their ticks.

/// A scale from the values of an axis to 0..1.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    /// Values and what is written at them.
    pub(crate) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// From nothing to a round number above all values.
    pub(crate) fn linear(values: impl Iterator<Item = f64>) -> Self {
        let most = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        let most = if most > 0.0 { most } else { 1.0 };
        let step = round_step(most / 5.0);
        let count = (most / step).ceil();
        let ticks =
            (0..=count as u32).map(|number| (f64::from(number) * step, label(f64::from(number) * step)));
        Self { low: 0.0, high: count * step, logarithmic: false, ticks: ticks.collect() }
    }

    /// The decades that hold all values.
    pub(crate) fn logarithmic(values: impl Iterator<Item = f64> + Clone) -> Self {
        let positive = || values.clone().filter(|value| value.is_finite() && *value > 0.0);
        let low = positive().fold(f64::INFINITY, f64::min).min(1e12).log10().floor();
        let high = positive().fold(0.0, f64::max).max(1e-12).log10().ceil();
        let (low, high) = if low < high { (low, high) } else { (high - 1.0, high.max(low) + 1.0) };
        // Few decades leave room between them.
        let within: &[f64] = if high - low <= 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let values = (low as i32..=high as i32)
            .flat_map(|decade| within.iter().map(move |at| at * 10f64.powi(decade)));
        let ticks =
            values.filter(|value| *value <= 10f64.powf(high) * 1.001).map(|value| (value, label(value)));
        Self { low, high, logarithmic: true, ticks: ticks.collect() }
    }

    /// Percentiles by how rare it is to lie above them: as far from 90 to 99 as from 99 to 99.9.
    pub(crate) fn percentiles(places: f64) -> Self {
        let all = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999];
        let ticks = all.map(|percentile| (percentile_place(percentile), percentile.to_string()));
        let ticks = ticks.into_iter().filter(|(place, _)| *place <= places + 1e-6);
        Self { low: 0.0, high: places, logarithmic: false, ticks: ticks.collect() }
    }

    /// Where a value lies, from 0 to 1.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.max(1e-12).log10() } else { value };
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// The place of a percentile on its axis.
pub(crate) fn percentile_place(percentile: f64) -> f64 {
    -(1.0 - percentile / 100.0).log10() + 0.0
}

/// 1, 2 or 5 times a power of ten, not below.
fn round_step(least: f64) -> f64 {
    let decade = 10f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * decade >= least * 0.999);
    step.unwrap_or(10.0) * decade
}

fn label(value: f64) -> String {
    let (value, unit) = match value {
        value if value >= 1e6 => (value / 1e6, "M"),
        value if value >= 1e4 => (value / 1e3, "k"),
        value => (value, ""),
    };
    let text = format!("{value:.3}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_ticks_are_round_and_reach_above_all() {
        let axis = Axis::linear([3.0, 870.0].into_iter());
        let labels: Vec<_> = axis.ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["0", "200", "400", "600", "800", "1000"]);
        assert!((axis.place(500.0) - 0.5).abs() < 1e-9);
        assert_eq!(Axis::linear(std::iter::empty()).ticks.len(), 6);
    }

    #[test]
    fn decades_hold_all() {
        let axis = Axis::logarithmic([30.0, 25_000.0].into_iter());
        let labels: Vec<_> = axis.ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["10", "100", "1000", "10k", "100k"]);
        assert!((axis.place(1000.0) - 0.5).abs() < 1e-9);
        for values in [&[][..], &[100.0], &[0.0]] {
            let axis = Axis::logarithmic(values.iter().copied());
            assert!((0.0..=1.0).contains(&axis.place(100.0)), "{values:?} {axis:?}");
        }
    }

    #[test]
    fn percentiles_are_shown_as_far_as_they_go() {
        let labels =
            |places| Axis::percentiles(places).ticks.into_iter().map(|tick| tick.1).collect::<Vec<_>>();
        assert_eq!(labels(2.0), ["0", "50", "90", "99"]);
        assert_eq!(labels(3.0).last().unwrap(), "99.9");
    }
}
