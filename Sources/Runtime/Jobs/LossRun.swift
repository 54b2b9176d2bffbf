import Checkpoints
import Collectives
import Contrastive
import Foundation
import Torch
import Training

/// A method's loss on tensors from a file, cut over the ranks, and the gradients of that global loss.
///
/// Computed in float64 or, where asked for, in float32, whatever the file holds. The gradients are written in the file's
/// types.
final class LossRun: Job {
    private let job: JobSpecification.LossJob
    private var inputs: [String: Tensor] = [:]

    init(_ job: JobSpecification.LossJob) {
        self.job = job
    }

    func prepare() throws -> Bool {
        inputs = try Self.tensors(of: job.input)
        return true
    }

    /// All tensors of a safetensors file.
    static func tensors(of path: String) throws -> [String: Tensor] {
        let records = try SafeTensors.read(path).tensors
        return try Dictionary(uniqueKeysWithValues: records.map { ($0.name, try $0.tensor()) })
    }

    func run(_ generation: JobGeneration, observer: any TrainingObserver) throws -> GenerationOutcome {
        observer.entered(.loss, step: 1)
        let evaluation = try LossMethod.named(job.method)
            .evaluate(
                inputs: inputs, settings: job.settings, as: job.isSingle ? .float32 : .float64,
                over: generation.communicator)
        if generation.communicator.rank == 0 {
            try write(evaluation)
        }
        return .finished(result: Array(String(evaluation.loss).utf8))
    }

    private func write(_ evaluation: LossEvaluation) throws {
        let records = try evaluation.gradients.sorted { $0.key < $1.key }.map { name, gradient in
            try TensorRecord(
                name: "grad_\(name)", gradient.converted(to: inputs[name]?.scalarType ?? gradient.scalarType))
        }
        try SafeTensors.write(records, metadata: ["method": job.method], to: job.output)
    }
}
