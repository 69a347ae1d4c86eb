//! `throughway doctor`: looks, online, at everything that a proxy with this configuration depends on,
//! and says what to do about what is wrong.
//!
//! Changes nothing and needs no running proxy; beside one, the ports that it holds count as fine. It
//! must not know how any of it is used.
//!
//! - `machine`       clock, file limits, ports
//! - `clients`       the address map, and the names it tells clients: DNS and certificates
//! - `upstream`      each bootstrap server: dial, TLS, ApiVersions
//! - `vendor`        licence, where it comes from, where usage reports go

mod clients;
mod machine;
mod upstream;
mod vendor;

use std::fmt;

use serde::Serialize;

use crate::admin::Client;
use crate::config::{ConfigErrors, Parsed};

/// What looking at one thing came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mark {
    /// As it should be.
    Pass,
    /// The proxy runs, and somebody should look.
    Warn,
    /// The proxy does not start, or somebody cannot use it.
    Fail,
}

impl Mark {
    fn label(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

/// One thing looked at. The JSON form is stable.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    check: &'static str,
    mark: Mark,
    /// What is the case.
    detail: String,
    /// What to do about it; none where nothing is to be done.
    remedy: Option<String>,
}

impl Finding {
    fn pass(check: &'static str, detail: impl Into<String>) -> Self {
        Self {
            check,
            mark: Mark::Pass,
            detail: detail.into(),
            remedy: None,
        }
    }

    fn warn(check: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            check,
            mark: Mark::Warn,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }

    fn fail(check: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            mark: Mark::Fail,
            ..Self::warn(check, detail, remedy)
        }
    }
}

/// Everything looked at. The JSON form is stable.
#[derive(Debug, Serialize)]
pub struct Examination {
    checks: Vec<Finding>,
    passed: usize,
    warned: usize,
    failed: usize,
}

/// Looks at everything. `beside` is where a proxy that runs here would answer.
pub async fn examine(parsed: &Parsed, beside: &Client) -> Examination {
    let config = &parsed.config;
    let mut findings = configuration(parsed);
    findings.extend(vendor::licence(parsed));
    findings.push(machine::clock(config));
    findings.push(machine::files(config));
    findings.extend(machine::ports(config, beside).await);
    findings.extend(clients::look(config).await);
    findings.extend(upstream::look(config).await);
    findings.push(vendor::usage(config).await);
    Examination::of(findings)
}

fn configuration(parsed: &Parsed) -> Vec<Finding> {
    const CHECK: &str = "configuration";
    let understood = format!("{} values, none wrong", parsed.values.len());
    let warnings = parsed.notices.iter().filter(|notice| notice.warning);
    let warning =
        |text: &String| Finding::warn(CHECK, text, "`throughway config` shows what counts");
    let mut findings = vec![Finding::pass(CHECK, understood)];
    findings.extend(warnings.map(|notice| warning(&notice.text)));
    findings
}

impl Examination {
    /// Where the configuration itself is refused, nothing else can be looked at.
    #[must_use]
    pub fn refused(errors: &ConfigErrors) -> Self {
        let wrong = |error: &_| {
            let mend = "mend the variable; `throughway config` checks it again";
            Finding::fail("configuration", format!("{error}"), mend)
        };
        Self::of(errors.errors.iter().map(wrong).collect())
    }

    fn of(checks: Vec<Finding>) -> Self {
        let count = |mark| checks.iter().filter(|found| found.mark == mark).count();
        Self {
            passed: count(Mark::Pass),
            warned: count(Mark::Warn),
            failed: count(Mark::Fail),
            checks,
        }
    }

    /// Something fails.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed > 0
    }
}

/// For people.
impl fmt::Display for Examination {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for found in &self.checks {
            let mark = found.mark.label();
            writeln!(to, "{mark}  {:<16} {}", found.check, found.detail)?;
            if let Some(remedy) = &found.remedy {
                writeln!(to, "{:22} do: {remedy}", "")?;
            }
        }
        let Self {
            passed,
            warned,
            failed,
            ..
        } = self;
        writeln!(to, "{passed} passed, {warned} warned, {failed} failed")
    }
}

#[cfg(test)]
mod tests;
