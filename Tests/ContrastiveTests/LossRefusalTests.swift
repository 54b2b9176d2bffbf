import Contrastive
import Testing
import Torch

/// What losses refuse, what they leave out, and extreme settings.
@Suite struct LossRefusalTests {
    static func rows(_ count: Int, _ width: Int = 4, seed: Int = 1) throws -> Tensor {
        try NTXentTests.leaf(noise([count, width], seed))
    }

    /// Every loss of two or four matrices `[n, D]`.
    static let losses: [(name: String, loss: @Sendable (Tensor, Tensor, OneWorker) throws -> Tensor)] = [
        ("simclr", { try simCLR($0, $1, temperature: 0.1, over: $2) }),
        ("triplet", { try tripletLoss($0, $1, margin: 0.2, distance: .cosine, mining: .all, over: $2) }),
        ("moco", { try infoNCE(queries: $0, keys: $1, queue: rows(3), temperature: 0.1, over: $2) }),
        ("mocov3", { try mocoV3($0, $0, $1, $1, temperature: 0.1, over: $2) }),
        ("byol", { try byol($0, $0, $1, $1, over: $2) }),
        ("simsiam", { try simSiam($0, $0, $1, $1, over: $2) }),
        ("barlowtwins", { try barlowTwins($0, $1, lambda: 0.01, over: $2) }),
        ("vicreg", { try vicReg($0, $1, over: $2) }),
        ("swav", { try swappedPrediction(scores: [$0, $1], codes: [$0, $1], temperature: 0.1, over: $2) }),
        (
            "deepclusterv2",
            {
                try clusterCrossEntropy(
                    scores: [$0, $1], assignments: Tensor([0, 1, 2] as [Int64], shape: [3]), temperature: 0.1, over: $2)
            }
        ),
    ]

