/// A view while it is being made: one plane of float samples in 0…1 a channel, rows padded to whole SIMD vectors.
///
/// The memory belongs to a workspace. Padding holds finite but meaningless numbers.
struct Planes {
    /// Samples in one vector.
    static let lanes = 8

    let base: UnsafeMutablePointer<Float>
    let width: Int
    let height: Int
    let channels: Int
    /// Samples from one row to the next: `width` rounded up to whole vectors.
    let stride: Int

    init(base: UnsafeMutablePointer<Float>, width: Int, height: Int, channels: Int) {
        self.base = base
        self.width = width
        self.height = height
        self.channels = channels
        stride = Self.stride(for: width)
    }

    static func stride(for width: Int) -> Int {
        (width + lanes - 1) / lanes * lanes
    }

    /// Samples of one plane, padding included.
    var planeSize: Int { stride * height }

    func plane(_ channel: Int) -> UnsafeMutablePointer<Float> {
        base + channel * planeSize
    }

    /// Writes `(sample − mean) / std`, channels interleaved (HWC), without padding.
    func writeNormalized(_ normalization: Normalization, to output: UnsafeMutablePointer<Float>) {
        if channels == 1 {
            let mean = normalization.mean[0]
            let factor = 1 / normalization.std[0]
            for y in 0..<height {
                let row = base + y * stride
                let to = output + y * width
                for x in 0..<width { to[x] = (row[x] - mean) * factor }
            }
            return
        }
        let mean = (normalization.mean[0], normalization.mean[1], normalization.mean[2])
        let factor = (1 / normalization.std[0], 1 / normalization.std[1], 1 / normalization.std[2])
        let size = planeSize
        for y in 0..<height {
            let row = base + y * stride
            let to = output + 3 * y * width
            for x in 0..<width {
                to[3 * x] = (row[x] - mean.0) * factor.0
                to[3 * x + 1] = (row[x + size] - mean.1) * factor.1
                to[3 * x + 2] = (row[x + 2 * size] - mean.2) * factor.2
            }
        }
    }
}

/// Vectors at any address.
@inline(__always)
func load(_ from: UnsafePointer<Float>) -> SIMD8<Float> {
    UnsafeRawPointer(from).loadUnaligned(as: SIMD8<Float>.self)
}

@inline(__always)
func load(_ from: UnsafeMutablePointer<Float>) -> SIMD8<Float> {
    UnsafeRawPointer(from).loadUnaligned(as: SIMD8<Float>.self)
}

@inline(__always)
func store(_ vector: SIMD8<Float>, _ to: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(to).storeBytes(of: vector, as: SIMD8<Float>.self)
}

extension SIMD8<Float> {
    /// Each number brought into 0…1.
    @inline(__always)
    var clipped: SIMD8<Float> {
        let positive = self.replacing(with: 0, where: self .< 0)
        return positive.replacing(with: 1, where: positive .> 1)
    }
}
