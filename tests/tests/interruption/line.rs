//! The wire of one machine: what becomes of each call on its way there and back.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use waybill_testing::fake::{Answer, Broken, Call, Carried, Wire};

use crate::machine::Machine;
use crate::weather::{Trouble, Weather, is_conditional_put, is_of_records, refusal};
use crate::world::World;

/// The wire of one machine.
pub(crate) struct Line {
    pub(crate) world: Arc<World>,
    pub(crate) machine: Arc<Machine>,
    /// Whether the weather reaches it.
    pub(crate) is_exposed: bool,
}

impl Wire for Line {
    fn carry(&self, call: Call) -> Carried {
        let (world, machine) = (self.world.clone(), self.machine.clone());
        let is_exposed = self.is_exposed;
        Box::pin(async move {
            machine.awake().await;
            if is_exposed && world.chance(world.weather.freeze) {
                let seconds = world.random.lock().unwrap().u64(2..240);
                machine.freeze(Duration::from_secs(seconds));
                world.note(&machine, &call, &format!("stands still for {seconds} s"));
                machine.awake().await;
            }
            if is_exposed && world.chance(world.weather.jump) {
                machine.jump(world.ahead());
            }
            let fair = Weather::fair();
            let weather = if is_exposed { &world.weather } else { &fair };
            let mut fate = weather.fate(&call, &mut world.random.lock().unwrap());
            if is_exposed && fate.trouble == Trouble::None && world.loses_answer(&call) {
                match world.lost.lock().unwrap().bool() {
                    true => fate.trouble = Trouble::ResetAfter,
                    // Longer than the client waits.
                    false => fate.back += Duration::from_secs(11),
                }
            }
            let may_clean = Duration::from_secs(world.weather.no_cleaning) <= world.began.elapsed();
            if !may_clean && machine.name.starts_with("sweeper") && call.operation.starts_with("S3")
            {
                fate.trouble = Trouble::Denied;
            }
            world.note(&machine, &call, &format!("{fate:?}"));
            let is_reading = is_of_worker(&machine)
                && call.operation == "DynamoDB.Query"
                && is_of_records(&call);
            if is_reading {
                world
                    .watch
                    .lock()
                    .unwrap()
                    .page_asked(world.began.elapsed());
            }
            match fate.trouble {
                Trouble::KillBefore => {
                    machine.kill();
                    return std::future::pending().await;
                }
                Trouble::ResetBefore => {
                    tokio::time::sleep(fate.there).await;
                    machine.awake().await;
                    return Err(Broken);
                }
                _ => {}
            }
            // What is on its way gets there, whatever becomes of whom it came from.
            let there = tokio::spawn({
                let (world, trouble) = (world.clone(), fate.trouble);
                async move {
                    tokio::time::sleep(fate.there).await;
                    match trouble {
                        Trouble::Refused(number) => refusal(&call, number),
                        Trouble::Denied => Answer::error(&call, 403, "AccessDenied"),
                        _ => world.carry_out(&call),
                    }
                }
            });
            let answer = there.await.unwrap();
            if fate.trouble == Trouble::KillAfter {
                machine.kill();
                return std::future::pending().await;
            }
            if is_reading && answer.status == 200 {
                let read: Value = serde_json::from_slice(&answer.body).unwrap();
                let read = read["ScannedCount"].as_u64().unwrap();
                world.watch.lock().unwrap().records_read += read;
            }
            tokio::time::sleep(fate.back).await;
            machine.awake().await;
            match fate.trouble {
                Trouble::ResetAfter => Err(Broken),
                _ => Ok(answer),
            }
        })
    }
}

impl World {
    /// Whether the answer is lost that says that a new object is stored.
    fn loses_answer(&self, call: &Call) -> bool {
        if !is_conditional_put(call) {
            return false;
        }
        let key = call.path.split_once('/').map_or("", |(_, key)| key);
        let is_new = self.cloud.lock().unwrap().s3.object(key).is_none();
        is_new && self.lost.lock().unwrap().f64() < self.weather.lost_put
    }

    fn note(&self, machine: &Machine, call: &Call, what: &str) {
        let at = self.began.elapsed().as_secs_f64();
        let line = format!("{at:10.3} {:<10} {} {what}", machine.name, call.operation);
        self.watch.lock().unwrap().trace.push(line);
    }
}

fn is_of_worker(machine: &Machine) -> bool {
    machine.name.starts_with("worker")
}
