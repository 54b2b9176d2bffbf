import Dispatch
import Foundation

/// SIGINT and SIGTERM as calls on a queue of their own, in place of the default of ending the process at once.
///
/// `@unchecked Sendable`: the sources are only kept, never touched again.
public final class Signals: @unchecked Sendable {
    private let sources: [any DispatchSourceSignal]

    /// - Parameter received: called for each signal, on a background queue.
    public init(_ received: @escaping @Sendable () -> Void) {
        let queue = DispatchQueue(label: "murmur.signals")
        sources = [SIGINT, SIGTERM].map { number in
            // The default action would come first.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler(handler: received)
            source.resume()
            return source
        }
    }
}
