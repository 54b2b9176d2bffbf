import ZeroMQTransport

/// `murmur worker`: from the words of the command line to the worker's exit code.
public enum WorkerLaunch {
    /// - Parameters:
    ///   - ticket: the ticket's line, or the path of a file that holds it.
    ///   - bindHost: the address for the ring; nil chooses the one that reaches the coordinator.
    ///   - keyPath: a key file of this worker's own.
    ///   - ioThreads: how many threads carry what goes over the network, 1 or more.
    public static func run(ticket text: String, bindHost: String?, keyPath: String?, ioThreads: Int) throws -> Int32 {
        let ticket = try Ticket(textOrFile: text)
        let keys = try keyPath.map { try CurveKeyPair(file: $0) }
        BatchScheduling.begin()
        let worker = try WorkerProcess(
            .init(ticket: ticket, bindHost: bindHost, keys: keys, ioThreads: ioThreads))
        return try worker.run()
    }
}

/// `murmur keygen`.
public enum KeyFile {
    /// Writes a new key pair.
    ///
    /// - Returns: the public key, to be put on a coordinator's list.
    public static func generate(path: String) throws -> String {
        let keys = try CurveKeyPair.generate()
        try keys.write(toFile: path)
        return keys.publicKey.z85
    }
}
