//! What is measured: the names in the result files, with unit and meaning.

/// A metric.
pub(crate) struct Metric {
    /// Its name in `summary.csv`, `aggregate.csv` and `timeseries.csv`.
    pub(crate) name: &'static str,
    /// Its unit; `1` for a ratio.
    pub(crate) unit: &'static str,
    /// What it says.
    pub(crate) meaning: &'static str,
}

const fn metric(name: &'static str, unit: &'static str, meaning: &'static str) -> Metric {
    Metric { name, unit, meaning }
}

/// All metrics of this version, in the order of `summary.csv`.
pub(crate) const METRICS: &[Metric] = &[
    metric("lookup_success_ratio", "1", "found / (all − absent − abandoned − open) lookups"),
    metric("lookup_incorrect_ratio", "1", "incorrect / (all − absent − abandoned − open) lookups: answers came, none right"),
    metric("content_availability", "1", "1 − absent / (all − abandoned − open) lookups: a holder was online at some moment"),
    metric("hops_mean", "hops", "mean overlay links from the origin to the peer that named the answer, of found lookups"),
    metric("hops_p50", "hops", "median of the same"),
    metric("hops_p95", "hops", "95th percentile of the same"),
    metric("hops_p99", "hops", "99th percentile of the same"),
    metric("hops_max", "hops", "largest of the same"),
    metric("rounds_mean", "rounds", "mean request/reply rounds in sequence, of found lookups of iterative models"),
    metric("lookup_latency_mean", "ms", "mean time from the question to the first right answer in the origin's hands"),
    metric("lookup_latency_p50", "ms", "median of the same"),
    metric("lookup_latency_p95", "ms", "95th percentile of the same"),
    metric("lookup_latency_p99", "ms", "99th percentile of the same"),
    metric("lookup_timeouts_mean", "timeouts", "mean contacts per lookup that did not answer in time"),
    metric(
        "lookup_stretch_mean",
        "1",
        "mean of a found lookup's latency over the direct round trip between the origin and the peer that was named",
    ),
    metric(
        "results_mean",
        "items",
        "mean different items that a lookup by keyword found, each with a right holder (`target = \"keywords\"`)",
    ),
    metric(
        "recall_mean",
        "1",
        "mean of the items that a lookup by keyword found over those that matched and of which a holder was online when it was asked, without \
         lookups for which there were none",
    ),
    metric("messages_per_lookup_mean", "messages", "mean messages sent for a lookup, replies and duplicates included"),
    metric("bytes_per_lookup_mean", "B", "mean bytes on the wire of those messages, headers included"),
    metric("rumour_residue", "1", "mean share of the peers online from a rumour's start to its deadline that never heard it (`[rumours]`)"),
    metric("rumour_traffic", "messages", "mean messages that carried a rumour, per peer online at its start"),
    metric("rumour_bytes_per_peer", "B", "mean bytes of all messages sent for a rumour, per peer online at its start"),
    metric("rumour_delay_mean", "ms", "mean time from a rumour's start until a peer heard it, over those that did (t_ave)"),
    metric("rumour_delay_last", "ms", "mean time from a rumour's start until the last peer heard it (t_last)"),
    metric(
        "maintenance_bytes_per_peer_s",
        "B/s",
        "bytes of all messages that are for no lookup, no rumour and no download, per online peer and second",
    ),
    metric("peers_online_mean", "peers", "mean number of peers online"),
    metric(
        "identities",
        "identities",
        "members among the peers at the end, where an identity has a price or a machine many (`identity_cost`, `identities`)",
    ),
    metric("hostile_identity_share", "1", "share of them that belong to hosts that cheat"),
    metric("load_gini", "1", "inequality of the messages handled per peer, servers apart: 0 all alike, 1 one handles all"),
    metric("load_max_share", "1", "share of all messages that the busiest peer or server handles"),
    metric("server_messages_share", "1", "share of all messages that dedicated servers handle"),
    metric("state_bytes_per_peer_mean", "B", "mean bytes of protocol state at a member at the end: tables and records"),
    metric("stale_contact_ratio", "1", "share of the members' contacts that are not online, at the end"),
    metric(
        "graph_degree_mean",
        "peers",
        "mean number of peers online that a peer online is linked to, either having the other in its tables (`[output] graph`; at the end)",
    ),
    metric("graph_degree_max", "peers", "largest of the same"),
    metric("graph_in_degree_sd", "peers", "standard deviation of how many peers online have a peer online in their tables"),
    metric(
        "graph_in_degree_near_share",
        "1",
        "share of the peers online for which that number lies within 5 % of its mean, rounded to a whole number",
    ),
    metric("graph_components", "components", "connected components of the graph of these links, peers without any included"),
    metric("graph_largest_component_share", "1", "share of the peers online that are in the largest one: below 1 the overlay is in pieces"),
    metric(
        "graph_clustering",
        "1",
        "mean share of the pairs of a peer's neighbours that are linked themselves; 0 for a peer with fewer than two (`graph = \"full\"`)",
    ),
    metric(
        "graph_path_mean",
        "hops",
        "mean shortest path between peers of the largest component: from each one up to 256, else from 64 drawn at random (`graph = \"full\"`)",
    ),
    metric("graph_diameter", "hops", "longest of these paths: at least that where origins are drawn (`graph = \"full\"`)"),
    metric("value_availability", "1", "share of the values published of which a peer that is online has a copy (`[storage]`; at the end)"),
    metric("value_durability", "1", "share of the values published of which some machine has a copy, online or not (at the end)"),
    metric("value_copies_mean", "copies", "mean copies of a published value at peers that are online (at the end)"),
    metric(
        "value_upkeep_bytes_per_peer_s",
        "B/s",
        "bytes of values that upkeep sends, per online peer and second: published, refreshed, handed over, repaired",
    ),
    metric("copies_mean", "copies", "mean holders of an item online at the end, where copies are made or allotted by popularity"),
    metric("copies_popular_mean", "copies", "the same of the most popular tenth of the items"),
    metric("copies_unpopular_mean", "copies", "the same of the least popular tenth"),
    metric(
        "copies_exponent",
        "1",
        "slope of the logarithm of an item's holders online at the end against that of its popularity: 0 uniform, ½ square-root, 1 proportional",
    ),
    metric(
        "recovery_time_s",
        "s",
        "mean time after an event of the timeline until success, connectivity (with `[output] graph`) and upkeep are back, of events for which they are",
    ),
    metric("recovered_ratio", "1", "share of the events for which they are back before the end"),
    metric("dip_max", "1", "how far the success ratio fell below its level before an event at the most"),
    metric("repair_bytes_mean", "B", "mean bytes of upkeep beyond its level before an event, until all is back"),
    metric(
        "item_found_ratio",
        "1",
        "share of the lookups for an item after its takedown or deletion that found it, of peers that did not have it",
    ),
    metric("item_fetched_ratio", "1", "share of the downloads of such an item that are complete, of those that have ended"),
    metric("session_mean_s", "s", "mean session: time online over departures"),
    metric("delay_raised_ratio", "1", "share of messages whose delay `network.min_one_way` raised"),
    metric("download_mean_s", "s", "mean time from the wish to the last block, of complete downloads that fetched anything (`[download]`)"),
    metric("download_p50_s", "s", "median of the same"),
    metric("download_p95_s", "s", "95th percentile of the same"),
    metric("download_max_s", "s", "longest of the same"),
    metric("download_success_ratio", "1", "complete / (complete + failed + aborted) downloads"),
    metric(
        "goodput_bit_s",
        "bit/s",
        "content that arrives at all peers together, without what came twice, from the first wish to the end of the last download; in the time \
         series what arrives in each interval",
    ),
    metric("uplink_utilisation", "1", "what peers whose uplink has a limit have sent, over what they could have sent while online"),
    metric("server_bytes_share", "1", "share of the content that arrives that comes from servers"),
    metric("cache_bytes_share", "1", "share of the content wanted that was on the peer's own disk"),
    metric("download_wasted_ratio", "1", "share of the content that arrives that had come before"),
    metric("downloads_active_mean", "downloads", "mean number of downloads that went on, over the measured time"),
    metric(
        "download_spoilt_ratio",
        "1",
        "share of the complete downloads in which something is not what it should be (`download.polluters`)",
    ),
    metric("hash_failures", "pieces", "pieces that failed their hash check and were thrown away, of all downloads"),
    metric("polluters_banned", "bans", "times that a download found who had sent it what was bad"),
    metric(
        "share_ratio_jain",
        "1",
        "Jain's index of the downloaders' ratios of bytes sent to bytes received: 1 all alike, 1/n one gives all",
    ),
    metric(
        "startup_p50_ms",
        "ms",
        "median time from the wish to the start of playing, offline times apart, of what has started (`[stream]`)",
    ),
    metric("startup_p95_ms", "ms", "95th percentile of the same"),
    metric("stall_ratio", "1", "time for which playing stood still after its start, over that time and the time played"),
    metric("continuity", "1", "share of the pieces that playing came to which were there in time"),
    metric("download_sources_mean", "peers", "mean connections that have brought a download something"),
    metric("download_search_bytes_mean", "B", "mean bytes sent, by anybody, to find sources for a download, its lookup's included"),
    metric("transfer_state_bytes_mean", "B", "mean bytes that a host's transfers take, at the end, of hosts that have had any"),
    metric("downloads_active", "downloads", "downloads that go on at the moment of the sample (time series only)"),
    metric("downloads_complete", "downloads", "downloads that have fetched anything and are complete by then (time series only)"),
    metric("piece_copies_min", "copies", "copies online of item 0's rarest piece (time series only; not with `arrivals = \"lookups\"`)"),
    metric("piece_copies_mean", "copies", "mean copies online of its pieces (time series only)"),
    metric(
        "piece_entropy",
        "1",
        "entropy of how copies online are spread over its pieces, over the greatest there could be: 1 if all are equally many (time series only)",
    ),
    metric(
        "rumour_heard_share",
        "1",
        "share of the peers online since its start that have heard a rumour, in the mean of those under way (time series only)",
    ),
    metric("peers_online", "peers", "peers online at the moment of the sample (time series only)"),
];
