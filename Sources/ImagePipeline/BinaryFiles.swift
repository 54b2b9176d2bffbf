import CZlib

/// Names of the binary files that make up the known datasets.
enum BinaryFiles {
    /// Fashion-MNIST's and MNIST's images and labels by split. Some mirrors write a dot for the second dash.
    static func idx(_ split: DatasetSplit) -> (images: String, labels: String) {
        split == .test
            ? ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
            : ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
    }

    static let cifar10Train = (1...5).map { "data_batch_\($0).bin" }
    static let cifar10Test = "test_batch.bin"
    static let cifar10Names = "batches.meta.txt"
    static let cifar100Train = "train.bin"
    static let cifar100Test = "test.bin"
    static let cifar100Names = "fine_label_names.txt"

    private static let known = Set(
        cifar10Train + [cifar10Test, cifar10Names, cifar100Train, cifar100Test, cifar100Names]
            + [DatasetSplit.train, .test].flatMap { [idx($0).images, idx($0).labels] })

    /// A file's name as it is listed above: without ".gz", and with dashes in an IDX name.
    static func canonical(_ name: Substring) -> String {
        var plain = String(name)
        if plain.hasSuffix(".gz") { plain.removeLast(3) }
        for suffix in [".idx3-ubyte", ".idx1-ubyte"] where plain.hasSuffix(suffix) {
            plain = "\(plain.dropLast(suffix.count))-\(suffix.dropFirst())"
        }
        return plain
    }

    static func isKnown(_ path: String) -> Bool {
        known.contains(canonical(TreePath.fileName(path)))
    }

    /// Index in `tree.paths` of every known binary file by canonical name; the first in path order counts.
    static func find(in tree: some FileTree) -> [String: Int] {
        var found: [String: Int] = [:]
        for (index, path) in tree.paths.enumerated() {
            let name = canonical(TreePath.fileName(path))
            if known.contains(name) && found[name] == nil { found[name] = index }
        }
        return found
    }

    /// A file's bytes, at most `limit` of them, unpacked where the file begins like gzip.
    ///
    /// - Throws: `DatasetError`.
    static func read(_ tree: some FileTree, at index: Int, limit: Int = .max) throws -> [UInt8] {
        do {
            return try tree.withBytes(at: index) { bytes in
                guard bytes.count >= 2, bytes[0] == 0x1F, bytes[1] == 0x8B else { return Array(bytes.prefix(limit)) }
                return try inflate(bytes, limit: limit, file: tree.fullPath(at: index))
            }
        } catch let error as ImageError {
            throw DatasetError.unreadable(path: tree.fullPath(at: index), cause: error.cause)
        }
    }

    /// Unpacks gzip data, several members if need be, and stops at `limit` bytes.
    private static func inflate(_ bytes: UnsafeRawBufferPointer, limit: Int, file: String) throws -> [UInt8] {
        var stream = z_stream()
        let windowWithGzipHeader: Int32 = 15 + 16
        guard
            inflateInit2_(&stream, windowWithGzipHeader, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw DatasetError.corrupt(file: file, cause: "zlib cannot start") }
        defer { inflateEnd(&stream) }
        let blockSize = 1 << 18
        let block = UnsafeMutablePointer<UInt8>.allocate(capacity: blockSize)
        defer { block.deallocate() }
        var result: [UInt8] = []
        var consumed = 0
        while result.count < limit {
            // zlib counts input in 32 bits.
            let given = min(bytes.count - consumed, 1 << 30)
            stream.next_in = UnsafeMutablePointer(
                mutating: bytes.baseAddress!.advanced(by: consumed).assumingMemoryBound(to: UInt8.self))
            stream.avail_in = UInt32(given)
            stream.next_out = block
            stream.avail_out = UInt32(blockSize)
            let status = CZlib.inflate(&stream, Z_NO_FLUSH)
            consumed += given - Int(stream.avail_in)
            let made = blockSize - Int(stream.avail_out)
            result.append(contentsOf: UnsafeBufferPointer(start: block, count: min(made, limit - result.count)))
            if status == Z_STREAM_END {
                if bytes.count - consumed < 2 || bytes[consumed] != 0x1F { break }
                inflateReset(&stream)
            } else if status == Z_BUF_ERROR || (status == Z_OK && made == 0 && consumed == bytes.count) {
                // The packed data ended early: what there is goes on, and the header's count tells what is missing.
                break
            } else if status != Z_OK {
                throw DatasetError.corrupt(file: file, cause: stream.msg.map { String(cString: $0) } ?? "bad gzip data")
            }
        }
        return result
    }
}
