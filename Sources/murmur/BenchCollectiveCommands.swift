import Collectives
import Foundation
import Runtime

enum BenchAllReduceCommand: BenchCollectiveCommand {
    static let collective = BenchedCollective.allReduce
    static let summary = "Time all-reduce (float32, sum) over worker processes; every result is verified."
}

enum BenchAllGatherCommand: BenchCollectiveCommand {
    static let collective = BenchedCollective.allGather
    static let summary = "Time all-gather (float32); --bytes is all ranks' parts together."
}

enum BenchReduceScatterCommand: BenchCollectiveCommand {
    static let collective = BenchedCollective.reduceScatter
    static let summary = "Time reduce-scatter (float32, sum); --bytes is all ranks' parts together."
}

enum BenchBroadcastCommand: BenchCollectiveCommand {
    static let collective = BenchedCollective.broadcast
    static let summary = "Time broadcast from rank 0."
}

enum BenchAllToAllCommand: BenchCollectiveCommand {
    static let collective = BenchedCollective.allToAll
    static let summary = "Time all-to-all (float32); --bytes is what a rank has for all ranks together."
}

enum BenchBarrierCommand: BenchCollectiveCommand {
    static let collective = BenchedCollective.barrier
    static let summary = "Time a barrier."
}

/// What the benches of the collectives have in common: all of it but the collective.
protocol BenchCollectiveCommand: Command {
    static var collective: BenchedCollective { get }
    static var summary: String { get }
}

extension BenchCollectiveCommand {
    static var syntax: CommandSyntax {
        CommandSyntax(
            "bench \(collective.rawValue)", summary,
            options: [
                OptionSyntax("--workers", "N", "worker processes (default 2)"),
                OptionSyntax("--bytes", "LIST", "sizes such as 4KiB,1MiB,16MiB (default 4KiB,64KiB,1MiB,16MiB)"),
                OptionSyntax("--seconds", "T", "seconds for each size, such as 0.5 (default 1)"),
                OptionSyntax("--repetitions", "R", "timed repetitions of each size, instead of --seconds"),
                OptionSyntax("--transport", "T", "auto, shm, ipc or tcp (default auto: shared memory within a host)"),
                OptionSyntax(
                    "--algorithm", "A",
                    "of all-reduce: auto, ring, recursive-doubling, tree, hierarchical or shared-memory (default auto)"),
                OptionSyntax(
                    "--compress", "C",
                    "of all-reduce: none, order-free, float16, bfloat16, int8, topk:F or powersgd:R (default none)"),
                OptionSyntax("--measure-links", nil, "measure the links between hosts first; order the ring by them"),
                OptionSyntax("--memory", "M", "shared (as gradient buckets are) or own (default shared)"),
                OptionSyntax("--listen", "E", "wait at tcp://ADDRESS:* for workers that join from any host"),
                OptionSyntax("--plain-data", nil, "do not encrypt what they exchange, on a network that you trust"),
                OptionSyntax("--ticket", "FILE", "where to put the ticket they join with"),
                OptionSyntax("--json", nil, "print a JSON array"),
            ])
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        var options = CollectiveBench.Options()
        options.collective = collective
        options.bytes = try (arguments.text("--bytes") ?? "4KiB,64KiB,1MiB,16MiB").split(separator: ",")
            .map(ByteSize.parse)
        options.workers = try arguments.number("--workers", in: 1...1024, default: 2)
        if arguments.text("--repetitions") != nil {
            options.effort = .repetitions(try arguments.number("--repetitions", in: 1...100_000, default: 20))
        } else {
            options.effort = .seconds(try arguments.seconds("--seconds", in: 0.001...3600, default: 1))
        }
        options.transport = try arguments.choice("--transport", default: .auto)
        options.algorithm = try arguments.choice("--algorithm", default: .auto)
        options.sum = try sum(arguments.text("--compress") ?? "none")
        guard collective == .allReduce || (options.sum == .plain && options.algorithm == .auto) else {
            throw Failure(.usage, "--algorithm and --compress are for bench allreduce")
        }
        options.measuresLinks = arguments.flag("--measure-links")
        options.memory = try arguments.choice("--memory", default: .shared)
        options.listen = arguments.text("--listen")
        options.encryptsData = !arguments.flag("--plain-data")
        options.ticketPath = arguments.text("--ticket")
        print(try CollectiveBench.run(options), asJSON: arguments.flag("--json"))
        return 0
    }

    private static func sum(_ text: String) throws -> CollectiveBench.Sum {
        switch text {
        case "none": return .plain
        case "order-free": return .orderFree
        default:
            do {
                return .compressed(try GradientCompression(parsing: text))
            } catch {
                throw Failure(.usage, "--compress: \(error)")
            }
        }
    }

    private static func print(_ rows: [CollectiveBench.Row], asJSON: Bool) {
        if asJSON {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            let text = (try? encoder.encode(rows)).map { String(decoding: $0, as: UTF8.self) }
            return Swift.print(text ?? "[]")
        }
        Swift.print("     bytes  workers  hosts  repetitions     min ms  median ms")
        for row in rows {
            Swift.print(
                String(
                    format: "%10d %8d %6d %12d %10.4f %10.4f", row.bytes, row.workers, row.hosts, row.repetitions,
                    row.minimumMilliseconds, row.medianMilliseconds))
        }
    }
}

/// Sizes as they are written on a command line.
enum ByteSize {
    /// `4KiB`, `1MiB`, `2GiB` or a plain number of bytes, which must be whole float32 elements.
    static func parse(_ word: Substring) throws -> Int {
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
