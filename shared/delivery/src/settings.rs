//! What kind of run: transport, sizes, what may go wrong and how often.
//! SET-1: any settings drawn for a set of faults let nothing else go wrong.

use crate::{Fault, FaultSet, Random, Transport};

/// The largest parallelization factor that Lambda takes.
const MAX_PARALLELIZATION: usize = 10;

/// What kind of run.
#[derive(Debug, Clone)]
pub struct Settings {
    pub transport: Transport,
    /// Open shards or partitions in the beginning.
    pub shards: usize,
    /// Functions that read the stream, each through mappings of its own: at most 8.
    pub functions: usize,
    /// Batches of one shard that may be under way at once, each an order of its own keys: 1 to 10. Kafka has 1.
    pub parallelization: usize,
    /// Records of a batch at most; a retry may have more.
    pub batch_records: usize,
    pub allowed: FaultSet,
    /// Of a hundred steps, how many disturb.
    pub disturbance_percent: usize,
    /// Of a hundred invocations, how many have too little time.
    pub time_out_percent: usize,
    /// Failures of one batch after which it goes to the failure destination; `None` tries for ever.
    pub discard_after: Option<u32>,
    /// Children of a reshard are read while their parents still are.
    pub reads_children_early: bool,
    /// Of a hundred invocations that find idle sandboxes, how many share a busy one all the same.
    pub shared_sandbox_percent: usize,
    /// Of a hundred steps, how many start the timer's task.
    pub timer_percent: usize,
    /// Steps after which nothing fails any more.
    pub steps_with_faults: u64,
    /// A run that is not through by then hangs.
    pub steps_max: u64,
}

impl Default for Settings {
    /// One quiet shard.
    fn default() -> Self {
        Self {
            transport: Transport::Kinesis,
            shards: 1,
            functions: 1,
            parallelization: 1,
            batch_records: 10,
            allowed: FaultSet::NONE,
            disturbance_percent: 0,
            time_out_percent: 0,
            discard_after: None,
            reads_children_early: false,
            shared_sandbox_percent: 0,
            timer_percent: 0,
            steps_with_faults: 0,
            steps_max: 1_000_000,
        }
    }
}

impl Settings {
    /// Any run in which only `allowed` goes wrong.
    pub fn any(random: &mut Random, allowed: FaultSet) -> Self {
        let transport = if random.chance(75) { Transport::Kinesis } else { Transport::Kafka };
        let many = 2 + random.below(MAX_PARALLELIZATION - 1);
        let is_parallel = transport == Transport::Kinesis && allowed.has(Fault::Parallelization);
        let parallelization = if is_parallel { *random.pick(&[1, 1, 2, 3, many]) } else { 1 };
        let discard_after = Some(2 + random.below(3) as u32).filter(|_| random.chance(25));
        Self {
            transport,
            shards: 1 + random.below(3),
            functions: 1,
            parallelization,
            batch_records: 1 + random.below(10),
            allowed,
            disturbance_percent: *random.pick(&[0, 2, 5, 10]),
            time_out_percent: *random.pick(&[0, 10, 30]),
            discard_after: discard_after.filter(|_| allowed.has(Fault::Redrive)),
            reads_children_early: allowed.has(Fault::Reshard) && random.chance(70),
            shared_sandbox_percent: *random.pick(&[0, 0, 20]),
            timer_percent: *random.pick(&[1, 3]),
            steps_with_faults: 1_000,
            steps_max: 100_000,
        }
    }
}
