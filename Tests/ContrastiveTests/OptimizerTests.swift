import Contrastive
import Testing
import Torch

@Suite struct OptimizerTests {
    struct Golden: Decodable {
        let rates: [Double]
        let sgd: [[Double]]
        let nesterov: [[Double]]
        let adamw: [[Double]]
        let lars: [[Double]]
        let larc: [[Double]]
        let lamb: [[Double]]
    }

    static let shapes: [([Int], Parameter.Kind)] = [([3, 2], .weight), ([3], .bias), ([3], .norm)]

    static func parameters() throws -> [Parameter] {
        try shapes.enumerated().map { place, entry in
            let tensor = try waves(entry.0, Double(place) + 1)
            try tensor.setRequiresGradient(true)
            return Parameter(name: "p\(place)", tensor: tensor, kind: entry.1)
        }
    }

    static func setGradients(_ parameters: [Parameter], step: Int) throws {
        for (place, parameter) in parameters.enumerated() {
            let phase = 10 * Double(step + 1) + Double(place)
            try parameter.tensor.setGradient(waves(parameter.tensor.shape, phase, scale: 0.5))
        }
    }

    /// The parameters after each of the steps.
    static func run(_ optimizer: any Optimizer, _ rates: [Double], from first: Int = 0) throws -> [[Double]] {
        try rates.indices.dropFirst(first).map { step in
            try setGradients(optimizer.parameters, step: step)
            try optimizer.step(learningRate: rates[step])
            return try optimizer.parameters.flatMap { try values($0.tensor) }
        }
    }

    private func check(_ history: [[Double]], _ expected: [[Double]]) {
        for (step, pair) in zip(history, expected).enumerated() {
            #expect(relativeError(pair.0, pair.1) < 1e-12, "step \(step)")
        }
        #expect(history.count == expected.count)
    }

    static let makers: [(name: String, make: @Sendable ([Parameter]) throws -> any Optimizer)] = [
        ("sgd", { try SGD($0, momentum: 0.9, weightDecay: 0.01) }),
        ("nesterov", { try SGD($0, momentum: 0.9, weightDecay: 0.01, nesterov: true) }),
        ("adamw", { try AdamW($0, beta1: 0.8, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.05) }),
        ("lars", { try LARS($0, momentum: 0.9, weightDecay: 0.01) }),
        ("larc", { try LARS($0, momentum: 0.9, weightDecay: 0.01, trustCoefficient: 0.1, clipped: true) }),
        ("lamb", { try LAMB($0, beta1: 0.8, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.05) }),
    ]

    @Test func fiveStepsAreThoseOfPyTorchAndOfThePapers() throws {
        let golden = try golden("optimizers.json", as: Golden.self)
        let expected = [golden.sgd, golden.nesterov, golden.adamw, golden.lars, golden.larc, golden.lamb]
        for ((_, make), history) in zip(Self.makers, expected) {
            check(try Self.run(make(Self.parameters()), golden.rates), history)
        }
    }

    @Test(arguments: 0..<6)
    func aRestoredOptimiserGoesOnAsTheUninterruptedOne(which: Int) throws {
        let make = Self.makers[which].make
        let rates = [0.1, 0.3, 0.2, 0.05, 0.4]
        let whole = try Self.run(make(Self.parameters()), rates)
        let before = try make(Self.parameters())
        _ = try Self.run(before, Array(rates.prefix(2)))
        let after = try make(Self.parameters())
        for (old, new) in zip(before.parameters, after.parameters) {
            try withoutGradient { try new.tensor.copyInPlace(from: old.tensor) }
        }
        try after.restore(before.state)
        #expect(try Self.run(after, rates, from: 2) == Array(whole.dropFirst(2)))
    }

    @Test func statesAreNamedByParameter() throws {
        let names = try Self.makers.map { try $0.make(Self.parameters()).state.map(\.name) }
        #expect(names[0] == ["momentum.p0", "momentum.p1", "momentum.p2"])
        #expect(names[3] == names[0])
        #expect(names[2].prefix(2) == ["steps", "first_moment.p0"])
        let lars = try LARS(Self.parameters())
        #expect(throws: ContrastiveError.self) { try lars.restore(Array(lars.state.dropLast())) }
    }

    @Test func gradientsAreLeftAsTheyAre() throws {
        for (name, make) in Self.makers {
            let optimizer = try make(Self.parameters())
            try Self.setGradients(optimizer.parameters, step: 0)
            try optimizer.step(learningRate: 0.1)
            for (place, parameter) in optimizer.parameters.enumerated() {
                let expected = try waves(parameter.tensor.shape, 10 + Double(place), scale: 0.5)
                #expect(try values(#require(parameter.tensor.gradient)) == values(expected), "\(name)")
            }
        }
    }

    @Test func parametersWithoutGradientStay() throws {
        for (name, make) in Self.makers {
            let optimizer = try make(Self.parameters())
            let before = try optimizer.parameters.flatMap { try values($0.tensor) }
            try optimizer.step(learningRate: 0.1)
            #expect(try optimizer.parameters.flatMap { try values($0.tensor) } == before, "\(name)")
        }
    }

    @Test func larsLeavesBiasesAndNormsToPlainMomentum() throws {
        let (lars, sgd) = (try LARS(Self.parameters(), weightDecay: 0.5), try SGD(Self.parameters()))
        let rates = [0.1, 0.1, 0.1]
        let (a, b) = (try Self.run(lars, rates), try Self.run(sgd, rates))
        // With a constant rate it makes no difference whether the rate is inside the momentum.
        for step in rates.indices {
            #expect(relativeError(Array(a[step][6...]), Array(b[step][6...])) < 1e-12)
            #expect(relativeError(Array(a[step][..<6]), Array(b[step][..<6])) > 1e-3)
        }
    }

    @Test func larsStepsAWeightOfZeroByThePlainRate() throws {
        let weight = try Tensor.zeros([2, 2], .float64)
        try weight.setRequiresGradient(true)
        try weight.setGradient(Tensor.ones([2, 2], .float64))
        try LARS([Parameter(name: "w", tensor: weight, kind: .weight)]).step(learningRate: 0.5)
        #expect(try values(weight) == [-0.5, -0.5, -0.5, -0.5])
    }
}
