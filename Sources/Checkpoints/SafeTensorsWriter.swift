/// Writes a safetensors file tensor by tensor, so that what is written need never be in memory at once.
///
/// The file appears under its name only when it is whole and on disk: until `finish` it is called
/// `<path>.partial`, which goes away if the writer is dropped before.
public final class SafeTensorsWriter {
    /// The tensors in the order in which `write` takes their bytes: larger element types first (int64 before float32),
    /// else as given.
    public let order: [TensorSpecification]
    /// Bytes of data still to come.
    public private(set) var remaining: Int

    private let path: String
    private let temporary: String
    private let fileSystem: any FileSystem
    private let sink: any FileSink
    private var finished = false

    /// Begins a file that will hold `tensors`.
    ///
    /// - Throws: `CheckpointError` for duplicate names, impossible shapes, or a file that cannot be created.
    public convenience init(path: String, tensors: [TensorSpecification], metadata: [String: String] = [:]) throws {
        try self.init(path: path, tensors: tensors, metadata: metadata, fileSystem: POSIXFileSystem())
    }

    package init(
        path: String, tensors: [TensorSpecification], metadata: [String: String], fileSystem: any FileSystem
    ) throws {
        let header = try SafeTensorsHeader(tensors: tensors, metadata: metadata, path: path)
        order = header.entries.map(\.specification)
        remaining = header.entries.last?.range.upperBound ?? 0
        self.path = path
        self.fileSystem = fileSystem
        temporary = path + ".partial"
        sink = try fileSystem.createFile(temporary)
        try header.bytes.withUnsafeBytes { try sink.write($0) }
    }

    deinit {
        guard !finished else { return }
        sink.abandon()
        try? fileSystem.remove(temporary)
    }

    /// Appends bytes of the tensors in `order`; a call may hold a part of one or several at once.
    ///
    /// - Throws: `CheckpointError` if the disk is full, or for more bytes than the tensors have.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count <= remaining else {
            throw CheckpointError(.invalid, path: path, cause: "more bytes were given than the tensors have")
        }
        try sink.write(bytes)
        remaining -= bytes.count
    }

    /// Makes the file durable and gives it its name, replacing what had it.
    ///
    /// - Throws: `CheckpointError` if bytes are still missing or the system fails.
    public func finish() throws {
        guard remaining == 0 else {
            throw CheckpointError(.invalid, path: path, cause: "\(remaining) bytes of the tensors are missing")
        }
        try sink.finish()
        try fileSystem.rename(temporary, to: path)
        finished = true
        try fileSystem.syncDirectory(FileStatus.parent(of: path))
    }
}

/// Whole safetensors files at once.
public enum SafeTensors {
    /// Writes `tensors` to `path`, which appears only when it is whole.
    ///
    /// - Throws: `CheckpointError` for duplicate names, bytes that do not fit a shape, or a failure of the system.
    public static func write(_ tensors: [TensorRecord], metadata: [String: String] = [:], to path: String) throws {
        let ordered = try ordered(tensors, path: path)
        let writer = try SafeTensorsWriter(path: path, tensors: ordered.map(\.specification), metadata: metadata)
        for tensor in ordered { try tensor.bytes.withUnsafeBytes { try writer.write($0) } }
        try writer.finish()
    }

    /// Reads all tensors of `path` and its metadata.
    ///
    /// - Throws: `CheckpointError` with the path and the cause.
    public static func read(_ path: String) throws -> (tensors: [TensorRecord], metadata: [String: String]) {
        let file = try SafeTensorsFile(path: path)
        return (try file.records(), file.metadata)
    }

    /// `tensors` in the order of a file's data, each checked to have as many bytes as its shape says.
    static func ordered(_ tensors: [TensorRecord], path: String) throws -> [TensorRecord] {
        for tensor in tensors where tensor.specification.byteCount != tensor.bytes.count {
            throw CheckpointError(
                .invalid, path: path,
                cause: "tensor \"\(tensor.name)\" has \(tensor.bytes.count) bytes, which do not fit its shape "
                    + "\(tensor.shape) of \(tensor.type.rawValue)")
        }
        return tensors.sorted { $0.type.byteCount > $1.type.byteCount }
    }
}
