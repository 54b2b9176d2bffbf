import Checkpoints
import Foundation
import ImagePipeline
import Torch
import Training

/// `murmur embed`: the frozen features of a dataset as a safetensors file.
public enum FeatureExport {
    /// - Returns: the number of images.
    public static func embed(
        checkpoint: String, data: String, split: String, output: String, threads: Int
    ) throws -> Int {
        guard let split = DatasetSplit(rawValue: split) else {
            throw Failure(.usage, "--split takes train, test or all, not '\(split)'")
        }
        try TorchRuntime.setThreads(threads)
        let frozen = try FrozenEncoder(checkpoint: checkpoint)
        let dataset = try frozen.open(data, split: split)
        let features = try frozen.features(of: dataset, by: [frozen.encoder], threads: threads)[0]
        let labels = try Tensor(dataset.labels, shape: [dataset.count])
        let names = (0..<dataset.count).map { dataset.name(at: $0) }
        try SafeTensors.write(
            [TensorRecord(name: "features", features), TensorRecord(name: "labels", labels)],
            metadata: [
                "paths": String(decoding: JSONEncoder().encode(names), as: UTF8.self),
                "classes": String(decoding: JSONEncoder().encode(dataset.classNames), as: UTF8.self),
                "checkpoint": frozen.checkpointPath,
            ], to: output)
        return dataset.count
    }
}

/// `murmur export`: the backbone alone, under torchvision's names.
public enum BackboneExport {
    public static func run(checkpoint: String, output: String) throws {
        let group = CheckpointGroup.backbone
        let contents = try CheckpointStore.load(CheckpointStore.open(checkpoint).location, groups: [group])
        guard let backbone = contents.groups[group] else {
            throw Failure(.checkpoint, "\(checkpoint) has no backbone")
        }
        try SafeTensors.write(backbone, metadata: ["format": "pt"], to: output)
    }
}

/// `murmur hash`: a digest over all parameters of a checkpoint.
public enum CheckpointDigest {
    public static func run(checkpoint: String) throws -> String {
        let location = try CheckpointStore.open(checkpoint).location
        return ParameterDigest.hex(
            of: try CheckpointStore.load(location, groups: ParameterDigest.parameterGroups).groups)
    }
}
