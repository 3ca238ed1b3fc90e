//! Plays dialogues with our agents in the place of one side.

use ocp_proto::Role;
use ocp_proto::message::Scope;

use crate::agent::Agent;
use crate::dialogue::{Dialogue, Step};
use crate::files;
use crate::notation::{octets, vectors};
use crate::reaction::{Expected, shown};

/// How the other agent's octets come.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Whole,
    Single,
    /// The line of this index in two parts.
    At(usize, usize),
}

impl Dialogue {
    /// Plays the dialogue with an agent of ours in this role, whole and with every cut.
    fn run(&self, role: Role) -> Result<(), String> {
        self.play(role, Cut::Whole)?;
        self.play(role, Cut::Single)?;
        for (index, step) in self.steps.iter().enumerate() {
            if let Step::Says(by, line) = step
                && *by != role
            {
                let size = octets(&line.any[0])?.len();
                (1..size).try_for_each(|at| self.play(role, Cut::At(index, at)))?;
            }
        }
        Ok(())
    }

    fn play(&self, role: Role, cut: Cut) -> Result<(), String> {
        let mut agent = Agent::new(role, &self.supports, &self.hosts);
        let done = self.steps.iter().enumerate().try_for_each(|(index, step)| {
            take(&mut agent, role, step, index, cut).map_err(|error| format!("line {index}: {error}"))
        });
        done.and_then(|()| quiet(&agent)).and_then(|()| self.judge_faults(&agent)).map_err(|error| {
            format!("{}: {} ({role:?}, {cut:?}): {error}", self.vector.file, self.vector.title)
        })
    }

    fn judge_faults(&self, agent: &Agent) -> Result<(), String> {
        let found: Vec<_> = agent.faults.iter().map(name).collect();
        let either = |wanted: &str, found: &str| wanted.split(" or ").any(|wanted| wanted == found);
        let fits = found.len() == self.faults.len()
            && self.faults.iter().zip(&found).all(|(wanted, found)| either(wanted, found));
        if fits { Ok(()) } else { Err(format!("faults {found:?}, expected {:?}", self.faults)) }
    }
}

fn name(scope: &Scope) -> String {
    match scope {
        Scope::Connection => "connection".to_owned(),
        Scope::Transaction(xid) => format!("transaction {xid}"),
    }
}

fn take(agent: &mut Agent, role: Role, step: &Step, index: usize, cut: Cut) -> Result<(), String> {
    match step {
        Step::Says(by, expected) if *by == role => expect(agent, expected),
        Step::Says(_, line) => {
            quiet(agent)?;
            hear(agent, &octets(&line.any[0])?, index, cut);
            Ok(())
        }
        Step::Does(by, action) if *by == role => {
            quiet(agent)?;
            agent.act(action)
        }
        Step::Closes(by) if *by != role => {
            quiet(agent)?;
            agent.lose();
            Ok(())
        }
        Step::Does(..) | Step::Closes(_) => Ok(()),
    }
}

fn hear(agent: &mut Agent, octets: &[u8], index: usize, cut: Cut) {
    match cut {
        Cut::Single => octets.chunks(1).for_each(|octet| agent.hear(octet)),
        Cut::At(line, at) if line == index => {
            let (first, second) = octets.split_at(at);
            agent.hear(first);
            agent.hear(second);
        }
        Cut::Whole | Cut::At(..) => agent.hear(octets),
    }
}

fn expect(agent: &mut Agent, expected: &Expected) -> Result<(), String> {
    let said =
        agent.said.pop_front().ok_or_else(|| format!("nothing is said, expected {:?}", expected.any))?;
    if expected.fits(&said) {
        return Ok(());
    }
    Err(format!("{} is said, expected {:?} without {:?}", shown(&said), expected.any, expected.without))
}

/// Everything that the agent has said so far was expected. CS may come before or after that of the other agent.
fn quiet(agent: &Agent) -> Result<(), String> {
    match agent.said.iter().find(|said| said.raw.name() != b"CS") {
        None => Ok(()),
        Some(said) => Err(format!("{} is said, and was not expected", shown(said))),
    }
}

fn dialogues() -> Vec<Dialogue> {
    let vectors = files("dialogues").into_iter().flat_map(|(file, text)| vectors(&file, &text));
    vectors.map(Dialogue::read).collect()
}

#[test]
fn dialogues_hold() {
    let dialogues = dialogues();
    assert!(dialogues.len() >= 40, "only {} dialogues", dialogues.len());
    let plays =
        dialogues.iter().flat_map(|dialogue| dialogue.agents.iter().map(move |role| (dialogue, *role)));
    let failures: Vec<_> = plays.filter_map(|(dialogue, role)| dialogue.run(role).err()).collect();
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

/// Every reaction that is expected matters, every fault does, and some of what provokes them.
#[test]
fn broken_dialogues_fail() {
    for dialogue in dialogues() {
        for role in dialogue.agents.clone() {
            let title = format!("{}: {} ({role:?})", dialogue.vector.file, dialogue.vector.title);
            assert!(dialogue.play(role, Cut::Whole).is_ok(), "{title}");
            for broken in broken(&dialogue, role) {
                assert!(
                    broken.play(role, Cut::Whole).is_err(),
                    "{title} passes though broken: {:?}",
                    broken.steps
                );
            }
            let inputs = inputs(&dialogue, role);
            let matters = |index: &usize| {
                let mut without = dialogue.clone();
                without.steps.remove(*index);
                without.play(role, Cut::Whole).is_err()
            };
            assert!(inputs.iter().any(matters), "{title}: no input matters");
        }
    }
}

fn inputs(dialogue: &Dialogue, role: Role) -> Vec<usize> {
    let is_input = |step: &Step| match step {
        Step::Says(by, _) | Step::Closes(by) => *by != role,
        Step::Does(by, _) => *by == role,
    };
    (0..dialogue.steps.len()).filter(|index| is_input(&dialogue.steps[*index])).collect()
}

/// The dialogue without each of its expectations, with each of them changed, with one more, and with other faults.
fn broken(dialogue: &Dialogue, role: Role) -> Vec<Dialogue> {
    let mut all = Vec::new();
    let change = |change: &dyn Fn(&mut Dialogue)| {
        let mut changed = dialogue.clone();
        change(&mut changed);
        changed
    };
    for (index, step) in dialogue.steps.iter().enumerate() {
        let Step::Says(by, expected) = step else { continue };
        if *by != role {
            continue;
        }
        // CS is quiet, so that it may be left out.
        if expected.any != ["CS;\\r\\n"] {
            all.push(change(&|dialogue| drop(dialogue.steps.remove(index))));
        }
        all.push(change(&|dialogue| {
            if let Step::Says(_, expected) = &mut dialogue.steps[index] {
                expected.any.iter_mut().for_each(|text| text.insert(0, 'X'));
            }
        }));
    }
    let more = Expected { any: vec!["CE {400};\\r\\n".to_owned()], without: Vec::new() };
    all.push(change(&|dialogue| dialogue.steps.push(Step::Says(role, more.clone()))));
    all.push(change(&|dialogue| dialogue.faults.push("transaction 999".to_owned())));
    for index in 0..dialogue.faults.len() {
        all.push(change(&|dialogue| drop(dialogue.faults.remove(index))));
    }
    all
}
