/// Scratch memory of one thread for making views. It grows to what the largest view needs and is then reused, so that
/// making a view allocates nothing.
public final class AugmentationWorkspace {
    private let view = Scratch()
    let spare = Scratch()
    let row = Scratch()
    let ring = Scratch()
    let kernel = Scratch()
    let horizontal = AxisWeights()
    let vertical = AxisWeights()

    public init() {}

    /// Planes for a view; those of the view before are given up.
    func planes(width: Int, height: Int, channels: Int) -> Planes {
        let size = Planes.stride(for: width) * height * channels
        return Planes(base: view.reserve(size), width: width, height: height, channels: channels)
    }
}

/// Scratch memory for floats.
typealias Scratch = Table<Float>

/// A growing block of numbers, aligned to cache lines. New memory is zero, so padding is finite.
final class Table<Number: Numeric> {
    private var memory: UnsafeMutablePointer<Number>?
    private var capacity = 0

    /// At least `count` numbers; what was in them is kept only if the block need not grow.
    func reserve(_ count: Int) -> UnsafeMutablePointer<Number> {
        if let memory, capacity >= count { return memory }
        memory?.deallocate()
        // Room for one vector past the end, where loops read and write whole vectors.
        let room = count + Planes.lanes
        let raw = UnsafeMutableRawPointer.allocate(byteCount: room * MemoryLayout<Number>.stride, alignment: 64)
        let fresh = raw.bindMemory(to: Number.self, capacity: room)
        fresh.initialize(repeating: .zero, count: room)
        memory = fresh
        capacity = count
        return fresh
    }

    deinit {
        memory?.deallocate()
    }
}
