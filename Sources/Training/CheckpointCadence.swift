import Configuration

/// When a checkpoint is due.
struct CheckpointCadence {
    /// Why one might be.
    enum Cause {
        /// A step is done.
        case schedule
        /// The run is being stopped.
        case stopped
        /// The last step is done.
        case finished
    }

    private let everySteps: Int
    private let everyEpochs: Int
    private let stepsPerEpoch: Int

    init(_ configuration: RunConfiguration.Checkpointing, stepsPerEpoch: Int) {
        everySteps = configuration.everySteps
        everyEpochs = configuration.everyEpochs
        self.stepsPerEpoch = stepsPerEpoch
    }

    /// - Parameter step: the number of steps done.
    func isDue(step: Int, cause: Cause) -> Bool {
        guard cause == .schedule else { return true }
        if everySteps > 0, step % everySteps == 0 { return true }
        return everyEpochs > 0 && step % (everyEpochs * stepsPerEpoch) == 0
    }
}
