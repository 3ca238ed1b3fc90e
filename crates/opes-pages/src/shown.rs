//! Text of others, on a page.

use std::fmt;

use maud::{Escaper, Render};

/// Text that somebody else wrote. It renders escaped, without a character that would hide, or change how the text around
/// it reads: of those the code is shown instead, as `\u{202e}`.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl Render for Shown<'_> {
    fn render_to(&self, buffer: &mut String) {
        // Writing to a string does not fail.
        let _ = write_visibly(self.0, &mut Escaper::new(buffer));
    }
}

fn write_visibly(text: &str, to: &mut impl fmt::Write) -> fmt::Result {
    for c in text.chars() {
        match is_hidden(c) {
            true => write!(to, "{}", c.escape_unicode())?,
            false => to.write_char(c)?,
        }
    }
    Ok(())
}

/// The beginning of a text, at most this many characters, which ends with `…` where there is more.
pub(crate) fn beginning(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Control characters, marks of the direction of writing, and characters of no width.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_what_hides_is_seen() {
        let text = "<a href=\"x\">'&\0\r\n\u{202e}\u{2066}\u{200b}é漢";
        let shown = Shown(text).render().into_string();
        assert_eq!(
            shown,
            "&lt;a href=&quot;x&quot;&gt;'&amp;\\u{0}\\u{d}\\u{a}\\u{202e}\\u{2066}\\u{200b}é漢"
        );
    }

    #[test]
    fn a_beginning_says_that_there_is_more() {
        assert_eq!((beginning("éé", 2).as_str(), beginning("ééx", 2).as_str()), ("éé", "éé…"));
    }
}
