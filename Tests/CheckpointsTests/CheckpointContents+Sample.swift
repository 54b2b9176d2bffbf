import Checkpoints
import Randomness

extension CheckpointContents {
    /// A small checkpoint whose bytes are a function of `seed`, its tensors in the order in which a file has them.
    static func sample(step: Int, seed: UInt64, values: Int = 12) -> CheckpointContents {
        var random = Philox(key: seed)
        func tensor(_ name: String) -> TensorRecord {
            let floats = (0..<values).map { _ in Float.random(in: -1...1, using: &random) }
            return TensorRecord(name: name, shape: [values], floats: floats)
        }
        let counter = TensorRecord(name: "bn1.num_batches_tracked", shape: [], integers: [Int64(step)])
        return CheckpointContents(
            step: step, epoch: step / 10, runID: "run-\(seed)", created: 1_700_000_000.25 + Double(step),
            configuration: "seed: \(seed)\nglobal_batch: 256\n",
            metadata: ["configuration": "seed: \(seed)\n", "text": "\"ü\"\n"],
            groups: [
                "backbone": [counter, tensor("conv1.weight"), tensor("layer1.0.conv1.weight")],
                "heads": [tensor("projector.0.weight")],
                "state": [tensor("momentum.conv1.weight"), tensor("momentum.layer1.0.conv1.weight")],
            ])
    }
}

extension CheckpointStore {
    /// All of the checkpoint that a path means.
    static func contents(of path: String) throws -> CheckpointContents {
        try load(open(path).location)
    }
}
