import Contrastive
import Testing
import Torch

@Suite struct SimCLRTests {
    static func model(seed: UInt64 = 1, type: ScalarType = .float64) throws -> SimCLR {
        let encoder = try ResNet(
            depth: .resNet18, form: .cifar, width: 0.0625, inputChannels: 1, seed: seed, scalarType: type)
        let projector = try Projector(
            inputs: encoder.featureDimension, hidden: 16, outputs: 8, seed: seed, scalarType: type)
        return try SimCLR(encoder: encoder, projector: projector, temperature: 0.2)
    }

    @Test func embeddingsHaveUnitLength() throws {
        let z = try Self.model().embed(waves([6, 1, 12, 12], 0), mode: .training(TrainingContext()))
        #expect(z.shape == [6, 8])
        #expect(try values(z.norm(dims: [1], keepDimensions: false)).allSatisfy { abs($0 - 1) < 1e-9 })
    }

    @Test(arguments: [[[0, 1, 2, 3, 4]], [[3, 1], [0, 4, 2]], [[4], [], [2, 0, 1, 3]]])
    func workersWithAnyImagesSumToTheWhole(shares: [[Int]]) throws {
        let keys = try NTXentTests.unit(10, 4, phase: 0.4)
        let whole = try SimCLR.loss(embeddings: keys, keys: keys, positions: [0, 1, 2, 3, 4], temperature: 0.2).item()
        let sum = try shares.map { images -> Double in
            let rows = try Tensor((images + images.map { $0 + 5 }).map { Int64($0) }, shape: [2 * images.count])
            let own = try keys.indexSelected(dim: 0, indices: rows)
            return try SimCLR.loss(embeddings: own, keys: keys, positions: images, temperature: 0.2).item()
        }.reduce(0, +)
        #expect(relativeError([sum], [whole]) < 1e-12)
    }

    @Test func aFewStepsOfEachOptimiserLowerTheLoss() throws {
        let images = try waves([12, 1, 12, 12], 0)
        let makers: [(String, Double, ([Parameter]) throws -> any Optimizer)] = [
            ("SGD", 0.05, { try SGD($0) }), ("LARS", 1, { try LARS($0, weightDecay: 1e-6) }),
            ("AdamW", 0.01, { try AdamW($0) }),
        ]
        for (name, rate, make) in makers {
            let model = try Self.model()
            let optimizer = try make(model.parameters)
            var losses: [Double] = []
            for _ in 0..<8 {
                let z = try model.embed(images, mode: .training(TrainingContext()))
                let loss = try model.loss(embeddings: z, keys: z, positions: Array(0..<6))
                for parameter in model.parameters { try parameter.tensor.setGradient(nil) }
                try loss.backward()
                try optimizer.step(learningRate: rate)
                losses.append(try loss.item())
            }
            #expect(losses[7] < losses[0] - 0.05, "\(name): \(losses)")
        }
    }

    @Test func everyParameterGetsAGradient() throws {
        let model = try Self.model()
        let z = try model.embed(waves([6, 1, 12, 12], 0), mode: .training(TrainingContext()))
        try model.loss(embeddings: z, keys: z, positions: [0, 1, 2]).backward()
        for parameter in model.parameters {
            #expect(try #require(parameter.tensor.gradient).norm().item() > 0, "\(parameter.name)")
        }
    }

    @Test func aProjectorOfAnotherWidthIsRefused() throws {
        let encoder = try ResNet(depth: .resNet18, form: .cifar, width: 0.0625, seed: 1)
        let projector = try Projector(inputs: encoder.featureDimension + 1, hidden: 4, outputs: 4, seed: 1)
        #expect(throws: ContrastiveError.self) {
            try SimCLR(encoder: encoder, projector: projector, temperature: 0.2)
        }
    }
}

@Suite struct ProjectorTests {
    @Test func tensorsAreNamedAsInASequentialOfPyTorch() throws {
        let names = try Projector(inputs: 6, hidden: 5, outputs: 3, layers: 3, seed: 1).parameters.map {
            "\($0.name) \($0.tensor.shape)"
        }
        #expect(
            names == [
                "0.weight [5, 6]", "1.weight [5]", "1.bias [5]", "3.weight [5, 5]", "4.weight [5]", "4.bias [5]",
                "6.weight [3, 5]", "7.weight [3]",
            ])
    }

    @Test func theOutputNormalisationIsAChoice() throws {
        func last(_ norm: BatchNorm.Affine?) throws -> [String] {
            try Projector(inputs: 4, hidden: 4, outputs: 2, outputNorm: norm, seed: 1).state.map(\.name).filter {
                $0.hasPrefix("4.")
            }
        }
        let buffers = ["4.running_mean", "4.running_var", "4.num_batches_tracked"]
        #expect(try last(nil) == [])
        #expect(try last(BatchNorm.Affine.none) == buffers)
        #expect(try last(.scale) == ["4.weight"] + buffers)
        #expect(try last(.scaleAndShift) == ["4.weight", "4.bias"] + buffers)
    }

    @Test func itIsLinearNormReLULinearNorm() throws {
        let projector = try Projector(inputs: 3, hidden: 4, outputs: 2, seed: 6, scalarType: .float64)
        let x = try waves([5, 3], 0.7)
        let weights = projector.parameters.map(\.tensor)
        func standardised(_ t: Tensor) throws -> Tensor {
            let centred = try t - t.mean(dims: [0], keepDimensions: true)
            let variance = try centred.square().mean(dims: [0], keepDimensions: true)
            return try centred / (variance + 1e-5).sqrt()
        }
        let hidden = try standardised(x.matmul(weights[0].transposed(0, 1))).relu()
        let expected = try standardised(hidden.matmul(weights[3].transposed(0, 1)))
        let output = try projector.forward(x, mode: .training(TrainingContext()))
        #expect(try relativeError(output, expected) < 1e-10)
    }
}
