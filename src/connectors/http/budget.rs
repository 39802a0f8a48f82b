//! How many requests a service lets us make: its declared rate, and what its answers say is left.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::project::{Rate, RateConfig};

/// The budget that all sources of a connection share.
#[derive(Debug)]
pub(super) struct Budget {
    rate: Option<Rate>,
    reserve: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Requests that may be made at once, at `counted`.
    left: f64,
    counted: Instant,
    /// The service wants nothing before.
    closed_until: Option<Instant>,
    /// What the service's last answer said is left.
    told: Option<u64>,
}

impl Budget {
    pub(super) fn new(config: &RateConfig) -> Self {
        let left = config.budget.map_or(0.0, |rate| f64::from(rate.budget) * (1.0 - config.reserve).max(0.0));
        let state = State { left: left.max(1.0), counted: Instant::now(), closed_until: None, told: None };
        Self { rate: config.budget, reserve: config.reserve, state: Mutex::new(state) }
    }

    /// Takes one request, or says how long to wait before asking again.
    pub(super) fn take(&self) -> Option<Duration> {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> Option<Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = state.closed_until {
            if until > now {
                return Some(until - now);
            }
            state.closed_until = None;
            state.told = None;
        }
        let rate = self.rate?;
        let most = (f64::from(rate.budget) * (1.0 - self.reserve)).max(1.0);
        let per_second = most / rate.per.as_secs_f64();
        state.left = (state.left + now.saturating_duration_since(state.counted).as_secs_f64() * per_second).min(most);
        state.counted = now;
        if state.left >= 1.0 {
            state.left -= 1.0;
            return None;
        }
        Some(Duration::from_secs_f64((1.0 - state.left) / per_second).max(Duration::from_millis(1)))
    }

    /// Nothing may be asked for this long.
    pub(super) fn close(&self, wait: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now() + wait;
        state.closed_until = Some(state.closed_until.map_or(until, |other| other.max(until)));
    }

    /// What an answer said: the requests left, of how many, and how long until there are more.
    pub(super) fn told(&self, left: u64, limit: Option<u64>, reset: Option<Duration>) {
        let whole = self.rate.map(|rate| rate.budget).or(limit.map(saturated));
        let reserved = whole.map_or(0.0, |whole| f64::from(whole) * self.reserve);
        self.state.lock().unwrap_or_else(PoisonError::into_inner).told = Some(left);
        if let Some(reset) = reset
            && f64::from(saturated(left)) <= reserved
        {
            self.close(reset);
        }
    }

    /// The requests left, as far as is known.
    pub(super) fn left(&self) -> Option<u64> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.told
    }
}

fn saturated(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(budget: u32, per: Duration, reserve: f64) -> Budget {
        let names = String::new;
        Budget::new(&RateConfig {
            budget: Some(Rate { budget, per }),
            reserve,
            remaining_header: names(),
            reset_header: names(),
        })
    }

    #[test]
    fn a_budget_is_spent_and_comes_back() {
        let budget = budget(2, Duration::from_secs(10), 0.0);
        let now = Instant::now();
        assert_eq!((budget.take_at(now), budget.take_at(now)), (None, None));
        let wait = budget.take_at(now).unwrap();
        assert!(wait > Duration::from_secs(4) && wait <= Duration::from_secs(5), "{wait:?}");
        assert_eq!(budget.take_at(now + Duration::from_secs(6)), None);
        assert!(budget.take_at(now + Duration::from_secs(6)).is_some());
    }

    #[test]
    fn a_part_is_left_to_others() {
        let budget = budget(100, Duration::from_hours(1), 0.1);
        budget.told(11, None, Some(Duration::from_mins(1)));
        assert_eq!(budget.take(), None);
        budget.told(10, None, Some(Duration::from_mins(1)));
        assert!(budget.take().unwrap() > Duration::from_secs(50));
    }
}
