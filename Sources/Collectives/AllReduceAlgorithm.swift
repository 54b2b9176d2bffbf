/// Which way an all-reduce goes.
public enum AllReduceAlgorithm: String, Sendable, Codable, CaseIterable {
    /// By where the ranks are and by size.
    case auto
    /// Over the network in a ring, also within a host.
    case ring
    /// Over the network by recursive doubling, whatever the size.
    case recursiveDoubling = "recursive-doubling"
    /// Inside the hosts, then between their leaders.
    case hierarchical
    /// Through shared memory; all ranks are on one host.
    case sharedMemory = "shared-memory"

    /// Whether buffers may go straight from one rank's memory to another's.
    var usesSharedMemory: Bool { self == .auto || self == .sharedMemory }
}
