//! Runs the guest: admits a component, compiles it, and calls its four functions within limits.
//!
//! It must not know what is asked or what becomes of the answers (`addrmap` does). The linker is
//! empty: there is nothing a guest could call. Owns wasmtime and wasmparser.
//!
//! - `gate`      what is admitted, decided before anything is compiled
//! - `surface`   the exact text of the accepted interface
//! - `compile`   a component becomes code, in a child process
//! - `cache`     code kept for the next start
//! - `engine`    wasmtime's configuration, limits and deadlines
//! - `epochs`    the thread that counts while a guest runs
//! - `error`     why a guest is not used
//! - `bindings`  generated types and calls
//! - `narrow`    a component reduced to the one export
//! - `text`      a guest's texts, made fit for messages

pub(crate) mod bindings;
mod cache;
mod compile;
mod engine;
mod epochs;
mod error;
mod gate;
pub(crate) mod narrow;
mod surface;
#[cfg(test)]
pub(crate) mod test_guests;
#[cfg(test)]
mod tests;
mod text;

use std::path::Path;
use std::sync::Arc;

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use self::bindings::{
    Addrmap, AddrmapPre, Advertised, Broker, Client, ConfigError, Error, Inbound, Plan, Scheme,
    Target,
};
use self::cache::Place;
pub(crate) use self::cache::hex;
use self::engine::{Meter, Runtime};
pub use self::error::AddrMapError;
pub(crate) use self::text::shown;
use crate::config::LimitsProfile;

/// The component that ships inside the binary. There is no other implementation of its rules here.
pub(crate) static BUILT_IN: &[u8] = include_bytes!("../../guest-addrmap/prebuilt/addrmap.wasm");

/// Largest file that is read for a component, in bytes.
pub(crate) fn most_bytes(profile: LimitsProfile) -> usize {
    engine::Limits::of(profile).file
}

/// An admitted and compiled component. Cheap to clone.
#[derive(Clone)]
pub(crate) struct GuestComponent {
    pre: AddrmapPre<Meter>,
    runtime: Arc<Runtime>,
}

/// One instance of it. After a failed call it is gone: what a guest left behind is never reused.
pub(crate) struct Guest {
    live: Option<(Store<Meter>, Addrmap)>,
    runtime: Arc<Runtime>,
}

impl GuestComponent {
    #[cfg(test)]
    pub(crate) fn load(bytes: &[u8], profile: LimitsProfile) -> Result<Self, AddrMapError> {
        Self::load_keeping(bytes, profile, None)
    }

    /// Admits and compiles a component; the built-in one takes the same way. Its code is kept in the
    /// folder, which nobody else may be able to write.
    ///
    /// # Errors
    /// `Refused` with what was found and what is accepted.
    pub(crate) fn load_keeping(
        bytes: &[u8],
        profile: LimitsProfile,
        folder: Option<&Path>,
    ) -> Result<Self, AddrMapError> {
        let refused = |error: wasmtime::Error| {
            AddrMapError::Refused(format!(
                "it cannot be compiled: {}",
                shown(&format!("{error:#}"))
            ))
        };
        let admitted = gate::admit(bytes, most_bytes(profile)).map_err(AddrMapError::Refused)?;
        if !admitted.unreachable.is_empty() {
            let found = admitted.unreachable.join(", ");
            tracing::info!(found, "address map holds what nothing can reach; admitted");
        }
        let runtime = Runtime::new(profile).map_err(refused)?;
        let place = folder.map(|folder| Place::of(folder, bytes, &runtime.engine));
        let found = place.as_ref().and_then(Place::find);
        let kept = found.and_then(|code| trusted(&runtime.engine, &code).ok());
        let component = match kept {
            Some(component) => component,
            None => {
                let code = code(bytes, profile)?;
                if let Some(Err(error)) = place.map(|place| place.keep(&code)) {
                    tracing::info!(%error, "compiled address map not kept; it is compiled at each start");
                }
                trusted(&runtime.engine, &code).map_err(refused)?
            }
        };
        let pre = Linker::new(&runtime.engine)
            .instantiate_pre(&component)
            .and_then(AddrmapPre::new)
            .map_err(refused)?;
        Ok(Self {
            pre,
            runtime: Arc::new(runtime),
        })
    }

