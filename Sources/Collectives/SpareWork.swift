/// Work that a rank may do while a collective waits for others. Belongs to the communicator's thread.
public protocol SpareWork: AnyObject {
    /// Whether nothing is left to do.
    var isEmpty: Bool { get }

    /// Does one piece of what is left. It must touch neither the collective's buffer nor its communicator.
    func doNext() throws
}

/// The waits of a communicator's collectives, and what its caller wants done in them.
final class Waits {
    private var work: (any SpareWork)?
    private var failure: (any Error)?
    /// Is told of each piece.
    private var observer: (any CollectiveObserver)?

    /// Runs `collective`, in whose waits `work` is done.
    ///
    /// - Throws: what the collective throws, else what the work threw; that does not keep this rank from its part of the
    ///   collective.
    func fill(
        with work: (any SpareWork)?, _ observer: (any CollectiveObserver)?, during collective: () throws -> Void
    ) throws {
        guard let work else { return try collective() }
        self.work = work
        self.observer = observer
        defer {
            self.work = nil
            self.observer = nil
            failure = nil
        }
        try collective()
        if let failure { throw failure }
    }

    /// Whether there is work for a wait.
    var haveWork: Bool { work.map { !$0.isEmpty } ?? false }

    /// To be called where this rank has sent or announced what others need and is about to wait: does piece after piece until
    /// what is waited for is there, or nothing is left to do.
    func pass(until isThere: () throws -> Bool) rethrows {
        while let work, !work.isEmpty, try !isThere() {
            observer?.beganSpareWork()
            do {
                try work.doNext()
            } catch {
                failure = error
                self.work = nil
            }
            observer?.ended()
        }
    }
}
