//! `[churn]`: how peers come and go.

use peerlab_engine::time::Span;
use peerlab_model::Issues;
use peerlab_model::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::distribution::Distribution;
use crate::peers::PeersConfig;

/// How peers come and go. Either sessions and absences are drawn from distributions, or a trace gives them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChurnConfig {
    /// How long a peer stays online at a time. Default: for ever, unless its class says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Distribution>,
    /// How long a peer stays away at a time. Needed wherever there is a `session`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline: Option<Distribution>,
    /// The share of departures without a word; the others say goodbye. Default: 0.5.
    pub crash_share: f64,
    /// Who a peer is when it returns. Default: `kept`.
    pub identity: Identity,
    /// How the time of day changes when peers come back. Default: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diurnal: Option<Diurnal>,
    /// A file of sessions in the place of the distributions: `.avt`, or p2psim's `<node> alive|dead t1 t2 …`. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

impl Default for ChurnConfig {
    fn default() -> Self {
        Self { session: None, offline: None, crash_share: 0.5, identity: Identity::Kept, diurnal: None, trace: None }
    }
}

/// A day: absences end `amplitude` more often than on average at the peak, and as much less half a day later. Sessions are as long as ever.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Diurnal {
    /// In [0, 1).
    pub amplitude: f64,
    /// How long a day is.
    pub period: Duration,
    /// The time of day at which most come; t = 0 is midnight.
    pub peak: Duration,
}

impl Default for Diurnal {
    /// Half as many again at 20 h.
    fn default() -> Self {
        Self { amplitude: 0.5, period: Duration::secs(86_400), peak: Duration::secs(72_000) }
    }
}

/// Who a peer is when it returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// It has its old address and overlay id.
    #[default]
    Kept,
    /// It has its old address and a new overlay id.
    New,
}

impl ChurnConfig {
    /// Notes every value that cannot work, with paths relative to the `[churn]` table.
    pub fn check(&self, peers: &PeersConfig, issues: &mut Issues) {
        issues.share("crash_share", self.crash_share);
        for (key, distribution) in [("session", &self.session), ("offline", &self.offline)] {
            if let Some(distribution) = distribution {
                issues.within(key, |issues| distribution.check(issues));
                issues.ensure(self.trace.is_none(), key, format!("the trace says when peers come and go: remove `{key}` or `trace`"));
            }
        }
        if let Some(diurnal) = &self.diurnal {
            issues.within("diurnal", |issues| {
                let message = format!("an amplitude lies from 0 to below 1, not at {}", diurnal.amplitude);
                issues.ensure((0.0..1.0).contains(&diurnal.amplitude), "amplitude", message);
                issues.ensure(diurnal.period.span() >= Span::from_secs(1), "period", "a day lasts a second at least");
            });
            issues.ensure(self.trace.is_none(), "diurnal", "the trace says when peers come and go: remove `diurnal` or `trace`");
        }
        if let Some(trace) = &self.trace {
            issues.ensure(!trace.is_empty(), "trace", "the path of the file is empty");
            let with_own = peers.class.iter().find(|class| class.session.is_some() || class.offline.is_some());
            if let Some(class) = with_own {
                let message = format!(
                    "the trace says when peers come and go, but class `{}` has sessions of its own: remove one of them",
                    class.name
                );
                issues.error("trace", message);
            }
            return;
        }
        if peers.class.is_empty() {
            check_pair("", self.session.as_ref(), self.offline.as_ref(), issues);
        }
        for class in &peers.class {
            let session = class.session.as_ref().or(self.session.as_ref());
            let offline = class.offline.as_ref().or(self.offline.as_ref());
            check_pair(&format!(" (class `{}`)", class.name), session, offline, issues);
        }
    }

    /// Files that a run reads: their contents belong to what makes a result.
    pub fn files(&self) -> Vec<&str> {
        self.trace.iter().map(String::as_str).collect()
    }
}

fn check_pair(whose: &str, session: Option<&Distribution>, offline: Option<&Distribution>, issues: &mut Issues) {
    let example = "{ distribution = \"exponential\", mean = \"30 min\" }";
    match (session, offline) {
        (Some(_), None) => {
            issues.error_with_help("offline", format!("there are sessions but no absences{whose}"), format!("write offline = {example}"));
        }
        (None, Some(_)) => {
            issues.error_with_help("session", format!("there are absences but no sessions{whose}"), format!("write session = {example}"));
        }
        _ => {}
    }
}
