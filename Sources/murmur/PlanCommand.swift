import Configuration
import Foundation
import Runtime
import Training

enum PlanCommand: Command {
    static let syntax = CommandSyntax(
        "plan", "Tell memory and time of a run before it is begun, from a few small steps.",
        positionals: ["CONFIG.yaml"], settings: "overrides a key of the configuration, such as global_batch=4096",
        options: [
            OptionSyntax("--workers", "N", "workers of the run (default 1)"),
            OptionSyntax("--hosts", "H", "hosts like this one that they are dealt to (default 1)"),
            OptionSyntax("--line", "RATE", "between hosts, such as 1Gbit or 100Mbit (default: no limit)"),
            OptionSyntax("--memory", "SIZE", "what a worker may take (default: its part of what is free here)"),
            OptionSyntax("--json", nil, "print a JSON object"),
        ],
        discussion: """
            Takes steps of one slice and of two or four a worker, with as many workers as one host has, or as have a
            core. Memory is that of the largest worker. Exit code 2 where it does not fit, with what would.
            """)

    static func run(_ arguments: Arguments) throws -> Int32 {
        let launch = try ForecastLaunch(
            configurationPath: arguments.positionals[0], overrides: arguments.settings,
            workers: arguments.number("--workers", in: 1...1024, default: 1),
            hosts: arguments.number("--hosts", in: 1...1024, default: 1), lineRate: lineRate(arguments.text("--line")))
        let limit = try arguments.text("--memory").map(size)?.bytes ?? launch.freeMemoryPerWorker ?? .max
        let fits = launch.forecast.bytes <= Double(limit)
        let advice = fits ? [] : launch.advice(limit: limit)
        print(arguments.flag("--json") ? try json(launch, limit, advice) : text(launch, limit, advice))
        return fits ? 0 : Runtime.ExitCode.usage.rawValue
    }

    private static func size(_ text: String) throws -> MemorySize {
        guard let size = MemorySize(parsing: text) else {
            throw Failure(.usage, "--memory takes a size such as 2GiB or 800MB, not '\(text)'")
        }
        return size
    }

    /// Bytes a second.
    private static func lineRate(_ text: String?) throws -> Double? {
        guard let text else { return nil }
        let units = [("Gbit", 1e9), ("Mbit", 1e6), ("kbit", 1e3)]
        guard let (unit, factor) = units.first(where: { text.hasSuffix($0.0) }),
            let number = Double(text.dropLast(unit.count)), number > 0, number.isFinite
        else {
            throw Failure(.usage, "--line takes a rate such as 1Gbit or 100Mbit, not '\(text)'")
        }
        return number * factor / 8
    }

    private static func text(_ launch: ForecastLaunch, _ limit: Int, _ advice: [String]) -> String {
        let (forecast, plan) = (launch.forecast, launch.plan)
        let images = Double(plan.globalBatch) / forecast.seconds
        var lines = [
            "\(launch.cluster.workers) workers on \(launch.cluster.hosts) hosts of \(launch.cluster.cores) cores, global batch "
                + "\(plan.globalBatch), \(forecast.slices) slices of \(plan.sliceSize) a worker", "",
            "memory of a worker, MiB",
        ]
        let parts = forecast.memory + [.init(name: "together", amount: forecast.bytes)]
        lines += parts.map { String(format: "  %-42@ %8.0f", $0.name as NSString, $0.amount / 0x1p20) }
        lines += ["", "time of a step, seconds"]
        let times = forecast.time + [.init(name: "together", amount: forecast.seconds)]
        lines += times.map { String(format: "  %-42@ %8.3f", $0.name as NSString, $0.amount) }
        lines += [
            "",
            String(
                format: "%.1f images/s; %d steps in %@", images, plan.totalSteps,
                duration(forecast.seconds * Double(plan.totalSteps)) as NSString),
        ]
        if forecast.bytes > Double(limit) {
            let size = MemorySize(bytes: max(1, limit)).rounded
            lines.append("does not fit in \(size) a worker")
            lines += advice.map { "  fits with \($0)" }
            if advice.isEmpty {
                lines.append("  nor with any one change that plan knows of; take a smaller encoder or batch")
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func duration(_ seconds: Double) -> String {
        seconds < 120
            ? String(format: "%.0f s", seconds)
            : seconds < 7200 ? String(format: "%.0f min", seconds / 60) : String(format: "%.1f h", seconds / 3600)
    }

    private struct Output: Encodable {
        let memoryBytes: Double
        let memory: [String: Double]
        let stepSeconds: Double
        let time: [String: Double]
        let imagesPerSecond: Double
        let steps: Int
        let slices: Int
        let keptGraphs: Int
        let fits: Bool
        let advice: [String]
    }

    private static func json(_ launch: ForecastLaunch, _ limit: Int, _ advice: [String]) throws -> String {
        func table(_ parts: [RunForecast.Part]) -> [String: Double] {
            Dictionary(uniqueKeysWithValues: parts.map { ($0.name, $0.amount) })
        }
        let forecast = launch.forecast
        let output = Output(
            memoryBytes: forecast.bytes, memory: table(forecast.memory), stepSeconds: forecast.seconds,
            time: table(forecast.time), imagesPerSecond: Double(launch.plan.globalBatch) / forecast.seconds,
            steps: launch.plan.totalSteps, slices: forecast.slices, keptGraphs: forecast.keptGraphs,
            fits: forecast.bytes <= Double(limit), advice: advice)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(output), as: UTF8.self)
    }
}
