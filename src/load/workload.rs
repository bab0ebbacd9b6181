//! What is asked: one or several kinds of request, and how often each.

use std::time::Duration;

/// Statuses from here on are errors, the client's or the server's (RFC 9110 section 15).
const STATUS_FAILED_MIN: u16 = 400;

/// One kind of request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestTemplate {
    /// The method, such as `GET`.
    pub method: String,
    /// Path and query, starting with `/`; without one, those of the target.
    pub path: Option<String>,
    /// Fields to send besides Host, Content-Length and Connection, which are added unless they
    /// are among these.
    pub headers: Vec<(String, String)>,
    /// The request's content, sent with its Content-Length.
    pub body: Vec<u8>,
    /// How often it is chosen, in proportion to the weights of the others.
    pub weight: u32,
    /// The status that its answer must have. Without one, any below 400 is a success.
    pub expected_status: Option<u16>,
    /// How long a client of a closed loop thinks after the answer, before its next request.
    pub think: Duration,
}

impl Default for RequestTemplate {
    /// `GET` of the target's path.
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            path: None,
            headers: Vec::new(),
            body: Vec::new(),
            weight: 1,
            expected_status: None,
            think: Duration::ZERO,
        }
    }
}

impl RequestTemplate {
    /// Whether an answer's status is what this request is sent for.
    pub(super) fn accepts(&self, status: u16) -> bool {
        match self.expected_status {
            Some(expected) => status == expected,
            None => status < STATUS_FAILED_MIN,
        }
    }

    /// Whether its answers have no body, whatever their header fields say (RFC 9110 section 9.3.2).
    pub(super) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// The bytes that are sent; `is_last` announces that no other request follows on the
    /// connection.
    pub(super) fn render(&self, authority: &str, path: &str, is_last: bool) -> Vec<u8> {
        let has = |name: &str| {
            let mut names = self.headers.iter().map(|(name, _)| name);
            names.any(|other| other.eq_ignore_ascii_case(name))
        };
        let path = self.path.as_deref().unwrap_or(path);
        let mut text = format!("{} {path} HTTP/1.1\r\n", self.method);
        if !has("host") {
            text += &format!("Host: {authority}\r\n");
        }
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        // A method that has a meaning for content announces its absence (RFC 9110 section 8.6).
        let may_have_body = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH");
        if (may_have_body || !self.body.is_empty()) && !has("content-length") {
            text += &format!("Content-Length: {}\r\n", self.body.len());
        }
        if is_last && !has("connection") {
            text += "Connection: close\r\n";
        }
        text += "\r\n";
        [text.as_bytes(), &self.body].concat()
    }
}

/// All kinds of request of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    requests: Vec<RequestTemplate>,
    /// For each kind, the sum of the weights up to and with it.
    weights: Vec<u64>,
}

impl Default for Workload {
    fn default() -> Self {
        Self::new(vec![RequestTemplate::default()])
    }
}

impl Workload {
    /// A workload of these kinds. A kind of weight 0 is never sent; if all have weight 0, the
    /// first is sent.
    pub fn new(requests: Vec<RequestTemplate>) -> Self {
        let mut sum = 0;
        let weights = requests.iter().map(|it| {
            sum += u64::from(it.weight);
            sum
        });
        Self {
            weights: weights.collect(),
            requests,
        }
    }

    /// The kinds of request, in the order in which they were given.
    pub fn requests(&self) -> &[RequestTemplate] {
        &self.requests
    }

    /// Which kind request `number` of a run is. The choice follows from the seed and the number
    /// alone, so every contender of a comparison gets the same mix in the same order.
    pub(super) fn pick(&self, seed: u64, number: u64) -> usize {
        match self.weights.last() {
            Some(&sum) if self.weights.len() > 1 && sum > 0 => {
                let drawn = scrambled(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) % sum;
                self.weights.partition_point(|&upto| upto <= drawn)
            }
            _ => 0,
        }
    }
}

/// A number that looks random for each number put in (the finalizer of SplitMix64).
fn scrambled(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(request: &RequestTemplate, is_last: bool) -> String {
        String::from_utf8(request.render("h:1", "/p?q", is_last)).unwrap()
    }

    #[test]
    fn requests_are_rendered_with_what_they_need() {
        let get = RequestTemplate::default();
        assert_eq!(
            rendered(&get, false),
            "GET /p?q HTTP/1.1\r\nHost: h:1\r\n\r\n"
        );
        assert_eq!(
            rendered(&get, true),
            "GET /p?q HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\n\r\n"
        );
        let post = RequestTemplate {
            method: "POST".into(),
            path: Some("/echo".into()),
            headers: vec![("host".into(), "other".into()), ("X-A".into(), "b".into())],
            body: b"hello".to_vec(),
            ..get
        };
        assert_eq!(
            rendered(&post, false),
            "POST /echo HTTP/1.1\r\nhost: other\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello"
        );
        let empty = RequestTemplate {
            body: Vec::new(),
            ..post
        };
        assert!(rendered(&empty, false).contains("Content-Length: 0\r\n"));
    }

    #[test]
    fn the_mix_follows_the_weights_and_the_seed() {
        let kind = |weight| RequestTemplate {
            weight,
            ..RequestTemplate::default()
        };
        let workload = Workload::new(vec![kind(1), kind(0), kind(3)]);
        let picks = |seed| -> Vec<usize> { (0..10_000).map(|k| workload.pick(seed, k)).collect() };
        let share =
            |kind: usize| picks(1).iter().filter(|it| **it == kind).count() as f64 / 10_000.0;
        assert!((share(0) - 0.25).abs() < 0.02, "{}", share(0));
        assert_eq!(share(1), 0.0);
        assert!((share(2) - 0.75).abs() < 0.02, "{}", share(2));
        assert_eq!(picks(5), picks(5));
        assert_ne!(picks(5), picks(6));
        assert_eq!(Workload::default().pick(1, 2), 0);
    }

    #[test]
    fn a_status_is_judged_by_what_was_expected() {
        let mut request = RequestTemplate::default();
        assert!(request.accepts(200) && request.accepts(399) && !request.accepts(400));
        request.expected_status = Some(404);
        assert!(request.accepts(404) && !request.accepts(200));
    }
}
