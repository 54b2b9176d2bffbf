/// The loader's state and what its threads do with it.
///
/// A batch in work is a `Job`. Threads take ranges of samples from the earliest job that has some left, so a batch is
/// finished by all of them together; jobs are delivered in order.
///
/// `@unchecked Sendable`: everything that changes is in `state`, which is touched under `monitor`'s lock only.
final class LoaderEngine: @unchecked Sendable {
    private let dataset: any ImageDataset
    private let maker: ViewMaker
    private let prefetch: Int
    private let reducesLargeImages: Bool
    private let requests: @Sendable (Int) -> BatchRequest?
    private let pool: BufferPool
    private let monitor = Monitor()
    private var state = State()

    /// How many images in a row may be undecodable before loading gives up.
    private static let maximumAttempts = 64

    private struct State {
        var jobs: [Job] = []
        var nextRequest = 0
        var hasEnded = false
        var isCancelled = false
        var threads = 1
        /// Undecodable images met so far, so that they are not tried again.
        var bad: [Int: BadSample] = [:]
        var reported: Set<Int> = []
    }

    /// A batch in work. Fields that change do so under the engine's lock; the buffer's parts are written without it,
    /// each by the thread that has claimed it.
    private final class Job {
        let index: Int
        let request: BatchRequest
        let buffer: BatchBuffer
        let views: [ViewBlock]
        var sources: [Int32]
        var claimed = 0
        var remaining: Int
        var bad: [(position: Int, samples: [BadSample])] = []
        var failure: (position: Int, error: LoaderError)?

        init(index: Int, request: BatchRequest, buffer: BatchBuffer, views: [ViewBlock]) {
            self.index = index
            self.request = request
            self.buffer = buffer
            self.views = views
            sources = request.samples
            remaining = request.samples.count
        }

        /// Where the views of the sample at `position` go.
        func outputs(of position: Int) -> [UnsafeMutablePointer<Float>] {
            views.map { buffer.floats.baseAddress! + $0.offset + position * $0.imageSize }
        }
    }

    /// A range of a job's samples, taken by one thread.
    private struct Claim {
        let job: Job
        let range: Range<Int>
        let knownBad: [Int: BadSample]
    }

    /// What became of one sample.
    private struct Outcome {
        let position: Int
        var source: Int
        var bad: [BadSample] = []
        var isLost = false
    }

    init(
        dataset: any ImageDataset, maker: ViewMaker, prefetch: Int, reducesLargeImages: Bool,
        requests: @escaping @Sendable (Int) -> BatchRequest?
    ) {
        precondition(prefetch > 0, "a loader has at least one batch in work")
        self.dataset = dataset
        self.maker = maker
        self.prefetch = prefetch
        self.reducesLargeImages = reducesLargeImages
        self.requests = requests
        pool = BufferPool(limit: prefetch + 2)
    }

    /// Starts the threads; they end after `cancel()` or the last batch.
    ///
    /// - Throws: `LoaderError.noThread`; then none is left running.
    func start(threads count: Int) throws -> [WorkerThread] {
        precondition(count > 0, "a loader has at least one thread")
        monitor.withLock { state.threads = count }
        var threads: [WorkerThread] = []
        do {
            for _ in 0..<count {
                threads.append(try WorkerThread { self.work() })
            }
        } catch {
            cancel()
            for thread in threads { thread.join() }
            throw error
        }
        return threads
    }

    func cancel() {
        monitor.withLock {
            state.isCancelled = true
            state.jobs.removeAll()
            monitor.broadcast()
        }
    }

    func next() throws -> LoadedBatch? {
        let job: Job? = monitor.withLock {
            while true {
                if state.isCancelled { return nil }
                if let first = state.jobs.first {
                    if first.remaining == 0 {
                        monitor.broadcast()
                        return state.jobs.removeFirst()
                    }
                } else if state.hasEnded {
                    return nil
                }
                monitor.wait()
            }
        }
        return try job.map(deliver)
    }

