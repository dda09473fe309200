use super::*;

fn text(result: Checked) -> String {
    result.expect_err("refused")
}

#[test]
fn lengths_count_characters() {
    assert!(check_line("It", &"é😀".repeat(16), 32).is_ok());
    assert_eq!(text(check_line("It", &"é".repeat(33), 32)), "It must be 32 characters or fewer.");
    assert_eq!(text(check_line("It", "", 32)), "It cannot be empty.");
}

#[test]
fn the_first_code_point_that_is_not_allowed_is_named() {
    assert_eq!(text(check_line("It", "😀a\u{202e}\u{200b}", 9)), "It cannot contain U+202E (character 3).");
    assert_eq!(text(check_line("It", "a\nb", 9)), "It cannot contain U+000A (character 2).");
    assert_eq!(text(check_clean("It", "\u{e0001}", 9)), "It cannot contain U+E0001 (character 1).");
    assert!(check_clean("It", "a\n\tb\u{200d}\u{200c}", 9).is_ok());
}

#[test]
fn blank_comes_before_white_space_at_an_end() {
    assert_eq!(text(check_line("It", "\u{3000} ", 9)), "It cannot be blank.");
    assert_eq!(text(check_line("It", "a\u{a0}", 9)), "It cannot begin or end with white space.");
    assert_eq!(text(check_clean("It", " \n", 9)), "It cannot be blank.");
    assert!(check_clean("It", " a ", 9).is_ok());
}

#[test]
fn names_and_events_are_words() {
    for name in ["a", "0", "a.b", "a-_.b"] {
        assert!(check_username(name).is_ok(), "{name}");
    }
    for name in ["A", ".a", "a.", "a b", "é", "system"] {
        assert!(check_username(name).is_err(), "{name}");
    }
    for (event, is_one) in [("a", true), ("a.b_1", true), ("_a", false), ("a..b", false), ("a.", false), ("", false)] {
        assert_eq!(is_event(event), is_one, "{event}");
    }
}

#[test]
fn an_event_of_the_module_is_known_by_its_prefix() {
    assert_eq!(text(check_event(r#"{"event":"task.x"}"#)), "Events named task.* are made by the system.");
    assert!(check_event(r#"{"event":"task"}"#).is_ok());
    assert_eq!(text(check_event("[]")), "The message is not a JSON object.");
}

#[test]
fn mentions_begin_after_what_is_no_name() {
    assert_eq!(mentioned_names("@Bob, (@carol.) a@b @@c /@d é@e @-- @bob @f@g"), ["bob", "carol", "e", "f"]);
    let many: String = (0..60).map(|number| format!("@n{number} ")).collect();
    assert_eq!(mentioned_names(&many).len(), 50);
}

#[test]
fn none_leaves_and_empty_clears() {
    let old = Some("old".to_owned());
    assert_eq!(changed(&old, None), old);
    assert_eq!(changed(&old, Some(String::new())), None);
}
