//! What can be wrong with an event.

use peerlab_engine::time::Span;
use peerlab_model::Issues;
use peerlab_model::units::Duration;

use super::config::{Action, EventConfig, Select};
use crate::peers::PeersConfig;

/// The largest factor that makes a delay longer.
const FACTOR_MAX: f64 = 1e6;

/// How often an event may happen per hour.
const RATE_MAX: f64 = 3600.0;

impl EventConfig {
    /// Notes every value that cannot work, with paths relative to the event's table: `run` is `time.duration`, `regions` is
    /// `network.regions`.
    pub fn check(&self, run: Span, peers: &PeersConfig, regions: Option<u32>, issues: &mut Issues) {
        self.check_when(run, issues);
        if let Some(duration) = self.duration {
            issues.ensure(duration.span().nanos() > 0, "duration", "what heals at once has not happened; leave the key out for what lasts");
            issues.ensure(self.action != Action::Restart, "duration", "a restart is over at once: use `crash` for peers that stay away");
            let message = "what is deleted does not come back by itself: leave the duration out";
            issues.ensure(self.action != Action::Delete, "duration", message);
        }
        if self.item.is_some() && !self.action.is_about_an_item() && self.select != Select::Holders {
            issues.error("item", format!("`item` means nothing to `{}`", self.action.name()));
        }
        self.check_who(peers, issues);
        self.check_select(peers, regions, issues);
        self.check_values(issues);
    }

    fn check_when(&self, run: Span, issues: &mut Issues) {
        if let Some(at) = self.at {
            let message = format!("{at} lies outside the run, which ends after {}", Duration(run));
            issues.ensure(at.span() < run, "at", message);
        } else if self.rate.is_none() {
            issues.error_with_help(
                "",
                "when does this happen?",
                "write for example `at = \"10 min\"`, or `rate = 6.0` for six times an hour",
            );
        }
        if let Some(rate) = self.rate {
            issues.ensure(
                rate.is_finite() && rate > 0.0 && rate <= RATE_MAX,
                "rate",
                format!("a rate lies above 0 and up to {RATE_MAX} per hour"),
            );
        }
        if let Some(every) = self.every {
            issues.ensure(every.span() >= Span::from_secs(1), "every", "an event that repeats has a second between two times at least");
            issues.ensure(self.rate.is_none(), "every", "`every` and `rate` say the same in different words: keep one of them");
            issues.ensure(self.at.is_some(), "every", "from when on? Say `at` as well");
        }
    }

    fn check_who(&self, peers: &PeersConfig, issues: &mut Issues) {
        let given = [("share", self.share.is_some()), ("count", self.count.is_some()), ("peers", self.peers.is_some())];
        let given: Vec<&str> = given.iter().filter(|(_, is_given)| *is_given).map(|(key, _)| *key).collect();
        if let [_, second, ..] = given[..] {
            issues.error(second, format!("`{}` say the same in different words: keep one of them", given.join("` and `")));
        }
        if let Some(share) = self.share {
            issues.share("share", share);
        }
        if let Some(count) = self.count {
            issues.ensure(count > 0, "count", "an event that concerns nobody is none");
            let message = format!("{count} peers are more than the {} that exist", peers.count);
            issues.ensure(count <= peers.count, "count", message);
        }
        if let Some(list) = &self.peers {
            issues.ensure(!list.is_empty(), "peers", "an event that concerns nobody is none");
            for (index, &peer) in list.iter().enumerate() {
                let message = format!("there is no peer {peer}: they are numbered from 0 to {}", peers.count.saturating_sub(1));
                issues.ensure(peer < peers.count, format_args!("peers.{index}"), message);
                issues.ensure(!list[..index].contains(&peer), format_args!("peers.{index}"), format!("peer {peer} is named twice"));
            }
        }
        let whom = given.is_empty();
        let narrowed = matches!(self.select, Select::Region | Select::Class | Select::Holders);
        match self.action {
            Action::Crash | Action::Leave | Action::Join | Action::Restart | Action::Slow | Action::Freeze if whom && !narrowed => {
                let help = "write for example `share = 0.3`, `count = 12` or `peers = [3, 5]`";
                issues.error_with_help("action", format!("whom does `{}` concern?", self.action.name()), help);
            }
            Action::Partition if whom && !narrowed && self.groups.is_none() => {
                let help = "write `groups = 2` to divide all hosts, or `share = 0.3` to cut off some of the peers";
                issues.error_with_help("action", "into what does the partition divide the network?", help);
            }
            Action::Partition if self.groups.is_some() && !whom => {
                issues.error("groups", format!("`groups` divides all hosts, `{}` cuts some of the peers off: keep one of them", given[0]));
            }
            Action::Latency if !whom || self.select != Select::Random => {
                issues.error("action", "`latency` concerns all messages: use `slow` for those from or to some peers");
            }
            Action::ServerOutage | Action::ServerCapacity if self.peers.is_some() => {
                let message =
                    format!("`{}` concerns servers, not peers: use `share` or `count`, or neither for all servers", self.action.name());
                issues.error("peers", message);
            }
            _ => {}
        }
    }

