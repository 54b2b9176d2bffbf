import Foundation
import ImagePipeline
import Randomness

/// Coloured 16×16 noise over a gradient of its own for each image, made when asked for.
struct SyntheticImages: ImageDataset {
    let count: Int
    var channels: Int { 3 }
    var classNames: [String] { [] }
    /// Positions whose images cannot be decoded.
    var unreadable: Set<Int> = []
    /// Begins each image's name.
    var prefix = "image"
    /// Notes which images are read.
    var log: ReadLog?

    init(count: Int, unreadable: Set<Int> = [], prefix: String = "image", log: ReadLog? = nil) {
        self.count = count
        self.unreadable = unreadable
        self.prefix = prefix
        self.log = log
    }

    func label(at index: Int) -> Int64 { -1 }

    func name(at index: Int) -> String { "\(prefix)-\(index)" }

    func image(at index: Int) throws -> PixelImage {
        log?.append(index)
        guard !unreadable.contains(index) else { throw ImageError(name: name(at: index), cause: "made so") }
        var random = Philox(seed: 5, path: [UInt64(index)])
        let slope = (0..<3).map { _ in Int.random(in: 0...8, using: &random) }
        let pixels = (0..<16 * 16).flatMap { pixel in
            (0..<3).map { channel in
                UInt8(clamping: slope[channel] * (pixel % 16 + pixel / 16) + Int.random(in: 0...60, using: &random))
            }
        }
        return PixelImage(width: 16, height: 16, channels: 3, pixels: pixels)
    }
}

/// Positions in the order of reading.
///
/// `@unchecked Sendable`: used under the lock.
final class ReadLog: @unchecked Sendable {
    private let lock = NSLock()
    private var indices: [Int] = []

    var read: [Int] { lock.withLock { indices } }

    func append(_ index: Int) { lock.withLock { indices.append(index) } }
}
