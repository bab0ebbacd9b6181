//! Finds a head in the stream, line by line, and holds it against the limits.

use std::ops::Range;

use super::limits::Limits;
use super::refusal::Refusal;
use super::status::Status;

/// Finds the end of a head in a growing buffer; looks at no byte twice.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    scanned: usize,
    line_start: usize,
    fields: usize,
    fields_start: Option<usize>,
}

impl Scanner {
    /// Field lines seen so far.
    pub(super) fn fields(&self) -> usize {
        self.fields
    }

    /// Scans what has arrived since the last call. `Ok(Some(length))` once a head is whole: its
    /// length with the empty line. `request_line` judges that line, once, when it is whole: neither
    /// later nor only if it comes alone, since the answer must not depend on the cuts.
    pub(super) fn scan(
        &mut self,
        input: &[u8],
        limits: &Limits,
        mut request_line: impl FnMut(&[u8]) -> Result<(), Refusal>,
    ) -> Result<Option<usize>, Refusal> {
        while let Some(offset) = memchr::memchr(b'\n', &input[self.scanned..]) {
            let end = self.scanned + offset;
            // First what a byte less would have shown: the answer must not depend on the cuts.
            self.check_size(end.saturating_sub(1), limits)?;
            if end == self.line_start || input[end - 1] != b'\r' {
                return Err(Refusal::bad("a line ends in CR LF, not in LF alone"));
            }
            let line = self.line_start..end - 1;
            self.scanned = end + 1;
            self.line_start = end + 1;
            let begins = self.fields_start.is_none();
            if self.line(line.clone(), limits)? {
                return Ok(Some(end + 1));
            }
            if begins && self.fields_start.is_some() {
                request_line(&input[line])?;
            }
        }
        self.scanned = input.len();
        self.check_size(input.len().saturating_sub(1), limits)?;
        Ok(None)
    }

    /// Takes one line without its CR LF; true if it is the empty line that ends the head.
    fn line(&mut self, line: Range<usize>, limits: &Limits) -> Result<bool, Refusal> {
        match self.fields_start {
            // One empty line before the request line is ignored (RFC 9112 §2.2), not a stream.
            None if line.is_empty() && line.start == 0 => return Ok(false),
            None if line.is_empty() => return Err(Refusal::bad("there is no request line")),
            None => {
                request_line_fits(line.len(), limits)?;
                self.fields_start = Some(line.end + 2);
            }
            Some(_) if line.is_empty() => return Ok(true),
            Some(start) => {
                self.fields += 1;
                fields_fit(line.len(), line.end - start, self.fields, limits)?;
            }
        }
        Ok(false)
    }

    /// Refuses a line that is too long before its end has come; `end` is where it reaches so far.
    fn check_size(&self, end: usize, limits: &Limits) -> Result<(), Refusal> {
        let length = end.saturating_sub(self.line_start);
        if length == 0 {
            // This may yet be the empty line that ends the head, and that counts for nothing.
            return Ok(());
        }
        match self.fields_start {
            None => request_line_fits(length, limits),
            Some(start) => fields_fit(length, end.saturating_sub(start), self.fields, limits),
        }
    }
}

fn request_line_fits(length: usize, limits: &Limits) -> Result<(), Refusal> {
    if length > limits.request_line {
        return Err(Refusal::new(
            Status::URI_TOO_LONG,
            "the request line is too long",
        ));
    }
    Ok(())
}

fn fields_fit(line: usize, total: usize, count: usize, limits: &Limits) -> Result<(), Refusal> {
    let refuse = |reason| Err(Refusal::new(Status::FIELDS_TOO_LARGE, reason));
    let (line_over, total_over) = (
        line.saturating_sub(limits.field_line),
        total.saturating_sub(limits.fields_total),
    );
    // If both are over, the one that has been for longer is what a slower client would have met.
    if line_over > 0 && line_over >= total_over {
        refuse("a header field is too long")
    } else if total_over > 0 {
        refuse("the header fields are too long together")
    } else if count > limits.fields.min(Limits::FIELDS_CEILING) {
        refuse("there are too many header fields")
    } else {
        Ok(())
    }
}
