//! Lengths of time, rates and percentages as settings are written: `30s`, `5000/h`, `90%`.

use std::time::Duration;

/// A length of time: a whole number with `ms`, `s`, `m` (or `min`), `h`, `d` or `w` behind it.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let count: u64 = text[..digits].parse().ok()?;
    let unit = unit(text[digits..].trim())?;
    u32::try_from(count).ok().map(|count| unit * count)
}

fn unit(name: &str) -> Option<Duration> {
    Some(match name {
        "ms" => Duration::from_millis(1),
        "s" | "sec" => Duration::from_secs(1),
        "m" | "min" => Duration::from_mins(1),
        "h" | "hour" => Duration::from_hours(1),
        "d" | "day" => Duration::from_hours(24),
        "w" | "week" => Duration::from_hours(24 * 7),
        _ => return None,
    })
}

/// So many in a length of time: `5000/h`, `1/s`, `30/10s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub budget: u32,
    pub per: Duration,
}

impl Rate {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (budget, per) = text.split_once('/')?;
        let budget = budget.trim().replace('_', "").parse().ok().filter(|budget| *budget > 0)?;
        let per = per.trim();
        let per = if per.starts_with(|c: char| c.is_ascii_digit()) { parse_duration(per) } else { unit(per) }?;
        (!per.is_zero()).then_some(Self { budget, per })
    }
}

/// `90%` as 0.9.
pub(super) fn parse_percent(text: &str) -> Option<f64> {
    let number: f64 = text.trim().strip_suffix('%')?.trim().parse().ok()?;
    (0.0..=100.0).contains(&number).then_some(number / 100.0)
}

/// The shortest way to write a length of time: `90s`, `2h`.
pub fn shown_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if duration.subsec_nanos() > 0 {
        return format!("{}ms", duration.as_millis());
    }
    for (size, name) in [(86_400, "d"), (3_600, "h"), (60, "m")] {
        if seconds >= size && seconds.is_multiple_of(size) {
            return format!("{}{name}", seconds / size);
        }
    }
    format!("{seconds}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_shown() {
        for (text, shown) in [
            ("30s", "30s"),
            ("90 s", "90s"),
            ("60s", "1m"),
            ("2h", "2h"),
            ("48h", "2d"),
            ("1w", "7d"),
            ("250ms", "250ms"),
        ] {
            assert_eq!(shown_duration(parse_duration(text).unwrap()), shown, "{text}");
        }
        for text in ["", "s", "3", "-3s", "3 fortnights", "1.5h"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn rates_and_percentages() {
        assert_eq!(Rate::parse("5000/h"), Some(Rate { budget: 5000, per: Duration::from_hours(1) }));
        assert_eq!(Rate::parse("30 / 10s"), Some(Rate { budget: 30, per: Duration::from_secs(10) }));
        assert_eq!(Rate::parse("0/s"), None);
        assert_eq!(Rate::parse("5/0s"), None);
        assert_eq!(parse_percent("90%"), Some(0.9));
        assert_eq!(parse_percent("101%"), None);
        assert_eq!(parse_percent("0.9"), None);
    }
}