    fn check_select(&self, peers: &PeersConfig, regions: Option<u32>, issues: &mut Issues) {
        match self.select {
            Select::Region if regions.is_none() => issues.error_with_help("select", "there are no regions", "set `regions` in `[network]`"),
            Select::Region if self.region.is_none() => issues.error("region", "which region? They are numbered from 0"),
            Select::Class if self.class.is_none() => issues.error("class", "which class? Give its name"),
            _ => {}
        }
        if self.select != Select::Random && (self.peers.is_some() || self.action.is_about_servers()) {
            issues.error("select", format!("there is nothing for `{}` to select from", self.select.name()));
        }
        if let Some(region) = self.region {
            issues.ensure(self.select == Select::Region, "region", "a region means something with `select = \"region\"` only");
            let regions = regions.unwrap_or(u32::MAX);
            issues.ensure(
                region < regions,
                "region",
                format!("there is no region {region}: they are numbered from 0 to {}", regions.saturating_sub(1)),
            );
        }
        if let Some(class) = &self.class {
            issues.ensure(self.select == Select::Class, "class", "a class means something with `select = \"class\"` only");
            let names: Vec<&str> = peers.class.iter().map(|class| class.name.as_str()).collect();
            if !names.contains(&class.as_str()) {
                let known = if names.is_empty() { "there are none".to_owned() } else { format!("there are `{}`", names.join("`, `")) };
                issues.error("class", format!("there is no class `{class}`: {known}"));
            }
        }
    }

    fn check_values(&self, issues: &mut Issues) {
        let action = self.action.name();
        match (self.action, self.loss) {
            (Action::Loss, None) => issues.error_with_help("action", "how many messages get lost?", "write for example `loss = 0.2`"),
            (Action::Loss, Some(loss)) => issues.share("loss", loss),
            (_, Some(_)) => issues.error("loss", format!("`loss` means nothing to `{action}`")),
            (_, None) => {}
        }
        match (self.action, self.factor) {
            (Action::Latency | Action::Slow, None) => {
                issues.error_with_help("action", "how much longer do messages take?", "write for example `factor = 3.0`");
            }
            (Action::Latency | Action::Slow, Some(factor)) => {
                // Faster messages could overtake the window that the run's order rests on.
                let message = format!("a factor lies between 1 and {FACTOR_MAX}, not at {factor}: messages can only become slower");
                issues.ensure((1.0..=FACTOR_MAX).contains(&factor), "factor", message);
            }
            (Action::Bandwidth | Action::ServerCapacity, None) => {
                issues.error_with_help("action", "by how much do rates change?", "write for example `factor = 0.1` for a tenth of them");
            }
            (Action::Bandwidth | Action::ServerCapacity, Some(factor)) => {
                let message = format!("a factor lies between {} and {FACTOR_MAX}, not at {factor}", 1.0 / FACTOR_MAX);
                issues.ensure((1.0 / FACTOR_MAX..=FACTOR_MAX).contains(&factor), "factor", message);
            }
            (_, Some(_)) => issues.error("factor", format!("`factor` means nothing to `{action}`")),
            (_, None) => {}
        }
        let directed = matches!(self.action, Action::Loss | Action::Slow);
        issues.ensure(directed || self.direction.is_none(), "direction", format!("`direction` means nothing to `{action}`"));
        match (self.action, self.groups) {
            (Action::Partition, Some(groups)) => {
                issues.ensure((2..=256).contains(&groups), "groups", format!("a partition has 2 to 256 groups, not {groups}"));
            }
            (_, Some(_)) => issues.error("groups", format!("`groups` means nothing to `{action}`")),
            (_, None) => {}
        }
    }
}
