/// What a few small steps of a run took on this machine, on the rank that took most.
public struct ProbeMeasurement: Codable, Sendable, Equatable {
    /// One size of step.
    public struct Step: Codable, Sendable, Equatable {
        /// Slices of each rank.
        public var slices: Int
        /// Seconds by phase, with all batches loaded before.
        public var forward, loss, backward, reduce, update: Double
        /// The most that tensors held above what they hold between steps.
        public var tensorBytes: Int
        /// The most that the process held.
        public var residentBytes: Int

        public init(
            slices: Int, forward: Double = 0, loss: Double = 0, backward: Double = 0, reduce: Double = 0,
            update: Double = 0, tensorBytes: Int = 0, residentBytes: Int = 0
        ) {
            self.slices = slices
            self.forward = forward
            self.loss = loss
            self.backward = backward
            self.reduce = reduce
            self.update = update
            self.tensorBytes = tensorBytes
            self.residentBytes = residentBytes
        }

        /// Of all phases.
        public var seconds: Double { forward + loss + backward + reduce + update }
    }

    /// Ranks that took the steps at once.
    public var ranks: Int
    /// By slices: one, and more where the run has more.
    public var steps: [Step]
    /// Seconds that a loading thread needs for an image with all its views.
    public var loadSeconds: Double
    /// Seconds for a pair of embeddings in a loss over all pairs, forward and backward; 0 for methods without one.
    public var pairSeconds: Double
    /// What the process held with the dataset open, before there was a model.
    public var processBytes: Int
    /// Parameters, gradients, optimiser, target, and what the method remembers.
    public var modelBytes: Int
    /// Bytes of an image's views.
    public var viewBytes: Int
    /// Bytes of gradients that a step sums over the ranks.
    public var gradientBytes: Int

    public init(
        ranks: Int, steps: [Step], loadSeconds: Double, pairSeconds: Double, processBytes: Int, modelBytes: Int,
        viewBytes: Int, gradientBytes: Int
    ) {
        self.ranks = ranks
        self.steps = steps
        self.loadSeconds = loadSeconds
        self.pairSeconds = pairSeconds
        self.processBytes = processBytes
        self.modelBytes = modelBytes
        self.viewBytes = viewBytes
        self.gradientBytes = gradientBytes
    }
}
