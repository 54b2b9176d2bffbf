import Contrastive
import Testing
import Torch
import Training

/// The flat memory that gradients lie in. That sums do not depend on the order of their addends is seen in
/// `WorldSizeTests`, over whole steps.
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
                let parameters = trainer.state.model.parameters
                let before = try parameters.map(Self.place)
                _ = try run.generation(trainer, communicator)
                #expect(try parameters.map(Self.place) == before)
                return try parameters.map { try values(#require($0.tensor.gradient)) }
            })
        {
            for gradient in try result.get() { #expect(gradient.contains { $0 != 0 }) }
        }
    }
}
