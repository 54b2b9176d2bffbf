import Configuration

/// What a run will take, from a few small steps of it: memory of the worker that has most, and the time of a step.
///
/// Time and memory of a worker are straight lines in the number of its slices, which two points give, but for: a loss over
/// all pairs (with the square of the global batch), sums over more ranks or a slower line, slices that are run again, and
/// cores that more workers share than the probe had.
public struct RunForecast: Sendable, Equatable {
    /// Where the run is to take place.
    public struct Cluster: Sendable, Equatable {
        public var workers: Int
        /// Over which workers are dealt evenly.
        public var hosts: Int
        /// Of each host.
        public var cores: Int
        /// Bytes a second between hosts; nil where there is one, or where it is no limit.
        public var lineRate: Double?

        public init(workers: Int, hosts: Int = 1, cores: Int, lineRate: Double? = nil) {
            self.workers = workers
            self.hosts = hosts
            self.cores = cores
            self.lineRate = lineRate
        }

        /// Of the host that has most.
        public var workersPerHost: Int { (workers + hosts - 1) / hosts }
    }

    /// A part of memory or time.
    public struct Part: Sendable, Equatable {
        public let name: String
        public let amount: Double

        public init(name: String, amount: Double) {
            self.name = name
            self.amount = amount
        }
    }

    /// Bytes of the largest worker, by part.
    public let memory: [Part]
    /// Seconds of a step, by part.
    public let time: [Part]
    /// Slices of the worker that has most, and how many of them keep their graphs.
    public let slices, keptGraphs: Int

    public var bytes: Double { memory.reduce(0) { $0 + $1.amount } }
    public var seconds: Double { time.reduce(0) { $0 + $1.amount } }

    public init(_ measurement: ProbeMeasurement, of configuration: RunConfiguration, on cluster: Cluster) {
        let sum = Summary(measurement, configuration, cluster)
        let memory = sum.memory()
        self.memory = memory.parts
        slices = sum.slices
        keptGraphs = memory.kept
        time = sum.time(kept: memory.kept)
    }
}

/// The arithmetic of a forecast.
private struct Summary {
    let measurement: ProbeMeasurement
    let configuration: RunConfiguration
    let cluster: RunForecast.Cluster
    let slices: Int
    let images: Int

    init(_ measurement: ProbeMeasurement, _ configuration: RunConfiguration, _ cluster: RunForecast.Cluster) {
        self.measurement = measurement
        self.configuration = configuration
        self.cluster = cluster
        let assignment = SliceAssignment(
            globalBatch: configuration.globalBatch, sliceSize: configuration.sliceSize, worldSize: cluster.workers)
        images = assignment.shares.max() ?? 0
        slices = (0..<cluster.workers).map { assignment.slices(of: $0).count }.max() ?? 1
    }

    private var last: ProbeMeasurement.Step { measurement.steps.last ?? .init(slices: 1) }

    /// What a step of so many slices takes, on the line through the points; through the origin where there is one.
    private func line(_ value: (ProbeMeasurement.Step) -> Double, at slices: Double) -> Double {
        let (base, slope) = coefficients(value)
        return base + slope * slices
    }

    private func coefficients(_ value: (ProbeMeasurement.Step) -> Double) -> (base: Double, slope: Double) {
        guard let first = measurement.steps.first, first.slices != last.slices else {
            return (0, value(last) / Double(last.slices))
        }
        let slope = max(0, (value(last) - value(first)) / Double(last.slices - first.slices))
        return (max(0, value(last) - slope * Double(last.slices)), slope)
    }

    /// Slices as a real number: the last one of a batch may be shorter.
    private var workload: Double { Double(images) / Double(configuration.sliceSize) }

    // MARK: Memory

