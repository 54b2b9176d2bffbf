import Configuration
import Foundation
import Training

/// What the workers of a run are to do; the coordinator sends it to each as JSON in its welcome.
struct JobSpecification: Codable, Sendable {
    let work: Work
    /// How the workers talk to each other while they do it.
    let collectives: CollectiveSettings
    /// Where rank 0 writes a trace of all ranks: an absolute path; nil records none.
    let tracePath: String?

    init(work: Work, collectives: CollectiveSettings, tracePath: String? = nil) {
        self.work = work
        self.collectives = collectives
        self.tracePath = tracePath
    }

    enum Work: Codable, Sendable {
        case train(TrainJob)
        case probe(ProbeJob)
        case loss(LossJob)
        case lossBench(LossBenchJob)
        case collectiveBench(CollectiveBenchJob)
    }

    /// Train an encoder by a configuration.
    struct TrainJob: Codable, Sendable {
        let configuration: RunConfiguration
        /// Where rank 0 writes checkpoints: an absolute path on storage shared with the coordinator.
        let runDirectory: String
        /// The checkpoint to go on from; nil for a new run.
        let resumeFrom: String?
    }

    /// Take a few small steps of a run, for its forecast.
    struct ProbeJob: Codable, Sendable {
        let configuration: RunConfiguration
        /// Of the run's worker that has most.
        let slices: Int
    }

    /// A method's loss and gradients on tensors from a file.
    struct LossJob: Codable, Sendable {
        let method: String
        let input: String
        let output: String
        let settings: LossSettings
        /// In float32 instead of float64.
        let isSingle: Bool
    }

    /// Time a loss over all pairs of images on random embeddings.
    struct LossBenchJob: Codable, Sendable {
        let loss: LossBench.Loss
        let images: Int
        let dimension: Int
        let temperature: Double
        let isDouble: Bool
        let repetitions: Int
    }

    /// Time a collective over several sizes.
    struct CollectiveBenchJob: Codable, Sendable {
        let collective: BenchedCollective
        let bytes: [Int]
        let effort: CollectiveBench.Effort
        let memory: CollectiveBench.Memory
        /// Of all-reduce.
        let sum: CollectiveBench.Sum
    }

    func encoded() throws -> [UInt8] {
        Array(try JSONEncoder().encode(self))
    }

    /// - Throws: `Failure` when the bytes are not a job this version knows.
    init(decoding bytes: [UInt8]) throws {
        do {
            self = try JSONDecoder().decode(Self.self, from: Data(bytes))
        } catch {
            throw Failure(.refused, "the coordinator sent a job that this version of murmur cannot read: \(error)")
        }
    }
}
