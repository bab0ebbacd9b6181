//! Static files: every model gives the same answers.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod conditions;
mod fixture;
mod paths;
mod ranges;
mod shrinking;
#[path = "../support/mod.rs"]
mod support;

use conditions::{
    a_changed_file_is_another_version, a_file_from_before_1970_has_no_date,
    a_file_says_which_version_it_is, an_answer_without_content_keeps_the_connection_in_step,
    conditions_decide_the_status,
};
use paths::{
    a_directory_that_may_not_be_listed_has_an_index, directories_have_an_index_and_a_slash,
    names_in_a_location_are_escaped, nothing_outside_the_root_is_served, odd_files_are_not_served,
};
use ranges::{a_head_ignores_ranges, halves_make_a_whole, one_range_is_one_part};
use shrinking::a_file_that_shrinks_closes_the_connection_and_nothing_else;

for_every_model! {
    a_file_says_which_version_it_is,
    conditions_decide_the_status,
    an_answer_without_content_keeps_the_connection_in_step,
    a_changed_file_is_another_version,
    a_file_from_before_1970_has_no_date,
    one_range_is_one_part,
    a_head_ignores_ranges,
    halves_make_a_whole,
    directories_have_an_index_and_a_slash,
    a_directory_that_may_not_be_listed_has_an_index,
    names_in_a_location_are_escaped,
    odd_files_are_not_served,
    nothing_outside_the_root_is_served,
    a_file_that_shrinks_closes_the_connection_and_nothing_else,
}
