import Collectives

/// Everything that defines a run, with the defaults of every key.
///
/// Property names follow the keys of the configuration file (`global_batch` is `globalBatch`, `optimizer.lr` is
/// `optimizer.learningRate`); `ConfigurationSchema` is the table that joins the two, with ranges and one line of
/// explanation for each. Read one with `RunConfiguration.read(file:overrides:)`.
public struct RunConfiguration: Sendable, Equatable, Codable {
    public var method = Method.simclr
    /// Path of the dataset as the user gave it; required, so never empty after reading.
    public var data = ""
    /// Length of the run in epochs; exactly one of `epochs` and `steps` is set after reading.
    public var epochs: Int?
    /// Length of the run in optimiser steps.
    public var steps: Int?
    /// Images per step over all workers (N).
    public var globalBatch = 256
    /// Images per slice (m). Never 0 after reading: 0 in the file becomes ⌈`globalBatch` / 8⌉, at most 64.
    public var sliceSize = 0
    public var seed: UInt64 = 0
    public var batchNorm = BatchNorm.sync
    /// Whether no bit may depend on the number of workers; else about one in 10⁸ may.
    public var reproducible = false
    /// What a worker may hold; slices whose graphs do not fit are run again in backward. Nil: all graphs are kept.
    public var memoryBudget: MemorySize?
    /// Intra-operation threads of each worker.
    public var threads = 1

    public var encoder = Encoder()
    public var projector = Projector()
    public var predictor = Predictor()
    public var target = Target()
    public var queue = Queue()
    public var prototypes = Prototypes()
    public var loss = Loss()
    public var collapse = Collapse()
    public var optimizer = Optimizer()
    public var schedule = Schedule()
    public var augment = Augmentation()
    public var loader = Loader()
    public var checkpoint = Checkpointing()
    public var cluster = Cluster()
    public var collectives = Collectives()
    public var progress = Progress()

    /// The defaults. `data` and the length of the run have none.
    public init() {}

    public enum BatchNorm: String, Sendable, Codable, CaseIterable {
        /// Statistics over the whole global batch.
        case sync
        /// Statistics over each slice.
        case slice
        /// Over each slice, and a key encoder's images dealt anew over all slices.
        case shuffle
    }
}

extension RunConfiguration {
    public struct Encoder: Sendable, Equatable, Codable {
        public enum Name: String, Sendable, Codable, CaseIterable {
            case resnet18, resnet34, resnet50, resnet101
        }

        public enum Form: String, Sendable, Codable, CaseIterable {
            /// `cifar` if the views are smaller than 64 pixels, else `imagenet`; see `RunConfiguration.resolve(data:)`.
            case auto
            /// A 3×3 first convolution of stride 1 and no max-pooling.
            case cifar
            /// A 7×7 first convolution of stride 2, then max-pooling.
            case imagenet
        }

        public var name = Name.resnet18
        public var form = Form.auto
        /// Multiplies every channel count.
        public var width = 1.0
        /// Input channels; 0: those of the data.
        public var channels = 0
        /// Each residual block begins as its shortcut alone.
        public var zeroInitResidual = false
    }

    public struct Optimizer: Sendable, Equatable, Codable {
        public enum Name: String, Sendable, Codable, CaseIterable {
            case lars, lamb, sgd, adamw
        }

        /// How learning rates grow with the global batch.
        public enum RateRule: String, Sendable, Codable, CaseIterable {
            /// Not at all.
            case none
            /// By N / `rateBatch` (Goyal et al., 2017).
            case linear
            /// By √(N / `rateBatch`) (Krizhevsky, 2014; SimCLR, appendix B.1).
            case sqrt
        }

        public var name = Name.lars
        /// The peak learning rate of a global batch of `rateBatch`. Default: 0.075 · √256 (SimCLR, appendix B.1).
        public var learningRate = 1.2
        public var rateRule = RateRule.none
        /// The global batch that the learning rates are given for.
        public var rateBatch = 256
        /// That of biases and norms at the peak; nil: the same.
        public var biasLearningRate: Double?
        public var momentum = 0.9
        public var weightDecay = 1e-4
        /// LARS's trust coefficient (η in You et al., 2017).
        public var trust = 0.001
        /// LARC's rule: the adapted rate is at most the learning rate instead of multiplied by it.
        public var clipped = false
        public var beta1 = 0.9
        public var beta2 = 0.999
        public var epsilon = 1e-8
    }

    public struct Schedule: Sendable, Equatable, Codable {
        public enum Name: String, Sendable, Codable, CaseIterable {
            case cosine, constant, steps
        }

