/// The one table of all methods.
public enum MethodCatalogue {
    /// In the order of `RunConfiguration.Method`.
    public static let all: [MethodEntry] = RunConfiguration.Method.allCases.map(entry)

    /// - Throws: `ConfigurationError` that suggests the name that may have been meant.
    public static func entry(named name: String) throws -> MethodEntry {
        guard let method = RunConfiguration.Method(rawValue: name) else {
            let names = RunConfiguration.Method.allCases.map(\.rawValue)
            let hint = Suggestions.nearest(to: name, in: names).first.map { "; did you mean '\($0)'?" } ?? ""
            throw ConfigurationError(
                place: .commandLine, key: "METHOD", message: "there is no method '\(name)'\(hint) (see murmur methods)")
        }
        return entry(method)
    }

    private static let projector = ["projector.layers", "projector.hidden", "projector.out"]
    private static let momentum = ["target.momentum", "target.final_momentum"]

    public static func entry(_ method: RunConfiguration.Method) -> MethodEntry {
        switch method {
        case .simclr:
            MethodEntry(
                method: method, title: "SimCLR",
                summary: "an image's two views near, all other images of the batch far (NT-Xent)",
                source: "Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020;"
                    + " google-research/simclr",
                exchange: "all embeddings, with gradient",
                keys: projector + ["loss.temperature"])
        case .triplet:
            MethodEntry(
                method: method, title: "Triplet loss",
                summary: "the other view nearer than a negative, by a margin",
                source: "Schroff et al., FaceNet, CVPR 2015; Hermans et al., In Defense of the Triplet Loss, 2017",
                exchange: "all embeddings, with gradient",
                keys: projector + ["loss.margin", "loss.distance", "loss.mining"])
        case .moco:
            MethodEntry(
                method: method, title: "MoCo v1",
                summary: "a query near its key by a slow encoder, far from a queue of old keys; linear head",
                source: "He et al., Momentum Contrast for Unsupervised Visual Representation Learning, CVPR 2020;"
                    + " facebookresearch/moco",
                exchange: "keys into the queue, without gradient; images, where batch_norm is shuffle",
                keys: projector + mocoKeys)
        case .mocov2:
            MethodEntry(
                method: method, title: "MoCo v2",
                summary: "MoCo with a head of two layers, a higher temperature and stronger views",
                source:
                    "Chen et al., Improved Baselines with Momentum Contrastive Learning, 2020; facebookresearch/moco",
                exchange: "keys into the queue, without gradient; images, where batch_norm is shuffle",
                keys: projector + mocoKeys)
        case .mocov3:
            MethodEntry(
                method: method, title: "MoCo v3",
                summary: "predictions near the keys of a slow encoder, negatives from a large batch, no queue",
                source: "Chen, Xie, He, An Empirical Study of Training Self-Supervised Vision Transformers, ICCV 2021;"
                    + " facebookresearch/moco-v3",
                exchange: "all keys, without gradient",
                keys: projector + ["predictor.hidden"] + momentum + ["loss.temperature"])
        case .swav:
            MethodEntry(
                method: method, title: "SwAV",
                summary: "a view predicts the other's soft cluster; clusters are used evenly (Sinkhorn); multi-crop",
                source: "Caron et al., Unsupervised Learning of Visual Features by Contrasting Cluster Assignments,"
                    + " NeurIPS 2020; facebookresearch/swav",
                exchange:
                    "Sinkhorn's sums over prototypes, 2K numbers a round and global view; embeddings into the queue",
                keys: projector + localViews + [
                    "prototypes.count", "prototypes.frozen_epochs", "prototypes.epsilon", "prototypes.rounds",
                    "queue.size", "queue.start_epoch", "loss.temperature",
                ])
        case .deepclusterv2:
            MethodEntry(
                method: method, title: "DeepCluster-v2",
                summary: "crops predict the image's cluster in the dataset's k-means, anew each epoch; multi-crop",
                source: "Caron et al., Unsupervised Learning of Visual Features by Contrasting Cluster Assignments,"
                    + " NeurIPS 2020, appendix; facebookresearch/swav",
                exchange: "embeddings into the bank, without gradient; sums and assignments of k-means, once an epoch",
                keys: projector + localViews + [
                    "prototypes.count", "prototypes.heads", "prototypes.kmeans_rounds", "loss.temperature",
                ])
        case .byol:
            MethodEntry(
                method: method, title: "BYOL",
                summary: "predicts what a slow copy of the network makes of the other view; no negatives",
                source: "Grill et al., Bootstrap Your Own Latent, NeurIPS 2020; google-deepmind/deepmind-research",
                exchange: "nothing",
                keys: projector + ["predictor.hidden", "target.enabled"] + momentum)
        case .simsiam:
            MethodEntry(
                method: method, title: "SimSiam",
                summary: "BYOL without the slow copy: a stopped gradient alone; no negatives",
                source: "Chen and He, Exploring Simple Siamese Representation Learning, CVPR 2021;"
                    + " facebookresearch/simsiam",
                exchange: "nothing",
                keys: projector + ["predictor.hidden"])
        case .barlowtwins:
            MethodEntry(
                method: method, title: "Barlow Twins",
                summary: "cross-correlation of the two views' dimensions near the identity; no negatives",
                source: "Zbontar et al., Barlow Twins: Self-Supervised Learning via Redundancy Reduction, ICML 2021;"
                    + " facebookresearch/barlowtwins",
                exchange: "means, variances and the D × D correlation, with gradient",
                keys: projector + ["loss.lambda", "loss.scale"])
        case .vicreg:
            MethodEntry(
                method: method, title: "VICReg",
                summary: "views near, every dimension spread, dimensions uncorrelated; no negatives",
                source: "Bardes, Ponce, LeCun, VICReg: Variance-Invariance-Covariance Regularization, ICLR 2022;"
                    + " facebookresearch/vicreg",
                exchange: "means and the two D × D covariances, with gradient",
                keys: projector + ["loss.invariance", "loss.variance", "loss.covariance"])
        case .densecl:
            MethodEntry(
                method: method, title: "DenseCL",
                summary: "MoCo v2 for whole images and, beside it, for the cells of the feature map",
                source: "Wang et al., Dense Contrastive Learning for Self-Supervised Visual Pre-Training, CVPR 2021;"
                    + " WXinlong/DenseCL",
                exchange: "keys of images and mean keys of cells into two queues, without gradient; images, where"
                    + " batch_norm is shuffle",
                keys: projector + ["queue.size"] + momentum + ["loss.temperature", "loss.dense_share"])
        }
    }

    private static let mocoKeys =
        ["queue.size", "queue.negatives", "queue.bank_momentum"] + momentum + ["loss.temperature"]
    private static let localViews = [
        "augment.local_views", "augment.local_size", "augment.local_crop_min", "augment.local_crop_max",
    ]
}
