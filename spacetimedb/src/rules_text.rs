//! What texts may hold (contract section 3): pure checks, each with the refusal that names the first fault.
//!
//! Lengths count Unicode scalar values. The order of the checks is the contract's: empty, too long, first code point
//! that is not allowed, blank, white space at an end, pattern.

use std::collections::BTreeSet;

use crate::json_scan::{scan_object, Scan};
use crate::rules;

/// What a check says: nothing, or the text of the refusal.
pub type Checked<T = ()> = Result<T, String>;

pub const USERNAME_CHARS_MAX: usize = 32;
pub const DISPLAY_NAME_CHARS_MAX: usize = 64;
pub const BIO_CHARS_MAX: usize = 500;
pub const URL_CHARS_MAX: usize = 2048;
pub const STATUS_CHARS_MAX: usize = 128;
pub const NAME_CHARS_MAX: usize = 100; // of servers, channels and threads
pub const DESCRIPTION_CHARS_MAX: usize = 1024; // and topics
pub const CONTENT_CHARS_MAX: usize = 4000;
pub const EMOJI_CHARS_MAX: usize = 32;
pub const REASON_CHARS_MAX: usize = 256; // and notification titles, task notes
pub const NOTICE_BODY_CHARS_MAX: usize = 4000;
pub const CLIENT_KEY_CHARS_MAX: usize = 128;
pub const INVITE_CODE_CHARS_MIN: usize = 22;
pub const INVITE_CODE_CHARS_MAX: usize = 64;
pub const SKILL_CHARS_MAX: usize = 64;
pub const SUMMARY_CHARS_MAX: usize = 200; // of cards, and task titles
pub const META_CHARS_MAX: usize = 2000;
pub const EVENT_CHARS_MAX: usize = 64;

const WORD_RULE: &str =
    "may hold a-z, 0-9, dots, dashes and underscores, and must begin and end with a letter or digit.";

/// Unicode White_Space, spelled out: languages differ in what they call a space.
fn is_white_space(char: char) -> bool {
    matches!(
        char,
        '\t'..='\r'
            | ' '
            | '\u{85}'
            | '\u{a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}'
    )
}

fn is_unseen(char: char) -> bool {
    matches!(
        char,
        '\u{ad}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{2069}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e01ef}'
    )
}

fn is_not_clean(char: char) -> bool {
    matches!(char, '\0'..='\x08' | '\x0b'..='\x1f' | '\x7f'..='\u{9f}') || is_unseen(char)
}

fn is_not_one_line(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\u{2028}' | '\u{2029}') || is_not_clean(char)
}

fn is_not_in_channel_name(char: char) -> bool {
    matches!(char, '/' | '#' | '@') || is_not_one_line(char)
}

fn is_not_in_url(char: char) -> bool {
    matches!(char, '\0'..='\x1f' | '\x7f'..='\u{9f}') || is_white_space(char)
}

fn is_not_in_client_key(char: char) -> bool {
    !char.is_ascii_graphic()
}

fn is_not_in_invite_code(char: char) -> bool {
    !(char.is_ascii_alphanumeric() || matches!(char, '_' | '-'))
}

fn is_letter_or_digit(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9')
}

/// Tells whether a text is wholly `[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?`.
fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().copied().is_some_and(is_letter_or_digit)
        && bytes.last().copied().is_some_and(is_letter_or_digit)
        && bytes.iter().all(|byte| is_letter_or_digit(*byte) || matches!(byte, b'.' | b'_' | b'-'))
}

/// Tells whether a text is wholly `[a-z0-9][a-z0-9_]*(?:\.[a-z0-9][a-z0-9_]*)*`.
fn is_event(text: &str) -> bool {
    text.split('.').all(|word| {
        word.bytes().next().is_some_and(is_letter_or_digit)
            && word.bytes().all(|byte| is_letter_or_digit(byte) || byte == b'_')
    })
}

fn length(label: &str, text: &str, chars_max: usize) -> Checked {
    if text.is_empty() {
        return Err(format!("{label} cannot be empty."));
    }
    // A text has at most as many characters as bytes.
    if text.len() > chars_max && text.chars().count() > chars_max {
        return Err(format!("{label} must be {chars_max} characters or fewer."));
    }
    Ok(())
}

