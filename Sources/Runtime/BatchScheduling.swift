import Foundation

/// How the system gives cores to a worker's threads.
package enum BatchScheduling {
    /// `SCHED_BATCH` of Linux, which the Glibc module leaves out.
    package static let policy: Int32 = 3

    /// From now on this thread, and those that it starts, do not interrupt others when they wake (`SCHED_BATCH`,
    /// sched(7)): one that is woken waits for its turn, or runs at once on a core that is free.
    ///
    /// Workers with no core to spare wake each other for every message. With the default policy each of these may take
    /// the core from a thread that has not yet sent on what others wait for, while the other core is given nothing to do.
    ///
    /// A policy that somebody chose for this process stays.
    package static func begin() {
        guard sched_getscheduler(0) == SCHED_OTHER else { return }
        var parameters = sched_param()
        // It takes no privilege; what a sandbox refuses costs time alone.
        _ = sched_setscheduler(0, policy, &parameters)
    }
}
