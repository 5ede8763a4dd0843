//! The words, brackets and quoted texts that a segment is written in, each with its place.

use std::fmt;

use super::language::{Comparison, is_inner};

/// The place, and what is wrong there.
pub(super) type Wrong = (usize, String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Open,
    Close,
    Comma,
    Colon,
    Compare(Comparison),
    /// A word or number, as it is written.
    Bare(String),
    /// A text in quotes, without them.
    Quoted(String),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("\"(\""),
            Self::Close => f.write_str("\")\""),
            Self::Comma => f.write_str("\",\""),
            Self::Colon => f.write_str("\":\""),
            Self::Compare(comparison) => write!(f, "\"{comparison}\""),
            Self::Bare(text) | Self::Quoted(text) => write!(f, "{text:?}"),
        }
    }
}

pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Wrong> {
    let characters: Vec<char> = text.chars().collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while let Some(&c) = characters.get(at) {
        let begins = at;
        at += 1;
        let followed = characters.get(at) == Some(&'=');
        let token = match c {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            ':' => Token::Colon,
            '=' => Token::Compare(Comparison::Equal),
            '!' | '<' | '>' if followed => {
                at += 1;
                Token::Compare(match c {
                    '!' => Comparison::NotEqual,
                    '<' => Comparison::AtMost,
                    _ => Comparison::AtLeast,
                })
            }
            '<' => Token::Compare(Comparison::Less),
            '>' => Token::Compare(Comparison::Greater),
            '"' => {
                let mut inside = String::new();
                loop {
                    match (characters.get(at), characters.get(at + 1)) {
                        (None, _) => return Err((begins, "this text in quotes has no end".into())),
                        (Some('"'), _) => break,
                        (Some('\\'), Some(next @ ('"' | '\\'))) => {
                            inside.push(*next);
                            at += 1;
                        }
                        (Some('\\'), _) => return Err((at, "after \\ in quotes comes \\ or \"".into())),
                        (Some(other), _) => inside.push(*other),
                    }
                    at += 1;
                }
                at += 1;
                Token::Quoted(inside)
            }
            c if is_inner(c) => {
                let rest = characters[at..].iter().take_while(|c| is_inner(**c));
                let word: String = std::iter::once(c).chain(rest.copied()).collect();
                at = begins + word.len();
                Token::Bare(word)
            }
            other => return Err((begins, format!("{other:?} is not expected here: texts with it stand in quotes"))),
        };
        tokens.push((begins, token));
    }
    Ok(tokens)
}
