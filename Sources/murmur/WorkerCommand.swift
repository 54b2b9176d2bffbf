import Runtime

enum WorkerCommand: Command {
    static let syntax = CommandSyntax(
        "worker", "Join a run and compute for it until it ends.",
        options: [
            OptionSyntax("--join", "TICKET", "the coordinator's ticket: the line it printed, or the file it wrote"),
            OptionSyntax(
                "--bind", "ADDRESS",
                "this worker's address for the ring (default: the one that reaches the coordinator)"),
            OptionSyntax(
                "--key", "FILE", "a key pair of this worker's own (murmur keygen), on the coordinator's --allow list"),
            OptionSyntax(
                "--io-threads", "N", "threads that carry, and encrypt, what goes over the network (default 1)"),
        ],
        discussion: "SIGTERM lets the worker leave at the next step boundary; the others go on without it.")

    static func run(_ arguments: Arguments) throws -> Int32 {
        try WorkerLaunch.run(
            ticket: arguments.required("--join"), bindHost: arguments.text("--bind"), keyPath: arguments.text("--key"),
            ioThreads: arguments.number("--io-threads", in: 1...64, default: 1))
    }
}
