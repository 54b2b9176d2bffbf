import Foundation
import Runtime

enum BenchLossCommand: Command {
    static let syntax = CommandSyntax(
        "bench loss", "Time and weigh a loss over all pairs of images, forward and backward.",
        options: [
            OptionSyntax("--method", "M", "simclr, mocov3 or triplet (default simclr)"),
            OptionSyntax("--images", "N", "global batch (default 4096)"),
            OptionSyntax("--dimension", "D", "of the embeddings (default 128)"),
            OptionSyntax("--temperature", "T", "of the softmax (default 0.1)"),
            OptionSyntax("--workers", "W", "worker processes of one thread (default 1)"),
            OptionSyntax("--transport", "T", "auto, shm, ipc or tcp (default auto: shared memory within a host)"),
            OptionSyntax("--double", nil, "float64 instead of float32"),
            OptionSyntax("--repetitions", "R", "the fastest counts (default 1)"),
            OptionSyntax("--json", nil, "print a JSON object"),
        ],
        discussion: "Memory is what the worker with most holds above its embeddings, their gradients included.")

    static func run(_ arguments: Arguments) throws -> Int32 {
        var options = LossBench.Options()
        options.loss = try arguments.choice("--method", default: .simclr)
        options.images = try arguments.number("--images", in: 2...16_777_216, default: 4096)
        options.dimension = try arguments.number("--dimension", in: 1...65536, default: 128)
        let temperature = arguments.text("--temperature") ?? "0.1"
        guard let number = Double(temperature), number > 0, number.isFinite else {
            throw Failure(.usage, "--temperature takes a number above 0, not '\(temperature)'")
        }
        options.temperature = number
        options.workers = try arguments.number("--workers", in: 1...1024, default: 1)
        options.transport = try arguments.choice("--transport", default: .auto)
        options.isDouble = arguments.flag("--double")
        options.repetitions = try arguments.number("--repetitions", in: 1...1000, default: 1)
        let row = try LossBench.run(options)
        if arguments.flag("--json") {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            print(String(decoding: try encoder.encode(row), as: UTF8.self))
        } else {
            print("    images  dimension  workers  forward s  backward s  memory MiB  loss")
            print(
                String(
                    format: "%10d %10d %8d %10.3f %11.3f %11.1f  %.6f", row.images, row.dimension, row.workers,
                    row.forwardSeconds, row.backwardSeconds, Double(row.memoryBytes) / 0x1p20, row.value))
        }
        return 0
    }
}
