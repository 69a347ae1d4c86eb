//! FindCoordinator answers (`protocol.md` §4.4).
