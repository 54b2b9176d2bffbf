/// MNIST's file format, with or without gzip, as Fashion-MNIST and its relatives use it.
///
/// Source: Y. LeCun's description of the MNIST files.
enum IDXDataset {
    private static let fashionNames = [
        "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
    ]

    /// Opens the tree if it holds IDX files; nil otherwise.
    static func open(_ tree: some FileTree, files: [String: Int], split: DatasetSplit) throws -> MemoryDataset? {
        let splits: [DatasetSplit] = split == .all ? [.train, .test] : [split]
        let isIDX = [DatasetSplit.train, .test].contains { files[BinaryFiles.idx($0).images] != nil }
        guard isIDX else { return nil }
        var parts: [Part] = []
        for split in splits {
            parts.append(try read(tree, files: files, split: split))
        }
        guard let first = parts.first, parts.allSatisfy({ $0.width == first.width && $0.height == first.height }) else {
            throw DatasetError.corrupt(file: tree.root, cause: "training and test images differ in size")
        }
        let labels = parts.flatMap(\.labels)
        var sources: [MemoryDataset.Source] = []
        var firstIndex = 0
        for part in parts {
            sources.append(.init(name: part.name, firstIndex: firstIndex))
            firstIndex += part.labels.count
        }
        let classes = Int(labels.max() ?? 0) + 1
        let isFashion = tree.root.lowercased().contains("fashion") && classes == fashionNames.count
        return MemoryDataset(
            width: first.width, height: first.height, channels: 1,
            pixels: parts.count == 1 ? first.pixels : parts.flatMap(\.pixels), labels: labels,
            classNames: isFashion ? fashionNames : (0..<classes).map(String.init), sources: sources)
    }

    private struct Part {
        let name: String
        let width: Int
        let height: Int
        let pixels: [UInt8]
        let labels: [UInt8]
    }

    private static func read(_ tree: some FileTree, files: [String: Int], split: DatasetSplit) throws -> Part {
        let names = BinaryFiles.idx(split)
        guard let imageFile = files[names.images] else {
            throw DatasetError.incomplete(path: tree.root, missingFile: names.images)
        }
        guard let labelFile = files[names.labels] else {
            throw DatasetError.incomplete(path: tree.root, missingFile: names.labels)
        }
        let images = try readArray(tree, at: imageFile, rank: 3)
        let labels = try readArray(tree, at: labelFile, rank: 1)
        guard images.shape[0] > 0, images.shape[1] > 0, images.shape[2] > 0 else {
            throw DatasetError.empty(path: tree.fullPath(at: imageFile))
        }
        guard images.shape[0] == labels.shape[0] else {
            throw DatasetError.corrupt(
                file: tree.fullPath(at: labelFile),
                cause: "\(labels.shape[0]) labels for \(images.shape[0]) images")
        }
        return Part(
            name: String(TreePath.fileName(tree.paths[imageFile])), width: images.shape[2], height: images.shape[1],
            pixels: images.data, labels: labels.data)
    }

    /// Reads an array of unsigned bytes. The header is only believed as far as the file bears it out: nothing is
    /// allocated for a count that the file does not hold.
    private static func readArray(
        _ tree: some FileTree, at index: Int, rank: Int
    ) throws -> (shape: [Int], data: [UInt8]) {
        let file = tree.fullPath(at: index)
        let headerSize = 4 + 4 * rank
        let header = try BinaryFiles.read(tree, at: index, limit: headerSize)
        guard header.count == headerSize else {
            throw DatasetError.truncated(file: file, expected: headerSize, found: header.count)
        }
        guard header[0] == 0, header[1] == 0, header[2] == 8, Int(header[3]) == rank else {
            let magic = header[0..<4].map { String($0) }.joined(separator: " ")
            throw DatasetError.corrupt(
                file: file, cause: "begins with the bytes \(magic), not with 0 0 8 \(rank) as IDX of unsigned bytes")
        }
        var shape: [Int] = []
        var size = 1
        for axis in 0..<rank {
            let extent = header[(4 + 4 * axis)..<(8 + 4 * axis)].reduce(0) { $0 << 8 | Int($1) }
            shape.append(extent)
            let (product, overflow) = size.multipliedReportingOverflow(by: extent)
            guard !overflow, product < Int.max / 2 else {
                throw DatasetError.corrupt(file: file, cause: "the header speaks of more bytes than a file can have")
            }
            size = product
        }
        var data = try BinaryFiles.read(tree, at: index, limit: headerSize + size + 1)
        guard data.count == headerSize + size else {
            throw DatasetError.truncated(file: file, expected: headerSize + size, found: data.count)
        }
        data.removeFirst(headerSize)
        return (shape, data)
    }
}