    private func deliver(_ job: Job) throws -> LoadedBatch {
        let met = job.bad.sorted { $0.position < $1.position }.flatMap(\.samples)
        let fresh = monitor.withLock { met.filter { state.reported.insert($0.index).inserted } }
        if let failure = job.failure { throw failure.error }
        return LoadedBatch(
            index: job.index, epoch: job.request.epoch, buffer: job.buffer, views: job.views,
            samples: job.request.samples, sources: job.sources, badSamples: fresh)
    }

    /// A thread's life.
    private func work() {
        let workspace = AugmentationWorkspace()
        while let claim = claim() {
            finish(claim, claim.range.map { load($0, of: claim, workspace: workspace) })
        }
    }

    /// Waits for samples to load; nil when there will be none.
    private func claim() -> Claim? {
        monitor.withLock {
            while true {
                if state.isCancelled { return nil }
                if let job = state.jobs.first(where: { $0.claimed < $0.request.samples.count }) {
                    let count = job.request.samples.count
                    // Small enough that the threads finish together, large enough that the lock is rarely taken.
                    let share = max(1, min(8, count / (4 * state.threads)))
                    let range = job.claimed..<min(job.claimed + share, count)
                    job.claimed = range.upperBound
                    return Claim(job: job, range: range, knownBad: state.bad)
                }
                if state.hasEnded { return nil }
                if state.jobs.count < prefetch {
                    addJob()
                } else {
                    monitor.wait()
                }
            }
        }
    }

    /// Turns the next request into a job. Called under the lock.
    private func addJob() {
        guard let request = requests(state.nextRequest) else {
            state.hasEnded = true
            monitor.broadcast()
            return
        }
        let stray = request.samples.first { $0 < 0 || Int($0) >= dataset.count }
        let samples = stray == nil ? request.samples : []
        let views = maker.blocks(samples: samples.count)
        let job = Job(
            index: state.nextRequest, request: BatchRequest(epoch: request.epoch, samples: samples),
            buffer: pool.buffer(count: views.last?.range.upperBound ?? 0), views: views)
        if let stray {
            let error = LoaderError.sampleOutOfRange(
                sample: Int(stray), count: dataset.count, request: state.nextRequest)
            job.failure = (0, error)
        }
        state.jobs.append(job)
        state.nextRequest += 1
        monitor.broadcast()
    }

    /// Loads one sample, or the next decodable image in its place.
    private func load(_ position: Int, of claim: Claim, workspace: AugmentationWorkspace) -> Outcome {
        let sample = Int(claim.job.request.samples[position])
        let outputs = claim.job.outputs(of: position)
        var outcome = Outcome(position: position, source: sample)
        for _ in 0..<min(Self.maximumAttempts, dataset.count) {
            if let known = claim.knownBad[outcome.source] {
                outcome.bad.append(known)
            } else {
                do {
                    try maker.make(
                        dataset, source: outcome.source, sample: sample, epoch: claim.job.request.epoch,
                        reducesLargeImages: reducesLargeImages, outputs: outputs, workspace: workspace)
                    return outcome
                } catch {
                    let cause = (error as? ImageError)?.cause ?? String(describing: error)
                    outcome.bad.append(
                        BadSample(index: outcome.source, name: dataset.name(at: outcome.source), cause: cause))
                }
            }
            outcome.source = (outcome.source + 1) % dataset.count
        }
        outcome.isLost = true
        return outcome
    }

    private func finish(_ claim: Claim, _ outcomes: [Outcome]) {
        monitor.withLock {
            let job = claim.job
            for outcome in outcomes {
                job.sources[outcome.position] = Int32(outcome.source)
                guard !outcome.bad.isEmpty else { continue }
                for sample in outcome.bad { state.bad[sample.index] = sample }
                job.bad.append((outcome.position, outcome.bad))
                if outcome.isLost && outcome.position < job.failure?.position ?? .max {
                    let error = LoaderError.noReadableImage(first: outcome.bad[0], attempts: outcome.bad.count)
                    job.failure = (outcome.position, error)
                }
            }
            job.remaining -= claim.range.count
            if job.remaining == 0 { monitor.broadcast() }
        }
    }
}
