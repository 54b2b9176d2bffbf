import Foundation

/// The course of the loss over a run, read from its `log.jsonl` in bounded memory.
///
/// Steps are gathered into buckets of equal width, which doubles whenever there would be more than `maximumBuckets`; a
/// bucket keeps the mean and the extremes, so that a spike stays visible however long the run.
public struct LossCurve: Sendable, Equatable {
    /// Neighbouring steps taken together.
    public struct Bucket: Sendable, Equatable {
        public internal(set) var firstStep: Int
        public internal(set) var lastStep: Int
        public internal(set) var count: Int
        public internal(set) var least: Double
        public internal(set) var greatest: Double
        var sum: Double

        public var mean: Double { sum / Double(count) }
        public var middle: Double { (Double(firstStep) + Double(lastStep)) / 2 }

        mutating func merge(_ other: Bucket) {
            firstStep = min(firstStep, other.firstStep)
            lastStep = max(lastStep, other.lastStep)
            count += other.count
            least = min(least, other.least)
            greatest = max(greatest, other.greatest)
            sum += other.sum
        }
    }

    /// More would be finer than a picture can show.
    public static let maximumBuckets = 800
    /// Keeps sums and differences of losses finite.
    static let greatestLoss = 1e100
    /// A longer line is damage: a record has some 120 bytes.
    static let maximumLineBytes = 1 << 16

    /// In the order of their steps.
    public private(set) var buckets: [Bucket] = []
    /// Steps per bucket.
    public private(set) var width = 1
    /// Lines that are no record of a step, such as one that a crash cut short.
    public private(set) var skippedLines = 0
    public private(set) var lastLoss: Double?
    private var rateSum = 0.0
    private var rateCount = 0

    /// Mean images per second over the steps that tell it.
    public var imagesPerSecond: Double? { rateCount == 0 ? nil : rateSum / Double(rateCount) }

    /// An empty curve, to be filled by `append`.
    public init() {}

    /// Reads a log.
    ///
    /// - Throws: `EvaluationError` if the file cannot be read. Damaged lines are skipped and counted.
    public init(log path: String) throws {
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            var line = Data()
            var isTooLong = false
            while let piece = try handle.read(upToCount: 1 << 16), !piece.isEmpty {
                var rest = piece[...]
                while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                    take(line + rest[..<end], isTooLong: isTooLong)
                    rest = rest[(end + 1)...]
                    line.removeAll(keepingCapacity: true)
                    isTooLong = false
                }
                line += rest
                if line.count > Self.maximumLineBytes {
                    isTooLong = true
                    line.removeAll(keepingCapacity: true)
                }
            }
            if isTooLong || !line.isEmpty { take(line, isTooLong: isTooLong) }
        } catch {
            throw EvaluationError(in: "loss curve", "\(path) cannot be read: \(error.localizedDescription)")
        }
    }

    /// One record of the log; the other keys are of no concern here.
    private struct Record: Decodable {
        let step: Int
        let loss: Double
        let imagesPerSecond: Double?

        enum CodingKeys: String, CodingKey {
            case step, loss
            case imagesPerSecond = "images_per_second"
        }
    }

    private mutating func take(_ line: Data, isTooLong: Bool) {
        if !isTooLong, line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }) { return }
        guard !isTooLong, let record = try? JSONDecoder().decode(Record.self, from: line), record.step >= 0 else {
            skippedLines += 1
            return
        }
        append(step: record.step, loss: record.loss, imagesPerSecond: record.imagesPerSecond)
    }

    /// Adds a step. One that was there before, as after a resumption, takes its place and that of all after it.
    ///
    /// - Parameter loss: one that is not a number is passed over; the picture of a diverged run ends at ±`greatestLoss`.
    public mutating func append(step: Int, loss: Double, imagesPerSecond: Double? = nil) {
        guard !loss.isNaN else { return }
        let loss = min(max(loss, -Self.greatestLoss), Self.greatestLoss)
        while let last = buckets.last, last.firstStep >= step { buckets.removeLast() }
        let bucket = Bucket(firstStep: step, lastStep: step, count: 1, least: loss, greatest: loss, sum: loss)
        insert(bucket)
        lastLoss = loss
        if let imagesPerSecond {
            rateSum += imagesPerSecond
            rateCount += 1
        }
        while buckets.count > Self.maximumBuckets { widen() }
    }

    private mutating func insert(_ bucket: Bucket) {
        if let last = buckets.last, last.firstStep / width == bucket.firstStep / width {
            buckets[buckets.count - 1].merge(bucket)
        } else {
            buckets.append(bucket)
        }
    }

    private mutating func widen() {
        width *= 2
        let narrow = buckets
        buckets.removeAll(keepingCapacity: true)
        for bucket in narrow { insert(bucket) }
    }

    /// The mean over a window of a twentieth of the curve around each bucket, weighted by steps; narrower at the beginning,
    /// where the loss falls fast.
    public var smoothed: [Double] {
        let reach = max(1, buckets.count / 40)
        return buckets.indices.map { index in
            let reach = min(reach, index)
            let window = buckets[(index - reach)...min(buckets.count - 1, index + reach)]
            return window.reduce(0) { $0 + $1.sum } / Double(window.reduce(0) { $0 + $1.count })
        }
    }
}
