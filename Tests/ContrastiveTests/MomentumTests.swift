import Contrastive
import Foundation
import Testing
import Torch

@Suite struct MomentumTests {
    static func network(seed: UInt64, hasPredictor: Bool = false) throws -> Network {
        let encoder = try ResNet(
            depth: .resNet18, form: .cifar, width: 0.0625, inputChannels: 1, seed: seed, scalarType: .float64)
        let projector = try MLPHead(
            inputs: encoder.featureDimension, form: BYOL.projector(hidden: 5, outputs: 3), seed: seed,
            scalarType: .float64)
        var heads: [(name: String, layer: any Layer)] = [("projector", projector)]
        if hasPredictor {
            let predictor = try MLPHead(
                inputs: 3, form: BYOL.predictor(hidden: 5, outputs: 3), role: .predictor, seed: seed,
                scalarType: .float64)
            heads.append(("predictor", predictor))
        }
        return try Network(encoder: encoder, heads: heads)
    }

    static func parameters(_ network: Network) throws -> [[Double]] {
        try network.parameters.map { try values($0.tensor) }
    }

    @Test func itIsTheMovingAverageOfWhatItFollows() throws {
        let online = try Self.network(seed: 1, hasPredictor: true)
        let before = try Self.parameters(online)
        // Weights of its own at first: it begins as what it follows.
        let target = try MomentumNetwork(
            Self.network(seed: 2), following: online, schedule: MomentumSchedule(base: 0.9, final: 1))
        #expect(try Self.parameters(online) == before)
        var expected = Array(before.prefix(target.network.parameters.count))
        #expect(try Self.parameters(target.network) == expected)
        for step in 0..<4 {
            try withoutGradient {
                for (place, parameter) in online.parameters.enumerated() {
                    try parameter.tensor.addInPlace(noise(parameter.tensor.shape, place + 100 * step))
                }
            }
            try target.follow(step: step, of: 4)
            let m = 1 - 0.1 * (cos(.pi * Double(step) / 4) + 1) / 2
            expected = zip(expected, try Self.parameters(online)).map { average, new in
                zip(average, new).map { m * $0 + (1 - m) * $1 }
            }
            for (own, wanted) in zip(try Self.parameters(target.network), expected) {
                #expect(relativeError(own, wanted) < 1e-12)
            }
        }
        #expect(target.network.parameters.allSatisfy { !$0.tensor.requiresGradient })
        #expect(online.parameters.allSatisfy { $0.tensor.requiresGradient })
    }

    @Test func aNetworkWithoutCounterpartIsRefused() throws {
        #expect(throws: ContrastiveError.self) {
            try MomentumNetwork(
                Self.network(seed: 1, hasPredictor: true), following: Self.network(seed: 1),
                schedule: MomentumSchedule(base: 0.9))
        }
        #expect(throws: ContrastiveError.self) { try MomentumSchedule(base: 1.1) }
        #expect(throws: ContrastiveError.self) { try MomentumSchedule(base: 0.9, final: -0.1) }
    }

    @Test func theScheduleGoesAlongAHalfCosine() throws {
        let schedule = try MomentumSchedule(base: 0.9, final: 1)
        #expect(abs(schedule.momentum(at: 0, of: 10) - 0.9) < 1e-12)
        #expect(abs(schedule.momentum(at: 5, of: 10) - 0.95) < 1e-12)
        #expect(abs(schedule.momentum(at: 10, of: 10) - 1) < 1e-12)
        #expect(try MomentumSchedule(base: 0.99).momentum(at: 7, of: 10) == 0.99)
    }

    /// Flat memory changes neither values nor layouts, and both sides see each other's changes.
    @Test func flatParametersAreTheParameters() throws {
        let network = try Self.network(seed: 3)
        let (before, strides) = (try Self.parameters(network), network.parameters.map(\.tensor.strides))
        let flat = try FlatParameters(network.parameters)
        #expect(try Self.parameters(network) == before)
        #expect(network.parameters.map(\.tensor.strides) == strides)
        try withoutGradient { try flat.values.multiplyInPlace(2) }
        for (now, then) in zip(try Self.parameters(network), before) { #expect(now == then.map { 2 * $0 }) }
        try withoutGradient { for parameter in network.parameters { try parameter.tensor.zeroInPlace() } }
        #expect(try flat.values.norm().item() == 0)
    }

    /// The key of a step comes from the average before it, the queue holds no key of the step, and both move afterwards.
    @Test func moCoMovesAfterTheStepAndOnlyThen() throws {
        let online = try Self.network(seed: 1)
        let target = try MomentumNetwork(
            Self.network(seed: 1), following: online, schedule: MomentumSchedule(base: 0.5))
        let queue = try EmbeddingQueue(size: 7, dimension: 3, seed: 1)
        let method = MoCo(network: online, target: target, negatives: .queue(queue), temperature: 0.2)
        let step = WholeStep(images: 4)
        let views = [try waves([4, 1, 12, 12], 0), try waves([4, 1, 12, 12], 2)]
        let (rows, average) = (try values(queue.rows), try Self.parameters(target.network))
        let first = try method.loss(of: views, in: step)
        try withoutGradient {
            for parameter in online.parameters { try parameter.tensor.multiplyInPlace(1.5) }
        }
        // A step that is broken off and done again finds what it found the first time.
        #expect(try values(queue.rows) == rows)
        #expect(try Self.parameters(target.network) == average)
        try method.commit(step)
        let keys = try values(first.embeddings[1].l2Normalized(dim: 1))
        #expect(try relativeError(Array(values(queue.rows).prefix(12)), keys) < 1e-6)
        for (now, then) in zip(try Self.parameters(target.network), average) {
            #expect(relativeError(now, then.map { 1.25 * $0 }) < 1e-12)
        }
    }
}
