import Foundation
import Runtime
import Testing

/// What the system is told of a worker's threads. Each test has a thread of its own, as others must keep their policy.
@Suite(.enabled(if: mayChoosePolicies, "threads may not choose their policy here, or have one already"))
struct BatchSchedulingTests {
    /// `SCHED_IDLE` of Linux, which the Glibc module leaves out.
    private static let idle: Int32 = 5

    /// Runs on a new thread and waits for its end.
    private func onNewThread(_ body: @escaping @Sendable () -> Int32) -> Int32 {
        nonisolated(unsafe) var result: Int32 = -1
        let ended = DispatchSemaphore(value: 0)
        Thread {
            result = body()
            ended.signal()
        }.start()
        ended.wait()
        return result
    }

    @Test func reachesTheThreadsThatAreStartedThen() {
        let inherited = onNewThread {
            BatchScheduling.begin()
            return self.onNewThread { sched_getscheduler(0) }
        }
        #expect(inherited == BatchScheduling.policy)
        #expect(onNewThread { sched_getscheduler(0) } == SCHED_OTHER)
    }

    @Test func keepsAPolicyThatWasChosen() {
        let policy = onNewThread {
            var parameters = sched_param()
            guard sched_setscheduler(0, Self.idle, &parameters) == 0 else { return -1 }
            BatchScheduling.begin()
            return sched_getscheduler(0)
        }
        #expect(policy == Self.idle)
    }
}

/// Whether this thread has the usual policy and is allowed to say so.
private var mayChoosePolicies: Bool {
    var parameters = sched_param()
    return sched_getscheduler(0) == SCHED_OTHER && sched_setscheduler(0, SCHED_OTHER, &parameters) == 0
}
