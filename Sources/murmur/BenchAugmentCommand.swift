import Foundation
import Runtime

enum BenchAugmentCommand: Command {
    static let syntax = CommandSyntax(
        "bench augment", "Time decoding and SimCLR's augmentation on one thread, two views an image.",
        options: [
            OptionSyntax("--data", "D", "a folder, tar, IDX or CIFAR directory of images"),
            OptionSyntax("--size", "S", "side of the views in pixels (default 32)"),
            OptionSyntax("--seconds", "T", "CPU seconds to measure (default 4)"),
        ])

    static func run(_ arguments: Arguments) throws -> Int32 {
        let rate = try AugmentationBench.imagesPerSecond(
            data: arguments.required("--data"), size: arguments.number("--size", in: 8...1024, default: 32),
            seconds: arguments.seconds("--seconds", in: 0.001...600, default: 4))
        print(String(format: "%.1f images/s (two views each) on one thread", rate))
        return 0
    }
}
