import Collectives
import SharedMemoryTransport
import ZeroMQTransport

/// Makes a generation's communicator: finds out which ranks share memory.
enum GenerationCommunicator {
    /// Where a generation's ranks are and what was chosen for them.
    struct Arrangement: Sendable {
        let hosts: [Int]
        let limits: CollectiveLimits
        let hostOrder: [Int]

        init(of communicator: Communicator) {
            hosts = communicator.topology.hosts
            limits = communicator.limits
            hostOrder = communicator.hostOrder
        }
    }

    /// - Parameters:
    ///   - known: what was found for the same ranks before; links are then not measured again.
    ///   - note: told, on rank 0, what was measured and chosen, in one line.
    /// - Throws: `CollectiveError`, and `Failure` where shared memory is required and not to be had.
    static func form(
        over link: NetworkLink, arena: SharedArena?, settings: CollectiveSettings, abort: AbortSignal,
        like known: Arrangement? = nil, note: (String) -> Void = { _ in }
    ) throws -> Communicator {
        let network = Communicator(link: link)
        guard link.size > 1 else { return network }
        let formation = try HostFormation.form(over: network, arena: arena) { abort.reason }
        var limits = CollectiveLimits(small: formation.sharesCores ? .tree : .recursiveDoubling)
        var hostOrder: [Int]?
        if let known, known.hosts == formation.hosts {
            limits = known.limits
            hostOrder = known.hostOrder
        } else if settings.measuresLinks, Topology(hosts: formation.hosts).hostCount > 1 {
            let measured = try Calibration.measure(over: network, topology: formation.hosts) {
                UInt64(MonotonicClock.nanoseconds)
            }
            let order = measured.ringOrdering().hosts
            let plan = try CollectivePlan(model: measured.model(ring: order), sharesCores: formation.sharesCores)
            limits = plan.limits
            hostOrder = order
            if link.rank == 0 {
                let hosts = order.map { "\($0)" }.joined(separator: " ")
                note("\(plan.description); ring of hosts \(hosts)")
            }
        }
        let communicator = Communicator(
            link: link, limits: limits, hosts: formation.hosts, group: formation.group, hostOrder: hostOrder,
            algorithm: settings.algorithm)
        if settings.sharing == .required, !communicator.topology.isOneHost {
            throw Failure(
                .network,
                "shared memory was asked for, but the \(link.size) workers cannot all share it: "
                    + "they form \(communicator.topology.hostCount) groups; use --transport auto")
        }
        return communicator
    }
}
