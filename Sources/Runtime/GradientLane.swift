import Collectives
import Coordination
import SharedMemoryTransport
import Training
import ZeroMQTransport

/// A generation's second way between the ranks, on which gradients are summed while the training thread computes.
///
/// It has a data port, links and a shared-memory group of its own, since a communicator belongs to one thread. The
/// coordinator knows nothing of it: the ranks tell each other where their ports are over the first communicator.
///
/// `@unchecked Sendable`: `port` belongs to the exchange's thread while `run` lasts, else to the training thread.
struct GradientLane: @unchecked Sendable {
    let port: DataPort
    let formed: FormedGeneration
    let runID: UInt64
    let arena: SharedArena?
    let settings: CollectiveSettings
    /// Of the generation: it ends both ways.
    let abort: AbortSignal
    /// Of the run's trace; nil where none is written.
    let recorder: TraceRecorder?

    /// Runs `body` with an exchange over this lane; all ranks call it.
    ///
    /// - Parameter communicator: the training thread's; its link is cancelled if the lane fails.
    /// - Throws: what `body` throws, or what ended the lane.
    func run<Value>(
        beside communicator: Communicator, _ body: (any GradientExchange) throws -> Value
    ) throws -> Value {
        let endpoints = try LaneEndpoint.gather(port.endpoint, over: communicator)
        let peers = try zip(formed.members, endpoints).map { member, endpoint in
            PeerAddress(endpoint: endpoint, publicKey: try PeerAddress(member).publicKey)
        }
        let arrangement = GenerationCommunicator.Arrangement(of: communicator)
        do {
            return try OverlappedExchange.run(
                abort: { [abort] in abort.fire($0) }, open: { try open(peers, like: arrangement) }, { try body($0) })
        } catch let error as CollectiveError {
            // Not `close`: the others are not to think that this rank left in order.
            communicator.link.cancel()
            throw error
        }
    }

    private func open(_ peers: [PeerAddress], like known: GenerationCommunicator.Arrangement) throws
        -> OverlappedExchange.Lane
    {
        let link = try port.makeLink(
            rank: formed.rank, peers: peers, runID: runID, generation: formed.generation.rawValue, abort: abort)
        let communicator = try GenerationCommunicator.form(
            over: link, arena: arena, settings: settings, abort: abort, like: known)
        recorder?.attach(communicator, to: "buckets")
        return OverlappedExchange.Lane(communicator) { link.close() }
    }
}

/// How ranks tell each other the endpoints of their lanes.
enum LaneEndpoint {
    /// Room for the longest text, after its length; an endpoint is a numeric address, or a path of at most 108 bytes.
    private static let words = 64

    /// By rank: what it gave.
    ///
    /// - Throws: `CollectiveError`, also where a rank's bytes are no text.
    static func gather(_ own: String, over communicator: Communicator) throws -> [String] {
        let text = Array(own.utf8)
        guard text.count <= (words - 1) * 8 else {
            throw CollectiveError(.invalidArgument("the endpoint \(own) is longer than \((words - 1) * 8) bytes"))
        }
        var record = [Int64](repeating: 0, count: words)
        record[0] = Int64(text.count)
        record.withUnsafeMutableBytes { $0[8...].copyBytes(from: text) }
        var all = [Int64](repeating: 0, count: words * communicator.size)
        try record.withUnsafeBufferPointer { record in
            try all.withUnsafeMutableBufferPointer {
                try communicator.allGather(
                    record, counts: Array(repeating: words, count: communicator.size), into: $0)
            }
        }
        return try (0..<communicator.size).map { rank in
            let record = all[rank * words..<(rank + 1) * words]
            guard let count = record.first, (1...Int64((words - 1) * 8)).contains(count),
                let text = record.dropFirst().withUnsafeBytes({
                    String(validating: $0.prefix(Int(count)), as: UTF8.self)
                })
            else {
                throw CollectiveError(.transport("rank \(rank) sent no endpoint for its gradients"))
            }
            return text
        }
    }
}
