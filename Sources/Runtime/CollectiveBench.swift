import Collectives
import Foundation

/// What `murmur bench` can time among the collectives.
public enum BenchedCollective: String, Codable, Sendable, CaseIterable {
    case allReduce = "allreduce"
    case allGather = "allgather"
    case reduceScatter = "reducescatter"
    case broadcast
    case allToAll = "alltoall"
    case barrier
}

/// `murmur bench allreduce` and its siblings: time and check a collective over real worker processes.
public enum CollectiveBench {
    /// One size's times.
    public struct Row: Codable, Sendable {
        public let collective: BenchedCollective
        /// Of the whole buffer.
        public let bytes: Int
        public let workers: Int
        public let hosts: Int
        public let repetitions: Int
        /// Of one all-reduce, as a share of float32's; 1 where nothing is compressed.
        public let sentShare: Double
        /// Over the repetitions, each of which is timed on every rank, between a barrier and the end of its call: the mean
        /// over the ranks counts.
        public let minimumMilliseconds: Double
        public let medianMilliseconds: Double

        enum CodingKeys: String, CodingKey {
            case collective, bytes, workers, hosts, repetitions
            case sentShare = "sent_share"
            case minimumMilliseconds = "min_ms"
            case medianMilliseconds = "median_ms"
        }
    }

    /// How often each size is timed.
    public enum Effort: Codable, Sendable {
        case repetitions(Int)
        /// As often as fits, three times at least.
        case seconds(Double)
    }

    /// Where the timed buffer lies.
    public enum Memory: String, Codable, Sendable, CaseIterable {
        /// In the memory that a host's ranks share, as gradient buckets do.
        case shared
        /// In the process' own.
        case own
    }

    /// How an all-reduce sums.
    public enum Sum: Codable, Sendable, Equatable {
        case plain
        /// The same bits in any order: block fixed point.
        case orderFree
        case compressed(GradientCompression)
    }

    /// What to time and how.
    public struct Options: Sendable {
        public var collective = BenchedCollective.allReduce
        public var bytes: [Int] = []
        public var effort = Effort.seconds(1)
        public var memory = Memory.shared
        public var workers = 2
        public var transport = Transport.auto
        public var algorithm = AllReduceAlgorithm.auto
        public var sum = Sum.plain
        /// Whether to measure the links between hosts first, and order the ring by them.
        public var measuresLinks = false
        /// Where to listen for workers that come by themselves from any host; nil starts them here.
        public var listen: String?
        /// Whether workers encrypt what they exchange, where the run leaves this host.
        public var encryptsData = true
        /// Where to put the ticket for them.
        public var ticketPath: String?

        public init() {}
    }

    /// How the workers reach each other.
    public enum Transport: String, Sendable, CaseIterable {
        /// Shared memory where ranks share a host, TCP elsewhere.
        case auto
        /// Shared memory; all workers are on this host.
        case shm
        /// Unix sockets.
        case ipc
        /// TCP, also within a host.
        case tcp

        var network: ClusterRun.Transport { self == .ipc ? .ipc : .tcp }

        var sharing: CollectiveSettings.Sharing {
            switch self {
            case .auto: .auto
            case .shm: .required
            case .ipc, .tcp: .never
            }
        }
    }

    public static func run(_ options: Options) throws -> [Row] {
        var settings = CollectiveSettings()
        settings.sharing = options.transport.sharing
        settings.algorithm = options.algorithm
        settings.measuresLinks = options.measuresLinks
        let job = JobSpecification(
            work: .collectiveBench(
                .init(
                    collective: options.collective, bytes: options.bytes, effort: options.effort,
                    memory: options.memory, sum: options.sum)),
            collectives: settings)
        let result = try LocalRun.serve(
            job, workers: options.workers, transport: options.transport.network, listen: options.listen,
            encryptsData: options.encryptsData, ticketPath: options.ticketPath)
        return try JSONDecoder().decode([Row].self, from: Data(result))
    }
}
