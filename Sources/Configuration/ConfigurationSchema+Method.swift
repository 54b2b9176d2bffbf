/// The keys of methods and of the parts that only some have.
extension ConfigurationSchema {
    static let methodParts: [ConfigurationKey] = projector + predictor + target + queue + prototypes + loss + collapse

    private static let projector: [ConfigurationKey] = [
        .integer("projector.layers", \.projector.layers, 0...8, "Linear layers of the projector; 0: the method's own."),
        .integer(
            "projector.hidden", \.projector.hidden, 0...65_536, "Width of its hidden layers; 0: the method's own."),
        .integer(
            "projector.out", \.projector.out, 0...65_536, "Dimensions of the embedding; 0: the method's own."),
    ]

    private static let predictor: [ConfigurationKey] = [
        .integer(
            "predictor.hidden", \.predictor.hidden, 0...65_536,
            "Width of the hidden layer of `mocov3`, `byol` and `simsiam`'s predictor; 0: the method's own.")
    ]

    private static let target: [ConfigurationKey] = [
        .flag(
            "target.enabled", \.target.enabled,
            "false: `byol` without target, predictor and stopped gradient, which collapses: an experiment."),
        .optionalNumber(
            "target.momentum", \.target.momentum, .within(0.0...1.0),
            "Momentum of the moving average of weights at the first step; unset: the method's own."),
        .optionalNumber(
            "target.final_momentum", \.target.finalMomentum, .within(0.0...1.0),
            "That at the last step, along a cosine; unset: the method's own, or `target.momentum` if that is given."),
    ]

    private static let queue: [ConfigurationKey] = [
        .optionalInteger(
            "queue.size", \.queue.size, 0...16_777_216,
            "Rows of the queue of embeddings over all workers; unset: the method's own."),
        .integer(
            "queue.start_epoch", \.queue.startEpoch, 0...1_000_000, "Epoch, from 0, from which `swav` fills its queue."),
        .choice(
            "queue.negatives", \.queue.negatives,
            "Negatives of `moco` and `mocov2`: the queue, or as many drawn from a bank of the whole dataset."),
        .number(
            "queue.bank_momentum", \.queue.bankMomentum, .within(0.0..<1.0),
            "How slowly a row of the bank follows its image's embedding; 0 replaces it."),
    ]

    private static let prototypes: [ConfigurationKey] = [
        .integer(
            "prototypes.count", \.prototypes.count, 1...1_000_000, "Prototypes of `swav`, clusters of `deepclusterv2`."),
        .integer("prototypes.heads", \.prototypes.heads, 1...64, "Clusterings of `deepclusterv2`."),
        .integer(
            "prototypes.frozen_epochs", \.prototypes.frozenEpochs, 0...1_000_000,
            "Epochs in which `swav`'s prototypes stand still."),
        .number("prototypes.epsilon", \.prototypes.epsilon, .above(0), "Regularisation of `swav`'s Sinkhorn."),
        .integer("prototypes.rounds", \.prototypes.rounds, 1...1000, "Rounds of `swav`'s Sinkhorn."),
        .integer(
            "prototypes.kmeans_rounds", \.prototypes.kMeansRounds, 1...1000, "Rounds of `deepclusterv2`'s k-means."),
    ]

    private static let loss: [ConfigurationKey] = [
        .number(
            "loss.temperature", \.loss.temperature, .atLeast(0), "Temperature of the softmax; 0: the method's own."),
        .number("loss.margin", \.loss.margin, .atLeast(0), "Margin of `triplet`."),
        .choice("loss.distance", \.loss.distance, "Distance of `triplet` between unit embeddings."),
        .choice("loss.mining", \.loss.mining, "Which negatives `triplet` takes."),
        .number("loss.lambda", \.loss.lambda, .atLeast(0), "Weight of `barlowtwins`' off-diagonal terms."),
        .number("loss.scale", \.loss.scale, .above(0), "Factor of `barlowtwins`' loss."),
        .number("loss.invariance", \.loss.invariance, .atLeast(0), "Weight of `vicreg`'s invariance."),
        .number("loss.variance", \.loss.variance, .atLeast(0), "Weight of `vicreg`'s variance."),
        .number("loss.covariance", \.loss.covariance, .atLeast(0), "Weight of `vicreg`'s covariance."),
        .number("loss.dense_share", \.loss.denseShare, .within(0.0...1.0), "Share of the cells in `densecl`'s loss."),
    ]

    private static let collapse: [ConfigurationKey] = [
        .integer(
            "collapse.every", \.collapse.every, 0...1_000_000_000, trajectory: false,
            "Steps between two looks at whether embeddings collapse, and the last step; 0: none.")
    ]
}
