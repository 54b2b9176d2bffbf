import Foundation

/// `murmur bench loss`: times and weighs a loss over all pairs of images, forward and backward, over worker processes.
public enum LossBench {
    /// The losses whose time grows with the square of the batch.
    public enum Loss: String, Codable, Sendable, CaseIterable {
        case simclr, mocov3, triplet
    }

    public struct Row: Codable, Sendable {
        public let loss: Loss
        /// Global batch N and dimension D.
        public let images, dimension: Int
        public let workers: Int
        /// Seconds of the slowest worker; the fastest repetition.
        public let forwardSeconds, backwardSeconds: Double
        /// The most that a worker held above what it held with its own embeddings in memory, gradients included: of the
        /// worker with most.
        public let memoryBytes: Int
        /// What a worker's own embeddings take.
        public let embeddingBytes: Int
        /// Of the global batch.
        public let value: Double

        enum CodingKeys: String, CodingKey {
            case loss, images, dimension, workers, value
            case forwardSeconds = "forward_seconds"
            case backwardSeconds = "backward_seconds"
            case memoryBytes = "memory_bytes"
            case embeddingBytes = "embedding_bytes"
        }
    }

    public struct Options: Sendable {
        public var loss = Loss.simclr
        public var images = 4096
        public var dimension = 128
        public var temperature = 0.1
        /// float64 instead of float32.
        public var isDouble = false
        public var repetitions = 1
        public var workers = 1
        public var transport = CollectiveBench.Transport.auto

        public init() {}
    }

    public static func run(_ options: Options) throws -> Row {
        var settings = CollectiveSettings()
        settings.sharing = options.transport.sharing
        let job = JobSpecification(
            work: .lossBench(
                .init(
                    loss: options.loss, images: options.images, dimension: options.dimension,
                    temperature: options.temperature, isDouble: options.isDouble, repetitions: options.repetitions)),
            collectives: settings)
        let result = try LocalRun.serve(job, workers: options.workers, transport: options.transport.network)
        return try JSONDecoder().decode(Row.self, from: Data(result))
    }
}
