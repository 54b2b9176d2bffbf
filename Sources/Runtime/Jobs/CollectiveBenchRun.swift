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
        let bench = BenchedBuffer(collective: job.collective, buffer: buffer, communicator: communicator)
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
        times.sort()
        return CollectiveBench.Row(
            collective: job.collective, bytes: buffer.count * 4, workers: communicator.size,
            hosts: communicator.topology.hostCount, repetitions: times.count, minimumMilliseconds: times[0],
            medianMilliseconds: times[times.count / 2])
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

/// A buffer that goes through a collective, with values by which each result can be checked.
private struct BenchedBuffer {
    let collective: BenchedCollective
    let buffer: UnsafeMutableBufferPointer<Float>
    let communicator: Communicator

    /// By rank: the elements of its part, for the collectives that have parts.
    private var counts: [Int] {
        let ranks = communicator.size
        return (0..<ranks).map { buffer.count * ($0 + 1) / ranks - buffer.count * $0 / ranks }
    }

    private var own: Range<Int> {
        let start = counts[..<communicator.rank].reduce(0, +)
        return start..<start + counts[communicator.rank]
    }

    func fill(round: Int) {
        let shift = communicator.rank
        for index in buffer.indices { buffer[index] = Float((index + round) % 251 + shift) }
    }

    func perform() throws {
        switch collective {
        case .allReduce: try communicator.allReduce(buffer, .sum)
        case .reduceScatter: try communicator.reduceScatter(buffer, counts: counts, .sum)
        case .allGather:
            try communicator.allGather(UnsafeBufferPointer(rebasing: buffer[own]), counts: counts, into: buffer)
        case .broadcast: try communicator.broadcast(buffer, root: 0)
        case .barrier: try communicator.barrier()
        }
    }

    /// The sums are of small whole numbers, so that they are exact in any order.
    func verify(round: Int) throws {
        let ranks = communicator.size
        switch collective {
        case .barrier: return
        case .allReduce, .reduceScatter:
            let offset = Float(ranks * (ranks - 1) / 2)
            for index in collective == .allReduce ? 0..<buffer.count : own {
                try check(index, Float((index + round) % 251 * ranks) + offset)
            }
        case .broadcast:
            for index in buffer.indices { try check(index, Float((index + round) % 251)) }
        case .allGather:
            var rank = 0
            var end = counts[0]
            for index in buffer.indices {
                while index == end {
                    rank += 1
                    end += counts[rank]
                }
                try check(index, Float((index + round) % 251 + rank))
            }
        }
    }

    private func check(_ index: Int, _ expected: Float) throws {
        guard buffer[index] != expected else { return }
        throw Failure(
            .internalError,
            "\(collective.rawValue) of \(buffer.count * 4) bytes is wrong on rank \(communicator.rank): "
                + "element \(index) is \(buffer[index]), not \(expected)")
    }
}
