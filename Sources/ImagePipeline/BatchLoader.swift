/// Loads batches ahead of their use, on its own threads.
///
/// What a batch holds is a pure function of the dataset, the request, the augmentations and the seed: the number of
/// threads does not show in it. View v of sample s in epoch e is drawn from `Philox(seed:path: [e, s, v])`.
///
/// An undecodable image is replaced by the next decodable one in dataset order, and reported once. The replacement is
/// augmented under the sample asked for, so that it does not repeat views if it is in the batch itself.
public final class BatchLoader: Sendable {
    private let engine: LoaderEngine
    private let threads: [WorkerThread]

    /// A loader of augmented views for training.
    ///
    /// - Parameters:
    ///   - views: The augmentation of each view, at least one; sizes may differ, channels are those of the dataset.
    ///   - threads: Threads that decode and augment, at least 1.
    ///   - prefetch: Batches that may be loaded or in work before they are asked for, at least 1.
    ///   - reducesLargeImages: Decodes a JPEG at 1/2, 1/4 or 1/8 where every crop is still at least as large as its
    ///     view. Much faster for photographs of many megapixels; pixels differ slightly from those of a full decoding.
    ///   - requests: Gives the request of a number 0, 1, 2, …; nil ends the batches. Called once for each number, in
    ///     order, on a loader thread, under the loader's lock: it must be quick and must not use the loader.
    /// - Throws: `AugmentationError`, `LoaderError.noThread`.
    public init(
        dataset: any ImageDataset, views: [Augmentation], seed: UInt64, threads: Int = 1, prefetch: Int = 2,
        reducesLargeImages: Bool = true, requests: @escaping @Sendable (Int) -> BatchRequest?
    ) throws {
        precondition(!views.isEmpty, "a batch has at least one view of each sample")
        for view in views {
            precondition(view.channels == dataset.channels, "augmentation and dataset differ in channels")
            try view.validate()
        }
        engine = LoaderEngine(
            dataset: dataset, maker: .augmented(views, seed: seed), prefetch: prefetch,
            reducesLargeImages: reducesLargeImages, requests: requests)
        self.threads = try engine.start(threads: threads)
    }

    /// A loader of one fixed view each, in order, for evaluation; the last batch may be smaller.
    ///
    /// - Parameter samples: The images to load; nil for all.
    /// - Throws: `AugmentationError`, `LoaderError.noThread`.
    public init(
        dataset: any ImageDataset, transform: EvaluationTransform, batchSize: Int, samples: [Int32]? = nil,
        threads: Int = 1, prefetch: Int = 2, reducesLargeImages: Bool = true
    ) throws {
        precondition(batchSize > 0, "a batch has at least one sample")
        precondition(transform.channels == dataset.channels, "transform and dataset differ in channels")
        try transform.validate()
        let count = samples?.count ?? dataset.count
        engine = LoaderEngine(
            dataset: dataset, maker: .fixed(transform), prefetch: prefetch, reducesLargeImages: reducesLargeImages
        ) { index in
            let start = index * batchSize
            guard start < count else { return nil }
            let range = start..<min(start + batchSize, count)
            return BatchRequest(epoch: 0, samples: samples.map { Array($0[range]) } ?? range.map { Int32($0) })
        }
        self.threads = try engine.start(threads: threads)
    }

    /// The next batch in order, once it is ready; nil after the last one and after `cancel()`.
    ///
    /// - Throws: `LoaderError`, for the batch that cannot be loaded; the next call goes on with the batch after it.
    public func next() throws -> LoadedBatch? {
        try engine.next()
    }

    /// Stops loading. Threads end after the image that they are at; a waiting `next()` returns nil.
    public func cancel() {
        engine.cancel()
    }

    deinit {
        engine.cancel()
        for thread in threads { thread.join() }
    }
}