fn code_points(label: &str, text: &str, is_forbidden: fn(char) -> bool) -> Checked {
    match text.chars().enumerate().find(|(_, char)| is_forbidden(*char)) {
        None => Ok(()),
        Some((place, char)) => {
            Err(format!("{label} cannot contain U+{:04X} (character {}).", u32::from(char), place + 1))
        }
    }
}

/// Refuses text that is empty, longer than chars_max, holds a code point that is not clean, or is blank.
pub fn check_clean(label: &str, text: &str, chars_max: usize) -> Checked {
    length(label, text, chars_max)?;
    code_points(label, text, is_not_clean)?;
    if text.chars().all(is_white_space) {
        return Err(format!("{label} cannot be blank."));
    }
    Ok(())
}

/// Refuses what check_clean refuses, line breaks and tabs, and white space at either end.
pub fn check_line(label: &str, text: &str, chars_max: usize) -> Checked {
    check_line_without(label, text, chars_max, is_not_one_line)
}

fn check_line_without(label: &str, text: &str, chars_max: usize, is_forbidden: fn(char) -> bool) -> Checked {
    length(label, text, chars_max)?;
    code_points(label, text, is_forbidden)?;
    if text.starts_with(is_white_space) || text.ends_with(is_white_space) {
        if text.chars().all(is_white_space) {
            return Err(format!("{label} cannot be blank."));
        }
        return Err(format!("{label} cannot begin or end with white space."));
    }
    Ok(())
}

/// Refuses text that is empty, too long, or not of the pattern; `rule` ends the sentence after the label.
pub fn check_pattern(
    label: &str,
    text: &str,
    chars_max: usize,
    is_of_pattern: fn(&str) -> bool,
    rule: &str,
) -> Checked {
    length(label, text, chars_max)?;
    if !is_of_pattern(text) {
        return Err(format!("{label} {rule}"));
    }
    Ok(())
}

/// Refuses what no identity may call itself.
pub fn check_username(username: &str) -> Checked {
    check_pattern("The username", username, USERNAME_CHARS_MAX, is_word, WORD_RULE)?;
    if rules::RESERVED_USERNAMES.contains(&username) {
        return Err(rules::username_reserved(username));
    }
    Ok(())
}

/// Refuses what is no web address: at most 2048 characters, http or https, no white space or control characters.
pub fn check_url(label: &str, url: &str) -> Checked {
    length(label, url, URL_CHARS_MAX)?;
    code_points(label, url, is_not_in_url)?;
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return Err(format!("{label} must begin with https:// or http://."));
    }
    Ok(())
}

/// Refuses a name that no channel or thread may have; `label` says which.
pub fn check_channel_name(label: &str, name: &str) -> Checked {
    check_line_without(label, name, NAME_CHARS_MAX, is_not_in_channel_name)
}

/// Refuses what no message may say, in a channel or directly.
pub fn check_content(content: &str) -> Checked {
    check_clean("The message", content, CONTENT_CHARS_MAX)
}

/// Refuses a reason that is not none, empty (which means none) or one line of 256 characters.
pub fn check_reason(reason: &Option<String>) -> Checked {
    present(reason).map_or(Ok(()), |reason| check_line("The reason", reason, REASON_CHARS_MAX))
}

/// Refuses a key that is not none, empty (which means none) or 1 to 128 of the visible ASCII characters.
pub fn check_client_key(client_key: &Option<String>) -> Checked {
    let Some(client_key) = present(client_key) else {
        return Ok(());
    };
    length("The client key", client_key, CLIENT_KEY_CHARS_MAX)?;
    code_points("The client key", client_key, is_not_in_client_key)
}

/// Refuses a code that is too easy to guess or to break.
pub fn check_invite_code(code: &str) -> Checked {
    length("The invite code", code, INVITE_CODE_CHARS_MAX)?;
    code_points("The invite code", code, is_not_in_invite_code)?;
    if code.len() < INVITE_CODE_CHARS_MIN {
        return Err(format!("The invite code must be {INVITE_CODE_CHARS_MIN} characters or more."));
    }
    Ok(())
}

