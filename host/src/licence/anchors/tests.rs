//! Which keys are built in, compared with every key that the repository holds.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::licence::issue::SigningKey;

const MARKER: &str = "DEV-KEY-DO-NOT-SHIP";

/// Public halves of all Ed25519 private keys in the repository.
fn keys_in_the_tree() -> Vec<(PathBuf, [u8; 32])> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut keys = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() && !["target", ".git", ".cache"].contains(&name.as_str()) {
                folders.push(path);
            } else if metadata.is_file()
                && metadata.len() < 64 << 10
                && let Ok(text) = fs::read_to_string(&path)
                && let Ok(key) = SigningKey::from_pem(&text, Some("any"))
            {
                keys.push((path, key.anchor().unwrap().key));
            }
        }
    }
    keys
}

#[test]
fn the_development_keys_are_built_in_exactly_where_debug_assertions_are_on() {
    for anchors in [license(), receipt()] {
        let dev = anchors
            .iter()
            .filter(|anchor| anchor.kid.contains(MARKER))
            .count();
        assert_eq!(dev, usize::from(cfg!(debug_assertions)));
    }
    assert_eq!(
        kind(),
        if cfg!(debug_assertions) {
            "dev"
        } else {
            "production"
        }
    );
}

#[test]
fn the_vendors_keys_differ_from_every_key_in_the_tree() {
    let keys = keys_in_the_tree();
    for (kid, key) in LICENSE.iter().chain(RECEIPT) {
        assert!(!kid.contains(MARKER));
        let found = keys.iter().find(|(_, in_tree)| in_tree == key);
        assert_eq!(
            found, None,
            "the private half of {kid} is in the repository"
        );
    }
    // The search finds what there is.
    for (kid, key) in dev::LICENSE.iter().chain(dev::RECEIPT) {
        assert!(keys.iter().any(|(_, in_tree)| in_tree == key), "{kid}");
    }
}

#[test]
fn no_two_anchors_share_a_name() {
    for anchors in [license(), receipt()] {
        let mut names: Vec<_> = anchors.iter().map(|anchor| &anchor.kid).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), anchors.len());
    }
}
