import Collectives
import Glibc

/// Which ranks of a generation are on one host, and the memory that this rank shares with those on its own.
public struct HostFormation {
    /// By rank: its host, numbered in the order in which ranks come.
    public let hosts: [Int]
    /// Nil where this rank is alone on its host, or memory cannot be shared there.
    public let group: SharedHostGroup?
    /// Whether a machine has more ranks than cores, whether or not they share its memory.
    public let sharesCores: Bool

    /// What every rank tells of itself.
    private struct Record: BitwiseCopyable {
        var sharesMemory: UInt64
        /// Tells simulated hosts of one machine apart.
        var label: UInt64
        var identity: HostIdentity
        /// Of its machine.
        var cores: Int64
        var control: SharedMemoryAddress
        var arena: SharedMemoryAddress
    }

    /// Finds out who is on this host, from what the ranks tell each other, and maps their memory.
    ///
    /// All ranks call it. A host on which any member cannot map another's memory counts as one host for each of its
    /// ranks, on all ranks alike.
    ///
    /// - Parameters:
    ///   - communicator: of the whole generation, over its network.
    ///   - arena: this rank's; nil shares nothing.
    ///   - label: ranks with different labels count as being on different hosts.
    ///   - abortReason: asked while waiting: why to give up, if so.
    public static func form(
        over communicator: Communicator, arena: SharedArena?, label: UInt64 = 0,
        abortReason: @escaping () -> String?
    ) throws -> HostFormation {
        let control = try arena.map { _ in try SharedMapping(bytes: SharedHostGroup.controlBytes) }
        let nowhere = SharedMemoryAddress(pid: 0, descriptor: -1, inode: 0, byteCount: 0)
        let record = Record(
            sharesMemory: arena == nil ? 0 : 1, label: label, identity: .own(),
            cores: Int64(HostIdentity.cores),
            control: try control?.address() ?? nowhere, arena: try arena?.mapping.address() ?? nowhere)
        let records = try communicator.gathered(record)

        let wanted = hostNumbers(records)
        let rank = communicator.rank
        let members = wanted.indices.filter { wanted[$0] == wanted[rank] }
        var group: SharedHostGroup?
        if members.count > 1, let arena, let control {
            group = try? SharedHostGroup(
                rank: rank, ranks: members, control: control, arena: arena,
                peers: members.map { (records[$0].control, records[$0].arena) },
                isCrowded: isCrowded(records[rank], records), abortReason: abortReason)
        }
        // Nobody uses what not everybody on the host has.
        let works = try communicator.gathered(UInt64(members.count == 1 || group != nil ? 1 : 0))
        let broken = Set(wanted.indices.filter { works[$0] == 0 }.map { wanted[$0] })
        let hosts = number(wanted.indices.map { broken.contains(wanted[$0]) ? ($0, -1) : (wanted[$0], 0) })
        return HostFormation(
            hosts: hosts, group: broken.contains(wanted[rank]) ? nil : group,
            sharesCores: records.contains { isCrowded($0, records) })
    }

    /// Whether a rank's machine has more ranks than cores.
    private static func isCrowded(_ record: Record, _ records: [Record]) -> Bool {
        record.cores < records.count { $0.identity.isOnMachine(of: record.identity) }
    }

    private static func hostNumbers(_ records: [Record]) -> [Int] {
        number(
            records.enumerated().map { rank, record in
                guard record.sharesMemory == 1 else { return (rank, -1) }
                let first = records.firstIndex {
                    $0.sharesMemory == 1 && $0.identity == record.identity && $0.label == record.label
                }
                return (first ?? rank, 0)
            })
    }

    /// Numbers equal keys alike, in order of first appearance.
    private static func number(_ keys: [(Int, Int)]) -> [Int] {
        var seen: [(Int, Int)] = []
        return keys.map { key in
            if let index = seen.firstIndex(where: { $0 == key }) { return index }
            seen.append(key)
            return seen.count - 1
        }
    }
}
