import Collectives
import SharedMemoryTransport

extension InMemoryNetwork {
    /// Runs `body` with a communicator for each rank, each on a thread of its own.
    ///
    /// - Parameters:
    ///   - hosts: by rank: its host; ranks of one host share memory, as processes would. Nil shares nothing.
    ///   - limits: of the communicators that `body` gets.
    /// - Returns: what each rank returned or threw.
    public func run<Value: Sendable>(
        hosts: [Int]?, limits: CollectiveLimits = CollectiveLimits(),
        _ body: @escaping @Sendable (Communicator, SharedArena?) throws -> Value
    ) -> [Result<Value, any Error>] {
        run { link in
            guard let hosts else { return try body(Communicator(link: link, limits: limits), nil) }
            let arena = try SharedArena(capacity: 64 << 20)
            let formation = try HostFormation.form(
                over: Communicator(link: link), arena: arena, label: UInt64(hosts[link.rank])
            ) { self.abortReason }
            // Kept by this rank only; the others have mapped it.
            defer { withExtendedLifetime(formation) { formation.group?.cancel() } }
            return try body(
                Communicator(link: link, limits: limits, hosts: formation.hosts, group: formation.group), arena)
        }
    }
}
