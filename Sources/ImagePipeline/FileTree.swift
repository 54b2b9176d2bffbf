/// A set of named files that can be read at random from any thread: a folder, or an archive.
protocol FileTree: Sendable {
    /// Where the tree lies, for messages.
    var root: String { get }
    /// Paths of the visible files relative to the root, with "/" between folders, sorted by bytes.
    var paths: [String] { get }
    /// Gives the bytes of the file at `paths[index]`; they are valid only during the call.
    ///
    /// - Throws: `ImageError` when the file cannot be read, and whatever `body` throws.
    func withBytes<Result>(at index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result
}

extension FileTree {
    /// The path by which a message names the file at `index`.
    func fullPath(at index: Int) -> String {
        root + "/" + paths[index]
    }
}

enum TreePath {
    /// The order of Python's `sorted` on paths: by code point, which is the order of the UTF-8 bytes.
    static func precedes(_ first: String, _ second: String) -> Bool {
        first.utf8.lexicographicallyPrecedes(second.utf8)
    }

    /// The last part of a path.
    static func fileName(_ path: String) -> Substring {
        path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...]
    }

    /// A path without empty and "." parts; nil where a part is hidden (begins with a dot) or nothing is left.
    static func visible(_ path: String) -> String? {
        let parts = path.split(separator: "/").filter { $0 != "." }
        guard !parts.isEmpty, parts.allSatisfy({ !$0.hasPrefix(".") }) else { return nil }
        return parts.joined(separator: "/")
    }

    /// Whether the name ends in .jpg, .jpeg or .png, in any case of letters.
    static func isImage(_ path: String) -> Bool {
        let name = fileName(path).lowercased()
        return name.hasSuffix(".jpg") || name.hasSuffix(".jpeg") || name.hasSuffix(".png")
    }
}
