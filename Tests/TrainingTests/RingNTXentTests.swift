import Collectives
import Contrastive
import Randomness
import Testing
import Torch
import Training

/// NT-Xent with keys that travel round the ring is NT-Xent with keys that are gathered.
@Suite struct RingNTXentTests {
    struct Evaluation: Sendable {
        let loss: Double
        let gradients: [[Double]]
    }

    static func noise(_ shape: [Int], seed: UInt64) throws -> Tensor {
        var stream = Philox(seed: seed, path: [7])
        return try Tensor((0..<shape.reduce(1, *)).map { _ in stream.normal() }, shape: shape)
    }

    static func evaluate(
        _ shares: [Int], dimension: Int, temperature: Double, keys: KeyExchange, type: ScalarType = .float64,
        seed: UInt64 = 1
    ) throws -> Evaluation {
        let images = shares.reduce(0, +)
        let results = try onRanks(shares.count) { communicator -> Evaluation in
            let workers = CommunicatingWorkers(rows: shares, over: communicator)
            let views = try (0..<2).map { view in
                let own = try noise([images, dimension], seed: seed + UInt64(view))
                    .narrowed(dim: 0, start: workers.ownRows.lowerBound, length: workers.ownRows.count)
                    .converted(to: type).cloned()
                try own.setRequiresGradient(true)
                return own
            }
            // Twice, as a step after the other: nothing is left over on the ring.
            var losses: [Double] = []
            for _ in 0..<2 {
                for view in views { try view.setGradient(nil) }
                let share = try simCLR(views[0], views[1], temperature: temperature, keys: keys, over: workers)
                try (share * 3).backward()
                losses.append(try share.detached().item())
            }
            return Evaluation(loss: losses[1], gradients: try views.map { try values(#require($0.gradient)) })
        }.map { try $0.get() }
        return Evaluation(
            loss: results.reduce(0) { $0 + $1.loss },
            gradients: (0..<2).map { view in results.flatMap { $0.gradients[view] } })
    }

    static func expectSame(_ one: Evaluation, _ other: Evaluation, within tolerance: Double, _ what: String) {
        #expect(relativeError([one.loss], [other.loss]) <= tolerance, "\(what): \(one.loss), \(other.loss)")
        for view in 0..<2 {
            let error = relativeError(one.gradients[view], other.gradients[view])
            #expect(error <= tolerance, "\(what), view \(view): \(error)")
        }
    }

    @Test(arguments: [[9], [5, 4], [3, 0, 6], [1, 2, 3, 3], [0, 0, 9, 0], [2, 1, 1, 1, 1, 1, 1, 1]], [0.01, 0.2])
    func valueAndGradientsAreThoseOfGatheredKeys(shares: [Int], temperature: Double) throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            let ring = try Self.evaluate(shares, dimension: 5, temperature: temperature, keys: .ring, seed: 10 * seed)
            let one = try Self.evaluate(
                [shares.reduce(0, +)], dimension: 5, temperature: temperature, keys: .gathered, seed: 10 * seed)
            Self.expectSame(ring, one, within: 1e-9, "\(shares), seed \(seed)")
        }
    }

    @Test(arguments: [1, 2, 3, 4, 8])
    func singlePrecisionOfThousandsOfImagesAgrees(ranks: Int) throws {
        let images = 1000
        let shares = (0..<ranks).map { images * ($0 + 1) / ranks - images * $0 / ranks }
        let ring = try Self.evaluate(shares, dimension: 16, temperature: 0.1, keys: .ring, type: .float32)
        let one = try Self.evaluate([images], dimension: 16, temperature: 0.1, keys: .gathered)
        Self.expectSame(ring, one, within: 1e-5, "\(ranks) ranks")
    }

    @Test func oneImageAloneHasNoNegativesAndNoLoss() throws {
        let ring = try Self.evaluate([1], dimension: 3, temperature: 0.2, keys: .ring)
        #expect(abs(ring.loss) < 1e-12)
    }
}
