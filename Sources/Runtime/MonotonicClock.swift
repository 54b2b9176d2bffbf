import Foundation

/// The one clock the processes use for waiting, silence and traces: monotonic, so that setting the wall clock harms
/// nothing. All processes of a host share it.
enum MonotonicClock {
    /// Milliseconds since some fixed moment.
    static var milliseconds: UInt64 { DispatchTime.now().uptimeNanoseconds / 1_000_000 }

    /// Nanoseconds since the same moment.
    static var nanoseconds: Int64 { Int64(DispatchTime.now().uptimeNanoseconds) }
}
