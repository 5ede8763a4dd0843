//! Our own scripts and styles without what is for whoever reads them here: comments, and spaces that separate nothing.

/// Without `/** … */`, wherever it stands, and lines that are a comment whole. No text and no expression of ours holds either.
pub(super) fn without_comments(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/**") {
        bare.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after.strip_prefix(' ').unwrap_or(after));
    }
    bare.push_str(rest);
    // Of markup over several lines htm drops the indentation by itself, and no other text of ours has several lines.
    let told = bare.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    told.fold(String::with_capacity(bare.len()), |all, line| all + line + "\n")
}

/// Without `/* … */`, and without the spaces that separate nothing: around `{`, `}`, `;` and `,`, and after a property's `:`. The
/// spaces around a selector's combinators and in front of its `:` mean something, and stay; so do those within texts.
pub(super) fn tight_styles(text: &str) -> String {
    let mut tight = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
            continue;
        }
        let length = if matches!(letter, '"' | '\'') { quoted(rest, letter) } else { letter.len_utf8() };
        let (taken, left) = rest.split_at(length);
        rest = left;
        if letter.is_whitespace() {
            if !tight.ends_with(['{', '}', ';', ',', ':', ' ']) {
                tight.push(' ');
            }
            continue;
        }
        if matches!(letter, '{' | '}' | ';' | ',') && tight.ends_with(' ') {
            tight.pop();
        }
        if letter == '}' && tight.ends_with(';') {
            tight.pop();
        }
        tight.push_str(taken);
    }
    tight
}

/// A script without the spaces around its punctuation, and without the ends of lines that end no statement: no line of ours ends with a
/// comment. In markup htm drops them by itself where they stand alone between two tags or expressions. Texts and regular expressions stay as they are, of a
/// template what it holds within `${…}` is script again. Around `+`, `-` and `/` spaces stay: `a + +b` isn't `a++b`.
pub(super) fn tight_script(text: &str) -> String {
    let mut tight = String::with_capacity(text.len());
    // Of each piece of script within a template how many `{` are open; `None` is the template's own text.
    let mut within: Vec<Option<u32>> = vec![Some(0)];
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let mut length = letter.len_utf8();
        match (within.last().copied().flatten(), letter) {
            (None, '\\') => length = escaped(rest),
            (None, '`') => drop(within.pop()),
            (None, '$') if rest.starts_with("${") => {
                within.push(Some(0));
                length = 2;
            }
            (None, '\n') if tight.ends_with(['>', '}']) && rest[1..].starts_with(['<', '$']) => {
                rest = &rest[1..];
                continue;
            }
            (None, _) => {}
            (Some(_), '\n') if tight.ends_with([';', ',', '{', '(', '[']) => {
                rest = &rest[1..];
                continue;
            }
            (Some(_), '"' | '\'') => length = quoted(rest, letter),
            (Some(_), '`') => within.push(None),
            (Some(open), '{') => set(&mut within, open.saturating_add(1)),
            (Some(0), '}') => drop(within.pop()),
            (Some(open), '}') => set(&mut within, open.saturating_sub(1)),
            (Some(_), '/') if begins_expression(&tight) => length = quoted(rest, '/'),
            (Some(_), ' ') if tight.ends_with(PUNCTUATION) || rest[1..].starts_with(PUNCTUATION) => {
                rest = &rest[1..];
                continue;
            }
            (Some(_), _) => {}
        }
        let (taken, left) = rest.split_at(length);
        tight.push_str(taken);
        rest = left;
    }
    tight
}

const PUNCTUATION: [char; 13] = ['=', ',', '?', ':', '{', '}', '(', ')', ';', '&', '|', '>', '\n'];

fn set(within: &mut [Option<u32>], open: u32) {
    if let Some(last) = within.last_mut() {
        *last = Some(open);
    }
}

/// How long what a backslash begins is.
fn escaped(text: &str) -> usize {
    text.chars().take(2).map(char::len_utf8).sum()
}

