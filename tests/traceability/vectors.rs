//! Tags of test vectors: lines `# req: ID, ID` in the files below `proto-spec/vectors/`, which one test runs.

use crate::finding::Finding;
use crate::tags::{Proof, Tags, identifiers};

/// The program of `tests/` that runs the vectors. Without it they prove nothing.
pub(crate) const RUNNER: &str = "vectors";

/// Where vectors lie.
pub(crate) const DIRECTORY: &str = "proto-spec/vectors/";

/// Reads the tags of a vector file; `runs` says whether there is a test that runs it.
pub(crate) fn read(file: &str, text: &str, runs: bool) -> Tags {
    let mut tags = Tags::default();
    for (index, line) in text.lines().enumerate() {
        let place = format!("{file}:{}", index + 1);
        match identifiers(line.trim_end(), "#") {
            Some(Ok(ids)) if runs => tags.proofs.extend(ids.into_iter().map(|id| Proof {
                id,
                test: file.to_owned(),
                place: place.clone(),
            })),
            Some(Ok(_)) => {
                let why = "no program `tests/vectors` runs it";
                tags.misplaced.push(Finding::NotRunning { place, why });
            }
            Some(Err(())) => {
                tags.misplaced.push(Finding::Malformed { place, comment: line.trim_end().to_owned() });
            }
            None => {}
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_count_only_where_they_are_run() {
        let text = "# What it shows.\n# req: X-1-01, X-1-02\nP: CS;\n";
        let run = read("proto-spec/vectors/a.txt", text, true);
        let ids: Vec<_> = run.proofs.iter().map(|proof| proof.id.as_str()).collect();
        assert_eq!((ids, run.misplaced.len()), (vec!["X-1-01", "X-1-02"], 0));
        assert_eq!(run.proofs[0].test, "proto-spec/vectors/a.txt");

        let idle = read("proto-spec/vectors/a.txt", text, false);
        assert!(idle.proofs.is_empty());
        assert!(matches!(&idle.misplaced[..], [Finding::NotRunning { .. }]), "{idle:?}");
    }

    #[test]
    fn what_only_looks_like_a_tag_is_reported() {
        for line in ["# req: X-1-1", "#req: X-1-01", "# Req: X-1-01", "## req: X-1-01"] {
            let tags = read("proto-spec/vectors/a.txt", line, true);
            assert!(matches!(&tags.misplaced[..], [Finding::Malformed { .. }]), "{line}: {tags:?}");
        }
    }
}
