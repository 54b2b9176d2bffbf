import Glibc
import Synchronization

/// A process' memory that the other processes of its host can map: gradient buckets and other large buffers lie here, so
/// that neighbours read and write them in place.
///
/// It has no name in any file system: when the last process that maps it ends, however it ends, it is gone.
public final class SharedArena: Sendable {
    let mapping: SharedMapping
    private let free: Mutex<FreeRanges>

    /// Blocks begin at pages, so that giving one back returns its memory to the system.
    private static let granule = 4096

    /// `MADV_REMOVE`, which Glibc's module does not show.
    private static let removePages: Int32 = 9

    /// - Parameter capacity: the most that can ever be allocated (bytes); only what is used takes up memory. The default
    ///   is the size of the machine's memory.
    /// - Throws: `SharedMemoryError`.
    public init(capacity: Int = SharedArena.physicalMemory) throws {
        let bytes = max(capacity, 1) + Self.granule - 1
        mapping = try SharedMapping(bytes: bytes / Self.granule * Self.granule)
        free = Mutex(FreeRanges(0..<mapping.byteCount))
    }

    /// The machine's memory (bytes).
    public static var physicalMemory: Int {
        max(sysconf(Int32(_SC_PHYS_PAGES)), 1) * max(sysconf(Int32(_SC_PAGESIZE)), 4096)
    }

    /// Zeroed memory that lives until it is let go of.
    ///
    /// - Throws: `SharedMemoryError` when the arena is full.
    public func allocate(bytes: Int) throws -> SharedBlock {
        precondition(bytes >= 0, "a block has no negative size")
        let rounded = max(bytes + Self.granule - 1, Self.granule) / Self.granule * Self.granule
        guard let offset = free.withLock({ $0.take(rounded) }) else {
            throw SharedMemoryError(
                action: "allocate \(bytes) bytes of shared memory",
                cause: "the arena of \(mapping.byteCount) bytes is full")
        }
        return SharedBlock(arena: self, range: offset..<offset + rounded, byteCount: bytes)
    }

    fileprivate func giveBack(_ range: Range<Int>) {
        // Takes the pages away, so that they do not stay in memory and the next owner finds zeros.
        madvise(mapping.base + range.lowerBound, range.count, Self.removePages)
        free.withLock { $0.giveBack(range) }
    }

    /// Where memory lies in the arena; nil if it does not.
    func offset(of memory: UnsafeRawBufferPointer) -> Int? {
        guard let start = memory.baseAddress else { return nil }
        let offset = Int(bitPattern: start) - Int(bitPattern: mapping.base)
        guard offset >= 0, memory.count <= mapping.byteCount, offset <= mapping.byteCount - memory.count else {
            return nil
        }
        return offset
    }
}

/// A piece of an arena.
///
/// `@unchecked Sendable`: the fields do not change; the memory belongs to whoever holds the block.
public final class SharedBlock: @unchecked Sendable {
    public let memory: UnsafeMutableRawBufferPointer
    private let arena: SharedArena
    private let range: Range<Int>

    fileprivate init(arena: SharedArena, range: Range<Int>, byteCount: Int) {
        self.arena = arena
        self.range = range
        memory = UnsafeMutableRawBufferPointer(start: arena.mapping.base + range.lowerBound, count: byteCount)
    }

    deinit {
        arena.giveBack(range)
    }
}

/// The unused parts of an arena, in order and never touching each other.
struct FreeRanges {
    private(set) var ranges: [Range<Int>]

    init(_ all: Range<Int>) {
        ranges = [all]
    }

    /// The beginning of the first range that is long enough.
    mutating func take(_ count: Int) -> Int? {
        guard let index = ranges.firstIndex(where: { $0.count >= count }) else { return nil }
        let range = ranges[index]
        if range.count == count {
            ranges.remove(at: index)
        } else {
            ranges[index] = range.lowerBound + count..<range.upperBound
        }
        return range.lowerBound
    }

    mutating func giveBack(_ range: Range<Int>) {
        var index = ranges.firstIndex { $0.lowerBound >= range.upperBound } ?? ranges.count
        ranges.insert(range, at: index)
        if index + 1 < ranges.count, ranges[index].upperBound == ranges[index + 1].lowerBound {
            ranges[index] = ranges[index].lowerBound..<ranges[index + 1].upperBound
            ranges.remove(at: index + 1)
        }
        if index > 0, ranges[index - 1].upperBound == ranges[index].lowerBound {
            index -= 1
            ranges[index] = ranges[index].lowerBound..<ranges[index + 1].upperBound
            ranges.remove(at: index + 1)
        }
    }
}
