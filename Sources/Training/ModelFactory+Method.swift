import Configuration
import Contrastive

/// A run's method with its networks, from the configuration.
extension ModelFactory {
    /// With the initial weights, a function of the seed.
    ///
    /// - Parameter images: in the dataset; banks have a row for each.
    /// - Throws: `ContrastiveError` for sizes that do not fit.
    public static func method(_ configuration: RunConfiguration, images: Int) throws -> any Method {
        try MethodBuilder(configuration: configuration, images: images).method()
    }
}

private struct MethodBuilder {
    let configuration: RunConfiguration
    let images: Int

    private var loss: RunConfiguration.Loss { configuration.loss }
    private var seed: UInt64 { configuration.seed }

    func method() throws -> any Method {
        switch configuration.method {
        case .simclr:
            let encoder = try encoder()
            return try SimCLR(
                encoder: encoder, projector: head(encoder, SimCLR.projector), temperature: loss.temperature)
        case .triplet:
            let encoder = try encoder()
            return try Triplet(
                encoder: encoder, projector: head(encoder, SimCLR.projector), margin: loss.margin,
                distance: loss.distance.value, mining: loss.mining.value)
        case .moco:
            return try moCo { layers, hidden, outputs in
                layers == 1
                    ? MoCo.linearProjector(outputs: outputs)
                    : MoCo.projector(layers: layers, hidden: hidden, outputs: outputs)
            }
        case .mocov2: return try moCo(MoCo.projector)
        case .mocov3:
            let online = try network(MoCoV3.projector, predictor: MoCoV3.predictor)
            return MoCoV3(
                network: online, target: try target(network(MoCoV3.projector), following: online),
                temperature: loss.temperature)
        case .byol: return try byol()
        case .simsiam:
            let encoder = try encoder()
            let projector = try head(encoder, SimSiam.projector)
            return try SimSiam(
                encoder: encoder, projector: projector, predictor: predictor(projector, SimSiam.predictor),
                peakRate: configuration.peakLearningRate)
        case .swav: return try swav()
        case .deepclusterv2: return try deepClusterV2()
        case .barlowtwins:
            let encoder = try encoder()
            return try BarlowTwins(
                encoder: encoder, projector: head(encoder, BarlowTwins.projector), lambda: loss.lambda,
                scale: loss.scale)
        case .vicreg:
            let encoder = try encoder()
            return try VICReg(
                encoder: encoder, projector: head(encoder, VICReg.projector),
                weights: VICReg.Weights(
                    invariance: loss.invariance, variance: loss.variance, covariance: loss.covariance))
        case .densecl:
            return try DenseCL(
                queries: denseBranch(), keys: denseBranch(), schedule: momentum(), queueSize: queueSize,
                temperature: loss.temperature, denseShare: loss.denseShare, seed: seed)
        }
    }

    // MARK: Methods of several parts

    private func moCo(_ form: Form) throws -> MoCo {
        let online = try network(form)
        let size = queueSize
        let negatives: MoCo.Negatives =
            switch configuration.queue.negatives {
            case .queue: .queue(try EmbeddingQueue(size: size, dimension: configuration.projector.out, seed: seed))
            case .bank:
                .bank(
                    try FeatureBank(images: images, dimension: configuration.projector.out), count: size,
                    momentum: configuration.queue.bankMomentum, seed: seed)
            }
        return MoCo(
            network: online, target: try target(network(form), following: online), negatives: negatives,
            temperature: loss.temperature)
    }

    private func byol() throws -> BYOL {
        guard configuration.target.enabled else { return BYOL(withoutTarget: try network(BYOL.projector)) }
        let online = try network(BYOL.projector, predictor: BYOL.predictor)
        return BYOL(network: online, target: try target(network(BYOL.projector), following: online))
    }

    private func swav() throws -> SwAV {
        let encoder = try encoder()
        let own = configuration.prototypes
        var settings = SwAV.Settings()
        settings.temperature = loss.temperature
        settings.epsilon = own.epsilon
        settings.rounds = own.rounds
        settings.frozenEpochs = own.frozenEpochs
        settings.queueSize = queueSize
        settings.queueStart = configuration.queue.startEpoch
        return try SwAV(
            encoder: encoder, projector: head(encoder, SwAV.projector), prototypes: prototypes(0), settings: settings,
            seed: seed)
    }

    private func deepClusterV2() throws -> DeepClusterV2 {
        let encoder = try encoder()
        return try DeepClusterV2(
            encoder: encoder, projector: head(encoder, SwAV.projector),
            heads: (0..<configuration.prototypes.heads).map(prototypes), temperature: loss.temperature,
            rounds: configuration.prototypes.kMeansRounds, images: images, seed: seed)
    }

    private func denseBranch() throws -> DenseCL.Branch {
        let encoder = try encoder()
        return try DenseCL.Branch(
            encoder: encoder, projector: head(encoder, MoCo.projector),
            denseProjector: head(encoder, MoCo.projector, role: .denseProjector))
    }

    // MARK: Parts

    /// Layers, hidden width and outputs → a head's form.
    private typealias Form = (Int, Int, Int) -> MLPHead.Form

    private var queueSize: Int { configuration.queue.size ?? 0 }

    private func encoder() throws -> any Encoder { try ModelFactory.encoder(configuration) }

    private func head(_ encoder: any Encoder, _ form: Form, role: MLPHead.Role = .projector) throws -> MLPHead {
        let own = configuration.projector
        return try MLPHead(
            inputs: encoder.featureDimension, form: form(own.layers, own.hidden, own.out), role: role, seed: seed)
    }

    private func predictor(_ projector: MLPHead, _ form: (Int, Int) -> MLPHead.Form) throws -> MLPHead {
        try MLPHead(
            inputs: projector.outputs, form: form(configuration.predictor.hidden, projector.outputs),
            role: .predictor, seed: seed)
    }

    private func network(_ form: Form, predictor: ((Int, Int) -> MLPHead.Form)? = nil) throws -> Network {
        let encoder = try encoder()
        let projector = try head(encoder, form)
        var heads: [(name: String, layer: any Layer)] = [("projector", projector)]
        if let predictor { heads.append(("predictor", try self.predictor(projector, predictor))) }
        return try Network(encoder: encoder, heads: heads)
    }

    private func target(_ network: Network, following online: Network) throws -> MomentumNetwork {
        try MomentumNetwork(network, following: online, schedule: momentum())
    }

    private func momentum() throws -> MomentumSchedule {
        try MomentumSchedule(base: configuration.target.momentum ?? 1, final: configuration.target.finalMomentum)
    }

    private func prototypes(_ head: Int) throws -> Prototypes {
        try Prototypes(
            dimension: configuration.projector.out, count: configuration.prototypes.count, head: head, seed: seed)
    }
}

extension RunConfiguration.Loss.Distance {
    var value: TripletDistance {
        switch self {
        case .euclidean: .euclidean
        case .squared: .squared
        case .cosine: .cosine
        }
    }
}

extension RunConfiguration.Loss.Mining {
    var value: TripletMining {
        switch self {
        case .all: .all
        case .hard: .hard
        case .semihard: .semihard
        }
    }
}
