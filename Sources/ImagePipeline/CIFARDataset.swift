/// The binary version of CIFAR-10 and CIFAR-100: records of one or two label bytes and 3 × 32 × 32 samples in planes.
///
/// Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009, and its page's layout.
enum CIFARDataset {
    private static let side = 32
    private static let samples = 3 * side * side
    private static let names10 = [
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ]

    private struct Layout {
        let train: [String]
        let test: String
        let namesFile: String
        let classes: Int
        /// Label bytes before the samples; the last of them is the class.
        let labelBytes: Int
    }

    private static let cifar10 = Layout(
        train: BinaryFiles.cifar10Train, test: BinaryFiles.cifar10Test, namesFile: BinaryFiles.cifar10Names,
        classes: 10, labelBytes: 1)
    private static let cifar100 = Layout(
        train: [BinaryFiles.cifar100Train], test: BinaryFiles.cifar100Test, namesFile: BinaryFiles.cifar100Names,
        classes: 100, labelBytes: 2)

    /// Opens the tree if it holds CIFAR binaries; nil otherwise.
    static func open(_ tree: some FileTree, files: [String: Int], split: DatasetSplit) throws -> MemoryDataset? {
        let layout: Layout
        if files[BinaryFiles.cifar10Train[0]] != nil || files[BinaryFiles.cifar10Test] != nil {
            layout = cifar10
        } else if files[BinaryFiles.cifar100Train] != nil || files[BinaryFiles.cifar100Test] != nil {
            layout = cifar100
        } else {
            return nil
        }
        let names: [String] =
            switch split {
            case .train: layout.train
            case .test: [layout.test]
            case .all: layout.train + [layout.test]
            }
        var pixels: [UInt8] = []
        var labels: [UInt8] = []
        var sources: [MemoryDataset.Source] = []
        for name in names {
            guard let index = files[name] else {
                throw DatasetError.incomplete(path: tree.root, missingFile: name)
            }
            sources.append(.init(name: name, firstIndex: labels.count))
            try append(tree, at: index, layout: layout, pixels: &pixels, labels: &labels)
        }
        guard !labels.isEmpty else { throw DatasetError.empty(path: tree.root) }
        return MemoryDataset(
            width: side, height: side, channels: 3, pixels: pixels, labels: labels,
            classNames: try classNames(tree, files: files, layout: layout), sources: sources)
    }

    private static func append(
        _ tree: some FileTree, at index: Int, layout: Layout, pixels: inout [UInt8], labels: inout [UInt8]
    ) throws {
        let file = tree.fullPath(at: index)
        let bytes = try BinaryFiles.read(tree, at: index)
        let record = layout.labelBytes + samples
        let count = bytes.count / record
        guard bytes.count % record == 0 else {
            throw DatasetError.truncated(file: file, expected: (count + 1) * record, found: bytes.count)
        }
        let start = pixels.count
        pixels.append(contentsOf: repeatElement(0, count: count * samples))
        let plane = side * side
        for position in 0..<count {
            let label = bytes[position * record + layout.labelBytes - 1]
            guard Int(label) < layout.classes else {
                throw DatasetError.corrupt(
                    file: file, cause: "record \(position) has class \(label) of \(layout.classes)")
            }
            labels.append(label)
            let from = position * record + layout.labelBytes
            let to = start + position * samples
            for pixel in 0..<plane {
                for channel in 0..<3 {
                    pixels[to + 3 * pixel + channel] = bytes[from + channel * plane + pixel]
                }
            }
        }
    }

    private static func classNames(_ tree: some FileTree, files: [String: Int], layout: Layout) throws -> [String] {
        if let index = files[layout.namesFile] {
            let text = String(decoding: try BinaryFiles.read(tree, at: index, limit: 1 << 16), as: UTF8.self)
            let names = text.split(whereSeparator: \.isNewline).map(String.init).filter { !$0.isEmpty }
            if names.count == layout.classes { return names }
        }
        return layout.classes == 10 ? names10 : (0..<layout.classes).map(String.init)
    }
}