    /// A fresh instance, not configured.
    ///
    /// # Errors
    /// When the guest's start traps, exceeds a limit or does not end.
    pub(crate) fn instantiate(&self) -> Result<Guest, AddrMapError> {
        let mut store = self.runtime.store();
        let _running = self.runtime.begin(&mut store, self.runtime.limits.start);
        match self.pre.instantiate(&mut store) {
            Ok(bound) => Ok(Guest {
                live: Some((store, bound)),
                runtime: Arc::clone(&self.runtime),
            }),
            Err(error) => Err(failure("its start", store.data(), &error)),
        }
    }
}

/// Compiles, within limits. A test's binary has no such subcommand, so tests of this crate compile
/// here; those of the binary show the child.
fn code(bytes: &[u8], profile: LimitsProfile) -> Result<Vec<u8>, AddrMapError> {
    let here = || {
        let failed = |why| AddrMapError::Refused(format!("it cannot be compiled: {why}"));
        compile::here(bytes, profile).map_err(failed)
    };
    if cfg!(test) {
        return here();
    }
    match compile::in_child(bytes, profile) {
        Ok(code) => Ok(code),
        // Our own component needs no box to be compiled in, and a proxy no child to start.
        Err(error) if bytes == BUILT_IN => {
            tracing::info!(%error, "built-in address map compiled without a child process");
            here()
        }
        Err(error) => Err(AddrMapError::Refused(error.to_string())),
    }
}

/// The child's side of compiling: what the hidden subcommand does.
pub(crate) fn compile_child(profile: &str) -> Result<(), String> {
    compile::serve(profile)
}

/// Code becomes a component.
#[expect(
    unsafe_code,
    reason = "wasmtime trusts code completely: this is our own compiler's, from the pipe to our own \
              child or from a folder that this user alone can write, under a digest"
)]
fn trusted(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `code` came from `precompile_component` of this very binary, see the reason above.
    unsafe { Component::deserialize(engine, code) }
}

impl Guest {
    /// What the map says of itself.
    pub(crate) fn describe(&mut self) -> Result<Scheme, AddrMapError> {
        let most = self.runtime.limits.call;
        self.call("describe", most, |store, bound| {
            bound.throughway_addrmap_address_map().call_describe(store)
        })
    }

    /// Configures this instance.
    pub(crate) fn configure(
        &mut self,
        text: &str,
    ) -> Result<Result<Plan, ConfigError>, AddrMapError> {
        let most = self.runtime.limits.start;
        self.call("configure", most, |store, bound| {
            bound
                .throughway_addrmap_address_map()
                .call_configure(store, text)
        })
    }

    /// The public address of a broker for a client.
    pub(crate) fn advertise(
        &mut self,
        broker: &Broker,
        client: &Client,
    ) -> Result<Result<Advertised, Error>, AddrMapError> {
        let most = self.runtime.limits.call;
        self.call("advertise", most, |store, bound| {
            bound
                .throughway_addrmap_address_map()
                .call_advertise(store, broker, client)
        })
    }

    /// What a connection is for.
    pub(crate) fn route(
        &mut self,
        inbound: &Inbound,
    ) -> Result<Result<Target, Error>, AddrMapError> {
        let most = self.runtime.limits.call;
        self.call("route", most, |store, bound| {
            bound
                .throughway_addrmap_address_map()
                .call_route(store, inbound)
        })
    }

    /// One call within its time; the instance survives only a success.
    fn call<T>(
        &mut self,
        name: &'static str,
        most: std::time::Duration,
        run: impl FnOnce(&mut Store<Meter>, &Addrmap) -> wasmtime::Result<T>,
    ) -> Result<T, AddrMapError> {
        let Some((mut store, bound)) = self.live.take() else {
            let detail = "the instance is gone after a failed call".into();
            return Err(AddrMapError::Trapped { call: name, detail });
        };
        let _running = self.runtime.begin(&mut store, most);
        match run(&mut store, &bound) {
            Ok(answer) => {
                self.live = Some((store, bound));
                Ok(answer)
            }
            Err(error) => Err(failure(name, store.data(), &error)),
        }
    }
}

/// Trap codes do not tell an overflow or exhausted memory apart, so only the time is told.
fn failure(call: &'static str, meter: &Meter, error: &wasmtime::Error) -> AddrMapError {
    if meter.timed_out {
        return AddrMapError::TimedOut { call };
    }
    AddrMapError::Trapped {
        call,
        detail: shown(&format!("{error:#}")),
    }
}
