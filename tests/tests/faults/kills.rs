//! Kills a dozen workers at random moments.

use std::collections::HashSet;

use futures::future::join_all;
use waybill_tests::{content_of_xlsx, note};

use super::*;

const DOZEN: usize = 12;
/// Enough rows to keep a worker busy for some seconds, beside five others.
const ROWS: usize = 30_000;
/// Two exports of a parent run at once, so this number of parents runs six.
const PARENTS: usize = 3;

/// A requested export.
struct Wanted {
    owner: Owner,
    id: u64,
    format: &'static str,
}

impl Wanted {
    async fn new(owner: &Owner, format: &'static str) -> Self {
        Self {
            owner: owner.clone(),
            id: id(&owner.request(format).await),
            format,
        }
    }
}

#[tokio::test]
async fn a_dozen_workers_killed_at_any_moment_lose_no_row_and_leave_nothing() {
    let _mailing = MAILING.read().await;
    let stack = Stack::get();
    let orders = orders_csv(&generated_orders(ROWS));
    let owners = join_all((0..PARENTS).map(async |n| {
        let owner = Owner::new(&stack, &format!("Max{n}")).await;
        load_orders(&stack, owner.project, orders.clone()).await;
        owner
    }));
    let owners = owners.await;
    let (mut plain, mut wanted, mut killed) = Default::default();
    let mut readable = None;
    disturbing_making(async |stack, aws| {
        readable = Some(READABLE.read().await);
        let exports = tokio::join!(
            owners[0].succeeded(json!({"type": "orders", "format": "csv"})),
            owners[0].succeeded(json!({"type": "orders", "format": "xlsx"})),
        );
        let files = [
            owners[0].download(&exports.0).await.body,
            owners[0].download(&exports.1).await.body,
        ];

        // Slow reads keep the workers busy long enough to be killed, also on a fast machine.
        let request = async || {
            let mut exports = Vec::new();
            for owner in &owners {
                let colleague = owner.colleague("Mia").await;
                for format in ["csv", "xlsx"] {
                    exports.push(Wanted::new(&colleague, format).await);
                }
            }
            exports
        };
        let exports = requested_to_read_slowly(stack, aws, request, |exports| {
            exports.iter().map(|export| export.id).collect()
        })
        .await;
        let kills = kill_a_dozen(stack, aws, &exports).await;
        note(&format!("killed at rows {kills:?}"));

        (plain, wanted, killed) = (files, exports, kills);
    })
    .await;

    // The rest of the test does not need exclusive access to the workers.
    let aws = stack.aws().await;
    let made = wanted.iter().map(async |wanted| {
        let export = swept_to_success(&wanted.owner, &aws, wanted.id).await;
        let receipt = &export["receipt"];
        for count in ["read", "matched", "written"] {
            assert_eq!(receipt[count], ROWS, "{count}: {receipt:#}");
        }
        assert_eq!(export["rows"], ROWS);
        let file = one_file_and_one_mail(&stack, &aws, &wanted.owner, &export).await;
        match wanted.format {
            "csv" => assert!(file == plain[0], "other bytes in {}", wanted.id),
            _ => assert_eq!(
                content_of_xlsx(&file),
                content_of_xlsx(&plain[1]),
                "in {}",
                wanted.id
            ),
        }
        receipt["attempts"].as_u64().unwrap()
    });
    let attempts: u64 = join_all(made).await.into_iter().sum();
    drop(readable);
    // Each killed worker is one more attempt.
    assert!(attempts as usize >= wanted.len() + killed.len());
}

/// Kills the workers of these exports at random moments, until a dozen were killed. Returns the rows that their exports
/// showed at that time.
async fn kill_a_dozen(stack: &Stack, aws: &Aws, wanted: &[Wanted]) -> Vec<u64> {
    let mut random = fastrand::Rng::with_seed(12);
    let mut dead = HashSet::new();
    let mut rows = Vec::new();
    // The first kills come before there are any rows, the later ones after further progress.
    let mut seen = None;
    while rows.len() < DOZEN {
        let (held, most) = wait_until("workers to be busy", FINISHED_WITHIN, async || {
            // Other tests may be waiting for the scheduled sweep; files are built meanwhile.
            sweep_unless_awaited(aws).await;
            let held = held(aws, wanted, &dead).await;
            let now = join_all(wanted.iter().map(|wanted| wanted.owner.export(wanted.id))).await;
            let over = now
                .iter()
                .filter(|now| now["status"] == "succeeded")
                .count();
            assert!(
                over < wanted.len(),
                "all exports ended after {} kills",
                rows.len()
            );
            let most = now.iter().map(progress).max();
            // Wait until all exports of the last round have workers again.
            match held.len() + over == wanted.len() && most > seen {
                true => Ok((held, most)),
                false => Err(format!("{} of {}, {most:?} rows", held.len(), wanted.len())),
            }
        })
        .await;
        seen = most;
        for worker in workers(stack, stack.output("generate_function")) {
            tokio::time::sleep(Duration::from_millis(random.u64(0..400))).await;
            kill(worker);
        }
        // The leases of unfinished exports remain.
        for (wanted, owner) in held {
            if aws.lease_owner(wanted.id).await.as_ref() == Some(&owner) {
                rows.push(progress(&wanted.owner.export(wanted.id).await));
                dead.insert(owner);
            }
        }
    }
    rows
}

fn progress(export: &Value) -> u64 {
    export["progress"]["rows"].as_u64().unwrap_or_default()
}

/// The exports with a live worker, each with the worker's name.
async fn held<'a>(
    aws: &Aws,
    wanted: &'a [Wanted],
    dead: &HashSet<String>,
) -> Vec<(&'a Wanted, String)> {
    let mut held = Vec::new();
    for wanted in wanted {
        if let Some(owner) = aws.lease_owner(wanted.id).await
            && !dead.contains(&owner)
        {
            held.push((wanted, owner));
        }
    }
    held
}
