//! The AWS half of an image, beside the proxy and apart from it (`throughway aws-agent`): it alone may
//! ask for the instance's credentials. It brings the licence out of Secrets Manager, and lets the
//! instance end when its proxy has drained.
//!
//! Owns its own start and end. It must not know sessions or listeners: what it wants of the proxy, it
//! asks by the control socket.

mod deliver;
mod end;

use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use throughway_aws::{Hook, Instance};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use self::deliver::Delivery;
use self::end::End;
use crate::RunError;
use crate::admin::Client;
use crate::config::Config;
use crate::licence::keep::{keep, now};
use crate::licence::{Guard, LicenceError, Source};
use crate::notify::Manager;
use crate::signal::{Request, Signals};

const AGENT_FILE: &str = "GATEWAY_LICENSE_AGENT_FILE";
const SECRET_ID: &str = "GATEWAY_LICENSE_SECRET_ID";
const HOOK: &str = "GATEWAY_AWS_LIFECYCLE_HOOK";

/// For a service that is being asked when everything else has ended.
const LAST_READ: Duration = Duration::from_secs(1);

/// What there is to do.
struct Duties {
    /// A licence, when a secret is named.
    licence: Option<(Arc<Guard>, Delivery)>,
    /// The end of this instance, when this is one.
    end: Option<End>,
}

/// Runs until a signal ends it; without hope of a licence, not as long. `setting` gives the value of a
/// variable, `control_socket` is the proxy's.
///
/// # Errors
/// `RunError` says which exit code fits.
pub fn run<'a>(
    config: &Config,
    setting: impl Fn(&'static str) -> Option<&'a str>,
    control_socket: PathBuf,
) -> Result<(), RunError> {
    let manager = Manager::new(|name| std::env::var_os(name), Vec::new());
    let duties = Duties::of(config, setting, control_socket).map_err(RunError::Refused)?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("make a runtime")
        .map_err(RunError::Failed)?;
    let ended = runtime.block_on(serve(duties, &manager));
    runtime.shutdown_timeout(LAST_READ);
    match ended {
        Ok(None) => Ok(()),
        Ok(Some(unlicensed)) => Err(RunError::Refused(unlicensed.into())),
        Err(error) => Err(RunError::Failed(error)),
    }
}

impl Duties {
    /// Asks for the licence once, so that it is there before the proxy starts if it can be.
    fn of<'a>(
        config: &Config,
        setting: impl Fn(&'static str) -> Option<&'a str>,
        control_socket: PathBuf,
    ) -> anyhow::Result<Self> {
        let hook: Option<Hook> = match setting(HOOK) {
            Some(text) => Some(text.parse().context(HOOK)?),
            None => None,
        };
        let licence = match (setting(SECRET_ID), setting(AGENT_FILE)) {
            (None, _) => None,
            (Some(_), None) => anyhow::bail!(
                "{AGENT_FILE} is not set: it names the file where the proxy looks for the licence"
            ),
            (Some(_), Some(file)) => {
                let delivery = Delivery::to(file.into());
                let guard = Guard::start(Source::secret(setting)?, delivery.folder(), now())?;
                delivery.bring(&guard);
                Some((Arc::new(guard), delivery))
            }
        };
        let end = Instance::this().map(|instance| End {
            instance,
            hook,
            proxy: Client::Local(control_socket),
            grace: config.shutdown.grace,
        });
        Ok(Self { licence, end })
    }
}

async fn serve(duties: Duties, manager: &Manager) -> anyhow::Result<Option<LicenceError>> {
    let Duties { licence, end } = duties;
    let mut signals = Signals::listen().context("listen for signals")?;
    let (reload, asked) = mpsc::channel(1);
    let licence = async {
        match licence {
            Some((guard, delivery)) => {
                keep(Arc::clone(&guard), asked, |_| delivery.bring(&guard)).await
            }
            None => pending().await,
        }
    };
    let end = async {
        match end {
            Some(end) => end.watch().await,
            None => pending().await,
        }
    };
    tracing::info!(
        version = crate::build_info::VERSION,
        "throughway's AWS agent is ready"
    );
    manager.ready();
    let signalled = async {
        loop {
            match signals.next().await {
                // When the place is taken, it is about to be read.
                Request::Reload => drop(reload.try_send(oneshot::channel().0)),
                Request::Drain | Request::ExitAtOnce => return,
            }
        }
    };
    tokio::select! {
        () = signalled => Ok(None),
        error = licence => Ok(Some(error)),
        () = end => Ok(None),
    }
}
