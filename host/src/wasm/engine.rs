//! The one place that configures wasmtime: target, limits, deadlines, language features.
//!
//! It must not know what a guest is asked. Pulley is wasmtime's interpreter: nothing the guest brings
//! ever becomes executable memory, so the process can run with `MemoryDenyWriteExecute`.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmparser::WasmFeatures;
use wasmtime::{
    Config, Engine, Result, Store, StoreLimits, StoreLimitsBuilder, Strategy, UpdateDeadline,
};

use super::epochs::{Epochs, Running, TICK};
use crate::config::LimitsProfile;

/// The language guests may be written in, written out because `WasmFeatures::default()` grows.
/// WebAssembly 2.0 without references into a garbage-collected heap, extended constants and the
/// component model; no threads, exceptions, 64-bit or several memories, tail calls or async.
pub(super) const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .difference(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL);

/// A guest gets its time on the processor; this many times that much may pass on the wall, so that a
/// busy machine does not fail a good map.
const WALL_FACTOR: u64 = 20;
const STACK: usize = 256 * 1024;
const MIB: usize = 1024 * 1024;

/// What a guest may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of the component file.
    pub(super) file: usize,
    /// Bytes of linear memory.
    memory: usize,
    /// Core instances, tables and memories, each.
    instances: usize,
    tables: usize,
    memories: usize,
    /// For instantiation and `configure`.
    pub(super) start: Duration,
    /// For each other call.
    pub(super) call: Duration,
    /// Bytes that one call may hand over.
    handed_over: usize,
}

impl Limits {
    pub(super) fn of(profile: LimitsProfile) -> Self {
        match profile {
            LimitsProfile::Small => Self {
                file: 4 * MIB,
                memory: 16 * MIB,
                instances: 24,
                tables: 8,
                memories: 8,
                start: Duration::from_millis(50),
                call: Duration::from_millis(50),
                handed_over: MIB,
            },
            // Interpreters inside the guest: Python alone brings 38 core modules.
            LimitsProfile::Runtime => Self {
                file: 64 * MIB,
                memory: 256 * MIB,
                instances: 64,
                tables: 64,
                memories: 64,
                start: Duration::from_secs(1),
                call: Duration::from_millis(100),
                handed_over: MIB,
            },
        }
    }
}

/// The engine of one profile.
#[derive(Debug)]
pub(super) struct Runtime {
    pub(super) engine: Engine,
    pub(super) limits: Limits,
    epochs: Epochs,
}

impl Runtime {
    pub(super) fn new(profile: LimitsProfile) -> Result<Self> {
        let limits = Limits::of(profile);
        let engine = engine(&limits)?;
        let epochs = Epochs::new(&engine)?;
        Ok(Self {
            engine,
            limits,
            epochs,
        })
    }

    /// A store with every limit set, whose deadline has yet to be.
    pub(super) fn store(&self) -> Store<Meter> {
        let limits = StoreLimitsBuilder::new()
            .memory_size(self.limits.memory)
            .table_elements(20_000)
            .instances(self.limits.instances)
            .tables(self.limits.tables)
            .memories(self.limits.memories)
            .build();
        let mut store = Store::new(&self.engine, Meter::new(limits));
        store.limiter(|meter| &mut meter.limits);
        store.set_hostcall_fuel(self.limits.handed_over);
        store.epoch_deadline_callback(|mut context| Ok(context.data_mut().tick()));
        store
    }

    /// Starts the clock of one call, which lasts as long as what is returned.
    pub(super) fn begin(&self, store: &mut Store<Meter>, most: Duration) -> Running<'_> {
        let ticks = most.as_millis().div_ceil(TICK.as_millis());
        let ticks = u64::try_from(ticks).unwrap_or(u64::MAX);
        let meter = store.data_mut();
        meter.until = thread_time().saturating_add(most);
        meter.ticks_left = ticks.saturating_mul(WALL_FACTOR);
        store.set_epoch_deadline(1);
        self.epochs.run()
    }
}

/// The engine alone: what compiles and what runs must be configured the same.
pub(super) fn engine(limits: &Limits) -> Result<Engine> {
    let mut config = Config::new();
    config
        .target("pulley64")?
        .strategy(Strategy::Cranelift)
        .wasm_features(WasmFeatures::all(), false)
        .wasm_features(FEATURES, true)
        .gc_support(false)
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        // Otherwise every growth copies the whole memory.
        .memory_reservation(u64::try_from(limits.memory)?)
        .signals_based_traps(false)
        .wasm_backtrace_max_frames(None);
    Engine::new(&config)
}

/// What a store knows of the running call.
#[derive(Debug)]
pub(super) struct Meter {
    limits: StoreLimits,
    /// Time of this thread when the call must have ended.
    until: Duration,
    ticks_left: u64,
    /// Set when the call was stopped for its time.
    pub(super) timed_out: bool,
}

impl Meter {
    fn new(limits: StoreLimits) -> Self {
        Self {
            limits,
            until: Duration::ZERO,
            ticks_left: 0,
            timed_out: false,
        }
    }

    /// Called at each tick while guest code runs.
    fn tick(&mut self) -> UpdateDeadline {
        self.ticks_left = self.ticks_left.saturating_sub(1);
        if self.ticks_left == 0 || thread_time() >= self.until {
            self.timed_out = true;
            return UpdateDeadline::Interrupt;
        }
        UpdateDeadline::Continue(1)
    }
}

/// Processor time that this thread has used.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compiles_knows_no_language_that_the_gate_does_not() {
        for profile in [LimitsProfile::Small, LimitsProfile::Runtime] {
            let engine = engine(&Limits::of(profile)).unwrap();
            assert!(engine.is_pulley(), "nothing becomes native code");
            let compiles = |text: &str| {
                let module = wat::parse_str(format!("(module {text})")).unwrap();
                engine.precompile_module(&module).is_ok()
            };
            assert!(compiles(
                "(memory 1) (func (param v128) (result v128) (local.get 0))"
            ));
            for text in [
                "(memory 1 1 shared)",
                "(memory i64 1)",
                "(memory 1) (memory 1)",
                "(func $f (return_call $f))",
                "(tag) (func (throw 0))",
                "(type (struct (field i32)))",
                "(func (param v128 v128) (result v128)
                    (i8x16.relaxed_swizzle (local.get 0) (local.get 1)))",
            ] {
                assert!(!compiles(text), "{text}");
            }
        }
    }
}
