import ClusterTestKit
import Foundation
import Testing

/// Whole scenarios, message by message, as a person can read them in `Transcripts/`.
///
/// `MURMUR_UPDATE_TRANSCRIPTS=1` writes the files anew; read the difference before committing it.
@Suite struct TranscriptTests {
    private static func quiet(_ name: String, workers: [Scenario.Worker], expected: Int, steps: UInt64) -> Scenario {
        var scenario = Scenario(seed: 1, expectedWorkers: expected, steps: steps)
        scenario.workers = workers
        scenario.networkDelays = 5...5
        scenario.stepTimes = 100...100
        scenario.preparationTimes = 200...200
        scenario.tickIntervals = 50...50
        scenario.linkLossDelays = 20...20
        scenario.keepsTranscript = true
        return scenario
    }

    static func scenario(_ name: String) -> Scenario {
        let here = Scenario.Worker(host: "a")
        switch name {
        case "forming":
            // Hosts are neighbours in the ring; rank 0 sees the run directory, which worker 0 does not.
            var blind = Scenario.Worker(host: "b")
            blind.seesRunDirectory = false
            var scenario = quiet(
                name, workers: [blind, .init(startsAt: 20, host: "a"), .init(startsAt: 40, host: "b")], expected: 3,
                steps: 2)
            scenario.rankZeroNeedsRunDirectory = true
            return scenario
        case "join while running":
            return quiet(name, workers: [here, here, .init(startsAt: 300, host: "b")], expected: 2, steps: 6)
        case "standby":
            var scenario = quiet(name, workers: [here, here, .init(startsAt: 100, host: "a")], expected: 2, steps: 7)
            scenario.maximumRanks = 2
            scenario.actions = [(450, .leave(1))]
            return scenario
        case "leave":
            var scenario = quiet(name, workers: [here, here], expected: 2, steps: 5)
            scenario.actions = [(450, .leave(2))]
            return scenario
        case "last worker leaves":
            var scenario = quiet(name, workers: [here], expected: 1, steps: 50)
            scenario.actions = [(450, .leave(1))]
            return scenario
        case "stop":
            var scenario = quiet(name, workers: [here, here], expected: 2, steps: 50)
            scenario.actions = [(450, .stop)]
            return scenario
        case "killed worker":
            var scenario = quiet(name, workers: [here, here, here], expected: 3, steps: 50)
            scenario.actions = [(450, .kill(2))]
            return scenario
        case "killed worker on another machine":
            var far = Scenario.Worker(host: "b")
            far.isLocal = false
            var scenario = quiet(name, workers: [here, far], expected: 2, steps: 50)
            scenario.actions = [(450, .kill(2))]
            return scenario
        case "silent worker":
            var scenario = quiet(name, workers: [here, here], expected: 2, steps: 50)
            scenario.actions = [(450, .pause(2)), (6_000, .resume(2))]
            return scenario
        case "failing worker":
            var scenario = quiet(name, workers: [here, here], expected: 2, steps: 50)
            scenario.actions = [(450, .fail(2, exitCode: 3, text: "12 of 100 images are bad, 10 allowed"))]
            return scenario
        case "killed coordinator":
            var scenario = quiet(name, workers: [here], expected: 1, steps: 50)
            scenario.stepTimes = 3_000...3_000
            scenario.actions = [(450, .kill(0))]
            return scenario
        default:
            // "refused"
            var other = here
            other.protocolVersion = 2
            var stray = here
            stray.runID = 0xBAD
            // Its join arrives when the first worker has been told the end, but has not gone.
            var late = here
            late.startsAt = 530
            (other.isLocal, stray.isLocal) = (false, false)
            return quiet(name, workers: [here, other, stray, late], expected: 1, steps: 3)
        }
    }

    @Test(arguments: [
        "forming", "join while running", "standby", "leave", "last worker leaves", "stop", "killed worker",
        "killed worker on another machine", "silent worker", "failing worker", "killed coordinator", "refused",
    ])
    func aScenarioGoesAsWritten(_ name: String) throws {
        let report = Simulation.run(Self.scenario(name))
        #expect(report.violations.isEmpty)
        let text = report.transcript.joined(separator: "\n") + "\n"
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Transcripts/\(name.replacingOccurrences(of: " ", with: "-")).txt")
        if ProcessInfo.processInfo.environment["MURMUR_UPDATE_TRANSCRIPTS"] == "1" {
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        let golden = try String(contentsOf: file, encoding: .utf8)
        #expect(text == golden, "the transcript differs from \(file.lastPathComponent)")
    }
}
