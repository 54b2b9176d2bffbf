import Foundation

extension RunConfiguration {
    /// Greatest size of a configuration file in bytes.
    public static let maximumFileSize = 1 << 20

    /// Reads a YAML file and then applies `key=value` overrides, each over what came before.
    ///
    /// - Throws: `ConfigurationError` with file and line, or "command line", the key, and what is allowed.
    public static func read(file: String, overrides: [String] = []) throws -> RunConfiguration {
        let place = ConfigurationError.Place.file(file, line: nil)
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw ConfigurationError(place: place, message: "cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { try? handle.close() }
        let bytes: Data
        do {
            bytes = try handle.read(upToCount: maximumFileSize + 1) ?? Data()
        } catch {
            throw ConfigurationError(place: place, message: "cannot be read; is it a file?")
        }
        guard bytes.count <= maximumFileSize else {
            throw ConfigurationError(place: place, message: "larger than \(maximumFileSize) bytes: not a configuration")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigurationError(place: place, message: "not UTF-8 text")
        }
        return try read(yaml: text, name: file, overrides: overrides)
    }

    /// Reads YAML text; `name` stands for the file in errors.
    public static func read(
        yaml: String, name: String = "configuration", overrides: [String] = []
    ) throws -> RunConfiguration {
        var settings = try Settings(yaml: yaml, name: name)
        for argument in overrides { try settings.override(with: argument) }
        var configuration = RunConfiguration()
        for key in settings.order {
            guard let entry = settings.entries[key] else { continue }
            try configuration.set(key, to: entry.value, at: entry.place)
        }
        try configuration.complete(settings, file: name)
        return configuration
    }

    mutating func set(_ key: String, to value: ConfigurationKey.RawValue, at place: ConfigurationError.Place) throws {
        guard let known = ConfigurationSchema.key(named: key) else {
            throw ConfigurationError(place: place, key: key, message: Suggestions.unknownKey(key))
        }
        do {
            try known.write(&self, value)
        } catch let misfit as ConfigurationKey.Misfit {
            throw ConfigurationError(place: place, key: key, message: misfit.message)
        }
    }

    /// Checks what concerns several keys at once and derives the slice size.
    private mutating func complete(_ settings: Settings, file: String) throws {
        func fail(_ key: String, _ message: String) -> ConfigurationError {
            ConfigurationError(place: settings.place(of: key, file: file), key: key, message: message)
        }
        guard !data.isEmpty else {
            throw fail("data", "missing; give the dataset's path in the file or as data=PATH on the command line")
        }
        switch (epochs, steps) {
        case (nil, nil): throw fail("epochs", "missing; say how long to train by `epochs` or by `steps`")
        case (_?, _?): throw fail("steps", "`epochs` is given too; give one of them")
        default: break
        }
        try checkWarmup(fail)
        guard !reproducible || collectives.gradients == .float64 else {
            throw fail(
                "collectives.gradients",
                "\(collectives.gradients) depends on the number of workers; reproducible=true allows float64 only")
        }
        guard memoryBudget == nil || batchNorm != .sync else {
            throw fail(
                "memory_budget",
                "batch_norm=sync runs a worker's slices as one batch, whose graph is kept whole; take batch_norm=slice")
        }
        guard sliceSize <= globalBatch else {
            throw fail("slice_size", "\(sliceSize) is more than global_batch, which is \(globalBatch)")
        }
        if sliceSize == 0 { sliceSize = Self.derivedSliceSize(globalBatch: globalBatch) }
        try checkMethod(fail)
        resolveMethod()
        try checkSchedule(fail)
        try checkAugmentation(fail)
    }

    /// ⌈`globalBatch` / 8⌉, at most 64, a slice whose graph fits anywhere: from the configuration alone, so that the number
    /// of workers never shows in a run.
    public static func derivedSliceSize(globalBatch: Int) -> Int {
        min(64, max(1, (globalBatch + 7) / 8))
    }

    private func checkWarmup(_ fail: (String, String) -> ConfigurationError) throws {
        let given = [
            ("schedule.warmup_epochs", schedule.warmupEpochs != nil),
            ("schedule.warmup_steps", schedule.warmupSteps != nil),
            ("schedule.warmup_images", schedule.warmupImages != nil),
        ].filter(\.1).map(\.0)
        guard given.count < 2 else { throw fail(given[1], "`\(given[0])` is given too; give one of them") }
    }

    private func checkSchedule(_ fail: (String, String) -> ConfigurationError) throws {
        if let steps, let warmup = schedule.warmupSteps, warmup > steps {
            throw fail("schedule.warmup_steps", "\(warmup) is longer than the run of \(steps) steps")
        }
        if let steps, let images = schedule.warmupImages, warmupSteps(ofImages: images) > steps {
            throw fail(
                "schedule.warmup_images",
                "\(images) are \(warmupSteps(ofImages: images)) steps of \(globalBatch), longer than the run of \(steps) steps"
            )
        }
        if let epochs, let warmup = schedule.warmupEpochs, warmup > Double(epochs) {
            let text = ConfigurationKey.text(of: warmup)
            throw fail("schedule.warmup_epochs", "\(text) is longer than the run of \(epochs) epochs")
        }
        guard schedule.finalLearningRate <= optimizer.learningRate else {
            throw fail("schedule.final_lr", "more than optimizer.lr, which the schedule falls from")
        }
    }

    private func checkAugmentation(_ fail: (String, String) -> ConfigurationError) throws {
        guard augment.cropMin <= augment.cropMax else {
            throw fail("augment.crop_min", "more than augment.crop_max")
        }
        guard augment.blurSigmaMin <= augment.blurSigmaMax else {
            throw fail("augment.blur_sigma_min", "more than augment.blur_sigma_max")
        }
        guard augment.localCropMin <= augment.localCropMax else {
            throw fail("augment.local_crop_min", "more than augment.local_crop_max")
        }
        guard augment.localViews == 0 || method.takesLocalViews else {
            throw fail("augment.local_views", "\(method.rawValue) has no use for local views; leave the key out")
        }
        guard augment.mean.count == augment.std.count else {
            throw fail(
                "augment.std",
                "has \(augment.std.count) numbers but augment.mean \(augment.mean.count); give one per channel in each")
        }
        if encoder.channels > 0, !augment.mean.isEmpty, augment.mean.count != encoder.channels {
            throw fail(
                "augment.mean", "has \(augment.mean.count) numbers, but encoder.channels is \(encoder.channels)")
        }
    }
}
