//! Finds the end of a head in the stream, line by line, and enforces the limits on its size.

use std::ops::Range;

use super::limits::Limits;
use super::refusal::Refusal;
use super::status::Status;

/// The place in a growing buffer up to which the scanner has looked; it looks at no byte twice.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    scanned: usize,
    line_start: usize,
    fields: usize,
    fields_start: Option<usize>,
}

impl Scanner {
    /// The number of field lines so far.
    pub(super) fn fields(&self) -> usize {
        self.fields
    }

    /// Scans the bytes that have arrived since the last call. Returns the length of the head, with
    /// the empty line, once the head is complete.
    ///
    /// `request_line` checks the request line, once, as soon as that line is complete, even if the
    /// fields have arrived with it. So the answer does not depend on where a read ended.
    pub(super) fn scan(
        &mut self,
        input: &[u8],
        limits: &Limits,
        mut request_line: impl FnMut(&[u8]) -> Result<(), Refusal>,
    ) -> Result<Option<usize>, Refusal> {
        while let Some(offset) = memchr::memchr(b'\n', &input[self.scanned..]) {
            let end = self.scanned + offset;
            // Check the limits before the terminator, so that an error does not depend on where a
            // read ended.
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
            // RFC 9112 §2.2 has a server ignore an empty line before the request line. One is
            // ignored, and not an endless stream of them.
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

    /// Refuses a line that is too long before its end has arrived; `end` is where it ends so far.
    fn check_size(&self, end: usize, limits: &Limits) -> Result<(), Refusal> {
        let length = end.saturating_sub(self.line_start);
        if length == 0 {
            // This may become the empty line that ends the head, which counts against no limit.
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
    // If both are exceeded, report the limit that was exceeded first: a slow client would have met
    // that one alone.
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
