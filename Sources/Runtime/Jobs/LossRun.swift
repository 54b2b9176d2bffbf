import Checkpoints
import Collectives
import Contrastive
import Foundation
import Torch
import Training

/// A method's loss on embeddings from a file, cut over the ranks, and the gradients of that global loss.
///
/// Everything is computed in float64, whatever the file holds, and the gradients are written in the file's type.
final class LossRun: Job {
    private let job: JobSpecification.LossJob
    private var inputs: [String: TensorRecord] = [:]

    init(_ job: JobSpecification.LossJob) {
        self.job = job
    }

    func prepare() throws -> Bool {
        for record in try SafeTensors.read(job.input).tensors {
            inputs[record.name] = record
        }
        return true
    }

    func run(_ generation: JobGeneration, observer: any TrainingObserver) throws -> GenerationOutcome {
        observer.entered(.loss, step: 1)
        let method = try LossMethod.named(job.method)
        let evaluation = try method.evaluate(
            inputs: inputs.mapValues { try $0.tensor().converted(to: .float64) }, settings: job.settings,
            over: generation.communicator)
        if generation.communicator.rank == 0 {
            try write(evaluation)
        }
        return .finished(result: Array(String(evaluation.loss).utf8))
    }

    private func write(_ evaluation: LossEvaluation) throws {
        let records = try evaluation.gradients.sorted { $0.key < $1.key }.map { name, gradient in
            let type = inputs[name].map { ScalarType($0.type) } ?? .float64
            return try TensorRecord(name: "grad_\(name)", gradient.converted(to: type))
        }
        try SafeTensors.write(records, metadata: ["method": job.method], to: job.output)
    }
}