/// Refuses what is no name of a skill.
pub fn check_skill(skill: &str) -> Checked {
    check_pattern("The skill", skill, SKILL_CHARS_MAX, is_word, WORD_RULE)
}

/// Refuses more than 32 skills, any that is no name, and any that stands twice.
pub fn check_skills(skills: &[String]) -> Checked {
    if skills.len() > rules::SKILLS_MAX {
        return Err(rules::TOO_MANY_SKILLS.into());
    }
    for skill in skills {
        check_skill(skill)?;
    }
    if skills.iter().collect::<BTreeSet<_>>().len() < skills.len() {
        return Err(rules::SKILL_TWICE.into());
    }
    Ok(())
}

/// Refuses a meta that is too long or not clean; check_meta_object, which comes later, judges the JSON.
pub fn check_meta_text(meta: &Option<String>) -> Checked {
    present(meta).map_or(Ok(()), |meta| check_clean("The meta", meta, META_CHARS_MAX))
}

/// Refuses a meta that is no JSON object, or whose decoded strings hold what is not clean.
pub fn check_meta_object(meta: &Option<String>) -> Checked {
    let Some(meta) = present(meta) else {
        return Ok(());
    };
    for text in object("The meta", meta)?.strings {
        if let Some(char) = text.chars().find(|char| is_not_clean(*char)) {
            return Err(format!("The meta cannot contain U+{:04X} in a string.", u32::from(char)));
        }
    }
    Ok(())
}

/// Returns the `event` of an AgentEvent's content; refuses what is no JSON object or has no proper one.
pub fn event_name(content: &str) -> Checked<String> {
    match object("The message", content)?.members.remove("event") {
        Some(Some(name)) if name.chars().count() <= EVENT_CHARS_MAX && is_event(&name) => Ok(name),
        _ => Err("The event must be words of a-z, 0-9 and _ joined by single dots, of at most 64 characters.".into()),
    }
}

/// Refuses an AgentEvent that has no proper `event`, or one that only the module sends.
pub fn check_event(content: &str) -> Checked {
    match module_prefix(&event_name(content)?) {
        None => Ok(()),
        Some(prefix) => Err(rules::module_event(prefix)),
    }
}

/// Returns the prefix, dot included, that makes an event the module's own, or None.
pub fn module_prefix(event: &str) -> Option<&'static str> {
    rules::MODULE_EVENT_PREFIXES.into_iter().find(|prefix| event.starts_with(prefix))
}

fn object(label: &str, text: &str) -> Checked<Scan> {
    scan_object(text).map_err(|_| format!("{label} is not a JSON object."))
}

/// Returns an optional argument that is neither none nor empty.
pub fn present(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// Returns an optional argument where the empty string means none.
pub fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Returns an optional field after an update: none leaves the old value, the empty string clears it.
pub fn changed(old: &Option<String>, new: Option<String>) -> Option<String> {
    if new.is_none() {
        old.clone()
    } else {
        given(new)
    }
}

fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// Returns the first 50 distinct names that a Text message mentions, lower-case, in order of appearance.
pub fn mentioned_names(content: &str) -> Vec<String> {
    let bytes = content.as_bytes();
    let mut names: Vec<String> = Vec::new();
    let mut at = 0;
    while at < bytes.len() && names.len() < rules::MENTIONED_NAMES_MAX {
        let start = at + 1;
        let is_mention =
            bytes[at] == b'@' && (at == 0 || !(is_in_name(bytes[at - 1]) || matches!(bytes[at - 1], b'@' | b'/')));
        at = start;
        if !is_mention {
            continue;
        }
        while at < bytes.len() && is_in_name(bytes[at]) {
            at += 1;
        }
        // The run is ASCII only, so its ends are boundaries of characters.
        let name = content[start..at].trim_end_matches(['.', '_', '-']).to_ascii_lowercase();
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
#[path = "rules_text_tests.rs"]
mod tests;
