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
        let channels = planes.channels
        let columns = horizontal.used
        let (starts, weights) = (vertical.starts, vertical.weights)
        // Rows of the crop as floats. Consecutive result rows use overlapping source rows, so a ring of as many rows
        // as there are taps lets each source row be converted once.
        let rowLength = Planes.stride(for: columns.count * channels)
        let ringRows = vertical.taps
        let ringBase = ring.reserve(rowLength * ringRows)
        let mixed = row.reserve(rowLength)
        let mixer = ColumnMixer(
            weights: horizontal.weights, starts: horizontal.starts, taps: horizontal.taps,
            firstColumn: columns.lowerBound, isMirrored: mirrored)
        var converted = 0
        image.pixels.withUnsafeBufferPointer { source in
            for y in 0..<planes.height {
                let start = starts[y]
                converted = max(converted, start)
                while converted < start + ringRows {
                    let from = source.baseAddress! + (converted * image.width + columns.lowerBound) * channels
                    let to = ringBase + converted % ringRows * rowLength
                    for index in 0..<columns.count * channels { to[index] = Float(from[index]) }
                    converted += 1
                }
                Self.mixRows(
                    ringBase, rows: ringRows, rowLength: rowLength, first: start % ringRows,
                    weights: weights + y * ringRows, into: mixed)
                if channels == 3 {
                    mixer.mix3(mixed, into: planes, y: y)
                } else {
                    mixer.mix1(mixed, into: planes, y: y)
                }
            }
        }
    }

    /// The weighted sum of the ring's rows, the row `first` first.
    private static func mixRows(
        _ ringBase: UnsafeMutablePointer<Float>, rows: Int, rowLength: Int, first: Int, weights: UnsafePointer<Float>,
        into mixed: UnsafeMutablePointer<Float>
    ) {
        for index in stride(from: 0, to: rowLength, by: Planes.lanes) {
            var sum = SIMD8<Float>.zero
            var from = ringBase + first * rowLength + index
            for tap in 0..<rows - first {
                sum += weights[tap] * load(from)
                from += rowLength
            }
            from = ringBase + index
            for tap in rows - first..<rows {
                sum += weights[tap] * load(from)
                from += rowLength
            }
            store(sum, mixed + index)
        }
    }
}

/// Makes the samples of a result row out of one mixed row of the source.
private struct ColumnMixer {
    let weights: UnsafePointer<Float>
    let starts: UnsafePointer<Int>
    let taps: Int
    let firstColumn: Int
    let isMirrored: Bool

    /// Three channels: a pixel is read as a vector of four, whose last lane is not used.
    func mix3(_ mixed: UnsafeMutablePointer<Float>, into planes: Planes, y: Int) {
        let red = planes.plane(0) + y * planes.stride
        let green = red + planes.planeSize
        let blue = green + planes.planeSize
        let last = planes.width - 1
        var weight = weights
        for x in 0..<planes.width {
            var from = UnsafeRawPointer(mixed + (starts[x] - firstColumn) * 3)
            var sum = SIMD4<Float>.zero
            for tap in 0..<taps {
                sum += weight[tap] * from.loadUnaligned(as: SIMD4<Float>.self)
                from += 3 * MemoryLayout<Float>.stride
            }
            weight += taps
            sum *= 1 / 255
            sum.replace(with: 0, where: sum .< 0)
            sum.replace(with: 1, where: sum .> 1)
            let to = isMirrored ? last - x : x
            red[to] = sum[0]
            green[to] = sum[1]
            blue[to] = sum[2]
        }
    }

    func mix1(_ mixed: UnsafeMutablePointer<Float>, into planes: Planes, y: Int) {
        let row = planes.plane(0) + y * planes.stride
        let last = planes.width - 1
        for x in 0..<planes.width {
            let from = mixed + starts[x] - firstColumn
            let weight = weights + x * taps
            var sum: Float = 0
            for tap in 0..<taps { sum += weight[tap] * from[tap] }
            row[isMirrored ? last - x : x] = min(1, max(0, sum * (1 / 255)))
        }
    }
}
