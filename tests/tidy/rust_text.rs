//! Just enough reading of Rust text: comments and literals blanked out, test modules cut off, functions measured.
//! RT-1: blanking keeps every line break, so that line numbers hold.
//! Not a parser: macros that build functions are not seen.

/// The text with comments and the contents of string and character literals replaced by spaces.
pub fn blanked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_or_comment_end(text, at).unwrap_or(at);
        if end == at {
            at += 1;
            continue;
        }
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the comment or literal that starts here ends; `None` where none starts.
fn literal_or_comment_end(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let rest = &bytes[at..];
    match rest {
        [b'/', b'/', ..] => Some(at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(block_comment_end(bytes, at)),
        [b'"', ..] => Some(string_end(bytes, at + 1)),
        [b'r' | b'b', ..] if !is_inside_word(bytes, at) => raw_string_end(bytes, at),
        [b'\'', b'\\', ..] => rest.iter().skip(3).position(|byte| *byte == b'\'').map(|length| at + length + 4),
        // A lifetime has no closing quote right after its first character.
        [b'\'', ..] => {
            let close = at + 1 + text[at + 1..].chars().next()?.len_utf8();
            (bytes.get(close) == Some(&b'\'')).then_some(close + 1)
        }
        _ => None,
    }
}

fn is_inside_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `r"..."`, `r#"..."#`, `br#"..."#`; `b"..."` is left to its quote.
fn raw_string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + usize::from(bytes[start] == b'b');
    if bytes.get(at) != Some(&b'r') {
        return None;
    }
    at += 1;
    let hash_count = bytes[at..].iter().take_while(|byte| **byte == b'#').count();
    at += hash_count;
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let mut closing = vec![b'"'];
    closing.resize(1 + hash_count, b'#');
    let length = bytes[at + 1..].windows(closing.len()).position(|window| window == closing)?;
    Some(at + 1 + length + closing.len())
}

/// How many lines are left when `#[cfg(test)] mod ... { }` is cut off.
pub fn line_count_without_tests(text: &str) -> usize {
    let blanked = blanked(text);
    let lines: Vec<&str> = blanked.lines().collect();
    let mut count = 0;
    let mut at = 0;
    while at < lines.len() {
        let opens_tests = lines[at].trim() == "#[cfg(test)]"
            && lines.get(at + 1).is_some_and(|next| next.trim_start().starts_with("mod ") && next.contains('{'));
        if opens_tests {
            at = block_end(&lines, at + 1) + 1;
        } else {
            count += 1;
            at += 1;
        }
    }
    count
}

/// Name, first line from 1 and number of lines of every function with a body.
pub fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let blanked = blanked(text);
    let lines: Vec<&str> = blanked.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let opening = lines[at..].iter().position(|line| line.contains(['{', ';']));
        let Some(opening) = opening.map(|length| at + length).filter(|opening| {
            let brace = lines[*opening].find('{');
            brace.is_some_and(|brace| lines[*opening].find(';').is_none_or(|end| brace < end))
        }) else {
            continue;
        };
        found.push((name, at + 1, block_end(&lines, opening) - at + 1));
    }
    found
}

/// The name after `fn` where the line starts a function.
fn function_name(line: &str) -> Option<String> {
    let (before, after) = line.split_once("fn ")?;
    let is_start = before.split_whitespace().all(|word| {
        matches!(word, "pub" | "async" | "const" | "unsafe" | "extern" | "default") || word.starts_with("pub(")
    }) || before.trim_end().ends_with("in crate)");
    let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (is_start && !name.is_empty()).then_some(name)
}

/// The line on which the block closes whose first brace is on `start` or below.
fn block_end(lines: &[&str], start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, line) in lines.iter().enumerate().skip(start) {
        for byte in line.bytes() {
            match byte {
                b'{' => depth += 1,
                b'}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return at;
                    }
                }
                _ => {}
            }
        }
    }
    lines.len().saturating_sub(1)
}

#[test]
fn literals_and_comments_are_blanked_and_lines_kept() {
    let text = "a // {\nb /* { /* } */ { */ c \"{\\\"{\" d r#\"{\"{\"# '{' '\\'' '\\u{7d}' &'x str 'ä' e\n";
    let blank = blanked(text);
    assert_eq!(blank.lines().count(), text.lines().count());
    assert_eq!(blank.split_whitespace().collect::<String>(), "abcd&'xstre");
}

#[test]
fn test_modules_do_not_count() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\nfn c() {}\n";
    assert_eq!(line_count_without_tests(text), 2);
}

#[test]
fn functions_are_measured_from_signature_to_brace() {
    let text = "trait T {\n    fn no_body(&self);\n}\n    pub(crate) async fn long(\n        x: u8,\n    ) -> u8 {\n        \
                if x > 0 { 1 } else { 0 }\n    }\nfn short() {}\nlet f = |x| x; // fn not_one() {\n";
    let found = functions(text);
    assert_eq!(found, [("long".to_owned(), 4, 5), ("short".to_owned(), 9, 1)]);
}
