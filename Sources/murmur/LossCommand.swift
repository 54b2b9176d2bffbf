import Foundation
import Runtime

enum LossCommand: Command {
    static let syntax = CommandSyntax(
        "loss", "A method's loss and gradients on given embeddings, cut over worker processes.",
        positionals: ["METHOD"], settings: "the method's settings (simclr: temperature=0.2)",
        options: [
            OptionSyntax(
                "--in", "FILE", "safetensors with the method's inputs (simclr: z1, z2 [N, D], before normalisation)"),
            OptionSyntax("--workers", "W", "worker processes; N need not be divisible by W (default 1)"),
            OptionSyntax("--out", "FILE", "safetensors for the gradients of the global loss (grad_z1, grad_z2)"),
        ],
        discussion: "The last line printed is the loss with nine digits: 'loss 5.43210987'. Computed in float64.")

    static func run(_ arguments: Arguments) throws -> Int32 {
        let loss = try LossEvaluationLaunch.run(
            method: arguments.positionals[0], input: arguments.required("--in"), output: arguments.required("--out"),
            workers: arguments.number("--workers", in: 1...1024, default: 1), settings: arguments.settings)
        print("loss \(Self.nineDigits(loss))")
        return 0
    }

    /// Nine significant digits, trailing zeros kept.
    static func nineDigits(_ value: Double) -> String { String(format: "%#.9g", value) }
}
