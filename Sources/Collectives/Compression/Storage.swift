/// Memory of a fixed size, zero at first, that lives as long as the object.
final class Storage<Element: BitwiseCopyable> {
    let buffer: UnsafeMutableBufferPointer<Element>

    init(count: Int) {
        buffer = .allocate(capacity: count)
        zero()
    }

    deinit {
        buffer.deallocate()
    }

    var count: Int { buffer.count }
    var start: UnsafeMutablePointer<Element> { buffer.baseAddress! }

    func zero() {
        UnsafeMutableRawBufferPointer(buffer).initializeMemory(as: UInt8.self, repeating: 0)
    }
}
