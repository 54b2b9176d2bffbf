import Configuration
import Contrastive
import ImagePipeline
import Testing
import Torch
import Training

/// The gradients of a step against autograd over the whole batch, without slices and without ranks.
@Suite struct StepGradientTests {
    struct Reference {
        var loss = 0.0
        var gradients: [String: [Double]] = [:]
        var runningMeans: [[Double]] = []
    }

    /// NT-Xent by its definition: the mean over all 2N views of the cross-entropy between a view's similarities with
    /// all others and the other view of its image.
    static func ntXent(_ z: Tensor, temperature: Double) throws -> Tensor {
        let rows = z.shape[0]
        let own = try Tensor.arange(rows).unsqueezed(dim: 1).equal(Tensor.arange(rows))
        let logits = try (z.matmul(z.transposed(0, 1)) / temperature).maskedFilled(own, -1e9)
        let positives = (0..<rows).map { Int64(($0 + rows / 2) % rows) }
        let picked = try logits.logSoftmax(dim: 1).gathered(
            dim: 1, indices: Tensor(positives, shape: [rows, 1]))
        return try picked.mean() * -1
    }

    /// The first batch's views `[2N, C, H, W]`, as a loader of its own draws them.
    static func views(_ configuration: RunConfiguration, _ dataset: any ImageDataset) throws -> Tensor {
        let order = SampleOrder(seed: configuration.seed, count: dataset.count).permutation(epoch: 0)
        let samples = Array(order[..<configuration.globalBatch])
        let augmentation = Augmentation(outputSize: 16, normalization: .imageNet, strength: 0.5)
        let loader = try BatchLoader(
            dataset: dataset, views: [augmentation, augmentation], seed: configuration.seed
        ) { $0 == 0 ? BatchRequest(epoch: 0, samples: samples) : nil }
        let batch = try #require(try loader.next())
        return try Tensor.concatenated((0..<2).map { try batch.images(ofView: $0) }, dim: 0).contiguous()
    }

    static func reference(_ configuration: RunConfiguration, _ dataset: any ImageDataset) throws -> Reference {
        let model = try ModelFactory.method(configuration, images: dataset.count).network
        let recorder = try RunningStatisticsRecorder(of: model)
        let z = try model.forward(
            views(configuration, dataset), mode: .training(TrainingContext(recorder: recorder)))
        let loss = try ntXent(z.l2Normalized(dim: 1), temperature: configuration.loss.temperature)
        try loss.backward()
        try recorder.commit(packed: recorder.packed())
        var reference = Reference(loss: try loss.detached().item())
        for parameter in model.parameters {
            reference.gradients[parameter.name] = try values(#require(parameter.tensor.gradient))
        }
        reference.runningMeans = try model.batchNorms.map { try values($0.runningMean) }
        return reference
    }

    @Test(arguments: [1, 3, 5])
    func theyAreThoseOfAutogradOverTheWholeBatch(ranks: Int) throws {
        try TorchRuntime.setThreads(1)
        let configuration = try tinyRun(steps: 1, batch: 13, slice: 3)
        let dataset = SyntheticImages(count: 40)
        let reference = try Self.reference(configuration, dataset)
        var run = TestRun(configuration)
        run.dataset = { _ in dataset }
        let results = onRanks(ranks) { [run] communicator in
            let trainer = try run.trainer(rank: communicator.rank)
            let report = try run.generation(trainer, communicator)
            // What the optimiser took the step with.
            var gradients: [String: [Double]] = [:]
            for parameter in trainer.state.method.network.parameters {
                gradients[parameter.name] = try values(#require(parameter.tensor.gradient))
            }
            let means = try trainer.state.method.batchNorms.map { try values($0.runningMean) }
            return (gradients, means, report.losses)
        }
        for result in results {
            let (gradients, means, losses) = try result.get()
            for loss in losses { #expect(relativeError([loss], [reference.loss]) < 1e-5) }
            #expect(gradients.keys == reference.gradients.keys)
            for (name, expected) in reference.gradients {
                let error = relativeError(gradients[name] ?? [], expected)
                #expect(error < 1e-4, "\(name): \(error)")
                #expect(expected.contains { abs($0) > 1e-6 }, "\(name) has a gradient to compare")
            }
            for (mean, expected) in zip(means, reference.runningMeans) {
                #expect(relativeError(mean, expected) < 1e-5)
            }
        }
    }
}
