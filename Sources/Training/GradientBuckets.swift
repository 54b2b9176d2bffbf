import Collectives
import Contrastive
import Randomness
import Torch

/// The gradients of all parameters: summed over slices and ranks, then rounded once to the parameters' type.
///
/// Sums are float64 and every addend is a multiple of `quantum`, so that they are exact (below 512) and do not depend on
/// which rank added which slice in which order. They lie in flat buckets, so that one collective moves many of them;
/// buckets are filled in reverse order of the parameters, the order in which backward finishes them.
///
/// In another format than float64 a rank rounds its sums, and the sum over the ranks is as exact as the format
/// (`docs/compression.md`); it is the same bits on all of them. What compressors keep from step to step is forgotten when
/// a generation begins, so that a run regrouped is a run resumed: no rank has something that a newcomer has not.
///
/// A bucket is complete when each of its parameters has got as many gradients as forward announced. It leaves for the
/// exchange when it is complete and all before it have left, so that all ranks send them in the same order; what is not
/// complete by then (a parameter that this step's loss does not depend on) leaves at the end of backward.
public final class GradientBuckets: GradientAccumulator {
    /// 2⁻⁴⁴: float64 adds multiples of it exactly up to 2⁹, and 6·10⁻¹⁴ is far below what float32 resolves of any
    /// gradient that matters.
    static let quantum = 0x1p-44

    /// Sets the streams of compressors apart from what else is drawn from a run's seed.
    private static let seedLabel: UInt64 = 0x6275_636B_6574

    /// A parameter's part of a bucket.
    private struct Part {
        let sum: Tensor
        let bucket: Int
        /// Gradients that forward announced, and those that have come.
        var expected = 0
        var received = 0
    }

    private var buckets: [GradientBucket]
    /// By the parameter's identity.
    private var parts: [ObjectIdentifier: Part] = [:]
    /// Where this step's buckets go; nil until forward is through. Weak, as buckets outlive the generation that broke off.
    private weak var exchange: (any GradientExchange)?
    /// The last one, which lives as long as its generation.
    private weak var generation: (any GradientExchange)?
    /// How many of them have left.
    private var departed = 0

    /// - Parameters:
    ///   - bucketBytes: a new bucket begins when the next sum would not fit; a larger one gets a bucket of its own.
    ///   - format: as what gradients travel; the same on all ranks, as is `seed`, of what compressors draw.
    ///   - memory: gives the memory of what travels, which the ranks of a host may share; nil takes the process' own.
    public init(
        parameters: [Parameter], bucketBytes: Int = 4 << 20, format: GradientFormat = .float64, seed: UInt64 = 0,
        memory: BucketAllocator? = nil
    ) throws {
        var groups: [[Parameter]] = []
        var room = 0
        for parameter in parameters.reversed() {
            let bytes = parameter.tensor.count * ScalarType.float64.byteCount
            if groups.isEmpty || bytes > room {
                groups.append([])
                room = max(bucketBytes, bytes)
            }
            groups[groups.count - 1].append(parameter)
            room -= bytes
        }
        var parts: [ObjectIdentifier: Part] = [:]
        buckets = try groups.enumerated().map { index, group in
            var random = Philox(seed: seed, path: [Self.seedLabel, UInt64(index)])
            let bucket = try GradientBucket(of: group, format, seed: random.next(), memory)
            var offset = 0
            for parameter in group {
                let tensor = parameter.tensor
                parts[ObjectIdentifier(tensor)] = Part(
                    sum: try bucket.sums.asStrided(tensor.shape, strides: tensor.strides, offset: offset),
                    bucket: index)
                try tensor.setGradient(
                    bucket.gradients.asStrided(tensor.shape, strides: tensor.strides, offset: offset))
                offset += tensor.count
            }
            return bucket
        }
        self.parts = parts
    }

    /// A parameter that is not trained is passed over; `add` refuses it.
    public func expect(_ count: Int, for parameter: Tensor) {
        guard var part = parts[ObjectIdentifier(parameter)] else { return }
        precondition(part.bucket >= departed, "a layer was applied after its bucket had left")
        if part.expected > 0, part.received == part.expected { buckets[part.bucket].missing += 1 }
        part.expected += count
        parts[ObjectIdentifier(parameter)] = part
    }

    public func add(_ gradient: Tensor, to parameter: Tensor) throws {
        guard var part = parts[ObjectIdentifier(parameter)] else {
            throw TrainingError.unsupported(
                "a gradient for a parameter that is not trained, of shape \(parameter.shape)")
        }
        precondition(part.bucket >= departed, "a gradient came after its bucket had left")
        try part.sum.addInPlace(gradient, roundedTo: Self.quantum)
        part.received += 1
        parts[ObjectIdentifier(parameter)] = part
        guard part.received == part.expected else { return }
        buckets[part.bucket].missing -= 1
        while let exchange, exchange.overlaps, departed < buckets.count, buckets[departed].missing == 0 {
            try depart(to: exchange)
        }
    }

    /// Sets all sums to zero, for the next step.
    public func zero() throws {
        exchange = nil
        departed = 0
        for index in buckets.indices {
            try buckets[index].sums.zeroInPlace()
            buckets[index].missing = buckets[index].parameterCount
        }
        for key in parts.keys {
            parts[key]?.expected = 0
            parts[key]?.received = 0
        }
    }

    /// Forward is through: from now on buckets leave.
    ///
    /// - Parameter exchange: of the generation; another one than in the last step begins another generation.
    public func beginExchange(through exchange: any GradientExchange) {
        self.exchange = exchange
        guard generation !== exchange else { return }
        generation = exchange
        for bucket in buckets { bucket.compressor?.reset() }
    }

    /// Backward is through: sums what is left, and leaves the sums over all ranks in the parameters' gradients.
    ///
    /// - Returns: what the exchange took; nil with one rank.
    public func finishExchange() throws -> ExchangeTimes? {
        guard let exchange else { preconditionFailure("an exchange begins before it is finished") }
        while departed < buckets.count { try depart(to: exchange) }
        return try exchange.finish { index in
            if buckets[index].compressor == nil { try buckets[index].round() }
        }
    }

    private func depart(to exchange: any GradientExchange) throws {
        try exchange.submit(buckets[departed].departing())
        departed += 1
    }
}
