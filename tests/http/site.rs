//! The site's routes and parameters.

use crate::case::{Case, Expect, keeps, ok, refused, refused_because, xs};

const HELLO: Expect = ok("Hello, World!\n").with(&["Content-Type: text/plain; charset=utf-8"]);
const BAD: &[Expect] = &[refused(400)];

#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    keeps("site_greets", get!("/"), &[HELLO]),
    keeps("site_greets_whatever_the_query", get!("/?%zz&%00"), &[HELLO]),
    keeps("site_headers", get!("/headers"),
        &[ok("GET /headers HTTP/1.1\nHost: h\n").with(&["Content-Type: text/plain"])]),
    keeps("site_headers_in_1_0",
        "GET /headers HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        &[ok("GET /headers HTTP/1.0\nConnection: keep-alive\n")]),
    keeps("site_headers_shows_the_target_as_sent", get!("http://h/%68eaders?a=%41"),
        &[ok("GET http://h/%68eaders?a=%41 HTTP/1.1\nHost: h\n")]),
    keeps("site_echo_returns_markup_as_bytes", post!("Content-Length: 8", "<script>"),
        &[ok("<script>").with(&["Content-Type: application/octet-stream"])]),
    keeps("site_echo_of_all_sorts", post!("Content-Length: 6", "\0\r\n\r\n\x01"),
        &[ok("\0\r\n\r\n\x01")]),

    // Paths.
    keeps("site_nowhere", get!("/nowhere"), &[refused_because(404,
        "404 Not Found: there is nothing here; \
         try /, /headers, /pid, /bytes?n=1000, /cpu?ms=1, /status\n")]),
    // What the sentence names is there. (/pid and /status differ from model to model.)
    keeps("site_what_is_named_is_there",
        concat!(get!("/"), get!("/headers"), get!("/bytes?n=1000"), get!("/cpu?ms=1")),
        &[HELLO, ok("GET /headers HTTP/1.1\nHost: h\n"), xs(1000), ok("burned 1 ms of CPU\n")]),
    keeps("site_path_with_trailing_slash", get!("/headers/"), &[refused(404)]),
    keeps("site_path_with_two_slashes", get!("//"), &[refused(404)]),
    keeps("site_path_is_case_sensitive", get!("/Headers"), &[refused(404)]),
    keeps("rfc3986_6_2_2_2_path_is_decoded", get!("/%62ytes?n=1"), &[xs(1)]),
    keeps("rfc3986_2_1_escapes_in_any_case", get!("/%65%63%68%6F"), &[refused(405)]),
    keeps("rfc3986_2_4_path_is_decoded_once", get!("/%2562ytes?n=1"), &[refused(404)]),
    keeps("rfc3986_2_1_escape_of_no_digits", get!("/%zz"), BAD),
    keeps("rfc3986_2_1_escape_of_one_digit", get!("/%4"), BAD),
    keeps("rfc3986_2_1_escape_of_one_digit_in_the_middle", get!("/%4/x"), BAD),
    keeps("rfc3986_2_1_percent_alone", get!("/%"), BAD),
    keeps("rfc3986_2_1_escape_with_a_sign", get!("/%+1"), BAD),
    keeps("rfc3986_7_3_nul_in_the_path", get!("/%00"), BAD),
    keeps("rfc3986_7_3_nul_behind_a_route", get!("/headers%00"), BAD),
    keeps("cr_lf_in_the_path_stays_out_of_the_head", get!("/%0d%0aX-Forged:%20yes"),
        &[refused(404).without(&["X-Forged"])]),
    keeps("cr_lf_in_a_parameter_stays_out_of_the_head", get!("/bytes?n=%0d%0aX-Forged:%20yes"),
        &[refused(400).without(&["X-Forged"])]),

    // /bytes
    keeps("site_bytes_none", get!("/bytes?n=0"), &[xs(0)]),
    keeps("site_bytes_one", get!("/bytes?n=1"), &[xs(1)]),
    keeps("site_bytes_around_the_inline_limit",
        concat!(get!("/bytes?n=16383"), get!("/bytes?n=16384"), get!("/bytes?n=16385")),
        &[xs(16_383), xs(16_384), xs(16_385)]),
    keeps("site_bytes_around_the_pattern",
        concat!(get!("/bytes?n=65535"), get!("/bytes?n=65536"), get!("/bytes?n=65537")),
        &[xs(65_535), xs(65_536), xs(65_537)]),
    keeps("site_bytes_a_million", get!("/bytes?n=1000000"), &[xs(1_000_000)]),
    keeps("site_bytes_leading_zeros", get!("/bytes?n=007"), &[xs(7)]),
    keeps("site_bytes_among_others", get!("/bytes?a&n=5&m=6&b="), &[xs(5)]),
    keeps("site_bytes_without_query", get!("/bytes"), BAD),
    keeps("site_bytes_empty_query", get!("/bytes?"), BAD),
    keeps("site_bytes_other_name", get!("/bytes?N=5"), BAD),
    keeps("site_bytes_no_value", get!("/bytes?n"), BAD),
    keeps("site_bytes_empty_value", get!("/bytes?n="), BAD),
    keeps("site_bytes_plus", get!("/bytes?n=+5"), BAD),
    keeps("site_bytes_minus", get!("/bytes?n=-5"), BAD),
    keeps("site_bytes_fraction", get!("/bytes?n=1.5"), BAD),
    keeps("site_bytes_hexadecimal", get!("/bytes?n=0x5"), BAD),
    keeps("site_bytes_letters", get!("/bytes?n=many"), BAD),
    keeps("site_bytes_twice", get!("/bytes?n=5&n=5"), BAD),
    keeps("site_bytes_too_many", get!("/bytes?n=1073741825"), BAD),
    keeps("site_bytes_2_64_plus_1", get!("/bytes?n=18446744073709551617"), BAD),
    keeps("site_bytes_of_an_absolute_form", get!("http://h/bytes?n=5"), &[xs(5)]),

    // /sleep and /cpu
    keeps("site_sleep_not_at_all", get!("/sleep?ms=0"), &[ok("slept 0 ms\n")]),
    keeps("site_sleep", get!("/sleep?ms=2"), &[ok("slept 2 ms\n")]),
    keeps("site_sleep_without_query", get!("/sleep"), BAD),
    keeps("site_sleep_minus", get!("/sleep?ms=-1"), BAD),
    keeps("site_sleep_too_long", get!("/sleep?ms=60001"), BAD),
    keeps("site_sleep_2_64", get!("/sleep?ms=18446744073709551616"), BAD),
    keeps("site_cpu_none", get!("/cpu?ms=0"), &[ok("burned 0 ms of CPU\n")]),
    keeps("site_cpu", get!("/cpu?ms=1"), &[ok("burned 1 ms of CPU\n")]),
    keeps("site_cpu_without_query", get!("/cpu"), BAD),
    keeps("site_cpu_too_long", get!("/cpu?ms=60001"), BAD),

    // /time
    keeps("site_time", get!("/time?at=117000000"), &[ok("Sun Sep 16 04:00:00 1973\n")]),
    keeps("site_time_zero", get!("/time?at=0"), &[ok("Thu Jan  1 00:00:00 1970\n")]),
    keeps("site_time_east", get!("/time?at=0&zone=60"), &[ok("Thu Jan  1 01:00:00 1970\n")]),
    keeps("site_time_west", get!("/time?zone=-90&at=0"), &[ok("Wed Dec 31 22:30:00 1969\n")]),
    keeps("site_time_far_away", get!("/time?at=250000000000&zone=840"),
        &[ok("Wed Mar  9 02:26:40 9892\n")]),
    keeps("site_time_beyond_asctime", get!("/time?at=250000000001"), BAD),
    keeps("site_time_without_query", get!("/time"), BAD),
    keeps("site_time_before_1970", get!("/time?at=-1"), BAD),
    keeps("site_time_zone_too_wide", get!("/time?at=0&zone=841"), BAD),
    keeps("site_time_zone_of_two_signs", get!("/time?at=0&zone=--1"), BAD),
    keeps("site_time_zone_empty", get!("/time?at=0&zone="), BAD),
    keeps("site_time_zone_twice", get!("/time?at=0&zone=1&zone=1"), BAD),

    // /files without --root
    keeps("site_no_root", get!("/files/hello.txt"), &[refused(404)]),
    keeps("site_no_root_dots", get!("/files/../etc/passwd"), &[refused(404)]),
];
