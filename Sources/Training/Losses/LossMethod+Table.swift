import Contrastive
import Torch

extension LossMethod {
    /// The losses there are. Defaults are the papers'; SimCLR's temperature is that of a run's configuration.
    public static let all: [LossMethod] = [
        LossMethod("simclr", inputs: views, settings: [.above0("temperature", 0.2)]) {
            try simCLR($0["z1"], $0["z2"], temperature: $0.number("temperature"), over: $0.workers)
        },
        LossMethod(
            "triplet", inputs: views,
            settings: [
                .atLeast0("margin", 0.2), .choice("distance", of: TripletDistance.self),
                .choice("mining", of: TripletMining.self),
            ], least: ["N": 2]
        ) {
            try tripletLoss(
                $0["z1"], $0["z2"], margin: $0.number("margin"), distance: $0.choice("distance"),
                mining: $0.choice("mining"), over: $0.workers)
        },
        moco("moco", temperature: 0.07),
        moco("mocov2", temperature: 0.2),
        LossMethod(
            "mocov3", inputs: rows("q1", "q2") + rows("k1", "k2", role: .constant),
            settings: [.above0("temperature", 1)]
        ) {
            try mocoV3(
                $0["q1"], $0["q2"], $0["k1"], $0["k2"], temperature: $0.number("temperature"), over: $0.workers)
        },
        LossMethod(
            "swav", inputs: [crops, prototypes],
            settings: [
                .above0("temperature", 0.1), .above0("epsilon", 0.05), .wholeNumber("rounds", in: 1...1000, 3),
            ], least: ["crops": 2]
        ) { call in
            let scores = try scores(call)
            let codes = try scores[..<2].map {
                try sinkhornCodes(
                    scores: $0, epsilon: call.number("epsilon"), rounds: Int(call.number("rounds")), over: call.workers)
            }
            return try swappedPrediction(
                scores: scores, codes: codes, temperature: call.number("temperature"), over: call.workers)
        },
        LossMethod(
            "deepclusterv2", inputs: [crops, prototypes, LossInput("assignments", ["N"], .clusters)],
            settings: [.above0("temperature", 0.1)]
        ) {
            try clusterCrossEntropy(
                scores: scores($0), assignments: $0["assignments"], temperature: $0.number("temperature"),
                over: $0.workers)
        },
        LossMethod("byol", inputs: predictions) {
            try byol($0["p1"], $0["p2"], $0["t1"], $0["t2"], over: $0.workers)
        },
        LossMethod("simsiam", inputs: predictions) {
            try simSiam($0["p1"], $0["p2"], $0["t1"], $0["t2"], over: $0.workers)
        },
        LossMethod("barlowtwins", inputs: views, settings: [.atLeast0("lambda", 0.0051)], least: ["N": 2]) {
            try barlowTwins($0["z1"], $0["z2"], lambda: $0.number("lambda"), over: $0.workers)
        },
        LossMethod(
            "vicreg", inputs: views,
            settings: [.atLeast0("invariance", 25), .atLeast0("variance", 25), .atLeast0("covariance", 1)],
            least: ["N": 2]
        ) {
            try vicReg(
                $0["z1"], $0["z2"], invariance: $0.number("invariance"), variance: $0.number("variance"),
                covariance: $0.number("covariance"), over: $0.workers)
        },
    ]

    private static func moco(_ name: String, temperature: Double) -> LossMethod {
        LossMethod(
            name, inputs: rows("q") + rows("k", role: .constant) + [LossInput("queue", ["K", "D"], .constant)],
            settings: [.above0("temperature", temperature)]
        ) {
            try infoNCE(
                queries: $0["q"], keys: $0["k"], queue: $0["queue"], temperature: $0.number("temperature"),
                over: $0.workers)
        }
    }

    // MARK: Inputs

    private static let views = rows("z1", "z2")
    private static let predictions = rows("p1", "p2") + rows("t1", "t2", role: .constant)
    private static let crops = LossInput("z", ["crops", "N", "D"])
    private static let prototypes = LossInput("prototypes", ["K", "D"])

    private static func rows(_ names: String..., role: LossInput.Role = .trained) -> [LossInput] {
        names.map { LossInput($0, ["N", "D"], role) }
    }

    /// The cosines [n, K] of each crop's embeddings with the prototypes.
    private static func scores(_ call: Call) throws -> [Tensor] {
        let prototypes = try call["prototypes"].l2Normalized(dim: 1).transposed(0, 1)
        return try (0..<call["z"].shape[0]).map {
            try call["z"].selected(dim: 0, index: $0).l2Normalized(dim: 1).matmul(prototypes)
        }
    }
}
