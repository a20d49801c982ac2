//! Whether a vendor's clock may be believed, from the date of its answer.
//! SKEW-1: an answer whose clock jumped against the answers before is not taken; where the next one agrees with it, the jump
//! is how things are now. A clock that was always wrong by the same is believed: event times are the vendor's.
//! SKEW-2: an answer is as of its own date where that lies within the exchange: one that was long on its way tells old things.

use touchline_runtime::{Answer, http_date_ms};
use touchline_store::PageState;

/// Clocks differ by seconds, and dates have no fractions.
const TOLERANCE_MS: i64 = 30_000;

/// When an answer was asked for and had been received, UTC ms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchanged {
    pub(crate) asked_at_ms: i64,
    pub(crate) received_at_ms: i64,
}

impl Exchanged {
    /// The instant that the answer speaks of, by our clock.
    pub(crate) fn known_at_ms(self, answer: &Answer) -> i64 {
        let dated_ms = answer.header("date").and_then(http_date_ms).unwrap_or(self.received_at_ms);
        dated_ms.clamp(self.asked_at_ms, self.received_at_ms.max(self.asked_at_ms))
    }
}

/// How far the answer's clock is ahead of ours; 0 within the exchange, `None` where it does not say.
fn skew_ms(answer: &Answer, exchanged: Exchanged) -> Option<i64> {
    let dated_ms = answer.header("date").and_then(http_date_ms)?;
    // A cache says how long it has kept the answer.
    let age_ms = answer.header("age").and_then(|age| age.trim().parse::<i64>().ok()).unwrap_or(0).saturating_mul(1000);
    let at_ms = dated_ms.saturating_add(age_ms);
    Some(if at_ms < exchanged.asked_at_ms {
        at_ms - exchanged.asked_at_ms
    } else {
        (at_ms - exchanged.received_at_ms).max(0)
    })
}

/// Why an answer is not taken; notes its clock either way.
pub(crate) fn objection(state: &mut PageState, answer: &Answer, exchanged: Exchanged) -> Option<String> {
    let skew_ms = skew_ms(answer, exchanged)?;
    let is_near = |known_ms: i64| (skew_ms - known_ms).abs() <= TOLERANCE_MS;
    if is_near(state.skew_ms) || state.odd_skew_ms.is_some_and(is_near) {
        (state.skew_ms, state.odd_skew_ms) = (skew_ms, None);
        return None;
    }
    state.odd_skew_ms = Some(skew_ms);
    Some(format!(
        "the vendor's clock jumped: its answer is dated {} s {} ours, the ones before {} s; it is believed when the next \
         answer agrees, and if that is so, look at this machine's clock",
        skew_ms.abs() / 1000,
        if skew_ms < 0 { "behind" } else { "ahead of" },
        state.skew_ms / 1000
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Sat, 04 Jul 2026 17:00:00 GMT`.
    const DATED_MS: i64 = 1_783_184_400_000;

    fn answer(age: Option<&str>) -> Answer {
        let mut headers = vec![("date".to_owned(), "Sat, 04 Jul 2026 17:00:00 GMT".to_owned())];
        headers.extend(age.map(|age| ("age".to_owned(), age.to_owned())));
        Answer { status: 200, headers, body: Vec::new() }
    }

    fn at(ahead_ms: i64) -> Exchanged {
        let asked_at_ms = DATED_MS - ahead_ms;
        Exchanged { asked_at_ms, received_at_ms: asked_at_ms + 500 }
    }

    #[test]
    fn a_jump_is_refused_once_and_believed_when_it_stays() {
        let mut state = PageState::default();
        assert_eq!(objection(&mut state, &answer(None), at(1000)), None);
        let refused = objection(&mut state, &answer(None), at(120_000)).unwrap();
        assert!(refused.contains("is dated 119 s ahead of ours"), "{refused}");
        assert_eq!(objection(&mut state, &answer(None), at(2000)), None, "it was only one answer");
        assert!(objection(&mut state, &answer(None), at(-120_000)).unwrap().contains("120 s behind"));
        assert!(objection(&mut state, &answer(None), at(240_000)).is_some(), "another jump is no confirmation");
        assert_eq!(objection(&mut state, &answer(None), at(235_000)), None);
        assert_eq!(objection(&mut state, &answer(None), at(230_000)), None);
    }

    #[test]
    fn a_slow_answer_and_a_cached_one_are_in_order() {
        let mut state = PageState::default();
        let slow = Exchanged { asked_at_ms: DATED_MS - 1000, received_at_ms: DATED_MS + 900_000 };
        assert_eq!(objection(&mut state, &answer(None), slow), None);
        assert_eq!(objection(&mut state, &answer(Some("300")), at(-300_000)), None);
        assert_eq!(slow.known_at_ms(&answer(None)), DATED_MS);
        assert_eq!(at(90_000).known_at_ms(&answer(None)), at(90_000).received_at_ms, "never after the receipt");
        assert_eq!(at(-90_000).known_at_ms(&answer(None)), at(-90_000).asked_at_ms, "never before it was asked");
        let undated = Answer { headers: Vec::new(), ..answer(None) };
        assert_eq!(objection(&mut state, &undated, at(900_000)), None);
    }
}
