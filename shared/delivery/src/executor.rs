//! Just enough of an executor: whoever holds a future polls it when it likes, woken or not.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Gives everybody else a turn.
pub async fn yield_now() {
    let mut is_back = false;
    std::future::poll_fn(|task| {
        if std::mem::replace(&mut is_back, true) {
            return Poll::Ready(());
        }
        // Nobody above listens, but a handler that waits for several things at once asks only those that woke it.
        task.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls one future to its end.
///
/// # Panics
/// When it is still not ready after a million polls, because then it waits for somebody who never comes.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1_000_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("the future waits for somebody who never comes");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_future_that_yields_comes_to_its_end() {
        let three = async {
            yield_now().await;
            yield_now().await;
            3
        };
        assert_eq!(block_on(three), 3);
    }
}
