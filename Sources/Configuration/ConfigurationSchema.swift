import Collectives

/// The one table of all keys, in the order of help, documentation and the resolved file.
public enum ConfigurationSchema {
    public static let keys: [ConfigurationKey] =
        topLevel + encoder + methodParts + optimizer + schedule + augment + loader + checkpoint + cluster
        + collectives + progress

    /// The row of a dotted key.
    public static func key(named name: String) -> ConfigurationKey? {
        byName[name]
    }

    private static let byName = Dictionary(uniqueKeysWithValues: keys.map { ($0.name, $0) })

    /// What comes before a dot in a key: `encoder`, `augment`, `augment.second`, …
    static let groups = Set(
        keys.flatMap { key in key.name.indices.filter { key.name[$0] == "." }.map { String(key.name[..<$0]) } })

    private static let topLevel: [ConfigurationKey] = [
        .choice("method", \.method, "The self-supervised method."),
        .requiredText(
            "data", \.data, allowed: "a path", trajectory: false,
            "Path of the dataset: a folder or tar of images, CIFAR binaries, or IDX files."),
        .optionalInteger("epochs", \.epochs, 1...1_000_000, "Length of the run in epochs; give this or `steps`."),
        .optionalInteger(
            "steps", \.steps, 1...1_000_000_000, "Length of the run in optimiser steps; give this or `epochs`."),
        .integer("global_batch", \.globalBatch, 2...16_777_216, "Images per step over all workers."),
        .integer(
            "slice_size", \.sliceSize, 0...16_777_216,
            "Images per slice, the smallest piece of work; 0: `global_batch` / 8 rounded up, at most 64, whatever the"
                + " number of workers."),
        .seed("seed", \.seed, "Seed of the weights, the sample order and the augmentation."),
        .choice(
            "batch_norm", \.batchNorm,
            "Where batch normalisation takes statistics: the whole global batch, each slice, or each slice with a key"
                + " encoder's images dealt anew."),
        .flag(
            "reproducible", \.reproducible,
            "Bit for bit the same on any number of workers: all sums exact, the loss computed whole by each worker."),
        .optionalParsed(
            "memory_budget", \.memoryBudget, allowed: "a size such as 2GiB or 800MB",
            trajectory: false, parse: { MemorySize(parsing: $0) },
            "Memory that a worker may take: slices whose graphs do not fit are embedded without and run again in"
                + " backward; unset: all graphs are kept."),
        .integer("threads", \.threads, 1...1024, trajectory: false, "Compute threads of each worker."),
    ]

    private static let encoder: [ConfigurationKey] = [
        .choice("encoder.name", \.encoder.name, "Architecture of the encoder."),
        .choice(
            "encoder.form", \.encoder.form,
            "First layers: `cifar` 3×3 without pooling, `imagenet` 7×7 with; `auto`: `cifar` if `augment.size` < 64."),
        .number("encoder.width", \.encoder.width, .above(0, through: 16), "Multiplier of every channel count."),
        .integer("encoder.channels", \.encoder.channels, 0...64, "Input channels; 0: those of the data."),
        .flag(
            "encoder.zero_init_residual", \.encoder.zeroInitResidual,
            "Each residual block begins as its shortcut alone: its last normalisation's scale is 0."),
    ]

    private static let optimizer: [ConfigurationKey] = [
        .choice("optimizer.name", \.optimizer.name, "The optimiser."),
        .number(
            "optimizer.lr", \.optimizer.learningRate, .atLeast(0),
            "Learning rate at the peak of the schedule, for a global batch of `optimizer.lr_batch`."),
        .choice(
            "optimizer.lr_rule", \.optimizer.rateRule,
            "How learning rates grow with the global batch: `linear` by N / lr_batch, `sqrt` by its root, `none`."),
        .integer(
            "optimizer.lr_batch", \.optimizer.rateBatch, 1...16_777_216,
            "Global batch for which the learning rates are given; of no effect where `optimizer.lr_rule` is `none`."),
        .optionalNumber(
            "optimizer.bias_lr", \.optimizer.biasLearningRate, .atLeast(0),
            "That of biases and norms; unset: the same."),
        .number("optimizer.momentum", \.optimizer.momentum, .within(0.0..<1.0), "Momentum of `lars` and `sgd`."),
        .number(
            "optimizer.weight_decay", \.optimizer.weightDecay, .atLeast(0),
            "Weight decay; `lars`, `lamb` and `adamw` leave out biases and norms."),
        .number("optimizer.trust", \.optimizer.trust, .above(0), "Trust coefficient of `lars`."),
        .flag(
            "optimizer.clipped", \.optimizer.clipped,
            "`lars` takes the smaller of adapted rate and learning rate instead of their product (LARC)."),
        .number(
            "optimizer.beta1", \.optimizer.beta1, .within(0.0..<1.0), "First moment's decay of `adamw` and `lamb`."),
        .number(
            "optimizer.beta2", \.optimizer.beta2, .within(0.0..<1.0), "Second moment's decay of `adamw` and `lamb`."),
        .number(
            "optimizer.epsilon", \.optimizer.epsilon, .above(0), "Term for numerical stability of `adamw` and `lamb`."),
    ]

