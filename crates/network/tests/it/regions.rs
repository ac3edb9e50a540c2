//! Regions are places.

use std::io::Write;

use peerlab_model::HostId;
use peerlab_network::Network;

use crate::support::{network, reference};

fn sizes(network: &Network, regions: u32, hosts: u32) -> Vec<usize> {
    (0..regions).map(|region| (0..hosts).filter(|&host| network.region_of(HostId(host)) == region).count()).collect()
}

/// The mean delay between hosts of one region and between hosts of two.
fn inside_and_between(network: &Network, hosts: u32) -> (f64, f64) {
    let (mut inside, mut between) = ((0.0, 0), (0.0, 0));
    for a in 0..hosts {
        for b in 0..a {
            let same = network.region_of(HostId(a)) == network.region_of(HostId(b));
            let sums = if same { &mut inside } else { &mut between };
            sums.0 += network.base_delay(HostId(a), HostId(b)).unwrap().millis_f64();
            sums.1 += 1;
        }
    }
    (inside.0 / f64::from(inside.1), between.0 / f64::from(between.1))
}

#[test]
fn without_places_regions_are_equal_shares() {
    let network = network("regions = 4\nlatency = { model = 'constant', one_way = '1 s' }", 400, 1);
    assert_eq!(sizes(&network, 4, 400), [100; 4]);
}

#[test]
fn without_regions_all_are_in_one() {
    assert_eq!(sizes(&network("", 50, 1), 1, 50), [50]);
}

#[test]
fn regions_of_points_are_compact() {
    let network = network("regions = 5", 1000, 1);
    let sizes = sizes(&network, 5, 1000);
    assert_eq!(sizes.iter().sum::<usize>(), 1000);
    assert!(sizes.iter().all(|&size| size > 50), "{sizes:?}");
    let (inside, between) = inside_and_between(&network, 1000);
    assert!(2.0 * inside < between, "{inside} inside, {between} between");
    let again = crate::support::network("regions = 5", 1000, 1);
    assert!((0..1000).all(|host| network.region_of(HostId(host)) == again.region_of(HostId(host))));
}

#[test]
fn clusters_that_are_there_are_found() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for host in 0..300 {
        let (cluster, wobble) = (host % 3, f64::from(host % 17) / 10.0);
        writeln!(file, "{} {}", f64::from(cluster) * 100.0 + wobble, f64::from(cluster % 2) * 50.0 - wobble).unwrap();
    }
    let table = format!("regions = 3\nlatency = {{ model = 'coordinates', file = '{}' }}", file.path().display());
    let network = network(&table, 300, 1);
    assert_eq!(sizes(&network, 3, 300), [100; 3]);
    assert!((0..300).all(|host| network.region_of(HostId(host)) == network.region_of(HostId(host % 3))));
}

#[test]
fn coinciding_points_leave_regions_empty_without_harm() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"1 1\n1 1\n1 1\n").unwrap();
    let network = network(&format!("regions = 3\nlatency = {{ model = 'coordinates', file = '{}' }}", file.path().display()), 3, 1);
    assert_eq!(sizes(&network, 3, 3), [3, 0, 0]);
}

#[test]
fn regions_of_a_matrix_are_near_each_other() {
    let Some(path) = reference("planetlab-490-rtt-ms.txt") else { return };
    let network = network(&format!("regions = 5\nlatency = {{ model = 'matrix', file = '{}' }}", path.display()), 490, 3);
    assert!(sizes(&network, 5, 490).iter().all(|&size| size > 0));
    let (inside, between) = inside_and_between(&network, 490);
    assert!(1.5 * inside < between, "{inside} inside, {between} between");
}
