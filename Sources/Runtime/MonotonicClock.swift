import Foundation

/// The one clock the processes use for waiting and silence: monotonic, so that setting the wall clock harms nothing.
enum MonotonicClock {
    /// Milliseconds since some fixed moment.
    static var milliseconds: UInt64 { DispatchTime.now().uptimeNanoseconds / 1_000_000 }
}
