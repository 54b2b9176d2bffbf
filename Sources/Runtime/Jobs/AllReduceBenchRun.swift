import Collectives
import Foundation
import Training

/// Times all-reduce (float32, sum) over several sizes on one rank and checks every result.
final class AllReduceBenchRun: Job {
    private let job: JobSpecification.AllReduceBenchJob

    init(_ job: JobSpecification.AllReduceBenchJob) {
        self.job = job
    }

    func prepare() throws -> Bool { true }

    func run(_ generation: JobGeneration, observer: any TrainingObserver) throws -> GenerationOutcome {
        let results = try job.bytes.enumerated().map { index, bytes in
            observer.entered(.reduce, step: index + 1)
            return try measure(bytes: bytes, generation.communicator)
        }
        return .finished(result: Array(try JSONEncoder().encode(results)))
    }

    private func measure(bytes: Int, _ communicator: Communicator) throws -> AllReduceBench.Row {
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: max(bytes / 4, 1))
        defer { buffer.deallocate() }
        var times: [Double] = []
        // Two rounds to warm up connections and buffers.
        for round in 0..<job.repetitions + 2 {
            for index in buffer.indices {
                buffer[index] = Float((index + round) % 251 + communicator.rank)
            }
            try communicator.barrier()
            let start = DispatchTime.now().uptimeNanoseconds
            try communicator.allReduce(buffer, .sum)
            let elapsed = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e6
            try verify(buffer, round: round, communicator)
            if round >= 2 { times.append(elapsed) }
        }
        times.sort()
        return AllReduceBench.Row(
            bytes: bytes, workers: communicator.size, repetitions: job.repetitions,
            minimumMilliseconds: times[0], medianMilliseconds: times[times.count / 2])
    }

    /// The sums are of small whole numbers, so that they are exact in any order.
    private func verify(
        _ buffer: UnsafeMutableBufferPointer<Float>, round: Int, _ communicator: Communicator
    ) throws {
        let ranks = communicator.size
        let offset = Float(ranks * (ranks - 1) / 2)
        for index in buffer.indices {
            let expected = Float((index + round) % 251 * ranks) + offset
            guard buffer[index] == expected else {
                throw Failure(
                    .internalError,
                    "all-reduce of \(buffer.count * 4) bytes is wrong on rank \(communicator.rank): "
                        + "element \(index) is \(buffer[index]), not \(expected)")
            }
        }
    }
}
