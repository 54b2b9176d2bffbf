/// Learning rates and warm-up, as they follow from the global batch.
extension RunConfiguration {
    /// The learning rate at the peak of the schedule, as it is used.
    public var peakLearningRate: Double { optimizer.learningRate * rateFactor }

    /// The learning rate at the end of the cosine, as it is used.
    public var finalLearningRate: Double { schedule.finalLearningRate * rateFactor }

    /// The learning rate of biases and norms over that of weights.
    public var biasRate: Double {
        guard let rate = optimizer.biasLearningRate, optimizer.learningRate > 0 else { return 1 }
        return rate / optimizer.learningRate
    }

    /// The steps, rounded up, that take so many images.
    public func warmupSteps(ofImages images: Int) -> Int { (images + globalBatch - 1) / globalBatch }

    private var rateFactor: Double {
        let growth = Double(globalBatch) / Double(optimizer.rateBatch)
        switch optimizer.rateRule {
        case .none: return 1
        case .linear: return growth
        case .sqrt: return growth.squareRoot()
        }
    }
}
