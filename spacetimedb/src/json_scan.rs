//! A scanner for JSON objects that the Python twin repeats step by step; libraries differ in numbers, depth and
//! surrogates. It says whether a text is one RFC 8259 object of bounded depth, and hands out its strings; it builds no
//! tree.

use std::collections::BTreeMap;

pub const DEPTH_MAX: usize = 32; // the outermost object is 1

const LITERALS: [&str; 3] = ["true", "false", "null"];

/// The text is not a JSON object, is nested too deeply, or holds an unpaired surrogate escape.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAnObject;

/// What a scan saw: every decoded string in order, and the outermost object's members that are strings.
#[derive(Debug, Default)]
pub struct Scan {
    /// Member names and values.
    pub strings: Vec<String>,
    /// By decoded name, the last counts; None if it is no string.
    pub members: BTreeMap<String, Option<String>>,
}

/// Returns what a JSON object holds; NotAnObject if the text is not one.
pub fn scan_object(text: &str) -> Result<Scan, NotAnObject> {
    let mut reader = Reader { text, at: 0, scan: Scan::default() };
    reader.skip();
    if reader.next() != Some(b'{') {
        return Err(NotAnObject);
    }
    reader.containers()?;
    reader.skip();
    if reader.at != text.len() {
        return Err(NotAnObject);
    }
    Ok(reader.scan)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    scan: Scan,
}

impl Reader<'_> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self) {
        while matches!(self.next(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Reads the container that opens here with all that it holds.
    fn containers(&mut self) -> Result<(), NotAnObject> {
        let mut closers: Vec<u8> = Vec::new(); // of the containers that are open, outermost first
        let mut name = String::new();
        loop {
            if let Some(opener @ (b'{' | b'[')) = self.next() {
                if closers.len() == DEPTH_MAX {
                    return Err(NotAnObject);
                }
                if closers.len() == 1 {
                    self.scan.members.insert(std::mem::take(&mut name), None);
                }
                let closer = if opener == b'{' { b'}' } else { b']' };
                closers.push(closer);
                self.at += 1;
                self.skip();
                if self.next() != Some(closer) {
                    name = if opener == b'{' { self.member_name()? } else { String::new() };
                    continue;
                }
            } else {
                let value = self.scalar()?;
                if closers.len() == 1 {
                    self.scan.members.insert(std::mem::take(&mut name), value);
                }
                self.skip();
            }
            while self.next().is_some() && self.next() == closers.last().copied() {
                closers.pop();
                self.at += 1;
                if closers.is_empty() {
                    return Ok(());
                }
                self.skip();
            }
            if self.next() != Some(b',') {
                return Err(NotAnObject);
            }
            self.at += 1;
            self.skip();
            if closers.last() == Some(&b'}') {
                name = self.member_name()?;
            }
        }
    }

    /// Reads `"name" :` and the blanks behind it.
    fn member_name(&mut self) -> Result<String, NotAnObject> {
        let name = self.string()?;
        self.skip();
        if self.next() != Some(b':') {
            return Err(NotAnObject);
        }
        self.at += 1;
        self.skip();
        Ok(name)
    }

    /// Reads a string, number or literal; returns the string, or None.
    fn scalar(&mut self) -> Result<Option<String>, NotAnObject> {
        if self.next() == Some(b'"') {
            return self.string().map(Some);
        }
        if self.number() {
            return Ok(None);
        }
        for literal in LITERALS {
            if self.text.as_bytes()[self.at..].starts_with(literal.as_bytes()) {
                self.at += literal.len();
                return Ok(None);
            }
        }
        Err(NotAnObject)
    }

    fn digits(&self, mut at: usize) -> usize {
        while self.text.as_bytes().get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    }

    /// Reads as much of a number as stands here; tells whether there was one.
    fn number(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        let first = self.at + usize::from(self.next() == Some(b'-'));
        let mut end = match bytes.get(first) {
            Some(b'0') => first + 1,
            Some(b'1'..=b'9') => self.digits(first),
            _ => return false,
        };
        if bytes.get(end) == Some(&b'.') {
            let fraction = self.digits(end + 1);
            if fraction > end + 1 {
                end = fraction;
            }
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = self.digits(end + 1 + sign);
            if exponent > end + 1 + sign {
                end = exponent;
            }
        }
        self.at = end;
        true
    }

    /// Reads a string with its quotes and keeps it, decoded.
    fn string(&mut self) -> Result<String, NotAnObject> {
        if self.next() != Some(b'"') {
            return Err(NotAnObject);
        }
        let mut chars = self.text[self.at + 1..].char_indices();
        let mut value = String::new();
        let mut high = 0; // a high surrogate that must be followed at once by a low one
        while let Some((offset, char)) = chars.next() {
            if high != 0 && char != '\\' {
                return Err(NotAnObject);
            }
            match char {
                '"' => {
                    self.at += 1 + offset + 1;
                    self.scan.strings.push(value.clone());
                    return Ok(value);
                }
                '\\' => {
                    let unit = escape(&mut chars)?;
                    if high != 0 {
                        if !(0xDC00..=0xDFFF).contains(&unit) {
                            return Err(NotAnObject);
                        }
                        let code = 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00);
                        value.push(char::from_u32(code).ok_or(NotAnObject)?);
                        high = 0;
                    } else if (0xD800..=0xDBFF).contains(&unit) {
                        high = unit;
                    } else {
                        // A low surrogate without a high one is no character.
                        value.push(char::from_u32(unit).ok_or(NotAnObject)?);
                    }
                }
                '\0'..='\x1f' => return Err(NotAnObject),
                _ => value.push(char),
            }
        }
        Err(NotAnObject)
    }
}

