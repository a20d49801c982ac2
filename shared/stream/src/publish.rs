//! Records on their way in, tried again until every one is acknowledged or the tries are used up.
//! PUB-1: order inside a lane is kept, because what comes after a refused record waits for it.

use crate::{OutRecord, Publish, StreamError};

/// Tries a record has; its events keep their ids, so whoever gives up may publish them all again.
const TRIES: usize = 5;
/// Records published in one call.
const RECORDS_PER_CALL: usize = 500;

/// Publishes all of the records. After an error some of them are in the stream.
pub async fn publish_all(stream: &dyn Publish, records: Vec<OutRecord>) -> Result<(), StreamError> {
    let mut pending = records;
    for _ in 0..TRIES {
        let mut failed = Vec::new();
        let mut last_error = None;
        while !pending.is_empty() {
            let rest = pending.split_off(pending.len().min(RECORDS_PER_CALL));
            let chunk = std::mem::replace(&mut pending, rest);
            let outcomes = stream.publish(chunk.clone()).await;
            for (record, outcome) in chunk.into_iter().zip(outcomes) {
                if let Err(error) = outcome {
                    failed.push(record);
                    last_error = Some(error);
                }
            }
            if !failed.is_empty() {
                failed.append(&mut pending);
            }
        }
        match last_error {
            None => return Ok(()),
            Some(error @ StreamError::TooLarge { .. }) => return Err(error),
            Some(_) => pending = failed,
        }
    }
    Err(StreamError::Unknown(format!("{} records refused {TRIES} times", pending.len())))
}
