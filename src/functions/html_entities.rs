//! Character references of HTML: `&amp;`, `&#39;`, `&#x2F;`.

/// The longest reference looked at; a longer one is text.
const LONGEST: usize = 32;

/// Names of U+00A0 to U+00FF, in order.
const LATIN: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 \
    acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig \
    Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave \
    Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave \
    iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";

/// Further names, each with its character.
const NAMED: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("AMP", '&'),
    ("LT", '<'),
    ("GT", '>'),
    ("QUOT", '"'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("horbar", '―'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("lsaquo", '‹'),
    ("rsaquo", '›'),
    ("dagger", '†'),
    ("Dagger", '‡'),
    ("bull", '•'),
    ("hellip", '…'),
    ("permil", '‰'),
    ("prime", '′'),
    ("Prime", '″'),
    ("euro", '€'),
    ("trade", '™'),
    ("larr", '←'),
    ("uarr", '↑'),
    ("rarr", '→'),
    ("darr", '↓'),
    ("harr", '↔'),
    ("rArr", '⇒'),
    ("hArr", '⇔'),
    ("minus", '−'),
    ("infin", '∞'),
    ("asymp", '≈'),
    ("ne", '≠'),
    ("le", '≤'),
    ("ge", '≥'),
    ("check", '✓'),
    ("star", '☆'),
    ("starf", '★'),
    ("hearts", '♥'),
    ("OElig", 'Œ'),
    ("oelig", 'œ'),
    ("Scaron", 'Š'),
    ("scaron", 'š'),
    ("Yuml", 'Ÿ'),
    ("fnof", 'ƒ'),
    ("circ", 'ˆ'),
    ("tilde", '˜'),
    ("alpha", 'α'),
    ("beta", 'β'),
    ("gamma", 'γ'),
    ("delta", 'δ'),
    ("lambda", 'λ'),
    ("mu", 'μ'),
    ("pi", 'π'),
    ("sigma", 'σ'),
    ("Delta", 'Δ'),
    ("Sigma", 'Σ'),
    ("Omega", 'Ω'),
    ("omega", 'ω'),
    ("ensp", ' '),
    ("emsp", ' '),
    ("thinsp", ' '),
    ("zwnj", '\u{200c}'),
    ("zwj", '\u{200d}'),
    ("lrm", '\u{200e}'),
    ("rlm", '\u{200f}'),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("commat", '@'),
    ("lbrack", '['),
    ("bsol", '\\'),
    ("rbrack", ']'),
    ("lowbar", '_'),
    ("lbrace", '{'),
    ("rbrace", '}'),
    ("vert", '|'),
];

/// What `&#128;` to `&#159;` mean: the characters of Windows-1252, as every browser reads them.
const WINDOWS: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";

/// Gives each character of `html`, with references resolved; one that is not known stays as it is written.
pub(super) fn decode(html: &str, mut give: impl FnMut(char)) {
    let mut rest = html;
    while let Some(at) = rest.find('&') {
        rest[..at].chars().for_each(&mut give);
        rest = &rest[at..];
        let (character, length) = reference(rest).unwrap_or(('&', 1));
        give(character);
        rest = &rest[length..];
    }
    rest.chars().for_each(give);
}

/// The reference `html` begins with, and its length.
fn reference(html: &str) -> Option<(char, usize)> {
    let body = &html[1..];
    let end = body.bytes().take(LONGEST).take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'#').count();
    let name = &body[..end];
    let is_closed = body.as_bytes().get(end) == Some(&b';');
    let character = match name.strip_prefix('#') {
        Some(number) => numeric(number)?,
        // Without the semicolon, `&copy=1` in a link would change.
        None if is_closed => named(name)?,
        None => return None,
    };
    Some((character, 1 + end + usize::from(is_closed)))
}

fn numeric(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    match code {
        Ok(code @ 0x80..=0x9f) => WINDOWS.chars().nth(code as usize - 0x80),
        Ok(0) => Some(char::REPLACEMENT_CHARACTER),
        Ok(code) => Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
        Err(_) => None,
    }
}

fn named(name: &str) -> Option<char> {
    if let Some((_, character)) = NAMED.iter().find(|(known, _)| *known == name) {
        return Some(*character);
    }
    let place = LATIN.split_whitespace().position(|known| known == name)?;
    char::from_u32(0xa0 + u32::try_from(place).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(html: &str) -> String {
        let mut text = String::new();
        decode(html, |character| text.push(character));
        text
    }

    #[test]
    fn references_become_characters() {
        assert_eq!(decoded("&amp;&lt;&#39;&#x2F;&#X2f;&eacute;&yuml;&nbsp;&rsquo;&#8217;&#146;"), "&<'//éÿ\u{a0}’’’");
        assert_eq!(decoded("&#0;&#xd800;&#1114112;"), "\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(decoded("&#65 &#66;x"), "A Bx");
        assert_eq!(LATIN.split_whitespace().count(), 96);
        assert_eq!(WINDOWS.chars().count(), 32);
    }

    #[test]
    fn what_is_no_reference_stays() {
        for text in ["&", "a & b", "&;", "&#;", "&#x;", "&unknown;", "?a=1&copy=2", "&amp", "&#99999999999;", "&ü;"] {
            assert_eq!(decoded(text), text);
        }
        let long = format!("&{};", "a".repeat(1000));
        assert_eq!(decoded(&long), long);
    }
}