    private static let schedule: [ConfigurationKey] = [
        .choice("schedule.name", \.schedule.name, "Course of the learning rate after the warm-up."),
        .optionalNumber(
            "schedule.warmup_epochs", \.schedule.warmupEpochs, .atLeast(0),
            "Linear warm-up in epochs; give this, `schedule.warmup_steps`, `schedule.warmup_images` or none."),
        .optionalInteger(
            "schedule.warmup_steps", \.schedule.warmupSteps, 0...1_000_000_000, "Linear warm-up in steps."),
        .optionalInteger(
            "schedule.warmup_images", \.schedule.warmupImages, 0...1_000_000_000_000,
            "Linear warm-up in images, rounded up to whole steps: the same for any batch."),
        .numbers(
            "schedule.milestones", \.schedule.milestones, .atLeast(0),
            "Epochs at whose beginning `steps` multiplies the learning rate."),
        .number("schedule.factor", \.schedule.factor, .above(0), "What `steps` multiplies it by."),
        .number(
            "schedule.final_lr", \.schedule.finalLearningRate, .atLeast(0), "Learning rate at the end of `cosine`."),
    ]

    private static let augment: [ConfigurationKey] = [
        .integer(
            "augment.size", \.augment.size, 0...4096,
            "Side of the square views in pixels; 0: the data's own size if uniform and at most 96, else 224."),
        .number("augment.crop_min", \.augment.cropMin, .above(0, through: 1), "Least share of the area in a crop."),
        .number("augment.crop_max", \.augment.cropMax, .above(0, through: 1), "Greatest share of the area in a crop."),
        .number("augment.flip", \.augment.flip, .within(0.0...1.0), "Probability of a horizontal flip."),
        .number(
            "augment.jitter_probability", \.augment.jitterProbability, .within(0.0...1.0),
            "Probability of the colour jitter."),
        .number(
            "augment.jitter", \.augment.jitter, .within(0.0...2.0),
            "Strength of the colour jitter: multiplies the next four (SimCLR's s)."),
        .number("augment.brightness", \.augment.brightness, .within(0.0...2.0), "Brightness jitter at strength 1."),
        .number("augment.contrast", \.augment.contrast, .within(0.0...2.0), "Contrast jitter at strength 1."),
        .number("augment.saturation", \.augment.saturation, .within(0.0...2.0), "Saturation jitter at strength 1."),
        .number(
            "augment.hue", \.augment.hue, .within(0.0...0.5), "Hue jitter at strength 1, in turns of the colour circle."
        ),
        .number("augment.grayscale", \.augment.grayscale, .within(0.0...1.0), "Probability of dropping the colours."),
        .number("augment.blur", \.augment.blur, .within(0.0...1.0), "Probability of the Gaussian blur."),
        .number("augment.blur_sigma_min", \.augment.blurSigmaMin, .above(0), "Least σ of the blur, in pixels."),
        .number("augment.blur_sigma_max", \.augment.blurSigmaMax, .above(0), "Greatest σ of the blur, in pixels."),
        .number("augment.solarize", \.augment.solarize, .within(0.0...1.0), "Probability of the solarisation."),
        .optionalNumber(
            "augment.second.blur", \.augment.second.blur, .within(0.0...1.0),
            "Probability of the blur for the second view; unset: `augment.blur`."),
        .optionalNumber(
            "augment.second.solarize", \.augment.second.solarize, .within(0.0...1.0),
            "Probability of the solarisation for the second view; unset: `augment.solarize`."),
        .integer(
            "augment.local_views", \.augment.localViews, 0...64,
            "Smaller views of each image beside the two global ones (multi-crop)."),
        .integer(
            "augment.local_size", \.augment.localSize, 0...4096,
            "Side of the local views in pixels; 0: 3/7 of `augment.size`, rounded, if there are any."),
        .number(
            "augment.local_crop_min", \.augment.localCropMin, .above(0, through: 1),
            "Least share of the area in a local view's crop."),
        .number(
            "augment.local_crop_max", \.augment.localCropMax, .above(0, through: 1),
            "Greatest share of the area in a local view's crop."),
        .choice("augment.resample", \.augment.resample, "Filter that resizes the crops."),
        .numbers(
            "augment.mean", \.augment.mean, .within(0.0...1.0),
            "Mean of each channel, subtracted; []: that of the kind of dataset, else 0.5."),
        .numbers(
            "augment.std", \.augment.std, .above(0), "Standard deviation of each channel; []: as for `augment.mean`."),
    ]

