//! Links the C compiler's unwinder into the binary, where it is to be had as a static library.
//!
//! A shared library is five more mappings in every process. `fork` copies the description of each,
//! and exit tears it down again, about a microsecond for each (chapter 3), for code that only a
//! panic needs. Where there is no static one, the shared one does just as well.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CC");
    if is_static("gcc_eh") {
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// Whether the compiler finds `libNAME.a`. It prints the whole path if so, else the bare name.
fn is_static(library: &str) -> bool {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let found = Command::new(compiler)
        .arg(format!("-print-file-name=lib{library}.a"))
        .output();
    found.is_ok_and(|output| {
        let path = String::from_utf8_lossy(&output.stdout);
        Path::new(path.trim()).is_absolute() && Path::new(path.trim()).exists()
    })
}
