/// A safetensors file open for reading, its header checked.
public struct SafeTensorsFile: Sendable {
    private let file: ReadableFile
    private let header: SafeTensorsHeader
    private let index: [String: Int]

    /// Opens `path` and checks its header against the length of the file; no tensor is read yet.
    ///
    /// - Throws: `CheckpointError` with the path and the cause, for any bytes that are not safetensors.
    public init(path: String) throws {
        file = try ReadableFile(path: path)
        header = try SafeTensorsHeader(of: file)
        index = Dictionary(
            uniqueKeysWithValues: header.entries.enumerated().map { ($0.element.specification.name, $0.offset) })
    }

    public var path: String { file.path }

    /// The strings under `__metadata__`.
    public var metadata: [String: String] { header.metadata }

    /// Names, types and shapes in the order of the data.
    public var tensors: [TensorSpecification] { header.entries.map(\.specification) }

    /// Where the named tensor's bytes begin in the file, or nil if there is no such tensor.
    public func byteOffset(of name: String) -> Int? {
        index[name].map { header.dataOffset + header.entries[$0].range.lowerBound }
    }

    /// Reads one tensor.
    ///
    /// - Throws: `CheckpointError` if there is none of that name, or the file cannot be read.
    public func record(named name: String) throws -> TensorRecord {
        guard let position = index[name] else {
            throw CheckpointError(.notFound, path: path, cause: "has no tensor \"\(name)\"")
        }
        return try record(header.entries[position])
    }

    /// Reads all tensors, in the order of the data.
    public func records() throws -> [TensorRecord] {
        try header.entries.map(record)
    }

    /// Reads `count` rows of a tensor from row `start` on, without the others: a part of a matrix too large to hold.
    ///
    /// - Parameter name: a tensor with at least one dimension; its first counts the rows.
    /// - Returns: the bytes of the rows.
    public func rows(of name: String, from start: Int, count: Int) throws -> [UInt8] {
        guard let position = index[name] else {
            throw CheckpointError(.notFound, path: path, cause: "has no tensor \"\(name)\"")
        }
        let entry = header.entries[position]
        guard let rows = entry.specification.shape.first, start >= 0, count >= 0, start <= rows, count <= rows - start
        else {
            throw CheckpointError(
                .invalid, path: path,
                cause: "tensor \"\(name)\" of shape \(entry.specification.shape) has no rows \(start)+\(count)")
        }
        let rowBytes = rows == 0 ? 0 : entry.range.count / rows
        let begin = header.dataOffset + entry.range.lowerBound + start * rowBytes
        return try file.bytes(at: begin, count: count * rowBytes)
    }

    private func record(_ entry: SafeTensorsHeader.Entry) throws -> TensorRecord {
        let specification = entry.specification
        return TensorRecord(
            name: specification.name, type: specification.type, shape: specification.shape,
            bytes: try file.bytes(at: header.dataOffset + entry.range.lowerBound, count: entry.range.count))
    }
}
