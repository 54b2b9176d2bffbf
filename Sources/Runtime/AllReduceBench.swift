import Foundation

/// `murmur bench allreduce`: times and checks all-reduce over real worker processes.
public enum AllReduceBench {
    /// One size's times.
    public struct Row: Codable, Sendable {
        public let bytes: Int
        public let workers: Int
        public let repetitions: Int
        public let minimumMilliseconds: Double
        public let medianMilliseconds: Double

        enum CodingKeys: String, CodingKey {
            case bytes, workers, repetitions
            case minimumMilliseconds = "min_ms"
            case medianMilliseconds = "median_ms"
        }
    }

    public static func run(
        bytes: [Int], workers: Int, repetitions: Int, transport: ClusterRun.Transport
    ) throws -> [Row] {
        let job = JobSpecification.allReduceBench(.init(bytes: bytes, repetitions: repetitions))
        let result = try LocalRun.serve(job, workers: workers, transport: transport)
        return try JSONDecoder().decode([Row].self, from: Data(result))
    }
}