    func memory() -> (parts: [RunForecast.Part], kept: Int) {
        let batchBytes = Double(images * measurement.viewBytes)
        let views = batchBytes * Double(configuration.loader.prefetch + 1)
        let probeViews = Double(last.slices * configuration.sliceSize * measurement.viewBytes)
        let graph = coefficients { Double($0.tensorBytes) }
        // What the largest probe held beyond what is known: network, threads, what the allocator keeps between blocks.
        let known =
            Double(measurement.processBytes + measurement.modelBytes + last.tensorBytes)
            + probeViews * Double(probeBatches)
        let rest = max(0, Double(last.residentBytes) - known)
        var graphs = graph.base + graph.slope * workload
        var kept = slices
        var lost = lostBytes(graph.slope) * max(0, workload - Double(last.slices))
        if let limit = configuration.memoryBudget, configuration.batchNorm != .sync {
            let atStart = Double(measurement.processBytes + measurement.modelBytes) + rest + batchBytes
            let budget = GraphBudget(
                total: limit.bytes, ahead: Int(batchBytes) * configuration.loader.prefetch
            ) { Int(atStart) }
            kept = budget.count(ofSlices: slices, graph: Int(graph.slope))
            // Where a slice is run again it has a graph too, when those that are kept are gone.
            let embeddings = Double(images) * embeddingBytes
            graphs = graph.base + graph.slope * Double(max(1, kept)) + (kept < slices ? embeddings : 0)
            lost = lostBytes(graph.slope) * Double(max(0, kept - last.slices))
        }
        return (
            [
                .init(name: "process, libraries, dataset", amount: Double(measurement.processBytes)),
                .init(name: "model, gradients, optimiser, memory banks", amount: Double(measurement.modelBytes)),
                .init(name: "views of \(configuration.loader.prefetch + 1) batches", amount: views),
                .init(name: kept < slices ? "graphs of \(kept) of \(slices) slices" : "graphs", amount: graphs),
                .init(name: "communication and the rest", amount: rest + lost),
            ], kept
        )
    }

    /// What the allocator loses between the blocks of a slice's graph: how much faster the process grew than its tensors,
    /// but no more than a third of the graph, as it is the small difference of large numbers.
    private func lostBytes(_ graph: Double) -> Double {
        guard let first = measurement.steps.first, first.slices < last.slices else { return 0 }
        let added = Double(last.slices - first.slices)
        let views = Double(configuration.sliceSize * measurement.viewBytes * probeBatches)
        let growth = Double(last.residentBytes - first.residentBytes) / added
        return min(max(0, growth - graph - views), graph / 3)
    }

    /// The probe loads all its batches ahead.
    private var probeBatches: Int { StepProbe.batches }

    /// Of an image's embeddings while the loss is taken: both views, with what travels beside them and their gradients.
    private var embeddingBytes: Double { Double(2 * configuration.projector.out * 4 * 8) }

    // MARK: Time

    func time(kept: Int) -> [RunForecast.Part] {
        let replayed = workload * Double(slices - kept) / Double(slices)
        let forward = coefficients(\.forward)
        let compute: [RunForecast.Part] = [
            .init(name: "forward", amount: (forward.base + forward.slope * workload) * crowding),
            .init(name: "loss", amount: loss * crowding),
            .init(name: "backward", amount: line(\.backward, at: workload) * crowding),
            .init(name: "forward again of replayed slices", amount: forward.slope * replayed * crowding),
            .init(name: "update", amount: last.update * crowding),
        ]
        let busy = compute.reduce(0) { $0 + $1.amount }
        return [.init(name: "waiting for images", amount: max(0, stepWithLoading(busy) - busy))]
            + compute + [.init(name: "sum of gradients", amount: communication)]
    }

    /// A step cannot be shorter than its computing, its loading, and what the host's cores have to do for both.
    private func stepWithLoading(_ busy: Double) -> Double {
        let loading = Double(images) * measurement.loadSeconds
        let threads = Double(configuration.loader.threads)
        // `busy` has the crowding of computing threads in it already; the work itself does not.
        let work = busy / crowding * Double(configuration.threads) + loading
        let host = Double(cluster.workersPerHost) * work / Double(cluster.cores)
        return max(busy, loading / threads, host)
    }

    /// How much slower a worker computes than in the probe, where more share a host's cores.
    private var crowding: Double {
        let threads = Double(configuration.threads)
        func share(_ workers: Int) -> Double { max(1, Double(workers) * threads / Double(cluster.cores)) }
        return share(cluster.workersPerHost) / share(measurement.ranks)
    }

    /// Of a pair loss, the pairs that are a worker's; else what the probe saw grow with the slices.
    private var loss: Double {
        let small = line(\.loss, at: workload)
        guard measurement.pairSeconds > 0 else { return small }
        let pairs = 4 * Double(configuration.globalBatch) * Double(images)
        return last.loss / Double(last.slices) + measurement.pairSeconds * pairs
    }

    /// Each rank sends and receives 2(R − 1)/R times the gradients.
    private var communication: Double {
        func share(_ ranks: Int) -> Double { 2 * Double(ranks - 1) / Double(ranks) }
        guard cluster.workers > 1 else { return last.reduce }
        let within = measurement.ranks > 1 ? last.reduce * share(cluster.workers) / share(measurement.ranks) : 0
        guard cluster.hosts > 1, let rate = cluster.lineRate else { return within }
        return max(within, Double(measurement.gradientBytes) * share(cluster.hosts) / rate)
    }
}
