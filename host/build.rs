//! Tells the build which commit and target it is for. It must not fail where git is missing.

use std::path::Path;
use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

fn main() {
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=THROUGHWAY_COMMIT={commit}");
    let target = std::env::var_os("TARGET").unwrap_or_default();
    println!(
        "cargo:rustc-env=THROUGHWAY_TARGET={}",
        target.to_string_lossy()
    );
    println!("cargo:rerun-if-changed=build.rs");
    // Changes with every commit and checkout, while HEAD itself only names a branch.
    for path in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", path])
            && Path::new(&path).exists()
        {
            println!("cargo:rerun-if-changed={path}");
        }
    }
}
