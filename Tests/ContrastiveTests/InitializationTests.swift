import Contrastive
import Testing
import Torch

@Suite struct InitializationTests {
    @Test(arguments: [UInt64(1), 7, 123])
    func convolutionsAreHeNormalByFanOut(seed: UInt64) throws {
        let network = try ResNet(depth: .resNet18, form: .imageNet, seed: seed)
        for parameter in network.parameters where parameter.kind == .weight && parameter.tensor.count > 30_000 {
            let shape = parameter.tensor.shape
            let numbers = try values(parameter.tensor)
            let count = Double(numbers.count)
            let mean = numbers.reduce(0, +) / count
            let variance = numbers.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / count
            let expected = 2 / Double(shape[0] * shape[2] * shape[3])
            // Five standard errors of a normal sample's mean and variance.
            #expect(abs(mean) < 5 * (expected / count).squareRoot(), "\(parameter.name), seed \(seed)")
            #expect(abs(variance / expected - 1) < 5 * (2 / count).squareRoot(), "\(parameter.name), seed \(seed)")
        }
    }

    @Test func normalisationsBeginAsTheIdentity() throws {
        let network = try ResNet(depth: .resNet18, form: .cifar, width: 0.1, seed: 5)
        for entry in network.state where entry.tensor.dimensions < 4 {
            let isOne = entry.name.hasSuffix("weight") || entry.name.hasSuffix("running_var")
            #expect(try values(entry.tensor).allSatisfy { $0 == (isOne ? 1 : 0) }, "\(entry.name)")
        }
    }

    @Test(arguments: [ResNet.Depth.resNet18, .resNet50])
    func blocksMayBeginAsTheirShortcutAlone(depth: ResNet.Depth) throws {
        let network = try ResNet(depth: depth, form: .cifar, width: 0.1, zeroInitResidual: true, seed: 5)
        let last = depth == .resNet18 ? "bn2.weight" : "bn3.weight"
        for parameter in network.parameters where parameter.kind == .norm {
            let isOne = parameter.name.hasSuffix("weight") && !parameter.name.hasSuffix(last)
            #expect(try values(parameter.tensor).allSatisfy { $0 == (isOne ? 1 : 0) }, "\(parameter.name)")
        }
        let plain = try ResNet(depth: depth, form: .cifar, width: 0.1, seed: 5)
        for (one, other) in zip(network.parameters, plain.parameters) where one.kind == .weight {
            #expect(try values(one.tensor) == values(other.tensor))
        }
    }

    @Test func linearLayersAreUniformByFanIn() throws {
        let numbers = try values(Linear(inputs: 400, outputs: 300, seed: 9).weight)
        let bound = 1 / 400.0.squareRoot()
        #expect(numbers.allSatisfy { abs($0) <= bound })
        let variance = numbers.map { $0 * $0 }.reduce(0, +) / Double(numbers.count)
        #expect(abs(variance / (bound * bound / 3) - 1) < 0.02)
    }

    @Test func weightsDependOnTheSeedAlone() throws {
        func weights(_ seed: UInt64) throws -> [Double] {
            let network = try ResNet(depth: .resNet18, form: .cifar, width: 0.1, seed: seed)
            return try network.parameters.flatMap { try values($0.tensor) }
        }
        #expect(try weights(4) == weights(4))
        #expect(try weights(4) != weights(5))
        let projector = try MLPHead(inputs: 8, form: .init(hidden: 8, outputs: 8), seed: 4)
        #expect(try values(projector.parameters[0].tensor) != values(projector.parameters[3].tensor))
    }

    @Test func weightsAreChannelsLast() throws {
        let network = try ResNet(depth: .resNet18, form: .cifar, width: 0.1, seed: 4)
        let kernels = network.parameters.map(\.tensor).filter { $0.dimensions == 4 }
        #expect(kernels.allSatisfy { $0.isChannelsLast })
    }
}
