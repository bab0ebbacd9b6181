//! Labs for people: what one will do, what it has shown, and its pictures.

mod drawings;
mod sketches;
mod text;

pub use drawings::drawings;
pub use text::{announcement, choices, list, shown, summary, text};
