import ClusterTestKit
import Collectives
import SharedMemoryTransport
import Torch
import Training

/// The two ways of a generation whose ranks are threads of this process.
struct Lanes: Sendable {
    let main: InMemoryNetwork
    let gradients: InMemoryNetwork

    init(size: Int, mainEndsAfter: Int? = nil, gradientsEndAfter: Int? = nil) {
        main = InMemoryNetwork(size: size, abortAfterMessages: mainEndsAfter)
        gradients = InMemoryNetwork(size: size, abortAfterMessages: gradientsEndAfter)
    }

    /// Ends both ways of all ranks; whether nothing had ended either before.
    func abort(_ reason: String) -> Bool {
        let isFirst = main.abortReason == nil && gradients.abortReason == nil
        main.abort(reason)
        gradients.abort(reason)
        return isFirst
    }

    /// Runs `body` on a thread for each rank, with an exchange on a further one.
    ///
    /// - Parameters:
    ///   - hosts: by rank: its host; ranks of one host share memory. Nil shares nothing.
    ///   - open: called on the communication thread before it makes its communicator.
    /// - Returns: what each rank returned or threw.
    func run<Value: Sendable>(
        hosts: [Int]? = nil, limits: CollectiveLimits = CollectiveLimits(),
        open: @escaping @Sendable (_ rank: Int) throws -> Void = { _ in },
        _ body: @escaping @Sendable (Communicator, OverlappedExchange, SharedArena?) throws -> Value
    ) -> [Result<Value, any Error>] {
        main.run(hosts: hosts, limits: limits) { communicator, arena in
            try TorchRuntime.setThreads(1)
            let rank = communicator.rank
            return try OverlappedExchange.run(
                abort: { abort($0) },
                open: {
                    try open(rank)
                    let link = gradients.link(rank: rank)
                    guard let hosts, let arena else {
                        return OverlappedExchange.Lane(Communicator(link: link, limits: limits)) { link.close() }
                    }
                    let formation = try HostFormation.form(
                        over: Communicator(link: link), arena: arena, label: UInt64(hosts[rank])
                    ) { gradients.abortReason }
                    return OverlappedExchange.Lane(
                        Communicator(link: link, limits: limits, hosts: formation.hosts, group: formation.group)
                    ) { link.close() }
                },
                { try body(communicator, $0, arena) })
        }
    }
}

extension TestRun {
    /// `results(on:)` with overlap: gradients travel while backward runs.
    func overlappedResults(
        on ranks: Int, hosts: [Int]? = nil, lanes: Lanes? = nil
    ) -> [Result<RankReport, any Error>] {
        (lanes ?? Lanes(size: ranks)).run(hosts: hosts, limits: limits) { communicator, exchange, arena in
            try generation(
                trainer(rank: communicator.rank, bucketMemory: arena.map(bucketMemory)), communicator,
                exchange: exchange)
        }
    }

    private func bucketMemory(_ arena: SharedArena) -> BucketAllocator {
        { bytes in
            let block = try arena.allocate(bytes: bytes)
            return BucketMemory(start: block.memory.baseAddress!, owner: block)
        }
    }
}

/// An exchange on the training thread that notes when buckets come, and sums them at the end.
final class NotingExchange: GradientExchange {
    let overlaps = true
    private let direct: DirectExchange
    private let submitted: (Int) -> Void
    private var sums: [(memory: UnsafeMutableBufferPointer<Double>, copy: [UInt64])] = []

    /// - Parameter submitted: told how many sums each bucket has.
    init(_ communicator: Communicator, submitted: @escaping (Int) -> Void) {
        direct = DirectExchange(communicator)
        self.submitted = submitted
    }

    struct Changed: Error {}

    func submit(_ bucket: DepartingBucket) throws {
        guard case .exact(let memory, _) = bucket else { return direct.submit(bucket) }
        sums.append((memory, memory.map(\.bitPattern)))
        direct.submit(bucket)
        submitted(memory.count)
    }

    func finish(_ summed: (Int) throws -> Void) throws -> ExchangeTimes? {
        for bucket in sums where bucket.memory.map(\.bitPattern) != bucket.copy { throw Changed() }
        sums = []
        return try direct.finish(summed)
    }
}
