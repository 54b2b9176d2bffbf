import Runtime

enum CoordinatorCommand: Command {
    static let syntax = CommandSyntax(
        "coordinator", "Coordinate a training run whose workers are started by hand or by a scheduler.",
        positionals: ["CONFIG.yaml"], settings: "overrides a key of the configuration",
        options: [
            OptionSyntax("--workers", "N", "workers to wait for before the first step (default 1)"),
            OptionSyntax("--out", "DIR", "the run's directory; on storage that at least one worker shares"),
            OptionSyntax("--listen", "ENDPOINT", "tcp://address:port, port may be * (default tcp://127.0.0.1:*)"),
            OptionSyntax("--allow", "FILE", "public keys of workers that come with keys of their own, one a line"),
            OptionSyntax("--resume", nil, "go on from the newest good checkpoint in DIR"),
            OptionSyntax("--trace", "FILE", "rank 0 writes when each rank does what, for ui.perfetto.dev"),
        ],
        discussion: """
            Prints a ticket and writes it to DIR/ticket (readable by you alone). Whoever holds it may join:
              murmur worker --join DIR/ticket
            Everything is encrypted as soon as ENDPOINT is not a loopback address; with cluster.encrypt_data=false,
            all but what workers exchange.
            """)

    static func run(_ arguments: Arguments) throws -> Int32 {
        let launch = try TrainingLaunch(
            configurationPath: arguments.positionals[0], overrides: arguments.settings,
            runDirectory: arguments.required("--out"), resumes: arguments.flag("--resume"),
            tracePath: arguments.text("--trace"))
        try launch.coordinate(
            workers: arguments.number("--workers", in: 1...1024, default: 1),
            endpoint: arguments.text("--listen") ?? "tcp://127.0.0.1:*", allowedKeysPath: arguments.text("--allow"))
        return 0
    }
}
