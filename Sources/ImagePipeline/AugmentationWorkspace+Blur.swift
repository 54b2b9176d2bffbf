import Glibc

extension AugmentationWorkspace {
    /// Blurs with a Gaussian of `sigma` pixels, sampled at `kernelSize` (odd) points and normalised; the image is
    /// mirrored at its edges without repeating the edge pixel. Equal to torchvision's `gaussian_blur`.
    func blur(_ planes: Planes, kernelSize: Int, sigma: Double) {
        let half = reach(kernelSize: kernelSize, sigma: sigma)
        precondition(half < planes.width && half < planes.height, "a blur reaches less far than the image")
        guard half > 0 else { return }
        // weights[d] belongs to the distance d; both sides share it.
        let weights = kernel.reserve(half + 1)
        var sum = 0.0
        for distance in 0...half { sum += (distance == 0 ? 1 : 2) * Self.gaussian(distance, sigma) }
        for distance in 0...half { weights[distance] = Float(Self.gaussian(distance, sigma) / sum) }
        let temporary = spare.reserve(planes.planeSize)
        let padded = row.reserve(planes.stride + 2 * half)
        for channel in 0..<planes.channels {
            let plane = planes.plane(channel)
            blurColumns(plane, into: temporary, planes: planes, weights: weights, half: half)
            blurRows(temporary, into: plane, planes: planes, weights: weights, half: half, padded: padded)
        }
    }

    private static func gaussian(_ distance: Int, _ sigma: Double) -> Double {
        let x = Double(distance) / sigma
        return exp(-0.5 * x * x)
    }

    /// How far the kernel reaches. Taps below 1e-9 of the middle one vanish in the rounding of a float and are left out.
    private func reach(kernelSize: Int, sigma: Double) -> Int {
        var half = kernelSize / 2
        while half > 0 && Self.gaussian(half, sigma) < 1e-9 { half -= 1 }
        return half
    }

    private func blurColumns(
        _ from: UnsafeMutablePointer<Float>, into to: UnsafeMutablePointer<Float>, planes: Planes,
        weights: UnsafeMutablePointer<Float>, half: Int
    ) {
        let stride = planes.stride
        let last = planes.height - 1
        for y in 0...last {
            for x in Swift.stride(from: 0, to: stride, by: Planes.lanes) {
                let column = from + x
                var sum = weights[0] * load(column + y * stride)
                for distance in 1...half {
                    let above = abs(y - distance)
                    let below = last - abs(last - y - distance)
                    sum += weights[distance] * (load(column + above * stride) + load(column + below * stride))
                }
                store(sum, to + y * stride + x)
            }
        }
    }

    private func blurRows(
        _ from: UnsafeMutablePointer<Float>, into to: UnsafeMutablePointer<Float>, planes: Planes,
        weights: UnsafeMutablePointer<Float>, half: Int, padded: UnsafeMutablePointer<Float>
    ) {
        let stride = planes.stride
        let last = planes.width - 1
        for y in 0..<planes.height {
            let row = from + y * stride
            (padded + half).update(from: row, count: planes.width)
            for distance in 1...half {
                padded[half - distance] = row[distance]
                padded[half + last + distance] = row[last - distance]
            }
            for x in Swift.stride(from: 0, to: stride, by: Planes.lanes) {
                let middle = padded + half + x
                var sum = weights[0] * load(middle)
                for distance in 1...half {
                    sum += weights[distance] * (load(middle - distance) + load(middle + distance))
                }
                store(sum, to + y * stride + x)
            }
        }
    }
}
