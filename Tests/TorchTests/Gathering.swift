import Foundation
import Torch

/// Sums vectors over threads that stand for workers: each call waits for all.
///
/// `@unchecked Sendable`: all state is used under the condition's lock.
final class Gathering: @unchecked Sendable {
    private let condition = NSCondition()
    private let members: Int
    private var arrived = 0
    private var rounds = 0
    private var sum: [Double] = []
    private var result: [Double] = []

    init(members: Int) {
        self.members = members
    }

    /// How often all have met.
    var meetings: Int { condition.withLock { rounds } }

    func allReduce(_ vector: Tensor) throws {
        let values = try vector.doubles()
        let total = condition.withLock {
            sum = arrived == 0 ? values : zip(sum, values).map(+)
            arrived += 1
            let round = rounds
            if arrived == members {
                result = sum
                arrived = 0
                rounds += 1
                condition.broadcast()
            }
            while rounds == round { condition.wait() }
            return result
        }
        try vector.copyInPlace(from: Tensor(total, shape: vector.shape))
    }

    /// Runs `body` once for each worker, each on a thread of its own, and returns their results in order.
    static func run<Value: Sendable>(
        workers: Int, _ body: @escaping @Sendable (Int) throws -> Value
    ) throws -> [Value] {
        let results = Results<Value>()
        let done = DispatchSemaphore(value: 0)
        for worker in 0..<workers {
            Thread {
                let result = Result { try body(worker) }
                results.lock.withLock { results.values[worker] = result }
                done.signal()
            }.start()
        }
        for _ in 0..<workers { done.wait() }
        return try (0..<workers).compactMap { try results.values[$0]?.get() }
    }
}

/// What threads leave for the one that waits for them. `@unchecked Sendable`: used under the lock or after all are done.
private final class Results<Value: Sendable>: @unchecked Sendable {
    let lock = NSLock()
    var values: [Int: Result<Value, any Error>] = [:]
}
