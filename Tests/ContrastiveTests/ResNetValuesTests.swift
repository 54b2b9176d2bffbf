import Contrastive
import Foundation
import Testing
import Torch

@Suite struct ResNetValuesTests {
    struct Golden: Decodable, Sendable, CustomTestStringConvertible {
        let depth: Int
        let form: String
        let width: Double
        let channels: Int
        let shape: [Int]
        let inference: [Double]
        let inferenceNorm: Double
        let training: [Double]
        let trainingNorm: Double
        let gradientNorms: [Double]
        let firstGradients: [Double]
        let lastGradients: [Double]
        let runningNorms: [Double]

        var testDescription: String { "ResNet-\(depth), \(form) form, width \(width)" }

        func network(_ type: ScalarType) throws -> ResNet {
            let network = try ResNet(
                depth: #require(ResNet.Depth(rawValue: depth)), form: #require(ResNet.Form(rawValue: form)),
                width: width, inputChannels: channels, seed: 1, scalarType: type)
            try fill(network)
            return network
        }
    }

    static var cases: [Golden] { get throws { try golden("resnet_values.json", as: [Golden].self) } }

    @Test(arguments: try cases)
    func featuresAndGradientsAreTorchvisions(_ golden: Golden) throws {
        try check(golden, .float64, tolerance: 1e-8)
    }

    @Test func singlePrecisionAgrees() throws {
        for golden in try Self.cases where golden.depth == 18 { try check(golden, .float32, tolerance: 1e-3) }
    }

    private func check(_ golden: Golden, _ type: ScalarType, tolerance: Double) throws {
        let network = try golden.network(type)
        let images = try noise(golden.shape, 1000).converted(to: type)

        let inference = try withoutGradient { try network.forward(images, mode: .inference) }
        #expect(inference.shape == [golden.shape[0], network.featureDimension])
        #expect(try relativeError(Array(values(inference).prefix(8)), golden.inference) < tolerance)
        #expect(try relativeError([inference.norm().item()], [golden.inferenceNorm]) < tolerance)

        let recorder = try RunningStatisticsRecorder(of: network)
        let training = try network.forward(images, mode: .training(TrainingContext(recorder: recorder)))
        #expect(try relativeError(Array(values(training).prefix(8)), golden.training) < tolerance)
        #expect(relativeError([norm(try values(training))], [golden.trainingNorm]) < tolerance)

        try (training * noise(training.shape, 1001).converted(to: type)).sum().backward()
        let gradients = try network.parameters.map { try values(#require($0.tensor.gradient)) }
        #expect(relativeError(gradients.map(norm), golden.gradientNorms) < tolerance)
        #expect(relativeError(gradients.map { $0[0] }, golden.firstGradients) < tolerance)
        #expect(relativeError(gradients.map { $0[$0.count - 1] }, golden.lastGradients) < tolerance)

        try recorder.commit(packed: recorder.packed())
        let running = network.buffers.filter { $0.name.contains("running") }
        #expect(try relativeError(running.map { norm(try values($0.tensor)) }, golden.runningNorms) < tolerance)
    }

    private func norm(_ numbers: [Double]) -> Double {
        numbers.map { $0 * $0 }.reduce(0, +).squareRoot()
    }

    @Test func featureMapPoolsToTheFeatures() throws {
        let network = try ResNet(depth: .resNet50, form: .cifar, width: 0.1, inputChannels: 2, seed: 3)
        let images = try waves([2, 2, 16, 16], 0).converted(to: .float32)
        let map = try network.featureMap(images, mode: .inference)
        #expect(map.shape == [2, network.featureDimension, 2, 2])
        let pooled = try map.mean(dims: [2, 3], keepDimensions: false)
        #expect(try relativeError(pooled, network.forward(images, mode: .inference)) < 1e-5)
    }
}
