//! Small things about rows: time with µs, and rows in the order of their keys.

use spacetimedb::Timestamp;

/// Returns a time as µs since 1970.
pub fn micros(time: Timestamp) -> i64 {
    time.to_micros_since_unix_epoch()
}

/// Returns the time so many µs later; at the end of time it stays there.
pub fn later(time: Timestamp, micros_later: i64) -> Timestamp {
    Timestamp::from_micros_since_unix_epoch(micros(time).saturating_add(micros_later))
}

/// Returns rows in the order of a number in them: a host gives equal keys of an index, and tables, in any order.
pub fn by_number<Row>(rows: impl Iterator<Item = Row>, number: fn(&Row) -> u64) -> Vec<Row> {
    let mut rows: Vec<Row> = rows.collect();
    rows.sort_by_key(number);
    rows
}
