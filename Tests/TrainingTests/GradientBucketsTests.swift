import Collectives
import Contrastive
import Randomness
import Testing
import Torch
import Training

/// The flat memory that gradients lie in, and the sums that become them.
@Suite struct GradientBucketsTests {
    static func parameters(_ shapes: [[Int]]) throws -> [Parameter] {
        try shapes.enumerated().map { index, shape in
            var tensor = try Tensor.ones(shape)
            if shape.count == 4 { tensor = try tensor.channelsLast() }
            return Parameter(name: "\(index)", tensor: tensor, kind: .weight)
        }
    }

    /// Where a gradient's memory begins and ends.
    static func place(_ parameter: Parameter) throws -> Range<UInt> {
        try #require(parameter.tensor.gradient).withUnsafeMutableBytes { raw in
            let start = UInt(bitPattern: raw.baseAddress)
            return start..<start + UInt(raw.count)
        }
    }

    static let shapes = [[4, 3, 3, 3], [5], [2, 6], [6, 2, 1, 1], [1]]

    @Test func gradientsHaveTheShapeAndTheStridesOfTheirParameters() throws {
        let parameters = try Self.parameters(Self.shapes)
        let buckets = try GradientBuckets(parameters: parameters)
        for parameter in parameters {
            let gradient = try #require(parameter.tensor.gradient)
            #expect(gradient.shape == parameter.tensor.shape)
            #expect(gradient.strides == parameter.tensor.strides)
            #expect(gradient.scalarType == parameter.tensor.scalarType)
            #expect(try values(gradient).allSatisfy { $0 == 0 })
        }
        withExtendedLifetime(buckets) {}
    }

    @Test func gradientsLieSideBySideInReverseOrder() throws {
        let parameters = try Self.parameters(Self.shapes)
        let buckets = try GradientBuckets(parameters: parameters)
        let places = try parameters.reversed().map(Self.place)
        for (one, next) in zip(places, places.dropFirst()) { #expect(one.upperBound == next.lowerBound) }
        withExtendedLifetime(buckets) {}
    }

    @Test func aBucketBeginsWhereTheNextSumWouldNotFit() throws {
        // In reverse 4, 4, 2 and 20 sums of 8 bytes: two in the first bucket, then one of 2, then one that is larger.
        let parameters = try Self.parameters([[20], [2], [4], [4]])
        let buckets = try GradientBuckets(parameters: parameters, bucketBytes: 64)
        let places = try parameters.reversed().map(Self.place)
        #expect(places[0].upperBound == places[1].lowerBound)
        #expect(places[1].upperBound != places[2].lowerBound)
        #expect(places[2].upperBound != places[3].lowerBound)
        withExtendedLifetime(buckets) {}
    }

    @Test func aParameterThatIsNotRegisteredIsRefused() throws {
        let parameters = try Self.parameters([[2, 3]])
        let buckets = try GradientBuckets(parameters: parameters)
        try buckets.add(Tensor.ones([2, 3]), to: parameters[0].tensor)
        let stranger = try Tensor.ones([7, 3])
        let error = try #require(throws: TrainingError.self) { try buckets.add(Tensor.ones([7, 3]), to: stranger) }
        #expect(error.description.contains("[7, 3]"))
        // Another tensor of the same shape is as strange.
        #expect(throws: TrainingError.self) { try buckets.add(Tensor.ones([2, 3]), to: Tensor.ones([2, 3])) }
    }

    @Test func aStepLeavesTheGradientsInTheirBuckets() throws {
        let run = TestRun(try tinyRun(steps: 2))
        for result in onRanks(
            2,
            { communicator in
                let trainer = try run.trainer(rank: communicator.rank)
                let parameters = trainer.state.method.network.parameters
                let before = try parameters.map(Self.place)
                _ = try run.generation(trainer, communicator)
                #expect(try parameters.map(Self.place) == before)
                return try parameters.map { try values(#require($0.tensor.gradient)) }
            })
        {
            for gradient in try result.get() { #expect(gradient.contains { $0 != 0 }) }
        }
    }

    /// Pairs that cancel and are far larger than the rest: ordinary float64 sums keep a rounding error of theirs.
    static func addends(_ shape: [Int], seed: UInt64) throws -> [Tensor] {
        var random = Philox(seed: seed, path: [1])
        let count = shape.reduce(1, *)
        func draw(_ bound: Double) throws -> Tensor {
            try Tensor((0..<count).map { _ in (2 * random.uniformDouble() - 1) * bound }, shape: shape)
        }
        let large = try (0..<8).map { _ in try draw(40) }
        return try large + large.map { try -$0 } + (0..<8).map { _ in try draw(1e-9) }
    }

    /// The bits of a gradient after a step of `ranks` ranks to whose sums the addends were added, each by one rank.
    static func bits(
        _ run: TestRun, ranks: Int, seed: UInt64, order: [Int32]
    ) throws -> Set<[UInt32]> {
        let results = onRanks(ranks, limits: run.limits) { communicator in
            let trainer = try run.trainer(rank: communicator.rank)
            let parameter = trainer.state.method.network.parameters[0].tensor
            let addends = try Self.addends(parameter.shape, seed: seed)
            let own = order.indices.filter { $0 * ranks / order.count == communicator.rank }
            let observer = TestObserver(wish: { _ in nil }) { phase, _ in
                // The slices' gradients are in the sums, those of other ranks not yet.
                guard phase == .reduce else { return }
                #expect(throws: Never.self) {
                    for place in own { try trainer.state.gradients.add(addends[Int(order[place])], to: parameter) }
                }
            }
            _ = try trainer.run(source: 0, over: communicator, observer: observer)
            return try #require(parameter.gradient).floats().map(\.bitPattern)
        }
        return try Set(results.map { try $0.get() })
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func neitherTheOrderOfAddendsNorTheirDealingChangesTheBits(seed: UInt64) throws {
        // So high a temperature that the step's own gradients do not hide what is left of the addends.
        var run = TestRun(try tinyRun(steps: 1) { $0.loss.temperature = 1e6 })
        let expected = try Self.bits(run, ranks: 1, seed: seed, order: (0..<24).map { Int32($0) })
        #expect(expected.count == 1)
        var random = Philox(seed: seed, path: [2])
        for (ranks, limits) in [(1, CollectiveLimits()), (2, ringOnly), (3, CollectiveLimits()), (4, ringOnly)] {
            run.limits = limits
            let others = try Self.bits(run, ranks: ranks, seed: seed, order: random.permutation(of: 24))
            let isSame = others == expected
            #expect(isSame, "seed \(seed), \(ranks) ranks")
        }
    }
}