/// How long a text or a regular expression is, with its quotes; one without an end goes to the end.
fn quoted(text: &str, quote: char) -> usize {
    let (mut at, mut in_class) = (1, false);
    while let Some(letter) = text[at..].chars().next() {
        match letter {
            '\\' => {
                at += escaped(&text[at..]);
                continue;
            }
            '[' if quote == '/' => in_class = true,
            ']' => in_class = false,
            _ if letter == quote && !in_class => return at + 1,
            _ => {}
        }
        at += letter.len_utf8();
    }
    text.len()
}

/// Whether a `/` here begins a regular expression rather than dividing what stands before it.
fn begins_expression(before: &str) -> bool {
    let before = before.trim_end_matches(' ');
    before.is_empty()
        || before.ends_with("return")
        || before.ends_with(['(', ',', '=', ':', '[', '!', '&', '|', '?', '{', '}', ';', '>', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_script_ends_with_a_comment() {
        let mut scripts = 0;
        for folder in ["src/dashboard/assets", "src/dashboard/assets/pages"] {
            for file in std::fs::read_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
                let path = file.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "js") {
                    let text = without_comments(&std::fs::read_to_string(&path).unwrap());
                    let commented = text
                        .lines()
                        .find(|line| line.contains("; // ") || line.contains("{ // ") || line.contains(", // "));
                    assert_eq!(commented, None, "{}", path.display());
                    scripts += 1;
                }
            }
        }
        assert!(scripts > 20, "{scripts}");
    }

    #[test]
    fn comments_and_spaces_are_left_out() {
        let text = "// What it is.\n/**\n * @param {string} a\n */\nconst x = (/** @type {any} */ a) => `https://${a}`;\n\n  // Why.\nx(1); // said\n";
        assert_eq!(without_comments(text), "const x = (a) => `https://${a}`;\nx(1); // said\n");
        let styles = "/* what */\n.a:hover, .b > *  { color: red; margin: 0 1px; }\n@media (max-width: 9px) {\n  .c :focus { top: calc(1px + 2px); }\n}\n";
        let tight = ".a:hover,.b > *{color:red;margin:0 1px}@media (max-width:9px){.c :focus{top:calc(1px + 2px)}}";
        assert_eq!(tight_styles(styles).trim(), tight);
    }

    #[test]
    fn texts_of_styles_stay_as_they_are() {
        for (styles, tight) in [
            (".a::before { content: \"a: b, c\"; top: 0; }", ".a::before{content:\"a: b, c\";top:0}"),
            ("a { content: ' ; \\' } ' ; }", "a{content:' ; \\' } '}"),
            ("a[b*=\"c  /* d */\"] , e { f: g }", "a[b*=\"c  /* d */\"],e{f:g}"),
        ] {
            assert_eq!(tight_styles(styles), tight);
        }
    }

    #[test]
    fn texts_templates_and_regular_expressions_stay_as_they_are() {
        for (text, tight) in [
            ("const a = (b) => b ? [1, 2] : { c: \"d , e\" };", "const a=(b)=>b?[1,2]:{c:\"d , e\"};"),
            ("x = a + +b - c / d;", "x=a + +b - c / d;"),
            ("return /[/ ,] = /.test(y) && 'it\\'s , so';", "return /[/ ,] = /.test(y)&&'it\\'s , so';"),
            ("h`a , ${b ? c : `d = ${{ e: 1 }.e} , f`} = g`;", "h`a , ${b?c:`d = ${{e:1}.e} , f`} = g`;"),
            ("`\\` = ${a , b}`", "`\\` = ${a,b}`"),
            ("for (const é of [\"ü = ö\"]) { }", "for(const é of [\"ü = ö\"]){}"),
            ("f(\n[\n1,\n2]);\nif (a) {\nb()\n}\nc();", "f([1,2]);if(a){b()\n}\nc();"),
            ("h`<a\nb=${c}\nd>\n${e}\n<f>g\n</f>\n`", "h`<a\nb=${c}\nd>${e}<f>g\n</f>\n`"),
            ("import { a } from \"./a.js\";", "import{a}from \"./a.js\";"),
        ] {
            assert_eq!(tight_script(text), tight);
        }
    }
}
