//! JSON for people and programs: objects one field a line, arrays of numbers on one line.
//!
//! `serde_json`'s pretty form gives each number of a histogram a line of its own, its compact form
//! puts everything on one.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// `value` as text, with a final newline.
///
/// # Errors
/// The value has no form in JSON, such as a map whose keys are not strings.
pub fn to_string(value: &impl Serialize) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(
        &mut bytes,
        FlatArrays::default(),
    ))?;
    bytes.push(b'\n');
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Objects as the pretty form has them. Arrays keep the default form of the trait: on one line,
/// but for what objects within them add.
#[derive(Default)]
struct FlatArrays {
    objects: PrettyFormatter<'static>,
}

impl Formatter for FlatArrays {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.objects.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.objects.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.objects.begin_object_key(to, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.objects.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.objects.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_share_a_line_and_fields_do_not() {
        let value = serde_json::json!({ "pairs": [[1, 2], [3, 4]], "runs": [{ "a": 1 }, {}] });
        let text = super::to_string(&value).unwrap();
        let expected = r#"{
  "pairs": [[1,2],[3,4]],
  "runs": [{
    "a": 1
  },{}]
}
"#;
        assert_eq!(text, expected);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }
}
