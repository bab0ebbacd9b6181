//! Field lines (RFC 9112 §5, RFC 9110 §5), Host and Connection.

use crate::case::Then::Keeps;
use crate::case::{Case, Expect, bad, bad_bytes, closes, closes_early, keeps, ok, ok_bytes};

const HELLO: &[Expect] = &[ok("Hello, World!\n")];
const HELLO_1_0: &[Expect] = &[ok("Hello, World!\n").with(&["Connection: keep-alive"])];
const SILENT: &[Expect] = &[ok("Hello, World!\n").without(&["Connection"])];

#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    // Host (§3.2).
    bad("rfc9112_3_2_no_host", "GET / HTTP/1.1\r\n\r\n"),
    bad("rfc9112_3_2_no_host_in_1_2", "GET / HTTP/1.2\r\n\r\n"),
    bad("rfc9112_3_2_no_host_but_others", "GET / HTTP/1.1\r\nX-Host: h\r\n\r\n"),
    bad("rfc9112_3_2_two_hosts", get!("/", "Host: g")),
    bad("rfc9112_3_2_two_equal_hosts", get!("/", "Host: h")),
    bad("rfc9112_3_2_two_hosts_any_case", get!("/", "hOST: h")),
    bad("rfc9112_3_2_two_hosts_in_1_0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
    bad("rfc9112_3_2_host_with_space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    bad("rfc9112_3_2_host_with_slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    bad("rfc9112_3_2_host_with_user", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"),
    bad("rfc9112_3_2_host_with_scheme", "GET / HTTP/1.1\r\nHost: http://h\r\n\r\n"),
    bad("rfc9112_3_2_host_bad_port", "GET / HTTP/1.1\r\nHost: h:port\r\n\r\n"),
    bad("rfc9112_3_2_host_port_too_large", "GET / HTTP/1.1\r\nHost: h:65536\r\n\r\n"),
    bad("rfc9112_3_2_host_port_with_sign", "GET / HTTP/1.1\r\nHost: h:+80\r\n\r\n"),
    bad("rfc9112_3_2_host_bad_escape", "GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n"),
    bad("rfc9112_3_2_host_escape_cut_short", "GET / HTTP/1.1\r\nHost: a%4:80\r\n\r\n"),
    keeps("rfc9112_3_2_host_with_escape", "GET / HTTP/1.1\r\nHost: a%C3%a4:65535\r\n\r\n", HELLO),
    bad("rfc9112_3_2_host_list", "GET / HTTP/1.1\r\nHost: g, h\r\n\r\n"),
    keeps("rfc3986_3_2_2_host_ip_future", "GET / HTTP/1.1\r\nHost: [v1.a]\r\n\r\n", HELLO),
    keeps("rfc3986_3_2_2_host_ip_future_with_port",
        "GET / HTTP/1.1\r\nHost: [vF.a:b]:80\r\n\r\n", HELLO),
    bad("rfc3986_3_2_2_host_ip_future_no_address", "GET / HTTP/1.1\r\nHost: [v1.]\r\n\r\n"),
    bad("rfc9112_3_2_host_bad_ipv6", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    bad("rfc9112_3_2_host_with_question_mark", "GET / HTTP/1.1\r\nHost: h?x\r\n\r\n"),
    bad("rfc9112_3_2_host_utf8", "GET / HTTP/1.1\r\nHost: ä\r\n\r\n"),
    keeps("rfc9112_3_2_host_any_case", "GET / HTTP/1.1\r\nhOsT: h\r\n\r\n", HELLO),
    keeps("rfc9112_3_2_host_empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", HELLO),
    keeps("rfc9112_3_2_host_with_port", "GET / HTTP/1.1\r\nHost: h:8080\r\n\r\n", HELLO),
    keeps("rfc9112_3_2_host_ipv6", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", HELLO),
    closes("rfc9112_3_2_host_optional_in_1_0", "GET / HTTP/1.0\r\n\r\n", HELLO),

    // Names (§5.1).
    bad("rfc9112_5_1_space_before_the_colon", get!("/", "X : y")),
    bad("rfc9112_5_1_tab_before_the_colon", get!("/", "X\t: y")),
    bad("rfc9112_5_1_space_before_the_colon_of_host", "GET / HTTP/1.1\r\nHost : h\r\n\r\n"),
    bad("rfc9112_5_1_no_colon", get!("/", "nothing")),
    bad("rfc9112_5_1_no_name", get!("/", ": y")),
    bad("rfc9112_5_1_space_in_the_name", get!("/", "X Y: z")),
    bad("rfc9112_5_1_no_token", get!("/", "X(Y): z")),
    bad("rfc9112_5_1_nul_in_the_name", get!("/", "X\0Y: z")),
    bad("rfc9112_5_1_utf8_in_the_name", get!("/", "Ä: z")),
    bad_bytes("rfc9112_5_1_byte_in_the_name", b"GET / HTTP/1.1\r\nHost: h\r\n\xff: z\r\n\r\n"),
    keeps("rfc9110_5_1_name_of_any_token_characters", get!("/", "!#$%&'*+-.^_`|~09: z"), HELLO),

    // Folding (§5.2).
    bad("rfc9112_5_2_obs_fold_space", get!("/", "X: y\r\n z")),
    bad("rfc9112_5_2_obs_fold_tab", get!("/", "X: y\r\n\tz")),
    bad("rfc9112_5_2_obs_fold_hides_a_length", post!("X: y\r\n Content-Length: 5", "hello")),
    bad("rfc9112_5_2_obs_fold_of_nothing", get!("/", "X: y\r\n ")),

    // Values (RFC 9110 §5.5).
    bad("rfc9110_5_5_nul", get!("/", "X: a\0b")),
    bad("rfc9110_5_5_bare_cr", get!("/", "X: a\rb")),
    bad("rfc9110_5_5_bare_cr_hides_a_field", get!("/", "X: a\rContent-Length: 5")),
    bad("rfc9112_2_2_cr_before_cr_lf", get!("/", "X: a\r")),
    bad("rfc9112_2_2_lf_alone", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n"),
    bad("rfc9112_2_2_head_ended_by_lf", "GET / HTTP/1.1\r\nHost: h\r\n\n"),
    bad("rfc9110_5_5_escape", get!("/", "X: a\x1bb")),
    bad("rfc9110_5_5_delete", get!("/", "X: a\x7fb")),
    keeps("rfc9110_5_5_as_the_server_saw_them",
        "GET /headers?q HTTP/1.1\r\nhOsT:h\r\nX:  a \t\r\nX: b\tc\r\nEmpty:\r\nBlank: \r\n\r\n",
        &[ok("GET /headers?q HTTP/1.1\nhOsT: h\nX: a\nX: b\tc\nEmpty: \nBlank: \n")]),
    Case::new("rfc9110_5_5_obs_text",
        b"GET /headers HTTP/1.1\r\nHost: h\r\nX: \xff\xc3\xa4\r\n\r\n",
        &[ok_bytes(b"GET /headers HTTP/1.1\nHost: h\nX: \xff\xc3\xa4\n")], Keeps),
    keeps("rfc9110_5_3_repeated_fields", get!("/headers", "A: 1\r\nB: 2\r\nA: 3"),
        &[ok("GET /headers HTTP/1.1\nHost: h\nA: 1\nB: 2\nA: 3\n")]),
    keeps("rfc9110_5_more_fields_than_the_small_table",
        get!("/headers", "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: 6\r\nG: 7\r\nH: 8\r\nI: 9\r\n\
            J: 1\r\nK: 2\r\nL: 3\r\nM: 4\r\nN: 5\r\nO: 6\r\nP: 7\r\nQ: 8\r\nR: 9\r\nS: 10"),
        &[ok("GET /headers HTTP/1.1\nHost: h\nA: 1\nB: 2\nC: 3\nD: 4\nE: 5\nF: 6\nG: 7\nH: 8\n\
            I: 9\nJ: 1\nK: 2\nL: 3\nM: 4\nN: 5\nO: 6\nP: 7\nQ: 8\nR: 9\nS: 10\n")]),
    keeps("rfc9110_7_8_upgrade_is_ignored",
        get!("/", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM"),
        SILENT),

    // Connection (§9.3, §9.6).
    closes("rfc9112_9_6_close", get!("/", "Connection: close"), HELLO),
    closes("rfc9112_9_6_close_any_case", get!("/", "connection: CLOSE"), HELLO),
    closes("rfc9112_9_6_close_first_of_a_list", get!("/", "Connection: close, x"), HELLO),
    closes("rfc9112_9_6_close_last_of_a_list", get!("/", "Connection: x,close"), HELLO),
    closes("rfc9112_9_6_close_among_empty_elements", get!("/", "Connection: ,, close ,"), HELLO),
    closes("rfc9112_9_6_close_on_a_second_line",
        get!("/", "Connection: keep-alive\r\nConnection: close"), HELLO),
    closes("rfc9112_9_3_close_beats_keep_alive", get!("/", "Connection: close, keep-alive"), HELLO),
    closes("rfc9112_9_6_close_with_a_body",
        post!("Connection: close\r\nContent-Length: 5", "hello"), &[ok("hello")]),
    closes_early("rfc9112_9_6_nothing_behind_close_is_processed",
        concat!(get!("/", "Connection: close"), get!("/headers"), get!("/")), HELLO),
    keeps("rfc9112_9_3_almost_close", get!("/", "Connection: closed, not-close"), SILENT),
    keeps("rfc9112_9_3_persistent_in_1_1", get!("/"), SILENT),
    keeps("rfc9112_9_3_keep_alive_in_1_1", get!("/", "Connection: keep-alive"), SILENT),
    closes("rfc9112_9_3_not_persistent_in_1_0", "GET / HTTP/1.0\r\nHost: h\r\n\r\n", HELLO),
    keeps("rfc9112_9_3_keep_alive_in_1_0", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        HELLO_1_0),
    keeps("rfc9112_9_3_keep_alive_in_1_0_any_case",
        "GET / HTTP/1.0\r\nconnection: x, Keep-ALIVE\r\n\r\n", HELLO_1_0),
    closes("rfc9112_9_3_close_beats_keep_alive_in_1_0",
        "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", HELLO),
    keeps("rfc9112_9_3_body_in_1_0",
        "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
        &[ok("hello").with(&["Connection: keep-alive"])]),
];
