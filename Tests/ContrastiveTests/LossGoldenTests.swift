import Contrastive
import GoldenTestKit
import Testing
import Torch

/// Every loss of one worker against `Golden/make_losses.py`.
@Suite struct LossGoldenTests {
    static let methods = [
        "simclr", "triplet", "moco", "mocov3", "swav", "deepclusterv2", "byol", "simsiam", "barlowtwins", "vicreg",
        "densecl",
    ]

    @Test(arguments: methods)
    func valueAndGradientsAgreeWithPyTorch(method: String) throws {
        let cases = try GoldenLoss.all(in: golden("losses.json")).filter { $0.method == method }
        try #require(!cases.isEmpty)
        for golden in cases {
            let tensors = try golden.tensors()
            let loss = try Self.loss(golden, tensors)
            #expect(loss.shape == [])
            try loss.backward()
            let label = "\(method) \(golden.choices.values.sorted()) \(golden.settings)"
            #expect(try relativeError([loss.item()], [golden.loss]) < 1e-9, "\(label)")
            for (name, gradient) in golden.gradients {
                let ours = try values(#require(tensors[name]?.gradient))
                #expect(relativeError(ours, gradient) < 1e-9, "\(label), \(name)")
            }
        }
    }

    @Test(arguments: methods)
    func singlePrecisionIsKeptAndAgreesWithDouble(method: String) throws {
        for golden in try GoldenLoss.all(in: golden("losses.json")) where golden.method == method {
            let tensors = try golden.tensors(.float32)
            let loss = try Self.loss(golden, tensors)
            #expect(loss.scalarType == .float32)
            try loss.backward()
            // Similarities are off by some 1e-7, logits by that over τ.
            let tolerance = 1e-5 / min(1, golden.settings["temperature"] ?? 1)
            let label = "\(method) \(golden.choices.values.sorted()) \(golden.settings)"
            #expect(try relativeError([loss.item()], [golden.loss]) < tolerance, "\(label)")
            for (name, gradient) in golden.gradients {
                let ours = try #require(tensors[name]?.gradient)
                #expect(ours.scalarType == .float32)
                #expect(try relativeError(values(ours), gradient) < tolerance, "\(label), \(name)")
            }
        }
    }

    /// The loss of a golden case over one worker.
    static func loss(_ golden: GoldenLoss, _ inputs: [String: Tensor]) throws -> Tensor {
        func input(_ name: String) throws -> Tensor { try #require(inputs[name]) }
        func setting(_ name: String) throws -> Double { try #require(golden.settings[name]) }
        func worker(_ name: String, imageDimension: Int = 0) throws -> OneWorker {
            OneWorker(images: try input(name).shape[imageDimension])
        }
        switch golden.method {
        case "simclr":
            return try simCLR(
                input("z1"), input("z2"), temperature: setting("temperature"), over: worker("z1"))
        case "triplet":
            return try tripletLoss(
                input("z1"), input("z2"), margin: setting("margin"),
                distance: #require(TripletDistance(rawValue: golden.choices["distance"] ?? "")),
                mining: #require(TripletMining(rawValue: golden.choices["mining"] ?? "")), over: worker("z1"))
        case "moco":
            return try infoNCE(
                queries: input("q"), keys: input("k"), queue: input("queue"), temperature: setting("temperature"),
                over: worker("q"))
        case "mocov3":
            return try mocoV3(
                input("q1"), input("q2"), input("k1"), input("k2"), temperature: setting("temperature"),
                over: worker("q1"))
        case "swav":
            let scores = try Self.scores(input("z"), input("prototypes"))
            let extra = try inputs["queue"].map { try Self.scores($0.unsqueezed(dim: 0), input("prototypes"))[0] }
            let workers = try worker("z", imageDimension: 1)
            let codes = try scores[..<2].map {
                try sinkhornCodes(
                    scores: $0, extraScores: extra, epsilon: setting("epsilon"), rounds: Int(setting("rounds")),
                    over: workers)
            }
            return try swappedPrediction(
                scores: scores, codes: codes, temperature: setting("temperature"), over: workers)
        case "deepclusterv2":
            let assignments = try #require(golden.assignments)
            return try clusterCrossEntropy(
                scores: Self.scores(input("z"), input("prototypes")),
                assignments: Tensor(assignments, shape: [assignments.count]), temperature: setting("temperature"),
                over: worker("z", imageDimension: 1))
        case "byol": return try byol(input("p1"), input("p2"), input("t1"), input("t2"), over: worker("p1"))
        case "simsiam": return try simSiam(input("p1"), input("p2"), input("t1"), input("t2"), over: worker("p1"))
        case "barlowtwins":
            return try barlowTwins(input("z1"), input("z2"), lambda: setting("lambda"), over: worker("z1"))
        case "vicreg":
            return try vicReg(
                input("z1"), input("z2"), invariance: setting("invariance"), variance: setting("variance"),
                covariance: setting("covariance"), over: worker("z1"))
        default:
            try #require(golden.method == "densecl")
            return try denseInfoNCE(
                queries: input("q"), keys: input("k"), queryFeatures: input("qFeatures"),
                keyFeatures: input("kFeatures"), queue: input("queue"), temperature: setting("temperature"),
                over: worker("q"))
        }
    }

    /// The cosines of each crop's rows of `z` [crops, n, D] with the prototypes [K, D].
    static func scores(_ z: Tensor, _ prototypes: Tensor) throws -> [Tensor] {
        let unit = try prototypes.l2Normalized(dim: 1).transposed(0, 1)
        return try (0..<z.shape[0]).map { try z.selected(dim: 0, index: $0).l2Normalized(dim: 1).matmul(unit) }
    }
}

extension GoldenLoss {
    /// The inputs, those that have a gradient as leaves.
    func tensors(_ type: ScalarType = .float64) throws -> [String: Tensor] {
        try inputs.reduce(into: [:]) { tensors, entry in
            let (name, input) = entry
            let tensor = try Tensor(input.values, shape: input.shape).converted(to: type)
            try tensor.setRequiresGradient(gradients[name] != nil)
            tensors[name] = tensor
        }
    }
}
