//! The auditor beside a schedule: what was published, what was acknowledged, and whether answers and watermarks are true.
//! AUD-1 (P6): whoever answers, a zombie too, has in the store what it says is done, and names a record of its batch.
//! AUD-2: a watermark is what some heartbeat said, and everything before that heartbeat on its lane is counted.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use touchline_delivery::{End, Invocation, Moment, Record, Response, Transport, Watch};

use crate::books::{Books, Violation};
use crate::sandbox::{AGGREGATE, FUNCTIONS, ledger_key};
use crate::scenario::{Fate, Frame, Scenario, name_of};
use crate::store::{SharedBooks, open};

/// Whether a published record must be accounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It must.
    Sure,
    /// It was handed over and then given up: some of its events may be counted.
    Unsure,
    /// It expired before anybody saw it.
    Lost,
}

/// A published record, and what each function owes it.
pub struct Published {
    pub record: Rc<Record<Arc<Frame>>>,
    pub standings: [Standing; FUNCTIONS],
}

impl Published {
    /// What the aggregation owes it.
    pub fn standing(&self) -> Standing {
        self.standings[AGGREGATE]
    }
}

/// Watches one schedule.
pub struct Auditor {
    pub books: SharedBooks,
    pub scenario: Arc<Scenario>,
    transport: Transport,
    pub published: Vec<Published>,
    by_place: HashMap<(usize, u64), usize>,
    has_faults: Arc<AtomicBool>,
    /// A mutant's answers and watermarks are not judged, only its results.
    judges_answers: bool,
}

impl Auditor {
    /// Nothing seen yet.
    pub fn new(
        books: SharedBooks,
        scenario: Arc<Scenario>,
        transport: Transport,
        has_faults: Arc<AtomicBool>,
        judges_answers: bool,
    ) -> Self {
        let by_place = HashMap::new();
        Self { books, scenario, transport, published: Vec::new(), by_place, has_faults, judges_answers }
    }

    fn standing_of(&self, record: &Record<Arc<Frame>>) -> Option<Standing> {
        self.by_place.get(&(record.shard, record.sequence)).map(|at| self.published[*at].standing())
    }

    fn set_standing(&mut self, function: usize, record: &Record<Arc<Frame>>, standing: Standing) {
        if let Some(at) = self.by_place.get(&(record.shard, record.sequence)) {
            self.published[*at].standings[function] = standing;
        }
    }

    /// AUD-1.
    fn judge_answer(
        &self,
        books: &Books,
        invocation: &Invocation<Arc<Frame>>,
        response: Response,
    ) -> Option<Violation> {
        let done = match response {
            Response::Done => invocation.records.len(),
            Response::Error => 0,
            Response::FailedFrom(sequence) => {
                match invocation.records.iter().position(|record| record.sequence == sequence) {
                    Some(at) => at,
                    None => {
                        let text = format!("invocation {} names a record that it never got", invocation.number);
                        return Some(Violation::new("P6", text));
                    }
                }
            }
        };
        if invocation.function != AGGREGATE {
            // What the archive did is seen in the tables.
            return None;
        }
        // What went to the failure destination may be passed over at its old place: it counts when it is published again.
        let is_sure = |record: &&Rc<Record<Arc<Frame>>>| self.standing_of(record) == Some(Standing::Sure);
        let missing =
            invocation.records[..done].iter().filter(is_sure).find_map(|record| self.first_missing(books, record))?;
        Some(Violation::new("P6", format!("invocation {} says that {missing} is done", invocation.number)))
    }

    /// AUD-2.
    fn judge_marks(&self, books: &mut Books) -> Option<Violation> {
        let marks = std::mem::take(&mut books.marks);
        for (source, lane, mark) in marks {
            let vouches = |record: &Record<Arc<Frame>>| {
                record.payload.told.iter().any(|told| {
                    matches!(&told.fate, Fate::Heartbeat { source: own, lane: own_lane, watermark_ms }
                        if *own == source && *own_lane == lane && *watermark_ms >= mark)
                })
            };
            let is_earned = self.published.iter().filter(|one| vouches(&one.record)).any(|one| {
                let heartbeat = &one.record;
                !self.published.iter().any(|other| {
                    let Record { shard, sequence, partition_key, .. } = &*other.record;
                    other.standing() == Standing::Sure
                        && *shard == heartbeat.shard
                        && *partition_key == heartbeat.partition_key
                        && *sequence <= heartbeat.sequence
                        && self.first_missing(books, &other.record).is_some()
                })
            });
            if !is_earned {
                let second = (mark - crate::BEGIN_MS) / 1000;
                let text = format!("watermark second {second} of {source} lane {lane} runs ahead of its events");
                return Some(Violation::new("WM", text));
            }
        }
        None
    }

