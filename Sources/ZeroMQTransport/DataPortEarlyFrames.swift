/// Frames of generations to come, bounded in number and bytes.
struct EarlyFrames {
    private static let maximumFrames = 4096
    private static let maximumBytes = 256 << 20
    /// A peer that names generations at random must not fill the memory with their numbers.
    private static let maximumOverflows = 64

    private var frames: [DataPortFrame] = []
    private var bytes = 0
    /// Generations of which a frame could not be kept.
    private var overflowed: Set<UInt64> = []

    mutating func keep(_ frame: DataPortFrame) {
        let size = frame.payload.bytes.count
        guard frames.count < Self.maximumFrames, bytes + size <= Self.maximumBytes else {
            if overflowed.count < Self.maximumOverflows { overflowed.insert(frame.header.generation) }
            return
        }
        frames.append(frame)
        bytes += size
    }

    /// Gives out the frames of a generation in order and forgets those before it; nil if some of them were lost.
    mutating func take(runID: UInt64, generation: UInt64) -> [DataPortFrame]? {
        let due = frames.filter { $0.header.generation == generation && $0.header.runID == runID }
        frames.removeAll { $0.header.generation <= generation || $0.header.runID != runID }
        bytes = frames.reduce(0) { $0 + $1.payload.bytes.count }
        let isWhole = !overflowed.contains(generation)
        overflowed = overflowed.filter { $0 > generation }
        return isWhole ? due : nil
    }
}