    @Test func rowsThatDoNotFitAreRefused() throws {
        let good = try Self.rows(3)
        for (name, loss) in Self.losses {
            #expect(try loss(good, Self.rows(3, seed: 2), OneWorker(images: 3)).item().isFinite, "\(name)")
            let wrong: [(Tensor, Tensor)] = [
                (good, try Self.rows(2)), (good, try Self.rows(3, 5)), (try Self.rows(4), try Self.rows(4)),
                (good, try good.detached().converted(to: .float32)),
                (try good.detached().unsqueezed(dim: 2), try good.detached().unsqueezed(dim: 2)),
                (try Tensor.zeros([3, 0], .float64), try Tensor.zeros([3, 0], .float64)),
            ]
            for (first, second) in wrong {
                #expect(throws: ContrastiveError.self, "\(name) \(first.shape) \(second.shape)") {
                    try loss(first, second, OneWorker(images: 3))
                }
            }
            #expect(throws: ContrastiveError.self, "\(name)") {
                try loss(Self.rows(0), Self.rows(0), OneWorker(images: 0))
            }
        }
    }

    @Test func lossesThatCompareImagesNeedTwo() throws {
        for (name, loss) in Self.losses where ["triplet", "barlowtwins", "vicreg"].contains(name) {
            #expect(throws: ContrastiveError.self, "\(name)") {
                try loss(Self.rows(1), Self.rows(1), OneWorker(images: 1))
            }
        }
    }

    @Test func settingsOutOfRangeAreRefused() throws {
        let (z, one) = (try Self.rows(3), OneWorker(images: 3))
        for temperature in [0, -0.1, .nan, .infinity] as [Double] {
            #expect(throws: ContrastiveError.self) { try simCLR(z, z, temperature: temperature, over: one) }
            #expect(throws: ContrastiveError.self) {
                try infoNCE(queries: z, keys: z, queue: z, temperature: temperature, over: one)
            }
            #expect(throws: ContrastiveError.self) { try mocoV3(z, z, z, z, temperature: temperature, over: one) }
            #expect(throws: ContrastiveError.self) {
                try swappedPrediction(scores: [z, z], codes: [z, z], temperature: temperature, over: one)
            }
        }
        for weight in [-0.1, .nan, .infinity] as [Double] {
            #expect(throws: ContrastiveError.self) {
                try tripletLoss(z, z, margin: weight, distance: .squared, mining: .hard, over: one)
            }
            #expect(throws: ContrastiveError.self) { try barlowTwins(z, z, lambda: weight, over: one) }
            #expect(throws: ContrastiveError.self) { try vicReg(z, z, covariance: weight, over: one) }
        }
    }

    @Test func queuesCropsAndClustersThatDoNotFitAreRefused() throws {
        let (z, one) = (try Self.rows(3), OneWorker(images: 3))
        for queue in [[0, 4], [5, 3], [4]] {
            #expect(throws: ContrastiveError.self) {
                try infoNCE(queries: z, keys: z, queue: Tensor.zeros(queue, .float64), temperature: 0.1, over: one)
            }
        }
        #expect(throws: ContrastiveError.self) {
            try swappedPrediction(scores: [z], codes: [z, z], temperature: 0.1, over: one)
        }
        #expect(throws: ContrastiveError.self) {
            try swappedPrediction(scores: [z, z, z], codes: [z], temperature: 0.1, over: one)
        }
        for clusters in [[0, 1, 4], [0, -1, 2], [0, 1]] as [[Int64]] {
            #expect(throws: ContrastiveError.self) {
                try clusterCrossEntropy(
                    scores: [z], assignments: Tensor(clusters, shape: [clusters.count]), temperature: 0.1, over: one)
            }
        }
        let map = try noise([3, 4, 5], 1)
        let wide = try noise([3, 4, 6], 1)
        #expect(throws: ContrastiveError.self) {
            try denseInfoNCE(
                queries: map, keys: map, queryFeatures: wide, keyFeatures: wide, queue: z, temperature: 0.1, over: one)
        }
    }

    @Test func withoutAnyClusterTheLossAndItsGradientAreZero() throws {
        let z = try Self.rows(3)
        let none = try Tensor([unassigned, unassigned, unassigned], shape: [3])
        let loss = try clusterCrossEntropy(
            scores: [z, z], assignments: none, temperature: 0.1, over: OneWorker(images: 3))
        try loss.backward()
        #expect(try loss.item() == 0)
        #expect(try values(#require(z.gradient)).allSatisfy { $0 == 0 })
    }

    @Test func targetsKeysAndCodesGetNoGradient() throws {
        for (name, loss) in Self.losses where ["moco", "mocov3", "byol", "simsiam"].contains(name) {
            let (z, target) = (try Self.rows(3), try Self.rows(3, seed: 2))
            try loss(z, target, OneWorker(images: 3)).backward()
            #expect(target.gradient == nil, "\(name)")
            #expect(try values(#require(z.gradient)).contains { $0 != 0 }, "\(name)")
        }
    }

    /// exp(s/τ) overflows float32 from τ = 0.011 on, float64 from 0.0014.
    @Test(arguments: [ScalarType.float32, .float64], [0.01, 0.001])
    func lowTemperaturesDoNotOverflow(type: ScalarType, temperature: Double) throws {
        let one = OneWorker(images: 8)
        func leaf(_ seed: Int) throws -> Tensor {
            try NTXentTests.leaf(noise([8, 5], seed, scale: 50).converted(to: type))
        }
        let (z, other) = (try leaf(1), try leaf(2))
        // An image whose views agree: its similarity is the largest there is.
        try withoutGradient {
            try other.narrowed(dim: 0, start: 0, length: 4).copyInPlace(from: z.narrowed(dim: 0, start: 0, length: 4))
        }
        let scores = try LossGoldenTests.scores(Tensor.stacked([z, other], dim: 0), leaf(3))
        let codes = try scores.map { try sinkhornCodes(scores: $0, epsilon: temperature, rounds: 3, over: one) }
        let losses = [
            try simCLR(z, other, temperature: temperature, over: one),
            try infoNCE(queries: z, keys: other, queue: leaf(4), temperature: temperature, over: one),
            try mocoV3(z, other, z, other, temperature: temperature, over: one),
            try swappedPrediction(scores: scores, codes: codes, temperature: temperature, over: one),
            try clusterCrossEntropy(
                scores: scores, assignments: Tensor(Array(0..<8 as Range<Int64>), shape: [8]), temperature: temperature,
                over: one),
        ]
        for (index, loss) in losses.enumerated() {
            #expect(try loss.item().isFinite, "loss \(index)")
            try z.setGradient(nil)
            try loss.backward(retainGraph: true)
            #expect(try values(#require(z.gradient)).allSatisfy(\.isFinite), "loss \(index)")
        }
    }
}
