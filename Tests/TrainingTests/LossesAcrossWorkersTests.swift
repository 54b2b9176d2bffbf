import Collectives
import Contrastive
import Randomness
import Testing
import Torch
import Training

/// Every loss over workers that have uneven parts of the images, or none, against one worker: value and gradients.
///
/// This is where the mistakes of others would show: a gather or a sum whose backward keeps the own part alone or divides
/// by the workers, a correlation summed without backward, views of different images paired after a gather.
@Suite struct LossesAcrossWorkersTests {
    /// Images of each worker, 11 in all.
    static let deals = [[11], [5, 6], [0, 11], [4, 1, 6], [3, 0, 5, 3], [1, 2, 0, 4, 0, 0, 3, 1]]

    /// Dense InfoNCE, which takes feature maps, and SwAV with a queue, which `murmur loss` has not.
    static let furtherMethods = [
        LossMethod(
            "dense",
            inputs: [
                LossInput("q", ["N", "D", "S"]), LossInput("k", ["N", "D", "S"], .constant),
                LossInput("qFeatures", ["N", "C", "S"], .constant), LossInput("kFeatures", ["N", "C", "S"], .constant),
                LossInput("queue", ["K", "D"], .constant),
            ]
        ) {
            try denseInfoNCE(
                queries: $0["q"], keys: $0["k"], queryFeatures: $0["qFeatures"], keyFeatures: $0["kFeatures"],
                queue: $0["queue"], temperature: 0.1, over: $0.workers)
        },
        LossMethod(
            "queued",
            inputs: [
                LossInput("first", ["N", "K"]), LossInput("second", ["N", "K"]),
                LossInput("queue", ["L", "K"], .constant),
            ]
        ) { call in
            let scores = [call["first"], call["second"]]
            let codes = try scores.map {
                try sinkhornCodes(
                    scores: $0, extraScores: call["queue"], epsilon: 0.1, rounds: 3, over: call.workers)
            }
            return try swappedPrediction(scores: scores, codes: codes, temperature: 0.1, over: call.workers)
        },
    ]

    /// Every method, with every choice that it has.
    static func variants() throws -> [(method: LossMethod, words: [String])] {
        var variants = (LossMethod.all + furtherMethods).map { (method: $0, words: [String]()) }
        for distance in TripletDistance.allCases {
            for mining in TripletMining.allCases {
                let words = ["distance=\(distance.rawValue)", "mining=\(mining.rawValue)"]
                variants.append((try LossMethod.named("triplet"), words))
            }
        }
        return variants
    }

    static let sizes = ["N": 11, "D": 5, "K": 7, "C": 3, "S": 4, "crops": 4, "L": 9]

    /// Random inputs of a method.
    static func inputs(of method: LossMethod, seed: UInt64) throws -> [String: Tensor] {
        var random = Philox(key: seed)
        var tensors: [String: Tensor] = [:]
        for input in method.inputs {
            let shape = input.dimensions.map { sizes[$0] ?? 1 }
            let count = shape.reduce(1, *)
            if input.role == .clusters {
                let clusters = (0..<count).map { _ in Int64(random.below(8)) - 1 }
                tensors[input.name] = try Tensor(clusters.map { $0 < 0 ? unassigned : $0 }, shape: shape)
            } else {
                tensors[input.name] = try Tensor((0..<count).map { _ in 2 * random.uniformDouble() - 1 }, shape: shape)
            }
        }
        return tensors
    }

    struct Outcome: Sendable {
        let loss: Double
        let gradients: [String: [Double]]
    }

    static func evaluate(_ method: LossMethod, _ words: [String], seed: UInt64, rows: [Int]) throws -> [Outcome] {
        try onRanks(rows.count, limits: ringOnly) { communicator in
            let evaluation = try method.evaluate(
                inputs: inputs(of: method, seed: seed), settings: method.settings(from: words), rows: rows,
                over: communicator)
            return Outcome(loss: evaluation.loss, gradients: try evaluation.gradients.mapValues { try values($0) })
        }.map { try $0.get() }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func valueAndGradientsDoNotDependOnTheWorkers(seed: UInt64) throws {
        for (method, words) in try Self.variants() {
            let one = try Self.evaluate(method, words, seed: seed, rows: Self.deals[0])[0]
            #expect(one.loss.isFinite && one.gradients.values.contains { $0.contains { $0 != 0 } }, "\(method.name)")
            for rows in Self.deals.dropFirst() {
                for outcome in try Self.evaluate(method, words, seed: seed, rows: rows) {
                    let label = "\(method.name) \(words) over \(rows), seed \(seed)"
                    #expect(relativeError([outcome.loss], [one.loss]) < 1e-10, "\(label)")
                    for (name, gradient) in one.gradients {
                        #expect(relativeError(outcome.gradients[name] ?? [], gradient) < 1e-9, "\(label), \(name)")
                    }
                }
            }
        }
    }

    /// Where nothing is assigned on one worker, or on any.
    @Test(arguments: [[0, 1, 2, 3, 4], []])
    func imagesWithoutClusterAreLeftOutWhereverTheyAre(assigned: [Int]) throws {
        let method = try LossMethod.named("deepclusterv2")
        func run(_ rows: [Int]) throws -> Outcome {
            try onRanks(rows.count) { communicator in
                var inputs = try Self.inputs(of: method, seed: 4)
                let clusters = (0..<11).map { assigned.contains($0) ? Int64($0) : unassigned }
                inputs["assignments"] = try Tensor(clusters, shape: [11])
                let evaluation = try method.evaluate(
                    inputs: inputs, settings: method.settings(), rows: rows, over: communicator)
                return Outcome(loss: evaluation.loss, gradients: try evaluation.gradients.mapValues { try values($0) })
            }[0].get()
        }
        let (one, two) = (try run([11]), try run([5, 6]))
        #expect((one.loss == 0) == assigned.isEmpty)
        #expect(relativeError([two.loss], [one.loss]) < 1e-12)
        for (name, gradient) in one.gradients { #expect(relativeError(two.gradients[name] ?? [], gradient) < 1e-12) }
    }

    /// SwAV's and DeepCluster-v2's embeddings and prototypes are normalised: their lengths do not matter.
    @Test(arguments: ["swav", "deepclusterv2", "simclr", "moco", "mocov3", "byol", "simsiam", "triplet"])
    func lengthsDoNotMatterWhereCosinesAreCompared(name: String) throws {
        let method = try LossMethod.named(name)
        let inputs = try Self.inputs(of: method, seed: 5)
        func loss(_ inputs: [String: Tensor]) throws -> Double {
            let carried = inputs
            return try onRanks(1) {
                try method.evaluate(inputs: carried, settings: method.settings(), over: $0).loss
            }[0].get()
        }
        let expected = try loss(inputs)
        for input in method.inputs where input.role != .clusters {
            var longer = inputs
            longer[input.name] = try #require(inputs[input.name]) * 1000
            #expect(try relativeError([loss(longer)], [expected]) < 1e-10, "\(input.name)")
        }
    }
}