    private static let loader: [ConfigurationKey] = [
        .integer("loader.threads", \.loader.threads, 1...1024, trajectory: false, "Decoding threads of each worker."),
        .integer("loader.prefetch", \.loader.prefetch, 1...1024, trajectory: false, "Slices loaded ahead of training."),
        .number(
            "loader.max_bad_share", \.loader.maxBadShare, .within(0.0...1.0), trajectory: false,
            "Share of unreadable images above which the run ends."),
    ]

    private static let checkpoint: [ConfigurationKey] = [
        .integer(
            "checkpoint.every_steps", \.checkpoint.everySteps, 0...1_000_000_000, trajectory: false,
            "Save after every so many steps; 0: not by steps."),
        .integer(
            "checkpoint.every_epochs", \.checkpoint.everyEpochs, 0...1_000_000, trajectory: false,
            "Save after every so many epochs; 0: not by epochs."),
        .integer("checkpoint.keep", \.checkpoint.keep, 0...1_000_000, trajectory: false, "Checkpoints kept; 0: all."),
    ]

    private static let cluster: [ConfigurationKey] = [
        .choice(
            "cluster.transport", \.cluster.transport, trajectory: false,
            "auto: shared memory within a host, TCP between hosts; shm: shared memory only; tcp, ipc: sockets only."),
        .flag(
            "cluster.encrypt_data", \.cluster.encryptsData, trajectory: false,
            "Encrypt what workers exchange between hosts; false: only on a network that you trust wholly."),
        .number(
            "cluster.join_timeout", \.cluster.joinTimeout, .above(0), trajectory: false,
            "Seconds to wait for the expected workers."),
        .number(
            "cluster.silence_limit", \.cluster.silenceLimit, .above(0), trajectory: false,
            "Seconds of silence after which a worker counts as lost."),
    ]

    private static let collectives: [ConfigurationKey] = [
        .parsed(
            "collectives.gradients", \.collectives.gradients,
            allowed: GradientFormat.forms.joined(separator: ", ") + " (0 < F ≤ 1, R ≥ 1)",
            parse: { try? GradientFormat(parsing: $0) },
            "As what gradients travel: float64 sums exactly; all others send less, and the number of workers shows."),
        .choice(
            "collectives.overlap", \.collectives.overlap, trajectory: false,
            "Sum gradients over the workers while backward runs; auto: unless all share one host's memory."),
        .choice(
            "collectives.measure_links", \.collectives.measureLinks, trajectory: false,
            "Measure links when workers come or go, to order the ring and choose sizes; auto: between hosts."),
        .integer(
            "collectives.bucket_bytes", \.collectives.bucketBytes, 4096...1_073_741_824, trajectory: false,
            "Size of the buckets in which gradients leave, as float64; a larger parameter is a bucket of its own."),
    ]

    private static let progress: [ConfigurationKey] = [
        .integer(
            "progress.every", \.progress.every, 1...1_000_000_000, trajectory: false,
            "Steps between two plain progress lines.")
    ]
}
