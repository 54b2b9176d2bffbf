import Collectives
import Foundation
import SharedMemoryTransport
import Training

/// Times a collective (float32) over several sizes on one rank and checks every result.
final class CollectiveBenchRun: Job {
    private let job: JobSpecification.CollectiveBenchJob

    init(_ job: JobSpecification.CollectiveBenchJob) {
        self.job = job
    }

    func prepare() throws -> Bool { true }

    func run(_ generation: JobGeneration, observer: any TrainingObserver) throws -> GenerationOutcome {
        let sizes = job.collective == .barrier ? [4] : job.bytes
        let results = try sizes.enumerated().map { index, bytes in
            observer.entered(.reduce, step: index + 1)
            return try measure(bytes: bytes, generation)
        }
        return .finished(result: Array(try JSONEncoder().encode(results)))
    }

    private func measure(bytes: Int, _ generation: JobGeneration) throws -> CollectiveBench.Row {
        let communicator = generation.communicator
        if job.memory == .shared, let arena = generation.arena {
            let block = try arena.allocate(bytes: bytes)
            return try withExtendedLifetime(block) {
                try measure(block.memory.bindMemory(to: Float.self), communicator)
            }
        }
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: bytes / 4)
        defer { buffer.deallocate() }
        return try measure(buffer, communicator)
    }

    private func measure(
        _ buffer: UnsafeMutableBufferPointer<Float>, _ communicator: Communicator
    ) throws -> CollectiveBench.Row {
        let bench = BenchedBuffer(job, buffer: buffer, communicator: communicator)
        var times: [Double] = []
        let began = DispatchTime.now().uptimeNanoseconds
        var goesOn = true
        // Two rounds to warm up connections and buffers.
        var round = 0
        while goesOn {
            bench.fill(round: round)
            try communicator.barrier()
            let start = DispatchTime.now().uptimeNanoseconds
            try bench.perform()
            let elapsed = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e6
            try bench.verify(round: round)
            if round >= 2 { times.append(elapsed) }
            round += 1
            let spent = Double(DispatchTime.now().uptimeNanoseconds - began) / 1e9
            goesOn = try agree(goOn: wantsMore(times.count, spent), communicator)
        }
        // As all ranks saw each round: the one that leaves the barrier last finds the others' messages there.
        try times.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
        times = times.map { $0 / Double(communicator.size) }.sorted()
        return CollectiveBench.Row(
            collective: job.collective, bytes: buffer.count * 4, workers: communicator.size,
            hosts: communicator.topology.hostCount, repetitions: times.count, sentShare: bench.sentShare,
            minimumMilliseconds: times[0], medianMilliseconds: times[times.count / 2])
    }

    private func wantsMore(_ done: Int, _ seconds: Double) -> Bool {
        switch job.effort {
        case .repetitions(let count): done < count
        case .seconds(let limit): done < 3 || seconds < limit
        }
    }

    /// Rank 0's clock decides for all.
    private func agree(goOn: Bool, _ communicator: Communicator) throws -> Bool {
        var answer: [UInt8] = [goOn ? 1 : 0]
        try answer.withUnsafeMutableBytes { try communicator.broadcast($0, root: 0) }
        return answer[0] == 1
    }
}
