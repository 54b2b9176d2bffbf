import Glibc

/// A system thread that runs one closure and can be waited for.
///
/// `@unchecked Sendable`: the handle is written before the initialiser returns and read once, in `join`, which its
/// owner calls once.
final class OwnedThread: @unchecked Sendable {
    private var thread = pthread_t()

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    /// - Parameter name: told if it cannot be started.
    /// - Throws: `TransportError` if the system grants no more threads.
    init(name: String, _ run: @escaping @Sendable () -> Void) throws {
        let body = Unmanaged.passRetained(Body(run))
        let result = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        guard result == 0 else {
            body.release()
            throw TransportError("start the thread", name, cause: String(cString: strerror(result)), code: result)
        }
    }

    func join() {
        pthread_join(thread, nil)
    }
}
