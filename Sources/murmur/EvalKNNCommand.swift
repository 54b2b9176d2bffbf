import Foundation
import Runtime

enum EvalKNNCommand: Command {
    static let syntax = CommandSyntax(
        "eval knn", "Weighted kNN on frozen features, beside the untrained encoder and raw pixels.",
        options: [
            OptionSyntax("--checkpoint", "C", "a checkpoint, or a run's directory (its newest good checkpoint)"),
            OptionSyntax("--data", "D", "labelled images with a train and a test split"),
            OptionSyntax("--train", "D", "the bank, where the splits are separate files (instead of --data)"),
            OptionSyntax("--test", "D", "the queries, likewise"),
            OptionSyntax("--k", "K", "neighbours for the closing line (default 200); 10, 20, 100 are shown too"),
            OptionSyntax("--neighbours", "PNG", "also draw queries with their nearest neighbours"),
            OptionSyntax("--threads", "T", "threads (default: the machine's cores)"),
            OptionSyntax("--json", nil, "print the table as JSON"),
        ],
        discussion: "Cosine similarity, votes weighted by exp(s / 0.07) (Wu et al., CVPR 2018).")

    static func run(_ arguments: Arguments) throws -> Int32 {
        let bank = try arguments.text("--train") ?? arguments.required("--data")
        let queries = try arguments.text("--test") ?? arguments.required("--data")
        let report = try KNNEvaluation.run(
            checkpoint: arguments.required("--checkpoint"), bank: bank, queries: queries,
            k: arguments.number("--k", in: 1...100_000, default: 200), neighboursPath: arguments.text("--neighbours"),
            threads: arguments.threads())
        print(arguments.flag("--json") ? try report.json() : report.table)
        if !arguments.flag("--json") { print(report.closingLine) }
        return 0
    }
}

extension Arguments {
    /// The threads of a command that works in this process alone.
    func threads() throws -> Int {
        try number("--threads", in: 1...1024, default: ProcessInfo.processInfo.activeProcessorCount)
    }
}
