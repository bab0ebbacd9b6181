//! Makes a process cheap to fork: few mappings, and the code of an answer side by side. Lists the
//! labs, so that a new one is a new file.
//!
//! The C compiler's unwinder is linked statically, where there is a static library of it.
//! A shared library is five more mappings in every process. Each fork copies them and each exit
//! removes them, at about a microsecond for each mapping (chapter 3), for code that only a panic
//! needs. Without a static library the shared one is linked, and works as well.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CC");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system != "linux") {
        println!(
            "cargo::error=servers needs Linux: its subject is fork, epoll, io_uring and their kin as \
             Linux has them. Use a Linux machine, a virtual machine or a container."
        );
        return;
    }
    if has_static("gcc_eh") {
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
    }
    list_labs();
    println!("cargo:rerun-if-changed={LAYOUT}");
    if is_release() && takes_linker_scripts() {
        let package = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-arg-bins=-Wl,-T,{package}/{LAYOUT}");
        // Else the data may begin anywhere in a page, and the part of them that begins as zeroes
        // may reach into a page of its own, which is one more mapping.
        println!("cargo:rustc-link-arg-bins=-Wl,-z,separate-loadable-segments");
    }
}

/// Where the labs are.
const LABS: &str = "chapters/labs";

/// Writes `FILES`, the name and the text of every lab, for `src/lab/shelf.rs`.
fn list_labs() {
    println!("cargo:rerun-if-changed={LABS}");
    let entries = std::fs::read_dir(LABS).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    let mut names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|it| it == "toml"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    let row = |name: &String| {
        let path = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{LABS}/{name}.toml\")");
        format!("    ({name:?}, include_str!({path})),\n")
    };
    let rows: String = names.iter().map(row).collect();
    let text = format!("const FILES: &[(&str, &str)] = &[\n{rows}];\n");
    let into = std::env::var("OUT_DIR").unwrap_or_default();
    if let Err(error) = std::fs::write(Path::new(&into).join("labs.rs"), text) {
        println!("cargo::error=cannot write the list of labs: {error}");
    }
}

/// Where the linker is to place the functions that serve.
const LAYOUT: &str = "src/serving.ld";

fn is_release() -> bool {
    std::env::var("PROFILE").is_ok_and(|profile| profile == "release")
}

/// GNU ld and LLD, rustc's own, add a script with INSERT to their layout; mold and gold refuse it.
fn takes_linker_scripts() -> bool {
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    !["mold", "gold", "wild"]
        .iter()
        .any(|linker| flags.contains(linker))
}

/// Whether the compiler finds `libNAME.a`: it prints the whole path if so, else the bare name.
fn has_static(library: &str) -> bool {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let found = Command::new(compiler)
        .arg(format!("-print-file-name=lib{library}.a"))
        .output();
    found.is_ok_and(|output| {
        let path = String::from_utf8_lossy(&output.stdout);
        Path::new(path.trim()).is_absolute() && Path::new(path.trim()).exists()
    })
}
