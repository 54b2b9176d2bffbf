import Foundation

extension LossCurve {
    /// Reads a log and draws it as an SVG file, which appears only when it is whole.
    ///
    /// - Throws: `EvaluationError` if the log cannot be read or the picture not be written.
    @discardableResult
    public static func write(log: String, to path: String, title: String = "Loss") throws -> LossCurve {
        let curve = try LossCurve(log: log)
        do {
            try Data(curve.svg(title: title).utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw EvaluationError(in: "loss curve", "\(path) cannot be written: \(error.localizedDescription)")
        }
        return curve
    }

    /// The curve as an SVG picture: the loss of each step as a thin line, its mean around each step as a thick one.
    ///
    /// The background is transparent and all colours have middling lightness, so that it suits light and dark pages.
    public func svg(title: String = "Loss") -> String {
        let frame = Frame(self)
        var parts = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Frame.width) \(Frame.height)" role="img" \
            font-family="system-ui, sans-serif" font-size="12" fill="#808080">
            <title>\(Self.escaped(title))</title>
            <defs><clipPath id="plot"><rect x="\(Frame.left)" y="\(Frame.top)" width="\(Frame.plotWidth)" \
            height="\(Frame.plotHeight)"/></clipPath></defs>
            <text x="\(Frame.left)" y="20" font-size="15" font-weight="600">\(Self.escaped(title))</text>
            <text x="\(Frame.width - Frame.right)" y="20" text-anchor="end">\(Self.escaped(caption))</text>
            """
        ]
        parts += frame.axes()
        if !buckets.isEmpty {
            let raw = buckets.flatMap { bucket in
                bucket.least == bucket.greatest
                    ? [frame.point(bucket.middle, bucket.mean)]
                    : [frame.point(bucket.middle, bucket.least), frame.point(bucket.middle, bucket.greatest)]
            }
            let mean = zip(buckets, smoothed).map { frame.point($0.middle, $1) }
            parts.append(Self.line(raw, "stroke=\"#4a90d9\" stroke-width=\"1\" stroke-opacity=\"0.5\""))
            parts.append(Self.line(mean, "stroke=\"#d9762b\" stroke-width=\"2\""))
        }
        parts.append("</svg>\n")
        return parts.joined(separator: "\n")
    }

    /// What the numbers were, in words.
    private var caption: String {
        guard let last = buckets.last, let lastLoss else { return "no steps yet" }
        var caption = "step \(last.lastStep) · loss \(String(format: "%.4g", lastLoss))"
        if let imagesPerSecond { caption += " · \(String(format: "%.0f", imagesPerSecond)) images/s" }
        return caption
    }

    private static func line(_ points: [String], _ style: String) -> String {
        // A single step has no line to draw; doubling it makes a dot, since the ends are round.
        let points = points.count == 1 ? points + points : points
        return "<polyline clip-path=\"url(#plot)\" fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\" "
            + "\(style) points=\"\(points.joined(separator: " "))\"/>"
    }

    /// `text` as XML character data; characters that XML cannot hold are left out.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\u{FFFE}", "\u{FFFF}": continue
            case _ where scalar.value < 0x20 && scalar != "\t" && scalar != "\n": continue
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// The plot's place in the picture and its axes.
private struct Frame {
    static let width = 720.0
    static let height = 380.0
    static let left = 60.0
    static let right = 20.0
    static let top = 36.0
    static let bottom = 44.0
    static var plotWidth: Double { width - left - right }
    static var plotHeight: Double { height - top - bottom }

    private let steps: ClosedRange<Double>
    private let losses: ClosedRange<Double>

    init(_ curve: LossCurve) {
        guard let first = curve.buckets.first, let last = curve.buckets.last else {
            steps = 0...1
            losses = 0...1
            return
        }
        let start = first.firstStep <= 1 ? 0 : Double(first.firstStep)
        steps = start...max(Double(last.lastStep), start + 1)
        let low = curve.buckets.map(\.least).min() ?? 0
        // One spike must not flatten all else: what stands out of both its neighbours may leave the plot.
        let tops = curve.buckets.map(\.greatest)
        let medians = tops.indices.dropFirst().dropLast().map { tops[($0 - 1)...($0 + 1)].sorted()[1] }
        let high = max(tops[0], medians.max() ?? tops[tops.count - 1])
        let margin = max((high - low) * 0.05, max(abs(high), abs(low)) * 1e-3, 1e-9)
        losses = (low - margin)...(high + margin)
    }

    private func x(_ step: Double) -> Double {
        Self.left + (step - steps.lowerBound) / (steps.upperBound - steps.lowerBound) * Self.plotWidth
    }

    private func y(_ loss: Double) -> Double {
        let share = (loss - losses.lowerBound) / (losses.upperBound - losses.lowerBound)
        // Far outside the plot a number would only be long; the clipping hides it anyway.
        return Self.top + (1 - min(max(share, -1), 2)) * Self.plotHeight
    }

    func point(_ step: Double, _ loss: Double) -> String {
        String(format: "%.1f,%.1f", x(step), y(loss))
    }

    func axes() -> [String] {
        let floor = Self.top + Self.plotHeight
        var parts: [String] = []
        for tick in Ticks(losses, about: 6).values {
            let place = String(format: "%.1f", y(tick.value))
            parts.append(
                "<path d=\"M\(Self.left) \(place)H\(Self.width - Self.right)\" stroke=\"#808080\" stroke-opacity=\"0.25\"/>"
                    + "<text x=\"\(Self.left - 8)\" y=\"\(place)\" dy=\"4\" text-anchor=\"end\">\(tick.label)</text>")
        }
        for tick in Ticks(steps, about: 7, wholeNumbers: true).values {
            let place = String(format: "%.1f", x(tick.value))
            parts.append(
                "<path d=\"M\(place) \(floor)v5\" stroke=\"#808080\"/>"
                    + "<text x=\"\(place)\" y=\"\(floor + 19)\" text-anchor=\"middle\">\(tick.label)</text>")
        }
        parts.append(
            "<path d=\"M\(Self.left) \(Self.top)V\(floor)H\(Self.width - Self.right)\" fill=\"none\" stroke=\"#808080\"/>"
                + "<text x=\"\(Self.left + Self.plotWidth / 2)\" y=\"\(Self.height - 6)\" text-anchor=\"middle\">step</text>"
                + "<text transform=\"translate(14 \(Self.top + Self.plotHeight / 2)) rotate(-90)\" "
                + "text-anchor=\"middle\">loss</text>")
        return parts
    }
}

/// Round numbers within a range: multiples of 1, 2 or 5 times a power of ten.
private struct Ticks {
    let values: [(value: Double, label: String)]

    init(_ range: ClosedRange<Double>, about count: Int, wholeNumbers: Bool = false) {
        let rough = (range.upperBound - range.lowerBound) / Double(count)
        let power = pow(10, floor(log10(rough)))
        let factor = [1.0, 2, 5, 10].first { $0 * power >= rough } ?? 10
        let distance = wholeNumbers ? max(1, factor * power) : factor * power
        let format = distance < 1e-4 || distance >= 1e6 ? "%.4g" : "%.\(max(0, Int(-floor(log10(distance) + 1e-9))))f"
        let first = (range.lowerBound / distance).rounded(.up)
        let last = (range.upperBound / distance).rounded(.down)
        // Rounding at the ends of an extreme range must not make the loop long.
        let spans = min(max(last - first, -1), Double(4 * count))
        values =
            spans < 0
            ? []
            : stride(from: 0.0, through: spans, by: 1).map { index in
                let value = (first + index) * distance
                return (value, String(format: format, value == 0 ? 0 : value))
            }
    }
}
