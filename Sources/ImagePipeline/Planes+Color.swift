/// Operations on colour, equal to torchvision's on float images (`torchvision.transforms.functional`).
extension Planes {
    /// Weights of red, green and blue in gray (ITU-R BT.601, as rounded by torchvision).
    private static let luma: (Float, Float, Float) = (0.2989, 0.587, 0.114)

    func apply(_ jitter: ColorJitter, step: Int) {
        switch jitter.operation(at: step) {
        case .brightness: adjustBrightness(jitter.brightness)
        case .contrast: adjustContrast(jitter.contrast)
        case .saturation: adjustSaturation(jitter.saturation)
        case .hue: shiftHue(jitter.hue)
        }
    }

    /// Multiplies every sample, and clips.
    func adjustBrightness(_ factor: Float) {
        for index in Swift.stride(from: 0, to: channels * planeSize, by: Self.lanes) {
            store((load(base + index) * factor).clipped, base + index)
        }
    }

    /// Moves every sample away from the mean of the image's gray, or towards it, and clips.
    func adjustContrast(_ factor: Float) {
        let offset = (1 - factor) * meanGray
        for index in Swift.stride(from: 0, to: channels * planeSize, by: Self.lanes) {
            store((load(base + index) * factor + offset).clipped, base + index)
        }
    }

    /// Moves every pixel away from its own gray, or towards it, and clips.
    func adjustSaturation(_ factor: Float) {
        guard channels == 3 else { return }
        let (red, green, blue) = (plane(0), plane(1), plane(2))
        for index in Swift.stride(from: 0, to: planeSize, by: Self.lanes) {
            let (r, g, b) = (load(red + index), load(green + index), load(blue + index))
            let offset = (1 - factor) * Self.gray(r, g, b)
            store((factor * r + offset).clipped, red + index)
            store((factor * g + offset).clipped, green + index)
            store((factor * b + offset).clipped, blue + index)
        }
    }

    /// Turns every pixel's hue by `shift` of the circle (−0.5…0.5).
    ///
    /// Value and chroma stay; with h the hue in sixths of the circle, 0 ≤ h < 6, red lacks chroma · clip(2 − |h − 3|) of
    /// the value, green chroma · clip(|h − 2| − 1), blue chroma · clip(|h − 4| − 1).
    func shiftHue(_ shift: Float) {
        guard channels == 3 else { return }
        let (red, green, blue) = (plane(0), plane(1), plane(2))
        let sixths = 6 * shift
        for index in Swift.stride(from: 0, to: planeSize, by: Self.lanes) {
            let (r, g, b) = (load(red + index), load(green + index), load(blue + index))
            let value = Self.larger(Self.larger(r, g), b)
            let chroma = value - Self.smaller(Self.smaller(r, g), b)
            // Where there is no chroma the hue is void, and any divisor does.
            let inverse = 1 / chroma.replacing(with: 1, where: chroma .== 0)
            var hue = 4 + (r - g) * inverse
            hue.replace(with: 2 + (b - r) * inverse, where: value .== g)
            hue.replace(with: (g - b) * inverse, where: value .== r)
            hue += sixths
            // From −4…8 into 0..<6.
            hue.replace(with: hue + 6, where: hue .< 0)
            hue.replace(with: hue - 6, where: hue .>= 6)
            store(value - chroma * (2 - Self.magnitude(hue - 3)).clipped, red + index)
            store(value - chroma * (Self.magnitude(hue - 2) - 1).clipped, green + index)
            store(value - chroma * (Self.magnitude(hue - 4) - 1).clipped, blue + index)
        }
    }

    /// Puts each pixel's gray into all channels.
    func makeGray() {
        guard channels == 3 else { return }
        let (red, green, blue) = (plane(0), plane(1), plane(2))
        for index in Swift.stride(from: 0, to: planeSize, by: Self.lanes) {
            let gray = Self.gray(load(red + index), load(green + index), load(blue + index))
            store(gray, red + index)
            store(gray, green + index)
            store(gray, blue + index)
        }
    }

    /// Inverts the samples of at least `threshold`.
    func solarize(threshold: Float) {
        for index in Swift.stride(from: 0, to: channels * planeSize, by: Self.lanes) {
            let samples = load(base + index)
            store(samples.replacing(with: 1 - samples, where: samples .>= threshold), base + index)
        }
    }

    /// The mean of the image's gray over the pixels proper.
    private var meanGray: Float {
        let size = planeSize
        var sum = 0.0
        for y in 0..<height {
            let row = base + y * stride
            var vector = SIMD8<Float>.zero
            var x = 0
            while x + Self.lanes <= width {
                vector +=
                    channels == 1
                    ? load(row + x) : Self.gray(load(row + x), load(row + x + size), load(row + x + 2 * size))
                x += Self.lanes
            }
            var rowSum: Float = 0
            for lane in 0..<Self.lanes { rowSum += vector[lane] }
            while x < width {
                rowSum +=
                    channels == 1
                    ? row[x] : Self.luma.0 * row[x] + Self.luma.1 * row[x + size] + Self.luma.2 * row[x + 2 * size]
                x += 1
            }
            sum += Double(rowSum)
        }
        return Float(sum / Double(width * height))
    }

    @inline(__always)
    private static func gray(_ r: SIMD8<Float>, _ g: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> {
        luma.0 * r + luma.1 * g + luma.2 * b
    }

    @inline(__always)
    private static func larger(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> {
        a.replacing(with: b, where: a .< b)
    }

    @inline(__always)
    private static func smaller(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> {
        a.replacing(with: b, where: b .< a)
    }

    @inline(__always)
    private static func magnitude(_ a: SIMD8<Float>) -> SIMD8<Float> {
        larger(a, -a)
    }
}
