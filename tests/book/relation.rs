//! How a claim about recorded figures is written down. Pure.
//!
//! ```text
//! <!-- claim close cpu: iterative < prefork, event < threaded; 4 < fork / threaded < 10 -->
//!            ───┬─ ─┬─  ──────────────────┬─────────────────────────────────────────
//!            source figure           relations, which all have to hold
//! ```

use std::fmt;

/// The text of one claim, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claim {
    /// Which recording: a workload of the table (`close`), `unp`, or `connections 8000`.
    pub(crate) source: String,
    pub(crate) figure: String,
    pub(crate) relations: Vec<Relation>,
}

/// `a < b < c`: neighbours are compared, each term of one side with each of the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Relation {
    pub(crate) first: Vec<Term>,
    pub(crate) others: Vec<(Order, Vec<Term>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Less,
    More,
    /// Neither less nor more is shown.
    Tie,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Term {
    Number(f64),
    /// A contender's figure, or so many times it.
    Row(f64, String),
    /// One contender's figure in terms of another's.
    Ratio(String, String),
    /// All contenders that the relation does not name.
    Rest,
}

impl Claim {
    /// Reads what follows the word `claim`.
    pub(crate) fn parse(text: &str) -> Result<Claim, String> {
        let (head, relations) = text.split_once(':').ok_or("there is no colon")?;
        let (source, figure) = (head.trim().rsplit_once(' '))
            .ok_or("before the colon stand a recording and a figure")?;
        let relations = relations.split(';').map(Relation::parse);
        Ok(Claim {
            source: source.trim().to_owned(),
            figure: figure.to_owned(),
            relations: relations.collect::<Result<_, _>>()?,
        })
    }
}

impl Relation {
    fn parse(text: &str) -> Result<Relation, String> {
        let mut sides = Vec::new();
        let mut orders = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['<', '>', '~']) {
            sides.push(group(&rest[..at])?);
            orders.push(match rest.as_bytes()[at] {
                b'<' => Order::Less,
                b'>' => Order::More,
                _ => Order::Tie,
            });
            rest = &rest[at + 1..];
        }
        sides.push(group(rest)?);
        if orders.is_empty() {
            return Err(format!("'{}' compares nothing", text.trim()));
        }
        let mut sides = sides.into_iter();
        let first = sides.next().unwrap_or_default();
        let others = orders.into_iter().zip(sides).collect();
        Ok(Relation { first, others })
    }

    /// The names of contenders in it.
    pub(crate) fn names(&self) -> Vec<&str> {
        let others = self.others.iter().flat_map(|(_, terms)| terms);
        let terms = self.first.iter().chain(others);
        terms
            .flat_map(|term| match term {
                Term::Row(_, name) => vec![name.as_str()],
                Term::Ratio(of, to) => vec![of.as_str(), to.as_str()],
                Term::Number(_) | Term::Rest => Vec::new(),
            })
            .collect()
    }
}

fn group(text: &str) -> Result<Vec<Term>, String> {
    text.split(',').map(term).collect()
}

fn term(text: &str) -> Result<Term, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("a side is empty".to_owned());
    }
    if text == "rest" {
        return Ok(Term::Rest);
    }
    if let Some((of, to)) = text.split_once('/') {
        return Ok(Term::Ratio(of.trim().to_owned(), to.trim().to_owned()));
    }
    let (first, name) = text.split_once(' ').unwrap_or((text, ""));
    match first.replace('_', "").parse::<f64>() {
        Ok(number) if name.is_empty() => Ok(Term::Number(number)),
        Ok(factor) => Ok(Term::Row(factor, name.trim().to_owned())),
        Err(_) => Ok(Term::Row(1.0, text.to_owned())),
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Order::Less => "<",
            Order::More => ">",
            Order::Tie => "~",
        })
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::Number(number) => write!(f, "{number}"),
            Term::Row(factor, name) if *factor == 1.0 => f.write_str(name),
            Term::Row(factor, name) => write!(f, "{factor} {name}"),
            Term::Ratio(of, to) => write!(f, "{of} / {to}"),
            Term::Rest => f.write_str("rest"),
        }
    }
}

#[test]
fn a_claim_is_read_as_it_is_written() {
    let claim = Claim::parse("connections 8000 cpu: poll, epoll < 2 fork < rest; fork / poll > 3");
    let claim = claim.unwrap();
    assert_eq!(claim.source, "connections 8000");
    assert_eq!(claim.figure, "cpu");
    let row = |factor: f64, name: &str| Term::Row(factor, name.to_owned());
    let [chain, ratio] = claim.relations.as_slice() else {
        panic!("{claim:?}");
    };
    assert_eq!(chain.first, [row(1.0, "poll"), row(1.0, "epoll")]);
    assert_eq!(chain.others[0], (Order::Less, vec![row(2.0, "fork")]));
    assert_eq!(chain.others[1], (Order::Less, vec![Term::Rest]));
    assert_eq!(
        ratio.first,
        [Term::Ratio("fork".to_owned(), "poll".to_owned())]
    );
    assert_eq!(ratio.others[0], (Order::More, vec![Term::Number(3.0)]));
    for wrong in ["close cpu", "cpu: a < b", "close cpu: a", "close cpu: a <"] {
        Claim::parse(wrong).unwrap_err();
    }
}
