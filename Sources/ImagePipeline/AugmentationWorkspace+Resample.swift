extension AugmentationWorkspace {
    /// Cuts `crop` out of the image and resizes it to `planes`: samples in 0…1, clipped.
    ///
    /// - Parameters:
    ///   - crop: In pixels of the full image; an image decoded at a smaller scale is cropped accordingly.
    ///   - mirrored: Left and right change places.
    func resample(_ image: PixelImage, crop: CropBox, resampling: Resampling, mirrored: Bool, into planes: Planes) {
        let box = crop.scaled(from: image.fullSize, to: ImageSize(width: image.width, height: image.height))
        horizontal.prepare(
            start: box.x, length: box.width, sourceCount: image.width, count: planes.width, resampling: resampling)
        vertical.prepare(
            start: box.y, length: box.height, sourceCount: image.height, count: planes.height, resampling: resampling)
        let columns = usedColumns
        let channels = planes.channels
        // Rows of the crop as floats. Consecutive result rows use overlapping source rows, so a ring of as many rows
        // as there are taps lets each source row be converted once.
        let rowLength = Planes.stride(for: columns.count * channels)
        let ringRows = vertical.taps
        let ringBase = ring.reserve(rowLength * ringRows)
        // One pixel more than the row, because a pixel is read as a vector of four.
        let mixed = row.reserve(rowLength + Planes.lanes)
        var converted = 0
        image.pixels.withUnsafeBufferPointer { source in
            vertical.weights.withUnsafeBufferPointer { weights in
                for y in 0..<planes.height {
                    let start = vertical.starts[y]
                    converted = max(converted, start)
                    while converted < start + ringRows {
                        let from = source.baseAddress! + (converted * image.width + columns.lowerBound) * channels
                        let to = ringBase + converted % ringRows * rowLength
                        for index in 0..<columns.count * channels { to[index] = Float(from[index]) }
                        converted += 1
                    }
                    mixRows(
                        ringBase, rowLength: rowLength, firstRow: start, weights: weights.baseAddress! + y * ringRows,
                        into: mixed)
                    if channels == 3 {
                        mixColumns3(mixed, firstColumn: columns.lowerBound, mirrored: mirrored, into: planes, y: y)
                    } else {
                        mixColumns1(mixed, firstColumn: columns.lowerBound, mirrored: mirrored, into: planes, y: y)
                    }
                }
            }
        }
    }

    private var usedColumns: Range<Int> {
        var low = Int.max
        var high = 0
        for index in 0..<horizontal.count {
            low = min(low, horizontal.starts[index])
            high = max(high, horizontal.starts[index] + horizontal.taps)
        }
        return low..<high
    }

    /// The weighted sum of the ring's rows.
    private func mixRows(
        _ ringBase: UnsafeMutablePointer<Float>, rowLength: Int, firstRow: Int, weights: UnsafePointer<Float>,
        into mixed: UnsafeMutablePointer<Float>
    ) {
        let rows = vertical.taps
        let first = firstRow % rows
        for index in stride(from: 0, to: rowLength, by: Planes.lanes) {
            var sum = SIMD8<Float>.zero
            var position = first
            for tap in 0..<rows {
                sum += weights[tap] * load(ringBase + position * rowLength + index)
                position = position + 1 == rows ? 0 : position + 1
            }
            store(sum, mixed + index)
        }
    }

    private func mixColumns3(
        _ mixed: UnsafeMutablePointer<Float>, firstColumn: Int, mirrored: Bool, into planes: Planes, y: Int
    ) {
        let taps = horizontal.taps
        let (red, green, blue) = (
            planes.plane(0) + y * planes.stride, planes.plane(1) + y * planes.stride,
            planes.plane(2) + y * planes.stride
        )
        let last = planes.width - 1
        horizontal.weights.withUnsafeBufferPointer { weights in
            horizontal.starts.withUnsafeBufferPointer { starts in
                for x in 0..<planes.width {
                    var from = UnsafeRawPointer(mixed + (starts[x] - firstColumn) * 3)
                    var sum = SIMD4<Float>.zero
                    for tap in x * taps..<x * taps + taps {
                        sum += weights[tap] * from.loadUnaligned(as: SIMD4<Float>.self)
                        from += 3 * MemoryLayout<Float>.stride
                    }
                    sum *= 1 / 255
                    sum.replace(with: 0, where: sum .< 0)
                    sum.replace(with: 1, where: sum .> 1)
                    let to = mirrored ? last - x : x
                    red[to] = sum[0]
                    green[to] = sum[1]
                    blue[to] = sum[2]
                }
            }
        }
    }

    private func mixColumns1(
        _ mixed: UnsafeMutablePointer<Float>, firstColumn: Int, mirrored: Bool, into planes: Planes, y: Int
    ) {
        let taps = horizontal.taps
        let row = planes.plane(0) + y * planes.stride
        let last = planes.width - 1
        horizontal.weights.withUnsafeBufferPointer { weights in
            for x in 0..<planes.width {
                let from = mixed + horizontal.starts[x] - firstColumn
                var sum: Float = 0
                for tap in 0..<taps { sum += weights[x * taps + tap] * from[tap] }
                row[mirrored ? last - x : x] = min(1, max(0, sum / 255))
            }
        }
    }
}
