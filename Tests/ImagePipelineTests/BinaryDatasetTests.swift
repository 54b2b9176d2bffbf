import Foundation
import ImagePipeline
import Testing

/// IDX and CIFAR files, whole and damaged.
@Suite struct BinaryDatasetTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    func idx(_ shape: [UInt32], _ data: [UInt8], magic: [UInt8]? = nil) -> [UInt8] {
        (magic ?? [0, 0, 8, UInt8(shape.count)])
            + shape.flatMap { [UInt8($0 >> 24), UInt8($0 >> 16 & 255), UInt8($0 >> 8 & 255), UInt8($0 & 255)] } + data
    }

    func writeIDX(_ prefix: String = "train", count: Int = 3) throws {
        try folder.write(
            idx([UInt32(count), 4, 5], (0..<count * 20).map { UInt8($0) }), to: "\(prefix)-images-idx3-ubyte")
        try folder.write(idx([UInt32(count)], (0..<count).map { UInt8($0 % 3) }), to: "\(prefix)-labels-idx1-ubyte")
    }

    func error(_ split: DatasetSplit = .train) -> DatasetError? {
        do { _ = try ImageDatasets.open(folder.path, split: split) } catch { return error as? DatasetError }
        return nil
    }

    @Test(arguments: [false, true])
    func idxFilesGiveTheirImages(isPacked: Bool) throws {
        try writeIDX("train", count: 5)
        try writeIDX("t10k", count: 2)
        if isPacked { try #require(folder.run("sh", "-c", "gzip *-ubyte")) }
        let train = try ImageDatasets.open(folder.path, split: .train)
        #expect(train.count == 5 && train.channels == 1 && train.labels == [0, 1, 2, 0, 1])
        #expect(train.classNames == ["0", "1", "2"])
        let image = try train.image(at: 2)
        #expect(image.width == 5 && image.height == 4 && image.pixels == (40..<60).map { UInt8($0) })
        #expect(train.name(at: 2) == "train-images-idx3-ubyte\(isPacked ? ".gz" : "")[2]")
        #expect(try ImageDatasets.open(folder.path, split: .test).count == 2)
        let all = try ImageDatasets.open(folder.path, split: .all)
        #expect(all.count == 7 && all.name(at: 5).hasPrefix("t10k"))
    }

    @Test func aMissingFileIsNamed() throws {
        try writeIDX()
        #expect(error(.test) == .incomplete(path: folder.path, missingFile: "t10k-images-idx3-ubyte"))
        try FileManager.default.removeItem(atPath: folder.path + "/train-labels-idx1-ubyte")
        #expect(error() == .incomplete(path: folder.path, missingFile: "train-labels-idx1-ubyte"))
    }

    @Test func truncatedIDXSaysExpectedAndFound() throws {
        try writeIDX()
        let file = folder.path + "/train-images-idx3-ubyte"
        for (found, expected) in [(75, 76), (77, 76), (16, 76), (9, 16), (0, 16)] {
            try folder.write(
                Array((idx([3, 4, 5], [UInt8](repeating: 7, count: 61))).prefix(found)), to: "train-images-idx3-ubyte")
            #expect(error() == .truncated(file: file, expected: expected, found: found))
        }
    }

    @Test func idxHeadersAreNotTrusted() throws {
        try writeIDX()
        func cause(_ bytes: [UInt8]) throws -> String {
            try folder.write(bytes, to: "train-images-idx3-ubyte")
            return error()?.description ?? "opened"
        }
        // 4 G × 4 G × 4 G bytes overflow; 4 G × 28 × 28 do not, but are not there.
        #expect(try cause(idx([.max, .max, .max], [1, 2, 3])).contains("more bytes than a file can have"))
        #expect(try cause(idx([.max, 28, 28], [1, 2, 3])).contains("19 bytes where 3367254359296"))
        #expect(try cause(idx([0, 4, 5], [])).contains("no image"))
        #expect(try cause(idx([3, 0, 5], [])).contains("no image"))
        #expect(try cause(idx([3, 4, 5], [], magic: [0, 0, 13, 3])).contains("begins with the bytes 0 0 13 3"))
        #expect(try cause(idx([4, 4, 5], [UInt8](repeating: 1, count: 80))).contains("3 labels for 4 images"))
    }

    @Test func aGzipThatEndsEarlyIsTruncated() throws {
        try writeIDX(count: 12)
        try #require(folder.run("gzip", "train-images-idx3-ubyte"))
        let path = folder.path + "/train-images-idx3-ubyte.gz"
        let packed = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        for size in [5, 30, packed.count / 2] {
            try folder.write(Array(packed.prefix(size)), to: "train-images-idx3-ubyte.gz")
            guard case .truncated(file: path, _, _) = error() else {
                Issue.record("\(size) bytes: \(String(describing: error()))")
                continue
            }
        }
        var damaged = packed
        for index in 20..<60 { damaged[index] = 0xFF }
        try folder.write(damaged, to: "train-images-idx3-ubyte.gz")
        #expect(error() != nil)
    }

    func writeCIFAR(_ name: String, records: Int, labelBytes: Int) throws {
        var bytes: [UInt8] = []
        for record in 0..<records {
            bytes += [UInt8](repeating: 1, count: labelBytes - 1)
            bytes.append(UInt8(record % 10))
            for channel in 0..<3 {
                for pixel in 0..<1024 { bytes.append(UInt8(truncatingIfNeeded: pixel + 50 * channel + record)) }
            }
        }
        try folder.write(bytes, to: name)
    }

    @Test func cifar10RecordsBecomeInterleavedImages() throws {
        for batch in 1...5 { try writeCIFAR("data_batch_\(batch).bin", records: 4, labelBytes: 1) }
        try writeCIFAR("test_batch.bin", records: 3, labelBytes: 1)
        let train = try ImageDatasets.open(folder.path, split: .train)
        #expect(train.count == 20 && train.channels == 3 && train.classNames[3] == "cat")
        #expect(train.label(at: 6) == 2 && train.name(at: 6) == "data_batch_2.bin[2]")
        let image = try train.image(at: 6)
        #expect(image.width == 32 && image.height == 32)
        #expect(Array(image.pixels[0..<6]) == [2, 52, 102, 3, 53, 103])
        #expect(try ImageDatasets.open(folder.path, split: .test).count == 3)
        #expect(try ImageDatasets.open(folder.path, split: .all).count == 23)
    }

    @Test func cifar100GivesFineLabels() throws {
        try writeCIFAR("train.bin", records: 5, labelBytes: 2)
        try writeCIFAR("test.bin", records: 2, labelBytes: 2)
        let names = (0..<100).map { "fine\($0)" }
        try folder.write(Array(names.joined(separator: "\n").utf8), to: "fine_label_names.txt")
        let train = try ImageDatasets.open(folder.path, split: .train)
        #expect(train.labels == [0, 1, 2, 3, 4] && train.classNames == names)
    }

    @Test func damagedCIFARIsRefused() throws {
        for batch in 1...5 { try writeCIFAR("data_batch_\(batch).bin", records: 2, labelBytes: 1) }
        let file = folder.path + "/data_batch_3.bin"
        try folder.write([UInt8](repeating: 0, count: 3073 + 100), to: "data_batch_3.bin")
        #expect(error() == .truncated(file: file, expected: 6146, found: 3173))
        try folder.write([UInt8](repeating: 77, count: 3073), to: "data_batch_3.bin")
        #expect(error() == .corrupt(file: file, cause: "record 0 has class 77 of 10"))
        try FileManager.default.removeItem(atPath: file)
        #expect(error() == .incomplete(path: folder.path, missingFile: "data_batch_3.bin"))
    }
}
