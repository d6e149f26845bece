//! Exports that are interrupted: the real `generate` and `sweep`, over services in memory and a wire on which one seed
//! decides what goes wrong and when.
//!
//! `WAYBILL_SEEDS` sets how many seeds each test tries; `WAYBILL_SEED` tries one, and shows its every call.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod data;
mod judge;
mod machine;
mod watch;
mod weather;
mod world;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use waybill::export::Format;

use data::Case;
use judge::{Reference, Tally};
use weather::Weather;
use world::World;

/// How many seeds each of the two formats is tried with.
const SEEDS: u64 = 150;

#[test]
fn a_csv_file_is_the_same_whatever_interrupts_it() {
    try_seeds(Format::Csv);
}

#[test]
fn a_spreadsheet_is_the_same_whatever_interrupts_it() {
    try_seeds(Format::Xlsx);
}

fn try_seeds(format: Format) {
    let cases = data::cases();
    let references: Vec<Reference> = cases.iter().map(|case| reference(case, format)).collect();
    let variable = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let one = variable("WAYBILL_SEED");
    let seeds = match one {
        Some(seed) => seed..seed + 1,
        None => 0..variable("WAYBILL_SEEDS").unwrap_or(SEEDS),
    };
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    for seed in seeds.clone() {
        let n = seed as usize % cases.len();
        let tried = catch_unwind(AssertUnwindSafe(|| try_seed(seed, &cases[n], format)));
        match tried {
            Ok(world) => {
                let watch = world.watch.lock().unwrap();
                if one.is_some() {
                    note(&watch.trace.join("\n"));
                }
                let wrongs = references[n].judge(&world, &watch, &mut tally);
                if !wrongs.is_empty() {
                    wrong.push(format!(
                        "seed {seed} ({}): {}",
                        cases[n].name,
                        wrongs.join("; ")
                    ));
                }
            }
            Err(_) => wrong.push(format!(
                "seed {seed} ({}): a panic, see above",
                cases[n].name
            )),
        }
    }
    note(&format!("{format:?}, seeds {seeds:?}: {tally}"));
    assert!(
        wrong.is_empty(),
        "WAYBILL_SEED=… shows one of them:\n{}",
        wrong.join("\n")
    );
}

/// One seed, and every tenth of them canceled at some time.
fn try_seed(seed: u64, case: &Case, format: Format) -> std::sync::Arc<World> {
    let mut random = fastrand::Rng::with_seed(seed ^ 0xda7a);
    let mut weather = Weather::of(&mut random);
    let cancel = (random.u8(0..8) == 0).then(|| Duration::from_millis(random.u64(0..60_000)));
    if format == Format::Xlsx {
        weather.invocation = 600..900;
    }
    simulated(async move {
        let world = World::new(case, format, weather, seed).await;
        world.run(cancel).await;
        world
    })
}

fn reference(case: &Case, format: Format) -> Reference {
    let world = simulated(async move {
        let world = World::new(case, format, Weather::fair(), 0).await;
        world.run(None).await;
        world
    });
    Reference::of(case, format, &world)
}

/// Runs a world whose time passes only as it is waited for.
fn simulated<T>(world: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, world)
}

/// Says something past the test's captured output.
fn note(what: &str) {
    use std::io::Write;

    writeln!(std::io::stderr(), "{what}").unwrap();
}
