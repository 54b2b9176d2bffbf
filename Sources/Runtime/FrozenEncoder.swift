import Checkpoints
import Configuration
import Contrastive
import Evaluation
import Foundation
import ImagePipeline
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
        try encoder.load(CheckpointStore.load(location, groups: [CheckpointGroup.backbone]), group: CheckpointGroup.backbone)
    }

    /// The encoder with the weights that training began from.
    func untrained() throws -> ResNet { try ModelFactory.encoder(configuration) }

    /// Opens images that this encoder can take.
    func open(_ path: String, split: DatasetSplit) throws -> any ImageDataset {
        let dataset = try ImageDatasets.open(path, split: split)
        guard dataset.channels == configuration.encoder.channels else {
            throw Failure(
                .data,
                "\(path) has images of \(dataset.channels) channels, the encoder takes \(configuration.encoder.channels)")
        }
        return dataset
    }

    /// The images of a dataset in order, prepared without randomness.
    func loader(_ dataset: any ImageDataset, threads: Int) throws -> BatchLoader {
        try BatchLoader(
            dataset: dataset, transform: ModelFactory.evaluationTransform(configuration), batchSize: 256,
            threads: threads)
    }

    /// Features of a dataset by each of `models`, and the pixels themselves where asked for.
    ///
    /// Images are decoded once. Returns one `[n, d]` tensor per model, then `[n, C·H·W]` with `pixels`.
    func features(
        of dataset: any ImageDataset, by models: [ResNet], pixels: Bool = false, threads: Int
    ) throws -> [Tensor] {
        let loader = try loader(dataset, threads: min(threads, 2))
        defer { loader.cancel() }
        var parts = [[Tensor]](repeating: [], count: models.count + (pixels ? 1 : 0))
        try withoutGradient {
            while let batch = try loader.next() {
                if let bad = batch.badSamples.first { throw Failure(.data, "\(bad)") }
                let images = try batch.images()
                for (index, model) in models.enumerated() {
                    parts[index].append(try model.forward(images, mode: .inference))
                }
                if pixels { parts[models.count].append(try images.contiguous().flattened(from: 1).cloned()) }
            }
        }
        return try parts.map { try Tensor.concatenated($0, dim: 0) }
    }
}

extension ResNet {
    /// Takes over a checkpoint's weights.
    fileprivate func load(_ contents: CheckpointContents, group: String) throws {
        try load(contents.groups[group, default: []].map { NamedTensor(name: $0.name, tensor: try $0.tensor()) })
    }
}
