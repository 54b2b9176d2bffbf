import Checkpoints
import Configuration
import Contrastive
import Evaluation
import Foundation
import ImagePipeline
import Synchronization
import Torch
import Training

/// An encoder from a checkpoint, or the same one as it was before training, ready to embed images.
struct FrozenEncoder {
    let configuration: RunConfiguration
    let encoder: ResNet
    /// Where the weights came from.
    let checkpointPath: String

    /// - Parameter checkpoint: a checkpoint's directory, a run's, or its `checkpoints` folder.
    init(checkpoint: String) throws {
        let (location, warnings) = try CheckpointStore.open(checkpoint)
        for warning in warnings { Logger.command.line(warning) }
        guard let yaml = location.manifest.metadata[CheckpointMetadata.resolvedConfiguration] else {
            throw Failure(.checkpoint, "\(location.path) holds no configuration, so the encoder's shape is unknown")
        }
        checkpointPath = location.path
        configuration = try RunConfiguration.read(yaml: yaml, name: "\(location.path)/manifest.json")
        encoder = try ModelFactory.encoder(configuration)
        try encoder.load(
            CheckpointStore.load(location, groups: [CheckpointGroup.backbone]), group: CheckpointGroup.backbone)
    }

    /// The encoder with the weights that training began from.
    func untrained() throws -> ResNet { try ModelFactory.encoder(configuration) }

    /// Opens images that this encoder can take.
    func open(_ path: String, split: DatasetSplit) throws -> any ImageDataset {
        let dataset = try ImageDatasets.open(path, split: split)
        guard dataset.channels == configuration.encoder.channels else {
            throw Failure(
                .data,
                "\(path) has images of \(dataset.channels) channels, the encoder takes \(configuration.encoder.channels)"
            )
        }
        return dataset
    }

    /// Features of a dataset by each of `models`, and the pixels themselves where asked for.
    ///
    /// Images are decoded once. Each thread embeds a part of the dataset on its own: small operations of one batch spread
    /// over threads would spend their time waiting for each other.
    ///
    /// - Returns: one `[n, d]` tensor per model, then `[n, C·H·W]` with `pixels`.
    func features(
        of dataset: any ImageDataset, by models: [ResNet], pixels: Bool = false, threads: Int
    ) throws -> [Tensor] {
        let parts = min(threads, dataset.count)
        let results = Mutex([Result<[Tensor], any Error>?](repeating: nil, count: parts))
        let transform = ModelFactory.evaluationTransform(configuration)
        DispatchQueue.concurrentPerform(iterations: parts) { part in
            let samples = (dataset.count * part / parts..<dataset.count * (part + 1) / parts).map { Int32($0) }
            let result = Result {
                try TorchRuntime.setThreads(1)
                return try Self.embed(samples, of: dataset, by: models, pixels: pixels, transform)
            }
            results.withLock { $0[part] = result }
        }
        try TorchRuntime.setThreads(threads)
        let all = try results.withLock { $0.compactMap { $0 } }.map { try $0.get() }
        return try all[0].indices.map { index in try Tensor.concatenated(all.map { $0[index] }, dim: 0) }
    }

    private static func embed(
        _ samples: [Int32], of dataset: any ImageDataset, by models: [ResNet], pixels: Bool,
        _ transform: EvaluationTransform
    ) throws -> [Tensor] {
        let loader = try BatchLoader(dataset: dataset, transform: transform, batchSize: 128, samples: samples)
        defer { loader.cancel() }
        var rows = [[Tensor]](repeating: [], count: models.count + (pixels ? 1 : 0))
        try withoutGradient {
            while let batch = try loader.next() {
                if let bad = batch.badSamples.first { throw Failure(.data, "\(bad)") }
                let images = try batch.images(ofView: 0).channelsLast()
                for (index, model) in models.enumerated() {
                    rows[index].append(try model.forward(images, mode: .inference))
                }
                if pixels { rows[models.count].append(try images.contiguous().flattened(from: 1).cloned()) }
            }
        }
        return try rows.map { try Tensor.concatenated($0, dim: 0) }
    }
}

extension ResNet {
    /// Takes over a checkpoint's weights.
    fileprivate func load(_ contents: CheckpointContents, group: String) throws {
        try load(contents.groups[group, default: []].map { NamedTensor(name: $0.name, tensor: try $0.tensor()) })
    }
}
