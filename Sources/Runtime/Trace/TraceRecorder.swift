import Collectives
import Foundation
import Synchronization

/// Records the phases and collectives of this process, one generation after the other, for a trace of all ranks.
///
/// Each communicator records into the lane it is attached to. Recording is safe from each lane's own thread; what was
/// recorded may be taken from any.
package final class TraceRecorder: Sendable {
    /// Who this process is in the generation under way, and how its clock stands to the trace's.
    struct Membership {
        let generation: UInt64
        let rank: Int
        let size: Int
        let clock: TraceClock
        /// The number of hosts that the ranks are on, as far as sharing memory goes.
        let hosts: Int
    }

    /// Events of a rank and generation, about 40 bytes each.
    package static let defaultLimit = 1_000_000

    let file: TraceFile
    private let room: TraceRoom
    private let training: TraceLane
    private let lanes: Mutex<[TraceLane]>
    private let now: @Sendable () -> Int64
    private let membership = Mutex<Membership?>(nil)
    /// Of the last generation; the trace's clock goes on from it.
    private let lastClock = Mutex<TraceClock?>(nil)

    /// - Parameters:
    ///   - limit: of the events that are recorded in a generation; further ones are only counted.
    ///   - now: a clock that never goes back (ns).
    package init(
        file: TraceFile, limit: Int = TraceRecorder.defaultLimit,
        now: @escaping @Sendable () -> Int64 = { MonotonicClock.nanoseconds }
    ) {
        self.file = file
        self.now = now
        room = TraceRoom(limit: limit)
        training = TraceLane("training", room: room, now: now)
        lanes = Mutex([training])
    }

    /// Lets `communicator` record its collectives into the lane of this name: that of the thread which owns it.
    package func attach(_ communicator: Communicator, to name: String = "training") {
        communicator.observer = lane(name)
    }

    private func lane(_ name: String) -> TraceLane {
        lanes.withLock { lanes in
            if let lane = lanes.first(where: { $0.name == name }) { return lane }
            let lane = TraceLane(name, room: room, now: now)
            lanes.append(lane)
            return lane
        }
    }

    /// The training thread enters a phase.
    package func entered(_ phase: String, step: Int) {
        room.step = step
        training.entered(phase, step: step)
    }

    /// Begins a generation: brings the ranks' clocks together. All ranks call it.
    package func beginGeneration(_ number: UInt64, over communicator: Communicator) throws {
        let clocks = try TraceClock.agree(over: communicator, known: lastClock.withLock { $0 }, now: now)
        let own = clocks[communicator.rank]
        lastClock.withLock { $0 = own }
        for lane in lanes.withLock({ $0 }) { _ = lane.take() }
        room.reset()
        membership.withLock {
            $0 = Membership(
                generation: number, rank: communicator.rank, size: communicator.size, clock: own,
                hosts: communicator.topology.hostCount)
        }
    }

    /// Ends a generation: rank 0 writes all ranks' events. All ranks call it, with no collective under way.
    ///
    /// - Returns: on rank 0: what to tell the user, where events were dropped.
    package func endGeneration(over communicator: Communicator) throws -> String? {
        communicator.observer = nil
        guard let membership = membership.withLock({ $0 }) else { return nil }
        let dropped = try communicator.gathered(Int64(room.dropped))
        guard let texts = try communicator.gatheredAtRankZero(text(of: membership)) else {
            self.membership.withLock { $0 = nil }
            return nil
        }
        // Whoever takes the membership writes; the control thread may have done so, where the process is to end.
        guard self.membership.withLock({ $0.take() }) != nil else { return nil }
        try file.append(texts)
        let total = dropped.reduce(0, +)
        guard total > 0 else { return nil }
        return "the trace lacks \(total) events: a rank records \(room.limit) a generation"
    }

    /// Writes what this process has of a generation that will not end in order, if it is that one's rank 0.
    ///
    /// May be called from another thread than those that record.
    package func writeUnfinished() throws {
        guard let membership = membership.withLock({ $0.take() }), membership.rank == 0 else { return }
        try file.append([text(of: membership)])
    }

    private func text(of membership: Membership) -> [UInt8] {
        let records = lanes.withLock { $0 }.map { $0.take() }
        return TraceText.render(records, of: membership, dropped: room.dropped, limit: room.limit)
    }
}
