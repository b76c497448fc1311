//! A scheme that was written outside this tree builds on our packages, passes the whole suite there, and is discovered.

use tollway_outsider::Outside;
use tollway_testkit::suite::scheme;

#[test]
fn the_third_party_scheme_stands_on_our_packages_alone() {
    let packages = ["tollway-core", "tollway-testkit"];
    let outside = Outside::new("examples/third-party-scheme", &packages).unwrap();
    outside.add("tests/discovered.rs", include_str!("../outside/discovered.rs")).unwrap();
    let said = outside.test().unwrap_or_else(|why| panic!("{why}"));
    let passed = |name: &str| said.lines().any(|line| line == format!("test {name} ... ok"));
    let names = scheme::names();
    assert!(names.len() > 30, "the suite has shrunk to {} properties", names.len());
    for name in names.into_iter().chain(["every_property_is_run", "the_registry_discovers_it"]) {
        assert!(passed(name), "{name} did not pass outside:\n{said}");
    }
}
