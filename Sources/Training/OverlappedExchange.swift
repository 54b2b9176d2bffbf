import Collectives
import Foundation

/// Sums gradient buckets on a thread of its own, over a communicator of its own, while the training thread goes on.
///
/// The thread lives as long as `run`, and sleeps while there is no bucket to sum. A failure there ends the training
/// thread's collectives too, and comes out of `submit`, `finish` and `run`; one on the training thread ends this one.
///
/// `@unchecked Sendable`: what both threads touch is behind `condition`'s lock.
public final class OverlappedExchange: GradientExchange, @unchecked Sendable {
    /// What the communication thread works with: made, used and closed on it.
    public struct Lane {
        let communicator: Communicator
        let close: () -> Void

        /// - Parameter close: ends the communicator's link in order.
        public init(_ communicator: Communicator, close: @escaping () -> Void) {
            self.communicator = communicator
            self.close = close
        }
    }

    private struct Failure {
        let error: any Error
        /// Whether it was the first thing to go wrong in this generation, as far as this rank knows.
        let isCause: Bool
    }

    public let overlaps = true
    private let abort: @Sendable (String) -> Bool
    /// Guards everything below.
    private let condition = NSCondition()
    /// Submitted in this step.
    private var buckets: [DepartingBucket] = []
    /// How many of them are summed.
    private var summed = 0
    private var communication = Duration.zero
    private var isOpen = false
    private var wantsEnd = false
    private var hasEnded = false
    /// Why the training thread has given up.
    private var surrender: String?
    private var failure: Failure?

    /// Runs a generation with an exchange, whose thread has ended when this returns or throws.
    ///
    /// - Parameters:
    ///   - abort: ends every wait of this rank's collectives, the lane's and the training thread's, and returns whether
    ///     nobody had done so before.
    ///   - open: makes the lane, on the communication thread, while `body` already runs.
    /// - Throws: what `body` throws, or what ended the lane if that came first.
    public static func run<Value>(
        abort: @escaping @Sendable (String) -> Bool, open: @escaping @Sendable () throws -> Lane,
        _ body: (OverlappedExchange) throws -> Value
    ) throws -> Value {
        let exchange = OverlappedExchange(abort: abort)
        let thread = Thread { exchange.serve(open) }
        thread.name = "gradients"
        thread.start()
        do {
            let value = try body(exchange)
            try exchange.end()
            return value
        } catch {
            exchange.giveUp(because: error)
            throw exchange.cause(of: error)
        }
    }

    private init(abort: @escaping @Sendable (String) -> Bool) {
        self.abort = abort
    }

    // MARK: The training thread's side

    public func submit(_ bucket: DepartingBucket) throws {
        try condition.withLock {
            if let failure { throw failure.error }
            buckets.append(bucket)
            condition.broadcast()
        }
    }

    public func finish(_ done: (Int) throws -> Void) throws -> ExchangeTimes? {
        var exposed = Duration.zero
        for index in 0..<condition.withLock({ buckets.count }) {
            exposed += try ContinuousClock().measure { try wait(for: index) }
            try done(index)
        }
        return condition.withLock {
            defer {
                buckets.removeAll(keepingCapacity: true)
                summed = 0
                communication = .zero
            }
            return ExchangeTimes(communication: communication.seconds, exposed: exposed.seconds)
        }
    }

    private func wait(for index: Int) throws {
        try condition.withLock {
            while summed <= index {
                if let failure { throw failure.error }
                condition.wait()
            }
        }
    }

    /// Ends the lane in order.
    private func end() throws {
        try condition.withLock {
            wantsEnd = true
            condition.broadcast()
            while !hasEnded { condition.wait() }
            if let failure { throw failure.error }
        }
    }

    /// Ends the lane whatever it does. In order only if it does nothing and the ranks can still talk: after an error that
    /// they share, nobody's lane is to look lost.
    private func giveUp(because error: any Error) {
        let reason = "training broke off: \(error)"
        let breaksOff = condition.withLock {
            wantsEnd = true
            let breaksOff = error is CollectiveError || !isOpen || summed < buckets.count
            if breaksOff { surrender = reason }
            condition.broadcast()
            return breaksOff
        }
        if breaksOff { _ = abort(reason) }
        condition.withLock { while !hasEnded { condition.wait() } }
    }

    /// What to tell of an error that came out of the training thread.
    private func cause(of error: any Error) -> any Error {
        guard let failure = condition.withLock({ failure }), failure.isCause,
            case .aborted? = (error as? CollectiveError)?.cause
        else { return error }
        return failure.error
    }

    // MARK: The communication thread's side

    private func serve(_ open: () throws -> Lane) {
        do {
            let lane = try open()
            condition.withLock { isOpen = true }
            while let (index, bucket) = try next() {
                let taken = try ContinuousClock().measure { try lane.communicator.allReduce(bucket: index, bucket) }
                condition.withLock {
                    summed += 1
                    communication += taken
                    condition.broadcast()
                }
            }
            lane.close()
        } catch {
            let isCause = abort("the exchange of gradients broke off: \(error)")
            condition.withLock { failure = Failure(error: error, isCause: isCause) }
        }
        condition.withLock {
            hasEnded = true
            condition.broadcast()
        }
    }

    /// Waits for the next bucket; nil when the lane is to end.
    private func next() throws -> (Int, DepartingBucket)? {
        try condition.withLock {
            while true {
                if let surrender { throw CollectiveError.aborted(reason: surrender) }
                if summed < buckets.count { return (summed, buckets[summed]) }
                if wantsEnd { return nil }
                condition.wait()
            }
        }
    }
}
