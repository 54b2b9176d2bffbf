import Checkpoints
import Foundation

/// Writes checkpoints beside training: a step's snapshot goes to a thread of its own, one at a time.
///
/// `@unchecked Sendable`: `failure` and `busy` are only touched under the condition's lock; `lastSaved` belongs to the
/// training thread.
public final class CheckpointWriter: @unchecked Sendable {
    private let store: CheckpointStore
    private let keep: Int
    private let condition = NSCondition()
    private var busy = false
    private var failure: (any Error)?
    /// The step of the newest checkpoint handed to `save`.
    private(set) var lastSaved: Int?

    /// - Parameter keep: how many checkpoints stay; older ones are removed.
    public init(store: CheckpointStore, keep: Int) {
        self.store = store
        self.keep = keep
    }

    /// Starts writing `contents`, after the one before is on disk.
    ///
    /// - Throws: what went wrong with the one before.
    func save(_ contents: CheckpointContents) throws {
        try finish()
        lastSaved = contents.step
        condition.withLock { busy = true }
        Thread.detachNewThread { [self] in
            let result = Result { _ = try store.save(contents, keep: keep) }
            condition.withLock {
                if case .failure(let error) = result { failure = error }
                busy = false
                condition.broadcast()
            }
        }
    }

    /// Waits until nothing is being written.
    ///
    /// - Throws: what went wrong while writing.
    func finish() throws {
        condition.withLock { while busy { condition.wait() } }
        try rethrow()
    }

    /// - Throws: what went wrong while writing, if that is known by now.
    func rethrow() throws {
        if let failure = condition.withLock({ failure }) { throw failure }
    }
}
