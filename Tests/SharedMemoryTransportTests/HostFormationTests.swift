import ClusterTestKit
import Collectives
import Glibc
import SharedMemoryTransport
import Testing

/// What ranks find out about where they are.
@Suite struct HostFormationTests {
    private static let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))

    /// By rank: whether ranks share cores.
    private func sharesCores(ranks: Int, sharingMemory: Bool, label: @escaping @Sendable (Int) -> UInt64) throws
        -> [Bool]
    {
        let network = InMemoryNetwork(size: ranks)
        return try network.run { link in
            let arena = sharingMemory ? try SharedArena(capacity: 1 << 16) : nil
            let formation = try HostFormation.form(
                over: Communicator(link: link), arena: arena, label: label(link.rank)
            ) { network.abortReason }
            defer { withExtendedLifetime(arena) { formation.group?.cancel() } }
            return formation.sharesCores
        }.map { try $0.get() }
    }

    @Test(arguments: [true, false])
    func moreRanksThanCoresShareThemWhetherOrNotTheyShareMemory(sharingMemory: Bool) throws {
        let crowded = try sharesCores(ranks: Self.cores + 1, sharingMemory: sharingMemory) { _ in 0 }
        #expect(crowded.allSatisfy { $0 })
        let roomy = try sharesCores(ranks: Self.cores, sharingMemory: sharingMemory) { _ in 0 }
        #expect(!roomy.contains(true))
    }

    @Test func hostsThatAreOneMachineShareItsCores() throws {
        let crowded = try sharesCores(ranks: Self.cores + 1, sharingMemory: true) { UInt64($0) }
        #expect(crowded.allSatisfy { $0 })
    }
}
