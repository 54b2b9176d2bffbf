import Foundation
import Randomness
import Testing

/// Kill −9 of all processes of a run at once, at random moments. `MURMUR_KILLS` says how often (default 5);
/// `scripts/faults kills` does it 100 times.
@Suite("Sudden death", .serialized) struct SuddenDeathTests {
    private let kills = ProcessInfo.processInfo.environment["MURMUR_KILLS"].flatMap(Int.init) ?? 5

    /// Processes, other than this one, whose command line names the scratch directory.
    private func processes(of scratch: Scratch) -> [Int32] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.compactMap(Int32.init).filter { pid in
            guard pid != getpid(), MurmurProcess.exists(pid),
                let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline")
            else { return false }
            return String(decoding: bytes, as: UTF8.self).contains(scratch.directory.path)
        }
    }

    private func sharedMemoryFiles() -> Set<String> {
        Set((try? FileManager.default.contentsOfDirectory(atPath: "/dev/shm")) ?? [])
    }

    @Test func leavesNoProcessAndNoSharedMemory() throws {
        let seed = UInt64(Date().timeIntervalSince1970)
        var random = Philox(seed: seed, path: [])
        let before = sharedMemoryFiles()
        var duringCollectives = 0
        for kill in 0..<kills {
            let scratch = try Scratch()
            let ticket = scratch.path("ticket")
            let workers = 2 + random.below(3)
            let process = try scratch.start([
                "bench", "allreduce", "--workers", "\(workers)", "--seconds", "600", "--bytes", "4MiB",
                "--transport", "shm", "--ticket", ticket,
            ])
            // Half of the kills fall into the start, half into the collectives.
            if kill % 2 == 1 {
                try process.waitUntil("the workers", within: 120) {
                    process.children.count == workers && process.children.allSatisfy(Self.sharesMemory)
                        || !process.isRunning
                }
                duringCollectives += 1
            }
            usleep(UInt32(random.below(150_000)))
            #expect(process.isRunning, "seed \(seed), kill \(kill): \(process.error)")
            // The launcher first, so that it starts nobody any more.
            Foundation.kill(process.pid, SIGKILL)
            for pid in processes(of: scratch) { Foundation.kill(pid, SIGKILL) }
            try process.waitUntil("the end of all, seed \(seed), kill \(kill)", within: 60) {
                for pid in processes(of: scratch) { Foundation.kill(pid, SIGKILL) }
                return processes(of: scratch).isEmpty && !process.isRunning
            }
        }
        #expect(duringCollectives == kills / 2)
        try Scratch().start(["--version"]).waitUntil("/dev/shm as it was, seed \(seed)", within: 30) {
            sharedMemoryFiles().subtracting(before).isEmpty
        }
    }

    /// Whether a process has mapped the memory of at least two.
    private static func sharesMemory(_ pid: Int32) -> Bool {
        guard let maps = FileManager.default.contents(atPath: "/proc/\(pid)/maps") else { return false }
        return String(decoding: maps, as: UTF8.self).split(separator: "\n")
            .filter { $0.contains("memfd:murmur") }.count >= 4
    }
}
