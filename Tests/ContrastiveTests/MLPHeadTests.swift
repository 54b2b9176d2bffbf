import Contrastive
import Testing
import Torch

@Suite struct MLPHeadTests {
    static func names(_ form: MLPHead.Form) throws -> [String] {
        try MLPHead(inputs: 6, form: form, seed: 1).parameters.map { "\($0.name) \($0.tensor.shape)" }
    }

    @Test func tensorsAreNamedAsInASequentialOfPyTorch() throws {
        #expect(
            try Self.names(SimCLR.projector(layers: 3, hidden: 5, outputs: 3)) == [
                "0.weight [5, 6]", "1.weight [5]", "1.bias [5]", "3.weight [5, 5]", "4.weight [5]", "4.bias [5]",
                "6.weight [3, 5]", "7.weight [3]",
            ])
        // MoCo v2: linear, ReLU, linear.
        #expect(
            try Self.names(MoCo.projector(hidden: 5, outputs: 3)) == [
                "0.weight [5, 6]", "0.bias [5]", "2.weight [3, 5]", "2.bias [3]",
            ])
        #expect(try Self.names(MoCo.linearProjector(outputs: 3)) == ["0.weight [3, 6]", "0.bias [3]"])
        #expect(
            try Self.names(SimSiam.predictor(hidden: 5, outputs: 3)) == [
                "0.weight [5, 6]", "1.weight [5]", "1.bias [5]", "3.weight [3, 5]", "3.bias [3]",
            ])
    }

    @Test func theOutputNormalisationIsAChoice() throws {
        func last(_ norm: BatchNorm.Affine?) throws -> [String] {
            try MLPHead(inputs: 4, form: .init(hidden: 4, outputs: 2, outputNorm: norm), seed: 1).state.map(\.name)
                .filter { $0.hasPrefix("4.") }
        }
        let buffers = ["4.running_mean", "4.running_var", "4.num_batches_tracked"]
        #expect(try last(nil) == [])
        #expect(try last(BatchNorm.Affine.none) == buffers)
        #expect(try last(.scale) == ["4.weight"] + buffers)
        #expect(try last(.scaleAndShift) == ["4.weight", "4.bias"] + buffers)
    }

    @Test func itIsLinearNormReLULinearNorm() throws {
        let head = try MLPHead(
            inputs: 3, form: SimCLR.projector(hidden: 4, outputs: 2), seed: 6, scalarType: .float64)
        let x = try waves([5, 3], 0.7)
        let weights = head.parameters.map(\.tensor)
        func standardised(_ t: Tensor) throws -> Tensor {
            let centred = try t - t.mean(dims: [0], keepDimensions: true)
            let variance = try centred.square().mean(dims: [0], keepDimensions: true)
            return try centred / (variance + 1e-5).sqrt()
        }
        let hidden = try standardised(x.matmul(weights[0].transposed(0, 1))).relu()
        let expected = try standardised(hidden.matmul(weights[3].transposed(0, 1)))
        let output = try head.forward(x, mode: .training(TrainingContext()))
        #expect(try relativeError(output, expected) < 1e-10)
    }

    @Test func headsOfOneSeedHaveWeightsOfTheirOwn() throws {
        let roles: [MLPHead.Role] = [.projector, .predictor, .denseProjector]
        let weights = try roles.map {
            try values(MLPHead(inputs: 4, form: .init(hidden: 4, outputs: 4), role: $0, seed: 1).parameters[0].tensor)
        }
        #expect(weights[0] != weights[1] && weights[1] != weights[2] && weights[0] != weights[2])
    }

    /// Slices with biases, and rows of several cells for each image: the same as autograd over the whole.
    @Test func slicesGiveTheGradientsOfTheWhole() throws {
        for cells in [1, 3] {
            let head = try MLPHead(
                inputs: 3, form: MoCo.projector(hidden: 4, outputs: 2), seed: 6, scalarType: .float64)
            let x = try NTXentTests.leaf(noise([5 * cells, 3], 2))
            let weight = try noise([5 * cells, 2], 9)
            try (head.forward(x, mode: .training(TrainingContext())) * weight).sum().backward()
            let whole = try head.parameters.map { try values(#require($0.tensor.gradient)) }
            let sums = GradientSums()
            let copy = try NTXentTests.leaf(x)
            let slices = SlicedGradients(rows: [0..<2, 2..<5], accumulator: sums)
            try (head.forward(copy, mode: .training(TrainingContext(slices: slices))) * weight).sum().backward()
            for (parameter, expected) in zip(head.parameters, whole) {
                #expect(
                    relativeError(sums.sums[ObjectIdentifier(parameter.tensor)] ?? [], expected) < 1e-12,
                    "\(parameter.name)")
            }
            let ofInput = try #require(copy.gradient)
            #expect(try relativeError(ofInput, #require(x.gradient)) < 1e-12)
        }
    }
}
