/// JPEG and PNG files in ImageFolder layout, in a folder or a tar; decoded at each read, always to 3 channels.
///
/// An image's class is the name of the folder that holds it. Top-level folders train, test and val (also valid and
/// validation), where no other folder of images stands beside them, are the splits; a folder that wraps the whole
/// tree is looked through. Images outside every folder have no class.
struct EncodedDataset: ImageDataset {
    let classNames: [String]
    let channels = 3
    private let tree: any FileTree
    private let entries: [Entry]

    private struct Entry: Sendable {
        let file: Int32
        let label: Int32
    }

    /// - Throws: `DatasetError.empty`, `.missingSplit`.
    init(tree: any FileTree, split: DatasetSplit) throws {
        self.tree = tree
        let images = tree.paths.indices.filter { TreePath.isImage(tree.paths[$0]) }
        guard !images.isEmpty else { throw DatasetError.empty(path: tree.root) }
        let layout = SplitLayout(paths: images.map { tree.paths[$0] })
        let folders = images.map { layout.classFolder(of: tree.paths[$0]) }
        let names = Set(folders.compactMap { $0 }).sorted { TreePath.precedes(String($0), String($1)) }
        let labels = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, Int32($0)) })
        classNames = names.map(String.init)
        let groups: [[SplitLayout.Part?]] =
            switch split {
            case .train: [[.train, nil]]
            case .test: [[layout.parts.contains(.test) ? .test : .validation, nil]]
            case .all: [[.train], [.validation], [.test], [nil]]
            }
        var entries: [Entry] = []
        for group in groups {
            for (position, file) in images.enumerated() where group.contains(layout.part(of: tree.paths[file])) {
                // With splits, an image outside them belongs to none and is left out.
                if !layout.parts.isEmpty && layout.part(of: tree.paths[file]) == nil { continue }
                let label = folders[position].flatMap { labels[$0] } ?? -1
                entries.append(Entry(file: Int32(file), label: label))
            }
        }
        guard !entries.isEmpty else {
            throw DatasetError.missingSplit(path: tree.root, wanted: split, present: layout.folderNames)
        }
        self.entries = entries
    }

    var count: Int { entries.count }

    func label(at index: Int) -> Int64 {
        Int64(entries[index].label)
    }

    func name(at index: Int) -> String {
        tree.paths[Int(entries[index].file)]
    }

    func image(at index: Int) throws -> PixelImage {
        try image(at: index) { _ in 1 }
    }

    func image(at index: Int, scale: (ImageSize) -> Double) throws -> PixelImage {
        let file = Int(entries[index].file)
        return try tree.withBytes(at: file) {
            try ImageDecoder.decode($0, name: tree.paths[file], channels: channels, scale: scale)
        }
    }
}

/// Where the splits of an ImageFolder tree are.
struct SplitLayout {
    enum Part: Hashable { case train, validation, test }

    /// The splits that exist; empty where the tree has none.
    private(set) var parts: Set<Part> = []
    /// The folders of the splits, sorted, for messages.
    private(set) var folderNames: [String] = []
    /// How many leading parts of a path wrap the whole tree.
    private var depth = 0

    private static let names: [Substring: Part] = [
        "train": .train, "test": .test, "val": .validation, "valid": .validation, "validation": .validation,
    ]

    init(paths: [String]) {
        for depth in 0...1 {
            let wrappers = Set(paths.compactMap { Self.folder(of: $0, depth: 0) })
            if depth == 1 && (wrappers.count != 1 || paths.contains { Self.folder(of: $0, depth: 0) == nil }) { return }
            let folders = Set(paths.compactMap { Self.folder(of: $0, depth: depth) })
            guard !folders.isEmpty, folders.allSatisfy({ Self.names[$0] != nil }) else { continue }
            self.depth = depth
            parts = Set(folders.compactMap { Self.names[$0] })
            folderNames = folders.map(String.init).sorted()
            return
        }
    }

    /// The split that a path belongs to; nil outside every split.
    func part(of path: String) -> Part? {
        guard !parts.isEmpty, let folder = Self.folder(of: path, depth: depth) else { return nil }
        return Self.names[folder]
    }

    /// The folder that names the image's class; nil where only splits and wrappers enclose it.
    func classFolder(of path: String) -> Substring? {
        let folders = path.split(separator: "/").dropLast()
        let enclosing = parts.isEmpty ? 0 : depth + 1
        return folders.count > enclosing ? folders.last : nil
    }

    /// The folder at `depth` of a path; nil where the path has no folder there.
    private static func folder(of path: String, depth: Int) -> Substring? {
        let pieces = path.split(separator: "/", maxSplits: depth + 1)
        return pieces.count > depth + 1 ? pieces[depth] : nil
    }
}
