/// Which way an all-reduce goes.
public enum AllReduceAlgorithm: String, Sendable, Codable, CaseIterable {
    /// By where the ranks are and by size; with sizes from `CollectivePlan` where links were measured.
    case auto
    /// Over the network in a ring, also within a host.
    case ring
    /// Over the network by recursive doubling, whatever the size.
    case recursiveDoubling = "recursive-doubling"
    /// Inside the hosts, then between their leaders.
    case hierarchical
    /// Through shared memory; all ranks are on one host.
    case sharedMemory = "shared-memory"
    /// Up a binomial tree and down again.
    case tree

    /// Whether buffers may go straight from one rank's memory to another's.
    var usesSharedMemory: Bool { self == .auto || self == .sharedMemory }

    /// Reads a name as it stands in a configuration or on a command line.
    ///
    /// - Throws: `CollectiveError.Cause.invalidArgument`, one line that lists the names.
    public init(parsing name: String) throws {
        guard let algorithm = AllReduceAlgorithm(rawValue: name) else {
            // A long or broken name must not break the one line.
            let shown = String(name.prefix(40).map { $0.isNewline ? " " : $0 })
            let names = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw CollectiveError(
                .invalidArgument("there is no all-reduce algorithm \"\(shown)\"; choose one of \(names)"))
        }
        self = algorithm
    }

    /// For a person: `recursive doubling`.
    var words: String { String(rawValue.map { $0 == "-" ? " " : $0 }) }
}
