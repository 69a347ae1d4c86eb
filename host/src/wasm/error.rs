//! Why a guest is not used: refused, or failed in a call.

/// Why an address map is not used.
#[derive(Debug, thiserror::Error)]
pub enum AddrMapError {
    /// The component or its configuration is refused, with what was found and what is accepted.
    #[error("address map refused: {0}")]
    Refused(String),
    /// A call failed.
    #[error("address map failed in {call}: {detail}")]
    Trapped {
        /// Which of the four functions, or instantiation.
        call: &'static str,
        /// Escaped and limited in length.
        detail: String,
    },
    /// A call did not end within its deadline.
    #[error("address map did not answer {call} in time")]
    TimedOut {
        /// Which of the four functions, or instantiation.
        call: &'static str,
    },
}
