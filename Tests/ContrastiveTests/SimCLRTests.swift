import Contrastive
import Testing
import Torch

@Suite struct SimCLRTests {
    static func network(seed: UInt64 = 1, type: ScalarType = .float64) throws -> Network {
        try model(seed: seed, type: type).network
    }

    static func model(seed: UInt64 = 1, type: ScalarType = .float64) throws -> SimCLR {
        let encoder = try ResNet(
            depth: .resNet18, form: .cifar, width: 0.0625, inputChannels: 1, seed: seed, scalarType: type)
        let projector = try MLPHead(
            inputs: encoder.featureDimension, form: SimCLR.projector(hidden: 16, outputs: 8), seed: seed,
            scalarType: type)
        return try SimCLR(encoder: encoder, projector: projector, temperature: 0.2)
    }

    /// Two views of six images.
    static func views() throws -> [Tensor] { [try waves([6, 1, 12, 12], 0), try waves([6, 1, 12, 12], 2)] }

    @Test func aFewStepsOfEachOptimiserLowerTheLoss() throws {
        let views = try Self.views()
        let makers: [(String, Double, ([Parameter]) throws -> any Optimizer)] = [
            ("SGD", 0.05, { try SGD($0) }), ("LARS", 1, { try LARS($0, weightDecay: 1e-6) }),
            ("AdamW", 0.01, { try AdamW($0) }),
        ]
        for (name, rate, make) in makers {
            let model = try Self.model()
            let optimizer = try make(model.network.parameters)
            var losses: [Double] = []
            for number in 0..<8 {
                let step = WholeStep(images: 6, number: number)
                let loss = try model.loss(of: views, in: step).share
                for parameter in model.network.parameters { try parameter.tensor.setGradient(nil) }
                try loss.backward()
                try optimizer.step(learningRate: rate)
                try model.commit(step)
                losses.append(try loss.item())
            }
            #expect(losses[7] < losses[0] - 0.05, "\(name): \(losses)")
        }
    }

    @Test func everyParameterGetsAGradient() throws {
        let model = try Self.model()
        try model.loss(of: Self.views(), in: WholeStep(images: 6)).share.backward()
        for parameter in model.network.parameters {
            #expect(try #require(parameter.tensor.gradient).norm().item() > 0, "\(parameter.name)")
        }
    }

    @Test func aProjectorOfAnotherWidthIsRefused() throws {
        let encoder = try ResNet(depth: .resNet18, form: .cifar, width: 0.0625, seed: 1)
        let projector = try MLPHead(
            inputs: encoder.featureDimension + 1, form: SimCLR.projector(hidden: 4, outputs: 4), seed: 1)
        #expect(throws: ContrastiveError.self) {
            try SimCLR(encoder: encoder, projector: projector, temperature: 0.2)
        }
    }
}
