//! The wire of one machine, which applies faults to each call and its answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use waybill_testing::fake::{Answer, Broken, Call, Carried, Wire};

use crate::faults::{Fault, Faults, is_conditional_put, is_for_records, refusal};
use crate::machine::Machine;
use crate::world::World;

/// The wire of one machine.
pub(crate) struct FaultyWire {
    pub(crate) world: Arc<World>,
    pub(crate) machine: Arc<Machine>,
    /// Whether faults apply.
    pub(crate) has_faults: bool,
}

impl Wire for FaultyWire {
    fn carry(&self, call: Call) -> Carried {
        let (world, machine) = (self.world.clone(), self.machine.clone());
        let has_faults = self.has_faults;
        Box::pin(async move {
            machine.awake().await;
            if has_faults {
                world.disturb(&machine, &call.operation).await;
            }
            let fair = Faults::none();
            let faults = if has_faults { &world.faults } else { &fair };
            let is_page = call.operation == "DynamoDB.Query" && is_for_records(&call);
            let mut plan = faults.plan(is_page, &mut world.random.lock().unwrap());
            if has_faults && plan.fault == Fault::None && world.loses_answer(&call) {
                match world.lost.lock().unwrap().bool() {
                    true => plan.fault = Fault::ResetAfter,
                    // Longer than the client's timeout.
                    false => plan.back += Duration::from_secs(11),
                }
            }
            let may_clean = Duration::from_secs(world.faults.no_cleaning) <= world.began.elapsed();
            if !may_clean && machine.name.starts_with("sweeper") && call.operation.starts_with("S3")
            {
                plan.fault = Fault::Denied;
            }
            world.note(&machine, &call.operation, &format!("{plan:?}"));
            let is_reading = is_worker(&machine) && is_page;
            if is_reading {
                world
                    .watch
                    .lock()
                    .unwrap()
                    .page_asked(world.began.elapsed());
            }
            match plan.fault {
                Fault::KillBefore => {
                    machine.kill();
                    return std::future::pending().await;
                }
                Fault::ResetBefore => {
                    tokio::time::sleep(plan.there).await;
                    machine.awake().await;
                    return Err(Broken);
                }
                _ => {}
            }
            // A sent call arrives even if its machine dies.
            let there = tokio::spawn({
                let (world, machine, fault) = (world.clone(), machine.clone(), plan.fault);
                async move {
                    tokio::time::sleep(plan.there).await;
                    match fault {
                        Fault::Refused(number) => refusal(&call, number),
                        Fault::Denied => Answer::error(&call, 403, "AccessDenied"),
                        _ => match &world.faults.later {
                            Some(later) => {
                                let answer = world.carry_out(&later.written(&machine, call));
                                later.read(&machine, answer)
                            }
                            None => world.carry_out(&call),
                        },
                    }
                }
            });
            let answer = there.await.unwrap();
            if plan.fault == Fault::KillAfter {
                machine.kill();
                return std::future::pending().await;
            }
            if is_reading && answer.status == 200 {
                let read: Value = serde_json::from_slice(&answer.body).unwrap();
                let read = read["ScannedCount"].as_u64().unwrap();
                world.watch.lock().unwrap().records_read += read;
            }
            tokio::time::sleep(plan.back).await;
            machine.awake().await;
            match plan.fault {
                Fault::ResetAfter => Err(Broken),
                _ => Ok(answer),
            }
        })
    }
}

impl World {
    /// Whether the answer to a conditional PUT is lost.
    fn loses_answer(&self, call: &Call) -> bool {
        if !is_conditional_put(call) {
            return false;
        }
        let key = call.path.split_once('/').map_or("", |(_, key)| key);
        let is_new = self.cloud.lock().unwrap().s3.object(key).is_none();
        is_new && self.lost.lock().unwrap().f64() < self.faults.lost_put
    }

    /// Freezes a machine before a call, or changes its clock, or does neither.
    pub(crate) async fn disturb(&self, machine: &Machine, operation: &str) {
        if self.chance(self.faults.freeze) {
            let seconds = self.random.lock().unwrap().u64(2..240);
            machine.freeze(Duration::from_secs(seconds));
            self.note(machine, operation, &format!("frozen for {seconds} s"));
            machine.awake().await;
        }
        if self.chance(self.faults.jump) {
            machine.jump(self.ahead());
        }
    }

    pub(crate) fn note(&self, machine: &Machine, operation: &str, what: &str) {
        let at = self.began.elapsed().as_secs_f64();
        let line = format!("{at:10.3} {:<10} {operation} {what}", machine.name);
        self.watch.lock().unwrap().trace.push(line);
    }
}

fn is_worker(machine: &Machine) -> bool {
    machine.name.starts_with("worker")
}
