import ClusterTestKit
import Collectives
import Glibc
import SharedMemoryTransport
import Testing

/// What ranks find out about where they are.
@Suite struct HostFormationTests {
    private static let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))

    private struct Finding {
        let sharesCores: Bool
        /// Nil without a group.
        let isCrowded: Bool?
    }

    /// By rank: what it finds.
    private func form(ranks: Int, sharingMemory: Bool, label: @escaping @Sendable (Int) -> UInt64) throws
        -> [Finding]
    {
        let network = InMemoryNetwork(size: ranks)
        return try network.run { link in
            let arena = sharingMemory ? try SharedArena(capacity: 1 << 16) : nil
            let formation = try HostFormation.form(
                over: Communicator(link: link), arena: arena, label: label(link.rank)
            ) { network.abortReason }
            defer { withExtendedLifetime(arena) { formation.group?.cancel() } }
            return Finding(sharesCores: formation.sharesCores, isCrowded: formation.group?.isCrowded)
        }.map { try $0.get() }
    }

    @Test(arguments: [true, false])
    func moreRanksThanCoresShareThemWhetherOrNotTheyShareMemory(sharingMemory: Bool) throws {
        let crowded = try form(ranks: Self.cores + 1, sharingMemory: sharingMemory) { _ in 0 }
        #expect(crowded.allSatisfy { $0.sharesCores && $0.isCrowded == (sharingMemory ? true : nil) })
        let roomy = try form(ranks: Self.cores, sharingMemory: sharingMemory) { _ in 0 }
        #expect(!roomy.contains { $0.sharesCores || $0.isCrowded == true })
    }

    @Test func hostsThatAreOneMachineShareItsCores() throws {
        let crowded = try form(ranks: Self.cores + 1, sharingMemory: true) { UInt64($0) }
        #expect(crowded.allSatisfy { $0.sharesCores && $0.isCrowded == nil })
        // Each host alone would have a core for every rank.
        let pairs = try form(ranks: 2 * Self.cores, sharingMemory: true) { UInt64($0 / 2) }
        #expect(pairs.allSatisfy { $0.sharesCores && $0.isCrowded == true })
    }
}
