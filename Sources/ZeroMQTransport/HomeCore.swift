import CZeroMQ
import Foundation

/// The core on which a rank's threads meet during a burst of short messages, where a host has too few for all threads.
///
/// Left to itself the kernel places a thread that it wakes near the one that woke it, and does not move one that runs to
/// a core that is idle for some microseconds only: several ranks' threads wait for one core while another has nothing to
/// do. Kept apart for good, though, a thread that has something to do would wait for one that computes.
///
/// Belongs to the link's thread.
package final class HomeCore {
    /// Where a rank's is.
    package struct Place: Equatable {
        /// Of the host's cores.
        package let core: Int
        /// Whether no rank before it has the same one.
        package let isFirst: Bool

        /// Neighbours, which exchange most, have the same core.
        ///
        /// - Parameters:
        ///   - index: a rank's place among those of its host.
        ///   - ranks: how many these are.
        ///   - shift: another one for each host. Of hosts that one machine simulates often the first ranks alone use the
        ///     network; they are not all to meet on one core.
        package init(index: Int, ranks: Int, cores: Int, shift: Int) {
            let home = index * cores / ranks
            core = (home + shift) % cores
            isFirst = index == 0 || (index - 1) * cores / ranks != home
        }
    }

    /// Whether this rank is the one to stay awake here while it waits: one keeps the core from falling asleep, more take
    /// it from the threads that bring what they wait for.
    package let isFirst: Bool
    private let core: Int
    private let home: CoreSet
    private let everywhere: CoreSet
    private let context: MessagingContext
    private lazy var ioThreads = context.ioThreadIDs
    private var keepsIOThreads = false

    /// - Parameters:
    ///   - context: the one whose I/O threads bring the messages.
    ///   - index: this rank's place among the ranks of its host.
    ///   - ranks: how many these are.
    ///   - shift: another one for each host.
    /// - Returns: nil if this thread may not use all cores: somebody has distributed them already.
    package init?(of context: MessagingContext, index: Int, ranks: Int, shift: Int) {
        guard let everywhere = CoreSet(ofThread: 0) else { return nil }
        let cores = everywhere.cores
        guard cores.count == CoreSet.coresOfMachine else { return nil }
        let place = Place(index: index, ranks: ranks, cores: cores.count, shift: shift)
        self.context = context
        self.everywhere = everywhere
        core = cores[place.core]
        home = CoreSet(core: core)
        isFirst = place.isFirst
    }

    deinit {
        releaseIOThreads()
    }

    /// Lets the I/O threads run here alone. Idempotent.
    package func keepIOThreads() {
        guard !keepsIOThreads else { return }
        for thread in ioThreads { home.confine(thread: thread) }
        keepsIOThreads = true
    }

    /// Lets the I/O threads run anywhere again. Idempotent.
    package func releaseIOThreads() {
        guard keepsIOThreads else { return }
        for thread in ioThreads { everywhere.confine(thread: thread) }
        keepsIOThreads = false
    }

    /// Moves the calling thread here if it is elsewhere. It is not kept: the kernel seldom moves a thread that goes on
    /// being busy.
    package func bringCallingThread() {
        guard Self.ofCallingThread != core else { return }
        home.confine(thread: 0)
        everywhere.confine(thread: 0)
    }

    /// The core that it runs on; -1 where the system does not tell.
    package static var ofCallingThread: Int { Int(sched_getcpu()) }
}

extension MessagingContext {
    /// The system's ids of the I/O threads, which the first socket starts; none where the system does not tell.
    package var ioThreadIDs: [Int32] {
        let tasks = "/proc/self/task"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
        return names.compactMap { task in
            let name = try? String(contentsOfFile: "\(tasks)/\(task)/comm", encoding: .utf8)
            return name?.hasPrefix("\(threadPrefix)/ZMQbg/IO/") == true ? Int32(task) : nil
        }
    }
}
