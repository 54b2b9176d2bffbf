import Foundation
import Runtime
import Testing

/// A bench compares what arrives with what should, in every repetition.
@Suite("murmur bench of collectives", .serialized)
struct CollectiveBenchTests {
    let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    @Test(
        arguments: ["allreduce", "allgather", "reducescatter", "broadcast", "alltoall", "barrier"], ["shm", "tcp"])
    func comesThroughWithRightValues(collective: String, transport: String) throws {
        let ending = try scratch.run(
            [
                "bench", collective, "--workers", "3", "--transport", transport, "--bytes", "12,4KiB,300KiB",
                "--repetitions", "4", "--json",
            ])
        try #require(ending.code == 0, "\(ending)")
        let rows = try #require(JSONSerialization.jsonObject(with: Data(ending.output.utf8)) as? [[String: Any]])
        #expect(rows.count == (collective == "barrier" ? 1 : 3), "\(rows)")
        for row in rows {
            #expect(row["collective"] as? String == collective && row["workers"] as? Int == 3)
            #expect(row["repetitions"] as? Int == 4 && row["median_ms"] as? Double ?? 0 > 0)
        }
    }

    @Test(.enabled(if: mayChoosePolicies, "threads may not choose their policy here, or have one already"))
    func noThreadOfAWorkerTakesACoreFromAnotherAsItWakes() throws {
        let process = try scratch.start([
            "bench", "allreduce", "--workers", "2", "--transport", "tcp", "--bytes", "4KiB", "--seconds", "600",
        ])
        // One that waits for commands, one that computes, and two for each of the two data ports.
        try process.waitUntil("the workers' threads", within: 120) {
            process.children.count == 2 && process.children.allSatisfy { MurmurProcess.threads(of: $0).count >= 6 }
                || !process.isRunning
        }
        let threads = process.children.flatMap(MurmurProcess.threads)
        #expect(threads.count >= 12, "\(process.error)")
        #expect(threads.allSatisfy { sched_getscheduler($0) == BatchScheduling.policy })
    }

    @Test func measuresForPartsOfASecond() throws {
        let ending = try scratch.run(["bench", "barrier", "--transport", "shm", "--seconds", "0.01", "--json"])
        try #require(ending.code == 0, "\(ending)")
        let rows = try #require(JSONSerialization.jsonObject(with: Data(ending.output.utf8)) as? [[String: Any]])
        #expect(rows.first?["repetitions"] as? Int ?? 0 >= 3, "\(rows)")
    }

    @Test(arguments: ["0", "-1", "nan", "inf", "1s", "", "3601"])
    func refusesATimeThatIsNone(seconds: String) throws {
        let ending = try scratch.run(["bench", "barrier", "--seconds", seconds])
        #expect(ending.code == 2 && ending.error.contains("--seconds takes a time in seconds from"), "\(ending)")
    }
}

/// Whether this thread has the usual policy and is allowed to say so.
private var mayChoosePolicies: Bool {
    var parameters = sched_param()
    return sched_getscheduler(0) == SCHED_OTHER && sched_setscheduler(0, SCHED_OTHER, &parameters) == 0
}