/// Reads an escape behind its backslash and returns the UTF-16 unit that it stands for.
fn escape(chars: &mut std::str::CharIndices) -> Result<u32, NotAnObject> {
    let (_, kind) = chars.next().ok_or(NotAnObject)?;
    let char = match kind {
        '"' | '\\' | '/' => kind,
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let mut unit = 0;
            for _ in 0..4 {
                let (_, digit) = chars.next().ok_or(NotAnObject)?;
                unit = unit * 16 + digit.to_digit(16).ok_or(NotAnObject)?;
            }
            return Ok(unit);
        }
        _ => return Err(NotAnObject),
    };
    Ok(char.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_object(text: &str) -> bool {
        scan_object(text).is_ok()
    }

    #[test]
    fn takes_every_kind_of_value() {
        let scan =
            scan_object(" {\"a\":[1,-0.5e+9,true,null,{}],\"b\":\"x\\n\\ud83d\\ude00\" , \"c\":{\"d\":[]}}\n").unwrap();
        assert_eq!(scan.strings, ["a", "b", "x\n😀", "c", "d"]);
        assert_eq!(scan.members["b"].as_deref(), Some("x\n😀"));
        assert_eq!(scan.members["a"], None);
    }

    #[test]
    fn the_last_of_repeated_members_counts() {
        let scan = scan_object(r#"{"a":"1","a":2}"#).unwrap();
        assert_eq!(scan.members["a"], None);
    }

    #[test]
    fn refuses_what_rfc_8259_does_not_have() {
        for text in [
            "",
            "[]",
            "{",
            "{}x",
            "{} {}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":.5}",
            "{\"a\":+1}",
            "{\"a\":-}",
            "{\"a\":1e}",
            "{\"a\":NaN}",
            "{\"a\":'b'}",
            "{\"a\":\"\t\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12\"}",
            "{\"a\":\"b}",
            "{\"a\":[1}",
            "{\"a\":[1,]}",
            "\u{a0}{}",
            "{\"a\":tru}",
        ] {
            assert!(!is_object(text), "{text:?}");
        }
    }

    #[test]
    fn a_surrogate_escape_needs_its_other_half_at_once() {
        for text in [r#"{"a":"\ud83d"}"#, r#"{"a":"\ude00"}"#, r#"{"a":"\ud83dx\ude00"}"#, r#"{"a":"\ud83d\n"}"#] {
            assert!(!is_object(text), "{text}");
        }
    }

    #[test]
    fn bounds_the_depth() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(is_object(&nested(DEPTH_MAX)));
        assert!(!is_object(&nested(DEPTH_MAX + 1)));
    }
}
