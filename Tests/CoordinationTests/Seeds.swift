import ClusterTestKit
import Foundation
import Randomness
import Testing

/// Runs `count` seeds of a scenario and reports those that break a promise, each with its seed.
///
/// `MURMUR_SEED=<n>` runs that seed alone and prints its transcript.
func forEachSeed(
    _ count: Int, _ name: String, scenario: (UInt64, inout Philox) -> Scenario,
    check: (Scenario, SimulationReport) -> [String]
) {
    let only = ProcessInfo.processInfo.environment["MURMUR_SEED"].flatMap(UInt64.init)
    let seeds = only.map { $0...$0 } ?? 1...UInt64(count)
    var failures = 0
    for seed in seeds {
        var random = Philox(seed: seed, path: [0x7465_7374])
        var plan = scenario(seed, &random)
        plan.keepsTranscript = only != nil
        let report = Simulation.run(plan)
        if only != nil { print(report.transcript.joined(separator: "\n")) }
        let broken = report.violations + check(plan, report)
        if !broken.isEmpty {
            failures += 1
            if failures <= 5 {
                Issue.record("\(name), seed \(seed): \(broken.joined(separator: " | "))")
            }
        }
    }
    if failures > 5 { Issue.record("\(name): \(failures) of \(seeds.count) seeds failed") }
}

/// Something is wrong unless `condition` holds.
func expect(_ condition: Bool, _ text: @autoclosure () -> String) -> [String] {
    condition ? [] : [text()]
}

extension Philox {
    /// A uniform whole number in `range`.
    mutating func whole(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.count)
    }
}
