import Foundation
import Training

/// The summary that a run leaves in `report.json`.
struct RunReport: Codable {
    let steps: Int
    let finalLoss: Double?
    let epochs: Double
    /// Of this launch, from the coordinator's start to its end.
    let seconds: Double
    /// The median over all steps of the log.
    let imagesPerSecond: Double?
    let workers: Int?
    /// The most MiB that a worker held.
    let memory: Int?
    /// Of all seconds that rank 0 spent summing gradients over the workers, the share that training did not wait for; nil
    /// where there was none.
    let hiddenShare: Double?
    /// What the collapse watch saw last.
    let effectiveRank, deviation: Double?
    /// The newest checkpoint.
    let checkpoint: String?

    enum CodingKeys: String, CodingKey {
        case steps, epochs, seconds, workers, checkpoint
        case memory = "memory_mib"
        case finalLoss = "final_loss"
        case imagesPerSecond = "images_per_second"
        case hiddenShare = "hidden_share"
        case effectiveRank = "effective_rank"
        case deviation
    }

    init(records: [StepRecord], plan: TrainingPlan, seconds: Double, checkpoint: String?) {
        steps = records.last?.step ?? 0
        finalLoss = records.last?.loss
        epochs = Double(steps) / Double(plan.stepsPerEpoch)
        self.seconds = seconds
        let rates = records.map(\.imagesPerSecond).sorted()
        imagesPerSecond = rates.isEmpty ? nil : rates[rates.count / 2]
        workers = records.last?.workers
        memory = records.compactMap(\.memory).max()
        let communication = records.reduce(0) { $0 + ($1.communicationSeconds ?? 0) }
        let hidden = records.reduce(0) { $0 + ($1.communicationSeconds ?? 0) * ($1.hiddenShare ?? 0) }
        hiddenShare = communication > 0 ? hidden / communication : nil
        let watched = records.last { $0.effectiveRank != nil }
        effectiveRank = watched?.effectiveRank
        deviation = watched?.deviation
        self.checkpoint = checkpoint
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }
}
