import Collectives
import Contrastive
import Foundation
import Randomness
import Torch
import Training

/// Times and weighs a loss over all pairs of images on random embeddings, of which each rank draws its own.
final class LossBenchRun: Job {
    private let job: JobSpecification.LossBenchJob

    init(_ job: JobSpecification.LossBenchJob) {
        self.job = job
    }

    func prepare() throws -> Bool {
        TorchRuntime.keepFreedMemory()
        try TorchRuntime.setThreads(1)
        return true
    }

    func run(_ generation: JobGeneration, observer: any TrainingObserver) throws -> GenerationOutcome {
        let communicator = generation.communicator
        let ranks = communicator.size
        let rows = evenCounts(job.images, over: ranks)
        let workers = CommunicatingWorkers(rows: rows, over: communicator)
        let embeddings = try (0..<(job.loss == .mocov3 ? 4 : 2)).map {
            try draw(view: $0, rows[communicator.rank], workers)
        }
        // Connections and libraries at work once, before anything is weighed.
        try communicator.barrier()
        _ = try draw(view: 0, 1, workers).matmul(draw(view: 0, 1, workers).transposed(0, 1))
        SystemMemory.resetPeak()
        let before = SystemMemory.resident
        var (forward, backward, value) = (Double.infinity, Double.infinity, 0.0)
        for repetition in 0..<job.repetitions {
            for view in embeddings { try view.setGradient(nil) }
            try communicator.barrier()
            observer.entered(.loss, step: repetition + 1)
            var share: Tensor?
            forward = min(forward, try ContinuousClock().measure { share = try loss(embeddings, workers) }.seconds)
            observer.entered(.backward, step: repetition + 1)
            backward = min(backward, try ContinuousClock().measure { try share?.backward() }.seconds)
            value = try share?.detached().item() ?? 0
        }
        let memory = Double(SystemMemory.peakResident - before)
        var largest = [forward, backward, memory]
        try largest.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .max) }
        var sum = [value]
        try sum.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
        let own = embeddings.reduce(0) { $0 + $1.count * $1.scalarType.byteCount }
        let row = LossBench.Row(
            loss: job.loss, images: job.images, dimension: job.dimension, workers: ranks, forwardSeconds: largest[0],
            backwardSeconds: largest[1], memoryBytes: Int(largest[2]), embeddingBytes: own, value: sum[0])
        return .finished(result: Array(try JSONEncoder().encode(row)))
    }

    /// [n, D], standard normal: a worker's rows of a view.
    private func draw(view: Int, _ count: Int, _ workers: any Workers) throws -> Tensor {
        var stream = Philox(seed: 1, path: [UInt64(view), UInt64(workers.rank)])
        let numbers = (0..<count * job.dimension).map { _ in Float(stream.normal()) }
        let rows = try Tensor(numbers, shape: [count, job.dimension]).converted(to: job.isDouble ? .float64 : .float32)
        if view < 2 { try rows.setRequiresGradient(true) }
        return rows
    }

    private func loss(_ views: [Tensor], _ workers: any Workers) throws -> Tensor {
        switch job.loss {
        case .simclr: try simCLR(views[0], views[1], temperature: job.temperature, over: workers)
        case .mocov3: try mocoV3(views[0], views[1], views[2], views[3], temperature: job.temperature, over: workers)
        case .triplet:
            try tripletLoss(views[0], views[1], margin: 0.2, distance: .euclidean, mining: .semihard, over: workers)
        }
    }
}
