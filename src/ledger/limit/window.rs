//! How much came in the last minute, by the second.

/// Seconds a window looks back.
const SECONDS: usize = 60;

/// A sliding minute, exact to the second.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// What came in each second, by the second modulo 60.
    buckets: [u64; SECONDS],
    total: u64,
    /// The latest second seen.
    now: u64,
}

impl Window {
    pub(super) fn new() -> Window {
        Window {
            buckets: [0; SECONDS],
            total: 0,
            now: 0,
        }
    }

    /// Lets what is older than a minute go. A clock that goes back changes nothing.
    pub(super) fn advance(&mut self, now: u64) {
        let passed = now.saturating_sub(self.now);
        for step in 1..=passed.min(SECONDS as u64) {
            let bucket = &mut self.buckets[((self.now + step) % SECONDS as u64) as usize];
            self.total -= *bucket;
            *bucket = 0;
        }
        self.now = self.now.max(now);
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Counts `amount` for the current second.
    pub(super) fn add(&mut self, amount: u64) {
        let bucket = &mut self.buckets[(self.now % SECONDS as u64) as usize];
        *bucket = bucket.saturating_add(amount);
        self.total = self.total.saturating_add(amount);
    }

    /// Takes back what was counted at `then`, as far as the window still has it.
    pub(super) fn take_back(&mut self, then: u64, amount: u64) {
        if self.now.saturating_sub(then) >= SECONDS as u64 || then > self.now {
            return;
        }
        let bucket = &mut self.buckets[(then % SECONDS as u64) as usize];
        let amount = amount.min(*bucket);
        *bucket -= amount;
        self.total -= amount;
    }

    /// Seconds until no more than `room` is left in the window; at least one, at most a minute.
    pub(super) fn wait(&self, room: u64) -> u64 {
        let mut total = self.total;
        for step in 1..SECONDS as u64 {
            total -= self.buckets[((self.now + step) % SECONDS as u64) as usize];
            if total <= room {
                return step;
            }
        }
        SECONDS as u64
    }

    /// Seconds until the window is empty.
    pub(super) fn until_empty(&self) -> u64 {
        if self.total == 0 { 0 } else { self.wait(0) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_came_a_minute_ago_no_longer_counts() {
        let mut window = Window::new();
        window.advance(100);
        window.add(3);
        window.advance(159);
        assert_eq!((window.total(), window.wait(2)), (3, 1));
        window.advance(160);
        assert_eq!(window.total(), 0);
    }

    #[test]
    fn waiting_ends_when_enough_has_left() {
        let mut window = Window::new();
        for second in [100, 110, 120] {
            window.advance(second);
            window.add(1);
        }
        assert_eq!(window.wait(2), 40, "the first leaves at 160");
        assert_eq!(window.wait(0), 60, "the last leaves at 180");
    }

    #[test]
    fn what_is_taken_back_after_its_minute_is_nothing() {
        let mut window = Window::new();
        window.advance(10);
        window.add(5);
        window.advance(69);
        window.take_back(10, 2);
        assert_eq!(window.total(), 3);
        window.advance(70);
        window.add(1);
        window.take_back(10, 3);
        assert_eq!(window.total(), 1);
    }

    proptest! {
        #[test]
        fn the_total_is_what_a_list_of_all_says(
            steps in prop::collection::vec((0u64..40, 0u64..5, any::<bool>()), 1..80)
        ) {
            let (mut window, mut all, mut now) = (Window::new(), Vec::<(u64, u64)>::new(), 0);
            for (passed, amount, back) in steps {
                now += passed;
                window.advance(now);
                match all.last_mut() {
                    Some((then, counted)) if back => {
                        let taken = amount.min(*counted);
                        window.take_back(*then, taken);
                        if now - *then < 60 {
                            *counted -= taken;
                        }
                    }
                    _ => {
                        window.add(amount);
                        match all.last_mut() {
                            Some((then, counted)) if *then == now => *counted += amount,
                            _ => all.push((now, amount)),
                        }
                    }
                }
                let said: u64 = all.iter().filter(|(then, _)| now - then < 60).map(|(_, n)| n).sum();
                prop_assert_eq!(window.total(), said);
            }
        }
    }
}
