import Collectives
import Configuration

/// How the workers of a run talk to each other.
struct CollectiveSettings: Codable, Sendable {
    /// Whether ranks of one host go through shared memory.
    enum Sharing: String, Codable, Sendable {
        /// Where they can.
        case auto
        /// All ranks must be on one host that can.
        case required
        /// Everything goes over the network.
        case never
    }

    var sharing = Sharing.auto
    var algorithm = AllReduceAlgorithm.auto
    /// Whether a generation over several hosts begins by measuring its links, to order the ring and to choose sizes.
    var measuresLinks = false

    init() {}

    init(_ configuration: RunConfiguration) {
        switch configuration.cluster.transport {
        case .auto: sharing = .auto
        case .shm: sharing = .required
        case .tcp, .ipc: sharing = .never
        }
        measuresLinks =
            switch configuration.collectives.measureLinks {
            case .auto: sharing == .auto
            case .always: true
            case .never: false
            }
    }
}
