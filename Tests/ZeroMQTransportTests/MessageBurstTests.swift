import Testing
import ZeroMQTransport

/// When waits count as a burst. Times are given, so that nothing depends on the machine's.
struct MessageBurstTests {
    /// Waits as a link tells of them, on a clock of its own.
    private struct Waits {
        var burst = MessageBurst()
        private var now = ContinuousClock.now

        mutating func wait(after pause: Duration = .microseconds(20), lasting duration: Duration = .microseconds(50)) {
            now += pause
            burst.waitBegins(at: now)
            now += duration
            burst.waitEnds(at: now)
        }

        mutating func waitOften(_ count: Int = MessageBurst.beginning) {
            for _ in 0..<count { wait() }
        }
    }

    private static let long = MessageBurst.limit + .microseconds(1)

    @Test func isOnceEnoughShortWaitsCameCloseTogether() {
        var waits = Waits()
        waits.waitOften(MessageBurst.beginning - 1)
        #expect(!waits.burst.isOn)
        waits.wait()
        #expect(waits.burst.isOn)
    }

    @Test(arguments: [1, 2, 4, 7])
    func isNeverMadeBySumsBetweenKernels(sumsAKernel: Int) {
        var waits = Waits()
        for _ in 0..<1000 {
            waits.wait(after: Self.long)
            for _ in 1..<sumsAKernel { waits.wait() }
            #expect(!waits.burst.isOn)
        }
    }

    @Test func isNeverMadeByWaitsForSomebodyWhoComputes() {
        var waits = Waits()
        for _ in 0..<1000 {
            waits.wait(lasting: Self.long)
            #expect(!waits.burst.isOn)
        }
    }

    @Test func outlivesAMomentInWhichTheMachineDoesSomethingElse() {
        var waits = Waits()
        waits.waitOften(100)
        for _ in 0..<100 {
            waits.wait(lasting: .milliseconds(20))
            #expect(waits.burst.isOn)
            waits.waitOften(8)
        }
    }

    @Test(arguments: [false, true])
    func endsWithAFewThatDoNotFit(theyLast: Bool) {
        var waits = Waits()
        waits.waitOften(100)
        var needed = 0
        while waits.burst.isOn, needed < 100 {
            if theyLast { waits.wait(lasting: Self.long) } else { waits.wait(after: Self.long) }
            needed += 1
        }
        #expect((2...6).contains(needed))
        // A wait that came late may itself be the first one of the next.
        waits.waitOften(MessageBurst.beginning - 2)
        #expect(!waits.burst.isOn, "it has to begin anew")
    }

    @Test func endsAtOnceWithALongMessage() {
        var waits = Waits()
        waits.waitOften()
        waits.burst.end()
        #expect(!waits.burst.isOn)
        waits.waitOften(MessageBurst.beginning - 1)
        #expect(!waits.burst.isOn)
    }
}
