import Collectives
import ImagePipeline

/// Sees to it that all ranks read the same dataset: another one on one machine would train on without a word.
enum DatasetAgreement {
    /// - Throws: `TrainingError.configuration` on a rank whose dataset differs from rank 0's.
    static func check(_ dataset: any ImageDataset, over communicator: Communicator) throws {
        let own = fingerprint(dataset)
        var reference = own
        try reference.withUnsafeMutableBufferPointer { try communicator.broadcast($0, root: 0) }
        var differing = [own == reference ? Int64(0) : 1]
        try differing.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
        guard differing[0] > 0 else { return }
        throw TrainingError.configuration(
            own == reference
                ? "\(differing[0]) other workers read another dataset than rank 0: give all the same images"
                : "the dataset here has \(own[0]) images, rank 0's has \(reference[0]), or they have other names: "
                    + "give all workers the same images")
    }

    /// The number of images, their channels, and an FNV-1a hash over names and labels.
    private static func fingerprint(_ dataset: any ImageDataset) -> [Int64] {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        for index in 0..<dataset.count {
            for byte in dataset.name(at: index).utf8 { add(byte) }
            withUnsafeBytes(of: dataset.label(at: index).littleEndian) { for byte in $0 { add(byte) } }
        }
        return [Int64(dataset.count), Int64(dataset.channels), Int64(bitPattern: hash)]
    }
}
