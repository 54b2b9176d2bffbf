import Runtime

enum TrainCommand: Command {
    static let syntax = CommandSyntax(
        "train", "Train an encoder with a coordinator and workers on this machine.",
        positionals: ["CONFIG.yaml"], settings: "overrides a key of the configuration, such as encoder.width=0.5",
        options: [
            OptionSyntax("--workers", "N", "worker processes to start (default 1)"),
            OptionSyntax("--out", "DIR", "the run's directory: config.yaml, log.jsonl, checkpoints/, report.json"),
            OptionSyntax("--resume", nil, "go on from the newest good checkpoint in DIR, with any number of workers"),
            OptionSyntax("--trace", "FILE", "write when each rank does what, as a trace for ui.perfetto.dev"),
        ],
        discussion: """
            The same configuration gives the same loss curve with any number of workers. Ctrl-C stops at the next step,
            saves, and ends with exit code 130; a second Ctrl-C ends at once.
            """)

    static func run(_ arguments: Arguments) throws -> Int32 {
        let launch = try TrainingLaunch(
            configurationPath: arguments.positionals[0], overrides: arguments.settings,
            runDirectory: arguments.required("--out"), resumes: arguments.flag("--resume"),
            tracePath: arguments.text("--trace"))
        try launch.train(workers: arguments.number("--workers", in: 1...1024, default: 1))
        return 0
    }
}
