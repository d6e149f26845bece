//! Creates the functions as their `main` does, over the wire of a machine.

use std::sync::Arc;

use aws_config::SdkConfig;
use generate::{PartSizes, Worker};
use jiff::SignedDuration;
use sweep::Sweeper;
use waybill::store::Exports;
use waybill_tests::functions;

use crate::machine::Machine;
use crate::wire::FaultyWire;
use crate::world::World;

/// The retention of a file, and the time until its deletion: short, so that a seed reaches its end.
pub(crate) const RETENTION: SignedDuration = SignedDuration::from_mins(40);
const DELETE_AFTER: SignedDuration = SignedDuration::from_mins(3);

impl World {
    fn config(self: &Arc<Self>, machine: &Arc<Machine>, has_faults: bool) -> SdkConfig {
        let wire = FaultyWire {
            world: self.clone(),
            machine: machine.clone(),
            has_faults,
        };
        functions::sdk(Arc::new(wire), machine.clock())
    }

    pub(crate) fn exports(self: &Arc<Self>, machine: &Arc<Machine>, has_faults: bool) -> Exports {
        functions::exports(&self.config(machine, has_faults))
    }

    /// A worker on this machine.
    pub(crate) async fn worker(self: &Arc<Self>, machine: &Arc<Machine>) -> Worker {
        let (config, table) = (self.config(machine, true), self.records_table());
        let mut worker = functions::worker(&config, machine.clock(), table, RETENTION);
        if let Some(database) = &self.database {
            worker.dependencies.records = database.opener(&config, self.network(machine));
        }
        worker.dependencies.part_sizes = PartSizes::beginning_with(self.part);
        worker.dependencies.checkpoint_every = self.checkpoint_every;
        worker.exports_per_parent = self.exports_per_parent;
        worker
    }

    pub(crate) fn sweeper(self: &Arc<Self>, machine: &Arc<Machine>) -> Sweeper {
        functions::sweeper(&self.config(machine, true), DELETE_AFTER)
    }
}
