//! Places for clients, reused, with tokens that go stale.

/// The client at a place, as long as it is there.
///
/// A place goes to another client as soon as one has left. A report for the client that left must
/// not reach its successor. So each tenancy of a place has a number of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    place: u32,
    tenancy: u32,
}

impl Token {
    /// The index of the place.
    pub(super) fn place(self) -> usize {
        self.place as usize
    }

    /// The token as a word, which the kernel returns with its reports. No token is all ones.
    pub(super) fn to_bits(self) -> u64 {
        u64::from(self.place) << 32 | u64::from(self.tenancy)
    }

    /// Reverses [`Token::to_bits`].
    pub(super) fn from_bits(bits: u64) -> Self {
        Self {
            place: (bits >> 32) as u32,
            tenancy: bits as u32,
        }
    }
}

/// Things at places. The place that was left last is taken first: its memory is still in the cache.
#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Place<T> {
    tenancy: u32,
    /// On the heap, so that an empty place costs next to nothing.
    tenant: Option<Box<T>>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    /// Puts `tenant` at a free place.
    pub(super) fn insert(&mut self, tenant: T) -> Token {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place {
                tenancy: 0,
                tenant: None,
            });
            // There are never more clients than descriptors, and these are of 31 bits.
            (self.places.len() - 1) as u32
        });
        let at = &mut self.places[place as usize];
        at.tenant = Some(Box::new(tenant));
        Token {
            place,
            tenancy: at.tenancy,
        }
    }

    /// The tenant that the token was made for, unless it has left.
    pub(super) fn get_mut(&mut self, token: Token) -> Option<&mut T> {
        let at = self.places.get_mut(token.place())?;
        at.tenant
            .as_deref_mut()
            .filter(|_| at.tenancy == token.tenancy)
    }

    /// The token of the present tenant of a place.
    pub(super) fn at(&self, place: usize) -> Option<Token> {
        let at = self.places.get(place)?;
        at.tenant.as_ref().map(|_| Token {
            place: place as u32,
            tenancy: at.tenancy,
        })
    }

    /// Frees the place; the token and its copies are stale from now on.
    pub(super) fn remove(&mut self, token: Token) -> Option<Box<T>> {
        self.get_mut(token)?;
        let at = &mut self.places[token.place()];
        at.tenancy = at.tenancy.wrapping_add(1);
        self.free.push(token.place);
        at.tenant.take()
    }

    /// Whether no place is taken.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many places are taken.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// The tokens of all tenants.
    pub(super) fn tokens(&self) -> Vec<Token> {
        (0..self.places.len())
            .filter_map(|place| self.at(place))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_stale_when_its_place_has_another_tenant() {
        let mut slab = Slab::default();
        let old = slab.insert('a');
        assert_eq!(slab.remove(old), Some(Box::new('a')));
        assert_eq!(slab.get_mut(old), None);
        let new = slab.insert('b');
        assert_eq!(new.place(), old.place(), "the place is used again");
        assert_ne!(new, old);
        assert_eq!(slab.get_mut(old), None);
        assert_eq!(slab.remove(old), None);
        assert_eq!(slab.get_mut(new), Some(&mut 'b'));
        assert_eq!((slab.len(), slab.tokens()), (1, vec![new]));
    }

    proptest! {
        /// Against a list of the present tenants, which come and go in random order.
        #[test]
        fn each_tenant_is_found_by_its_token_and_by_no_other(
            steps in proptest::collection::vec((any::<bool>(), 0usize..20), 1..200),
        ) {
            let mut slab = Slab::default();
            let (mut here, mut gone) = (Vec::new(), Vec::new());
            for (number, (comes, which)) in steps.into_iter().enumerate() {
                if comes || here.is_empty() {
                    here.push((slab.insert(number), number));
                } else {
                    let (token, number) = here.swap_remove(which % here.len());
                    prop_assert_eq!(slab.remove(token), Some(Box::new(number)));
                    gone.push(token);
                }
                prop_assert_eq!(slab.len(), here.len());
                for &(token, mut number) in &here {
                    prop_assert_eq!(slab.get_mut(token), Some(&mut number));
                    prop_assert_eq!(slab.at(token.place()), Some(token));
                    prop_assert_eq!(Token::from_bits(token.to_bits()), token);
                }
                for &token in &gone {
                    prop_assert_eq!(slab.get_mut(token), None);
                }
            }
        }
    }
}