    /// The first event of a record that should be in a pane, or in the ledger because its pane is sealed, and is not.
    fn first_missing(&self, books: &Books, record: &Record<Arc<Frame>>) -> Option<String> {
        record.payload.told.iter().enumerate().find_map(|(sub, told)| {
            let Fate::Pane(pane) = told.fate else { return None };
            let id = told.event.event_id;
            let is_there = books.has_counted(pane, id.0)
                || books.late_positions.contains(&ledger_key(self.transport, record.shard, record.sequence, sub));
            (!is_there).then(|| format!("event {id} of pane {pane}, record {},", record.sequence))
        })
    }

    fn note(&self, books: &mut Books, moment: &Moment<'_, Arc<Frame>>) {
        let numbers = match moment {
            Moment::Put { record, .. } => [1, record.shard as u64, record.sequence],
            Moment::Started { invocation, sandbox } => [2, invocation.number, *sandbox],
            Moment::Ended { invocation, end, is_zombie } => {
                let end = match end {
                    End::Answered(Response::FailedFrom(sequence)) => 16 + sequence,
                    End::Answered(response) => u64::from(*response == Response::Done),
                    End::Unheard(_) => 2,
                    End::Crashed => 3,
                    End::TimedOut => 4,
                };
                [3, invocation.number, end << 1 | u64::from(*is_zombie)]
            }
            Moment::Abandoned { invocation } => [4, invocation.number, 0],
            Moment::Frozen { invocation } => [5, invocation.number, 0],
            Moment::Discarded { records, .. } => {
                [6, records.len() as u64, records.first().map_or(0, |one| one.sequence)]
            }
            Moment::Expired { record, .. } => [8, record.shard as u64, record.sequence],
            Moment::Resharded { parents, children } => [9, parents.len() as u64, children.len() as u64],
            Moment::MappingStarted { mapping, parallelization, .. } => [10, *mapping as u64, *parallelization as u64],
            Moment::MappingStopped { mapping } => [13, *mapping as u64, 0],
            Moment::Rebalanced { partition } => [14, *partition as u64, 0],
            Moment::TimerStarted { number } => [15, *number, 0],
            Moment::TimerEnded { number, is_whole } => [16, *number, u64::from(*is_whole)],
            Moment::Calm => [17, 0, 0],
        };
        books.trace.note(&numbers, || match moment {
            Moment::Put { record, .. } => {
                let events: Vec<String> = record.payload.told.iter().map(name_of).collect();
                format!("{moment}\n      with {}", events.join("\n      with "))
            }
            _ => moment.to_string(),
        });
    }
}

impl Watch<Arc<Frame>> for Auditor {
    fn see(&mut self, moment: Moment<'_, Arc<Frame>>) -> Result<(), String> {
        let shared = Arc::clone(&self.books);
        let mut books = open(&shared);
        self.note(&mut books, &moment);
        let mut found = None;
        match &moment {
            Moment::Put { record, .. } => {
                self.by_place.insert((record.shard, record.sequence), self.published.len());
                self.published.push(Published { record: Rc::clone(record), standings: [Standing::Sure; FUNCTIONS] });
                record.payload.faults.iter().for_each(|number| books.counts.note(*number));
            }
            Moment::Ended { invocation, end: End::Answered(response) | End::Unheard(response), .. }
                if self.judges_answers =>
            {
                found = self.judge_answer(&books, invocation, *response);
            }
            Moment::Discarded { function, records } => {
                records.iter().for_each(|record| self.set_standing(*function, record, Standing::Unsure));
            }
            Moment::Expired { function, record, was_delivered } => {
                let standing = if *was_delivered { Standing::Unsure } else { Standing::Lost };
                self.set_standing(*function, record, standing);
            }
            Moment::Calm => self.has_faults.store(false, Ordering::Relaxed),
            _ => {}
        }
        if self.judges_answers && found.is_none() {
            found = self.judge_marks(&mut books);
        }
        if let Some(Violation { invariant, text }) = found {
            books.break_promise(invariant, text);
        }
        books.violation.as_ref().map_or(Ok(()), |violation| Err(violation.text.clone()))
    }
}
