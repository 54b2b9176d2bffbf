/// The method and the parts that only some methods have.
extension RunConfiguration {
    public enum Method: String, Sendable, Codable, CaseIterable {
        case simclr, triplet, moco, mocov2, mocov3, swav, deepclusterv2, byol, simsiam, barlowtwins, vicreg, densecl

        /// Whether it has a moving average of its network.
        var hasTarget: Bool { [.moco, .mocov2, .mocov3, .byol, .densecl].contains(self) }

        /// Whether it has a use for views beside the two global ones.
        public var takesLocalViews: Bool { self == .swav || self == .deepclusterv2 }
    }

    public struct Loss: Sendable, Equatable, Codable {
        public enum Distance: String, Sendable, Codable, CaseIterable {
            case euclidean, squared, cosine
        }

        public enum Mining: String, Sendable, Codable, CaseIterable {
            case all, hard, semihard
        }

        /// Never 0 after reading: 0 in the file becomes the method's own.
        public var temperature = 0.0
        public var margin = 0.2
        public var distance = Distance.euclidean
        public var mining = Mining.all
        /// Barlow Twins' λ.
        public var lambda = 0.0051
        /// Multiplies Barlow Twins' loss.
        public var scale = 1.0
        public var invariance = 25.0
        public var variance = 25.0
        public var covariance = 1.0
        /// DenseCL's λ: the cells' share of the loss.
        public var denseShare = 0.5
    }

    public struct Projector: Sendable, Equatable, Codable {
        /// Linear layers. Never 0 after reading: 0 in the file becomes the method's own, as in the next two.
        public var layers = 0
        /// Width of the hidden layers.
        public var hidden = 0
        /// Dimensions of the embedding.
        public var out = 0
    }

    public struct Predictor: Sendable, Equatable, Codable {
        /// Width of its hidden layer. Never 0 after reading.
        public var hidden = 0
    }

    public struct Target: Sendable, Equatable, Codable {
        /// False: the network is its own target, with gradient, and there is no predictor (`byol` only).
        public var enabled = true
        /// At the first step. Set after reading.
        public var momentum: Double?
        /// At the last step, along a cosine; the momentum is constant where both are the same. Set after reading.
        public var finalMomentum: Double?
    }

    public struct Queue: Sendable, Equatable, Codable {
        public enum Negatives: String, Sendable, Codable, CaseIterable {
            case queue, bank
        }

        /// Rows. Set after reading.
        public var size: Int?
        /// The epoch, from 0, from which SwAV's is filled.
        public var startEpoch = 15
        /// Where MoCo's negatives come from: the queue, or as many drawn from a bank of the whole dataset.
        public var negatives = Negatives.queue
        /// How slowly a row of the bank follows its image's embedding.
        public var bankMomentum = 0.5
    }

    public struct Prototypes: Sendable, Equatable, Codable {
        public var count = 3000
        /// Sets of prototypes, each clustered by itself.
        public var heads = 3
        public var frozenEpochs = 1
        /// ε of Sinkhorn.
        public var epsilon = 0.05
        /// Of Sinkhorn.
        public var rounds = 3
        public var kMeansRounds = 10
    }

    public struct Collapse: Sendable, Equatable, Codable {
        /// Steps between two looks at the embeddings; 0: never.
        public var every = 20
    }
}

/// What a method's own code or paper has for settings that are left to the method.
struct MethodDefaults {
    var temperature = 0.2
    var layers = 2
    var hidden = 2048
    var outputs = 128
    var predictorHidden = 4096
    var momentum = 0.999
    var finalMomentum: Double?
    var queueSize = 0

    init(_ method: RunConfiguration.Method) {
        switch method {
        case .simclr, .triplet:
            break
        case .moco:
            temperature = 0.07
            layers = 1
            queueSize = 65536
        case .mocov2, .densecl:
            queueSize = 65536
        case .mocov3:
            temperature = 1
            (hidden, outputs) = (4096, 256)
            (momentum, finalMomentum) = (0.99, 1)
        case .swav, .deepclusterv2:
            temperature = 0.1
        case .byol:
            (hidden, outputs) = (4096, 256)
            (momentum, finalMomentum) = (0.996, 1)
        case .simsiam:
            (layers, outputs, predictorHidden) = (3, 2048, 512)
        case .barlowtwins, .vicreg:
            (layers, hidden, outputs) = (3, 8192, 8192)
        }
    }
}

extension RunConfiguration {
    /// Replaces every "the method's own" by its value; what the user chose stays.
    public mutating func resolveMethod() {
        let defaults = MethodDefaults(method)
        if loss.temperature == 0 { loss.temperature = defaults.temperature }
        if projector.layers == 0 { projector.layers = defaults.layers }
        if projector.hidden == 0 { projector.hidden = defaults.hidden }
        if projector.out == 0 { projector.out = defaults.outputs }
        if predictor.hidden == 0 { predictor.hidden = defaults.predictorHidden }
        if queue.size == nil { queue.size = defaults.queueSize }
        if target.momentum == nil {
            target.momentum = defaults.momentum
            if target.finalMomentum == nil { target.finalMomentum = defaults.finalMomentum }
        }
        if target.finalMomentum == nil { target.finalMomentum = target.momentum }
    }

    func checkMethod(_ fail: (String, String) -> ConfigurationError) throws {
        let hasKeyEncoder = [.moco, .mocov2, .densecl].contains(method)
        if batchNorm == .shuffle, !hasKeyEncoder {
            throw fail(
                "batch_norm", "shuffle deals a key encoder's images anew, which only moco, mocov2 and densecl have")
        }
        if !target.enabled, method != .byol {
            throw fail("target.enabled", "only byol can do without its target, to see it collapse")
        }
        if hasKeyEncoder, queue.size == 0 {
            throw fail("queue.size", "\(method.rawValue) needs negatives; give at least 1")
        }
        if queue.negatives == .bank, ![.moco, .mocov2].contains(method) {
            throw fail("queue.negatives", "only moco and mocov2 can draw from a bank")
        }
        if method == .triplet || method == .barlowtwins || method == .vicreg, globalBatch < 2 {
            throw fail("global_batch", "\(method.rawValue) needs at least 2 images")
        }
    }
}
