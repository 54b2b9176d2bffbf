/// One stretch of time of one lane. Names are indices into the lane's table, so that recording one copies no text.
struct TraceEvent: BitwiseCopyable {
    enum Kind: UInt8 {
        case phase, collective, spareWork
    }

    /// By this process' `MonotonicClock` (ns).
    let start: Int64
    /// Nanoseconds; negative while it lasts.
    var duration: Int64
    let bytes: Int
    let step: Int32
    let name: UInt16
    /// How it was done; 0 where that is not said.
    var detail: UInt16
    let kind: Kind
}

/// Events in the order in which they began, in chunks, so that recording one never copies those before it.
struct TraceEventLog {
    private static let chunkBits: Int = 12
    private static var chunkCount: Int { 1 << chunkBits }

    private var chunks: [[TraceEvent]] = []
    private(set) var count = 0

    init() { addChunk() }

    private mutating func addChunk() {
        var chunk: [TraceEvent] = []
        chunk.reserveCapacity(Self.chunkCount)
        chunks.append(chunk)
    }

    /// Returns the event's place.
    mutating func append(_ event: TraceEvent) -> Int {
        if count == chunks.count << Self.chunkBits { addChunk() }
        chunks[chunks.count - 1].append(event)
        defer { count += 1 }
        return count
    }

    subscript(index: Int) -> TraceEvent {
        get { chunks[index >> Self.chunkBits][index & (Self.chunkCount - 1)] }
        _modify { yield &chunks[index >> Self.chunkBits][index & (Self.chunkCount - 1)] }
    }
}
