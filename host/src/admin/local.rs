//! The control socket: the same API for whoever may open it, without a password.
//!
//! Owns the file and its permissions.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Read and write for the owner and the group: opening a socket needs write.
const MODE: u32 = 0o660;

/// A bound socket; its file goes when this is dropped.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
    listener: Option<UnixListener>,
}

impl ControlSocket {
    /// Binds it, in place of what an earlier run left there.
    ///
    /// # Errors
    /// When the folder is missing or not ours to write.
    pub fn bind(path: &Path) -> io::Result<Self> {
        // Made where nobody else can reach it, and moved when its mode is right.
        let aside = path.with_extension(format!("{}.new", std::process::id()));
        DirBuilder::new().mode(0o700).create(&aside)?;
        let made = aside.join("socket");
        let bound = bind_at(&made).and_then(|listener| {
            fs::rename(&made, path)?;
            Ok(listener)
        });
        let _empty_or_left_behind = fs::remove_file(&made);
        fs::remove_dir(&aside)?;
        Ok(Self {
            path: path.to_owned(),
            listener: Some(bound?),
        })
    }

    /// To accept from, once.
    pub fn listener(&mut self) -> Option<UnixListener> {
        self.listener.take()
    }
}

fn bind_at(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    Ok(listener)
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _gone_already = fs::remove_file(&self.path);
    }
}
