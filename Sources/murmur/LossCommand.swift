import Foundation
import Runtime

enum LossCommand: Command {
    static let syntax = CommandSyntax(
        "loss", "A method's loss and gradients on given embeddings, cut over worker processes.",
        positionals: ["METHOD"], settings: "the method's settings, listed below",
        options: [
            OptionSyntax("--in", "FILE", "safetensors with the method's tensors, listed below; others are left alone"),
            OptionSyntax("--workers", "W", "worker processes; N need not be divisible by W (default 1)"),
            OptionSyntax("--out", "FILE", "safetensors for the gradients of the global loss: grad_z1 of z1, and so on"),
            OptionSyntax(
                "--single", nil, "float32 instead of float64, as a run takes losses over pairs of large batches"),
        ],
        discussion: """
            \(LossEvaluationLaunch.help.joined(separator: "\n"))

            The last line printed is the loss with nine digits: 'loss 5.43210987'.
            """)

    static func run(_ arguments: Arguments) throws -> Int32 {
        let loss = try LossEvaluationLaunch.run(
            method: arguments.positionals[0], input: arguments.required("--in"), output: arguments.required("--out"),
            workers: arguments.number("--workers", in: 1...1024, default: 1), settings: arguments.settings,
            isSingle: arguments.flag("--single"))
        print("loss \(Self.nineDigits(loss))")
        return 0
    }

    /// Nine significant digits, trailing zeros kept.
    static func nineDigits(_ value: Double) -> String { String(format: "%#.9g", value) }
}
