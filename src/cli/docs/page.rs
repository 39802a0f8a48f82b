//! The page's parts put together: markup, style and script are files of this folder.

use serde_json::Value;

const MARKUP: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPTS: [&str; 3] = [include_str!("lineage.js"), include_str!("graph.js"), include_str!("page.js")];

/// The whole page. What users wrote stands in the data alone, in which nothing can end the element around it.
pub(super) fn filled(data: &Value) -> String {
    let scripts = SCRIPTS.join("\n");
    MARKUP.replace("{{style}}", STYLE).replace("{{script}}", &scripts).replacen("{{data}}", &inert(data), 1)
}

/// JSON in which HTML finds no tag: `<` only occurs in strings, where it has another spelling.
fn inert(data: &Value) -> String {
    data.to_string().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_in_the_data_ends_its_element() {
        let data = json!({"description": "</script><script>alert(1)</script><!--", "{{data}}": "{{script}}"});
        let text = inert(&data);
        assert!(!text.contains('<'), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), data);
        let page = filled(&data);
        assert_eq!(page.matches("</script>").count(), MARKUP.matches("</script>").count());
        assert!(page.contains("{{script}}"));
        // The name of a format, which nobody fetches.
        let own = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!["://", " src=", "@import", "url("].iter().any(|word| own.contains(word)), "something is fetched");
    }
}
