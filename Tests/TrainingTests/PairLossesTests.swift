import Collectives
import Contrastive
import Randomness
import Testing
import Torch
import Training

/// Losses over all pairs of images, whose keys travel round the ring, are the same on any number of ranks.
@Suite struct PairLossesTests {
    struct Evaluation: Sendable {
        let loss: Double
        let gradients: [[Double]]
    }

    struct PairLoss: Sendable, CustomTestStringConvertible {
        let name: String
        /// Embeddings that get a gradient, and all.
        let (trained, inputs): (Int, Int)
        let share: @Sendable ([Tensor], any Workers) throws -> Tensor
        var testDescription: String { name }
    }

    static func simCLRLoss(_ temperature: Double) -> PairLoss {
        PairLoss(name: "simclr \(temperature)", trained: 2, inputs: 2) {
            try simCLR($0[0], $0[1], temperature: temperature, over: $1)
        }
    }

    static let losses =
        [simCLRLoss(0.01), simCLRLoss(0.2)]
        + [0.02, 1].map { temperature in
            PairLoss(name: "mocov3 \(temperature)", trained: 2, inputs: 4) {
                try mocoV3($0[0], $0[1], $0[2], $0[3], temperature: temperature, over: $1)
            }
        }
        + TripletMining.allCases.flatMap { mining in
            TripletDistance.allCases.map { distance in
                PairLoss(name: "triplet \(mining) \(distance)", trained: 2, inputs: 2) {
                    try tripletLoss(
                        $0[0], $0[1], margin: 0.4, distance: distance, mining: mining, over: $1, blockElements: 50)
                }
            }
        }

    static func noise(_ shape: [Int], seed: UInt64) throws -> Tensor {
        var stream = Philox(seed: seed, path: [7])
        return try Tensor((0..<shape.reduce(1, *)).map { _ in stream.normal() }, shape: shape)
    }

    static func evaluate(
        _ pairLoss: PairLoss, _ shares: [Int], dimension: Int, type: ScalarType = .float64, seed: UInt64 = 1
    ) throws -> Evaluation {
        let images = shares.reduce(0, +)
        let results = try onRanks(shares.count) { communicator -> Evaluation in
            let workers = CommunicatingWorkers(rows: shares, over: communicator)
            let views = try (0..<pairLoss.inputs).map { view in
                let own = try noise([images, dimension], seed: seed + UInt64(view))
                    .narrowed(dim: 0, start: workers.ownRows.lowerBound, length: workers.ownRows.count)
                    .converted(to: type).cloned()
                if view < pairLoss.trained { try own.setRequiresGradient(true) }
                return own
            }
            // Twice, as a step after the other: nothing is left over on the ring.
            var losses: [Double] = []
            for _ in 0..<2 {
                for view in views { try view.setGradient(nil) }
                let share = try pairLoss.share(views, workers)
                try (share * 3).backward()
                losses.append(try share.detached().item())
            }
            return Evaluation(
                loss: losses[1], gradients: try views.prefix(pairLoss.trained).map { try values(#require($0.gradient)) }
            )
        }.map { try $0.get() }
        return Evaluation(
            loss: results.reduce(0) { $0 + $1.loss },
            gradients: (0..<pairLoss.trained).map { view in results.flatMap { $0.gradients[view] } })
    }

    static func expectSame(_ one: Evaluation, _ other: Evaluation, within tolerance: Double, _ what: String) {
        #expect(relativeError([one.loss], [other.loss]) <= tolerance, "\(what): \(one.loss), \(other.loss)")
        for view in one.gradients.indices {
            let error = relativeError(one.gradients[view], other.gradients[view])
            #expect(error <= tolerance, "\(what), view \(view): \(error)")
        }
    }

    @Test(
        arguments: losses,
        [[5, 4], [3, 0, 6], [1, 2, 3, 3], [0, 0, 9, 0], [2, 1, 1, 1, 1, 1, 1, 1]])
    func valueAndGradientsAreThoseOfOneRank(pairLoss: PairLoss, shares: [Int]) throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            let ring = try Self.evaluate(pairLoss, shares, dimension: 5, seed: 10 * seed)
            let one = try Self.evaluate(pairLoss, [shares.reduce(0, +)], dimension: 5, seed: 10 * seed)
            #expect(one.gradients.allSatisfy { $0.contains { $0 != 0 } })
            Self.expectSame(ring, one, within: 1e-9, "\(shares), seed \(seed)")
        }
    }

    /// NT-Xent as PyTorch's users write it: the whole matrix, by autograd.
    static func ordinary(images: Int, dimension: Int, temperature: Double) throws -> Evaluation {
        let views = try (0..<2).map { view in
            let view = try noise([images, dimension], seed: 1 + UInt64(view))
            try view.setRequiresGradient(true)
            return view
        }
        let z = try Tensor.concatenated(views.map { try $0.l2Normalized(dim: 1) }, dim: 0)
        let rows = try Tensor.arange(2 * images)
        let positive = try Tensor((0..<2 * images).map { Int64(($0 + images) % (2 * images)) }, shape: [2 * images, 1])
        let logits = try (z.matmul(z.transposed(0, 1)) / temperature)
            .maskedFilled(rows.equal(rows.unsqueezed(dim: 1)), -.infinity)
        let loss =
            try (logits.logSumExp(dims: [1]).sum() - logits.gathered(dim: 1, indices: positive).sum())
            / Double(2 * images)
        try (loss * 3).backward()
        return Evaluation(
            loss: try loss.detached().item(), gradients: try views.map { try values(#require($0.gradient)) })
    }

    @Test(arguments: [0.01, 0.1])
    func singlePrecisionOfThousandsOfImagesIsTheOrdinaryLoss(temperature: Double) throws {
        let (images, dimension) = (1000, 16)
        let ordinary = try Self.ordinary(images: images, dimension: dimension, temperature: temperature)
        for ranks in [1, 2, 3, 4, 8] {
            let shares = (0..<ranks).map { images * ($0 + 1) / ranks - images * $0 / ranks }
            let ring = try Self.evaluate(Self.simCLRLoss(temperature), shares, dimension: dimension, type: .float32)
            Self.expectSame(ring, ordinary, within: temperature < 0.1 ? 1e-4 : 1e-5, "\(ranks) ranks")
        }
    }

    @Test func oneImageAloneHasNoNegativesAndNoLoss() throws {
        let one = try Self.evaluate(Self.simCLRLoss(0.2), [1], dimension: 3)
        #expect(abs(one.loss) < 1e-12)
    }
}