        public var name = Name.cosine
        /// Linear warm-up in epochs; at most one of the three is set.
        public var warmupEpochs: Double?
        /// Linear warm-up in steps.
        public var warmupSteps: Int?
        /// Linear warm-up in images, the same at any batch; rounded up to whole steps.
        public var warmupImages: Int?
        /// Epochs at whose beginning `steps` multiplies the rate by `factor`.
        public var milestones: [Double] = []
        public var factor = 0.1
        /// Learning rate at the end of the cosine.
        public var finalLearningRate = 0.0

        public init() {}
    }

    public struct Augmentation: Sendable, Equatable, Codable {
        public enum Resampling: String, Sendable, Codable, CaseIterable {
            case bicubic, bilinear
        }

        /// Side of the square views in pixels; 0: from the data, see `RunConfiguration.resolve(data:)`.
        public var size = 0
        /// Least share of the area that a crop keeps.
        public var cropMin = 0.08
        public var cropMax = 1.0
        /// Probability of a horizontal flip.
        public var flip = 0.5
        /// Probability of the colour jitter.
        public var jitterProbability = 0.8
        /// Strength s that multiplies the four amounts below.
        public var jitter = 0.5
        public var brightness = 0.8
        public var contrast = 0.8
        public var saturation = 0.8
        public var hue = 0.2
        /// Probability of dropping the colours.
        public var grayscale = 0.2
        /// Probability of the Gaussian blur.
        public var blur = 0.5
        public var blurSigmaMin = 0.1
        public var blurSigmaMax = 2.0
        /// Probability of the solarisation.
        public var solarize = 0.0
        /// What differs for the second view.
        public var second = SecondView()
        /// Smaller views beside the two global ones (multi-crop).
        public var localViews = 0
        /// Side of the local views in pixels; 0: from `size`, see `RunConfiguration.resolve(data:)`.
        public var localSize = 0
        /// Least share of the area that a local view's crop keeps.
        public var localCropMin = 0.05
        public var localCropMax = 0.14
        public var resample = Resampling.bicubic
        /// Mean of each channel in 0…1, subtracted; empty: by kind of dataset, see `RunConfiguration.resolve(data:)`.
        public var mean: [Double] = []
        /// Standard deviation of each channel in 0…1.
        public var std: [Double] = []

        /// Probabilities for the second view; nil: those of all views.
        public struct SecondView: Sendable, Equatable, Codable {
            public var blur: Double?
            public var solarize: Double?
        }
    }

    public struct Loader: Sendable, Equatable, Codable {
        /// Decoding threads of each worker.
        public var threads = 1
        /// Slices loaded ahead of training.
        public var prefetch = 2
        /// Share of unreadable images above which the run ends.
        public var maxBadShare = 0.01
    }

    public struct Checkpointing: Sendable, Equatable, Codable {
        /// Save after every so many steps; 0: not by steps.
        public var everySteps = 0
        /// Save after every so many epochs; 0: not by epochs.
        public var everyEpochs = 1
        /// Checkpoints kept; 0: all.
        public var keep = 3
    }

    public struct Cluster: Sendable, Equatable, Codable {
        public enum Transport: String, Sendable, Codable, CaseIterable {
            /// Shared memory within a host, TCP between hosts.
            case auto
            /// Shared memory only: all workers on one host.
            case shm
            /// TCP everywhere.
            case tcp
            /// Unix sockets on one host.
            case ipc
        }

        public var transport = Transport.auto
        /// Whether workers encrypt what they exchange, where the run leaves this host.
        public var encryptsData = true
        /// Seconds to wait for the expected workers.
        public var joinTimeout = 120.0
        /// Seconds of silence after which a worker counts as lost.
        public var silenceLimit = 3.0
    }

    public struct Collectives: Sendable, Equatable, Codable {
        /// Whether gradients are summed over the workers while backward still runs.
        public enum Overlap: String, Sendable, Codable, CaseIterable {
            /// Unless all workers share one host's memory: sums are quick there, and the second thread would take the
            /// cores that backward needs.
            case auto
            case always
            case never
        }

        /// When a generation begins by measuring its links.
        public enum MeasureLinks: String, Sendable, CaseIterable, Codable {
            /// Where it spans several hosts; not where `cluster.transport` has ranks of one host go over the network.
            case auto
            case always
            case never
        }

        /// As what gradients travel.
        public var gradients = GradientFormat.float64
        public var overlap = Overlap.auto
        /// Bytes of the buckets in which gradients leave; a larger parameter is a bucket of its own.
        public var bucketBytes = 4 << 20
        public var measureLinks = MeasureLinks.auto
    }

    public struct Progress: Sendable, Equatable, Codable {
        /// Steps between two plain progress lines.
        public var every = 10
    }
}
