//! Tells the build which commit and target it is for, and embeds the vendor's anchors. It must not
//! fail where git is missing.

#[path = "build/anchors.rs"]
mod anchors;

use std::path::Path;
use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

/// When the source was made, in seconds since 1970: of the source and not of the build, so that the
/// same source gives the same binary.
fn source_time() -> String {
    let told = std::env::var_os("SOURCE_DATE_EPOCH").and_then(|told| told.into_string().ok());
    told.or_else(|| git(&["show", "-s", "--format=%ct", "HEAD"]))
        .filter(|time| time.parse::<i64>().is_ok_and(|time| time >= 0))
        .unwrap_or_else(|| "0".to_owned())
}

/// The exact version of wasmtime in the lock file: it is part of the key of compiled code.
fn wasmtime() -> Option<String> {
    let lock = std::fs::read_to_string("../Cargo.lock").ok()?;
    let rest = lock.split("name = \"wasmtime\"\nversion = \"").nth(1)?;
    rest.split('"').next().map(str::to_owned)
}

fn main() {
    match wasmtime() {
        Some(version) => println!("cargo:rustc-env=THROUGHWAY_WASMTIME={version}"),
        None => println!("cargo::error=Cargo.lock does not name a version of wasmtime"),
    }
    println!("cargo:rerun-if-changed=../Cargo.lock");
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=THROUGHWAY_COMMIT={commit}");
    let target = std::env::var_os("TARGET").unwrap_or_default();
    println!(
        "cargo:rustc-env=THROUGHWAY_TARGET={}",
        target.to_string_lossy()
    );
    println!("cargo:rustc-env=THROUGHWAY_SOURCE_TIME={}", source_time());
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    if let Err(why) = anchors::embed() {
        println!("cargo::error=licence anchors: {why}");
    }
    // Changes with every commit and checkout, while HEAD itself only names a branch.
    for path in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", path])
            && Path::new(&path).exists()
        {
            println!("cargo:rerun-if-changed={path}");
        }
    }
}
