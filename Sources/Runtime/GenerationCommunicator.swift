import Collectives
import Dispatch
import SharedMemoryTransport
import ZeroMQTransport

/// Makes a generation's communicator: finds out which ranks share memory.
enum GenerationCommunicator {
    /// - Parameter note: told, on rank 0, what was measured and chosen, in one line.
    /// - Throws: `CollectiveError`, and `Failure` where shared memory is required and not to be had.
    static func form(
        over link: NetworkLink, arena: SharedArena?, settings: CollectiveSettings, abort: AbortSignal,
        note: (String) -> Void = { _ in }
    ) throws -> Communicator {
        let network = Communicator(link: link)
        guard link.size > 1 else { return network }
        let formation = try HostFormation.form(over: network, arena: arena) { abort.reason }
        var limits = CollectiveLimits()
        var hostOrder: [Int]?
        if settings.measuresLinks, Topology(hosts: formation.hosts).hostCount > 1 {
            let measured = try Calibration.measure(over: network, topology: formation.hosts) {
                DispatchTime.now().uptimeNanoseconds
            }
            let order = measured.ringOrdering().hosts
            let plan = try CollectivePlan(model: measured.model(ring: order))
            limits = plan.limits
            hostOrder = order
            if link.rank == 0 {
                let hosts = order.map { "\($0)" }.joined(separator: " ")
                note("\(plan.description); ring of hosts \(hosts)")
            }
        }
        let communicator = Communicator(
            link: link, limits: limits, hosts: formation.hosts, group: formation.group, hostOrder: hostOrder)
        communicator.algorithm = settings.algorithm
        if settings.sharing == .required, !communicator.topology.isOneHost {
            throw Failure(
                .network,
                "shared memory was asked for, but the \(link.size) workers cannot all share it: "
                    + "they form \(communicator.topology.hostCount) groups; use --transport auto")
        }
        return communicator
    }
}
