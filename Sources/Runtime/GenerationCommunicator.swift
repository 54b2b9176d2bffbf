import Collectives
import SharedMemoryTransport
import ZeroMQTransport

/// Makes a generation's communicator: finds out which ranks share memory.
enum GenerationCommunicator {
    /// - Throws: `CollectiveError`, and `Failure` where shared memory is required and not to be had.
    static func form(
        over link: NetworkLink, arena: SharedArena?, settings: CollectiveSettings, abort: AbortSignal
    ) throws -> Communicator {
        let network = Communicator(link: link)
        guard link.size > 1 else { return network }
        let formation = try HostFormation.form(over: network, arena: arena) { abort.reason }
        let communicator = Communicator(link: link, hosts: formation.hosts, group: formation.group)
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
