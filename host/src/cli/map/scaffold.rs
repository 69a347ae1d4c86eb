//! The files of `throughway map new`: those of `docs/address-maps/`, one project for each language, and
//! what all have in common.
//!
//! It must not know what is in them. They travel inside the binary, so an author needs no checkout.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use clap::ValueEnum;

/// A path in the new project, and what goes there.
type File = (&'static str, &'static [u8]);

/// Files of `docs/address-maps/`, under the path they have below the folder named first.
macro_rules! files {
    ($folder:literal: $($path:literal)*) => {
        &[$(($path, include_bytes!(concat!("../../../../docs/address-maps/", $folder, $path)))),*]
    };
}

const COMMON: &[File] = files!("":
    "cases.json"
    "schemes/racks.conf" "schemes/racks.env"
    "schemes/zones.conf" "schemes/zones.env"
    "schemes/managed.conf" "schemes/managed.env"
    "schemes/forwarded.conf" "schemes/forwarded.env"
);

/// The contract itself; the examples in the tree use the one copy there is.
const WIT: File = (
    "wit/addrmap.wit",
    include_bytes!("../../../../wit/addrmap.wit"),
);

const RUST: &[File] = files!("rust/":
    "Cargo.toml" "Cargo.lock" "README.md"
    "componentize/Cargo.toml" "componentize/src/main.rs"
    "src/lib.rs" "src/config.rs" "src/names.rs"
    "src/racks.rs" "src/zones.rs" "src/managed.rs" "src/forwarded.rs"
);

/// What a map can be written in, with a project to begin from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Language {
    Rust,
}

impl Language {
    fn files(self) -> &'static [File] {
        match self {
            Self::Rust => RUST,
        }
    }

    /// Writes the project and tells what to do with it.
    pub(super) fn write_to(self, folder: &Path) -> anyhow::Result<String> {
        let shown = folder.display();
        let taken = fs::read_dir(folder).is_ok_and(|mut inside| inside.next().is_some());
        if taken || folder.is_file() {
            bail!("{shown} is there already; name a folder that is not, or an empty one");
        }
        for (path, content) in COMMON.iter().chain(&[WIT]).chain(self.files()) {
            let path = folder.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).with_context(|| format!("make {}", parent.display()))?;
            }
            fs::write(&path, content).with_context(|| format!("write {}", path.display()))?;
        }
        Ok(format!(
            "{shown}: a map with four schemes; {} tells how to build it\n",
            folder.join("README.md").display()
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::*;

    fn examples() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/address-maps")
    }

    /// Every file below, by its path from there; what tools leave behind is none of ours.
    fn below(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = format!("{prefix}{name}");
            if entry.path().is_file() {
                found.insert(path);
            } else if !["target", "node_modules", "__pycache__"].contains(&name.as_str()) {
                below(&entry.path(), &format!("{path}/"), found);
            }
        }
    }

    #[test]
    fn every_file_of_an_example_is_in_its_project() {
        for language in Language::value_variants() {
            let name = format!("{language:?}").to_lowercase();
            let mut expected = BTreeSet::new();
            below(&examples().join(&name), "", &mut expected);
            let written = language.files().iter().map(|(path, _)| (*path).to_owned());
            assert_eq!(written.collect::<BTreeSet<_>>(), expected, "{name}");
        }
    }

    #[test]
    fn a_project_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("my-map");
        let told = Language::Rust.write_to(&project).unwrap();
        assert!(told.contains("README.md"), "{told}");
        let mut files = BTreeSet::new();
        below(&project, "", &mut files);
        assert_eq!(files.len(), COMMON.len() + 1 + RUST.len());
        assert_eq!(fs::read(project.join("wit/addrmap.wit")).unwrap(), WIT.1);
        let again = Language::Rust.write_to(&project).unwrap_err().to_string();
        assert!(again.contains("there already"), "{again}");
    }
}
