import Foundation
import Runtime

enum BenchAllReduceCommand: Command {
    static let syntax = CommandSyntax(
        "bench allreduce", "Time all-reduce (float32, sum) over worker processes; every result is verified.",
        options: [
            OptionSyntax("--workers", "N", "worker processes (default 2)"),
            OptionSyntax("--bytes", "LIST", "sizes such as 4KiB,1MiB,16MiB (default 4KiB,64KiB,1MiB,16MiB)"),
            OptionSyntax("--repetitions", "R", "timed repetitions of each size (default 20)"),
            OptionSyntax("--transport", "T", "tcp (loopback) or ipc (default tcp)"),
            OptionSyntax("--json", nil, "print a JSON array"),
        ])

    static func run(_ arguments: Arguments) throws -> Int32 {
        let sizes = try (arguments.text("--bytes") ?? "4KiB,64KiB,1MiB,16MiB").split(separator: ",").map(bytes)
        let name = arguments.text("--transport") ?? "tcp"
        guard let transport = ClusterRun.Transport(rawValue: name) else {
            throw Failure(.usage, "--transport takes tcp or ipc, not '\(name)'")
        }
        let rows = try AllReduceBench.run(
            bytes: sizes, workers: arguments.number("--workers", in: 1...1024, default: 2),
            repetitions: arguments.number("--repetitions", in: 1...100_000, default: 20), transport: transport)
        if arguments.flag("--json") {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            print(String(decoding: try encoder.encode(rows), as: UTF8.self))
        } else {
            print("     bytes  workers     min ms  median ms")
            for row in rows {
                print(
                    String(
                        format: "%10d %8d %10.3f %10.3f", row.bytes, row.workers, row.minimumMilliseconds,
                        row.medianMilliseconds))
            }
        }
        return 0
    }

    /// `4KiB`, `1MiB`, `2GiB` or a plain number of bytes, which must be whole float32 elements.
    static func bytes(_ word: Substring) throws -> Int {
        let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)]
        for (unit, factor) in units where word.hasSuffix(unit) {
            if let number = Int(word.dropLast(unit.count)), number > 0, number <= (8 << 30) / factor,
                number * factor % 4 == 0
            {
                return number * factor
            }
            break
        }
        throw Failure(.usage, "--bytes takes sizes like 4KiB or 1MiB, multiples of 4 bytes up to 8GiB, not '\(word)'")
    }
}
