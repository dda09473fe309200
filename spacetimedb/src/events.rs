//! The AgentEvents that the module sends by itself: their text, to the byte (contract section 7).
//!
//! A writer of our own, because both twins must give the same bytes: no blanks, members in the order given, non-ASCII
//! as it is; of characters only the quote, the backslash and U+0000 to U+001F are escaped, in short form where JSON
//! has one.

use std::fmt::Write;

use crate::types::{KnowledgeKind, TaskState};

/// What a member of an event can be.
pub enum EventValue<'a> {
    Null,
    Bool(bool),
    Number(u64),
    Text(&'a str),
    /// The 64 hex digits of an identity.
    Identity(String),
    Numbers(&'a [u32]),
    Texts(&'a [String]),
}

impl From<bool> for EventValue<'_> {
    fn from(value: bool) -> Self {
        EventValue::Bool(value)
    }
}

impl From<u32> for EventValue<'_> {
    fn from(value: u32) -> Self {
        EventValue::Number(value.into())
    }
}

impl From<u64> for EventValue<'_> {
    fn from(value: u64) -> Self {
        EventValue::Number(value)
    }
}

impl<'a> From<&'a str> for EventValue<'a> {
    fn from(value: &'a str) -> Self {
        EventValue::Text(value)
    }
}

impl<'a> From<&'a String> for EventValue<'a> {
    fn from(value: &'a String) -> Self {
        EventValue::Text(value)
    }
}

impl<'a> From<&'a Vec<u32>> for EventValue<'a> {
    fn from(value: &'a Vec<u32>) -> Self {
        EventValue::Numbers(value)
    }
}

impl<'a> From<&'a Vec<String>> for EventValue<'a> {
    fn from(value: &'a Vec<String>) -> Self {
        EventValue::Texts(value)
    }
}

impl<'a, T: Into<EventValue<'a>>> From<Option<T>> for EventValue<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(EventValue::Null, Into::into)
    }
}

/// Returns the name that a state has in texts and events.
pub fn state_name(state: TaskState) -> &'static str {
    match state {
        TaskState::Submitted => "submitted",
        TaskState::Working => "working",
        TaskState::InputRequired => "input_required",
        TaskState::AuthRequired => "auth_required",
        TaskState::Completed => "completed",
        TaskState::Failed => "failed",
        TaskState::Canceled => "canceled",
        TaskState::Rejected => "rejected",
    }
}

/// Returns the name that a kind of knowledge has in events.
pub fn kind_name(kind: KnowledgeKind) -> &'static str {
    match kind {
        KnowledgeKind::Observation => "observation",
        KnowledgeKind::Inference => "inference",
        KnowledgeKind::Directive => "directive",
    }
}

/// Adds text as a JSON string with its quotes.
fn add_string(content: &mut String, text: &str) {
    content.push('"');
    for char in text.chars() {
        match char {
            '"' => content.push_str("\\\""),
            '\\' => content.push_str("\\\\"),
            '\x08' => content.push_str("\\b"),
            '\t' => content.push_str("\\t"),
            '\n' => content.push_str("\\n"),
            '\x0c' => content.push_str("\\f"),
            '\r' => content.push_str("\\r"),
            '\0'..='\x1f' => {
                let _ = write!(content, "\\u{:04x}", u32::from(char)); // a String takes everything
            }
            _ => content.push(char),
        }
    }
    content.push('"');
}

fn add_list<T>(content: &mut String, items: &[T], add: fn(&mut String, &T)) {
    content.push('[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            content.push(',');
        }
        add(content, item);
    }
    content.push(']');
}

fn add_value(content: &mut String, value: &EventValue) {
    match value {
        EventValue::Null => content.push_str("null"),
        EventValue::Bool(value) => content.push_str(if *value { "true" } else { "false" }),
        EventValue::Number(value) => content.push_str(&value.to_string()),
        EventValue::Text(text) => add_string(content, text),
        EventValue::Identity(digits) => add_string(content, digits),
        EventValue::Numbers(items) => add_list(content, items, |content, item| content.push_str(&item.to_string())),
        EventValue::Texts(items) => add_list(content, items, |content, item| add_string(content, item)),
    }
}

/// Returns the content of an AgentEvent: `event` first, then the members in the order given.
pub fn event_content(event: &str, members: &[(&str, EventValue)]) -> String {
    let mut content = String::from("{\"event\":");
    add_string(&mut content, event);
    for (name, value) in members {
        content.push_str(",\"");
        content.push_str(name);
        content.push_str("\":");
        add_value(&mut content, value);
    }
    content.push('}');
    content
}

/// Returns an id as events write it: 0 means that there is none.
pub fn absent_if_zero(ref_id: u64) -> Option<u64> {
    Some(ref_id).filter(|ref_id| *ref_id != 0)
}

/// Returns a text as events write it: the empty one means that there is none.
pub fn absent_if_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_scan::scan_object;

    #[test]
    fn members_stand_in_order_without_blanks() {
        let options = vec!["ja".to_owned(), "né".to_owned()];
        let content = event_content(
            "vote.closed",
            &[
                ("vote", 3u64.into()),
                ("outcome", None::<u32>.into()),
                ("final", true.into()),
                ("tally", (&vec![1u32, 2]).into()),
                ("options", (&options).into()),
                ("skill", absent_if_empty("").into()),
                ("parent", absent_if_zero(7).into()),
            ],
        );
        assert_eq!(
            content,
            concat!(
                r#"{"event":"vote.closed","vote":3,"outcome":null,"final":true,"tally":[1,2],"#,
                r#""options":["ja","né"],"skill":null,"parent":7}"#
            )
        );
    }

    #[test]
    fn every_character_comes_back_from_a_scan() {
        let text: String = (0..0x100).filter_map(char::from_u32).chain(['\u{2028}', '😀', '\u{7f}']).collect();
        let content = event_content("x", &[("a", text.as_str().into())]);
        assert_eq!(scan_object(&content).unwrap().members["a"].as_ref(), Some(&text));
        assert!(
            content.contains("\\u0000") && content.contains("\\b\\t\\n\\u000b\\f\\r") && content.contains('\u{7f}')
        );
    }
}
