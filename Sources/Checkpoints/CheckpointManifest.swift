/// The index of a checkpoint: `manifest.json`.
///
/// Its last line is a BLAKE2b-256 checksum of all bytes before that line, so that damage to the manifest itself shows.
public struct CheckpointManifest: Sendable, Equatable {
    /// The version of the layout that this release writes and reads.
    public static let formatVersion = 1
    static let fileName = "manifest.json"
    static let maximumByteCount = 100_000_000

    /// One file of a checkpoint, with what shows that it is whole.
    public struct File: Sendable, Equatable {
        /// Name within the step directory: the group and `.safetensors`.
        public let name: String
        /// Its length (bytes).
        public let byteCount: Int
        /// BLAKE2b-256 of the whole file, 64 hexadecimal digits.
        public let hash: String
    }

    /// Where a tensor lies.
    public struct Tensor: Sendable, Equatable {
        /// Its name, type and shape.
        public let specification: TensorSpecification
        /// The name of its file.
        public let file: String
        /// Where its bytes begin in the file.
        public let offset: Int
    }

    public let step: Int
    public let epoch: Int
    public let runID: String
    /// Unix seconds.
    public let created: Double
    /// The settings that a run must share to resume this one.
    public let configuration: String
    /// BLAKE2b-256 of `configuration`'s UTF-8 bytes.
    public let configurationDigest: String
    public let metadata: [String: String]
    public let files: [File]
    public let tensors: [Tensor]

    /// The group of a file, or nil if its name is not one that this layout gives.
    static func group(ofFile name: String) -> String? {
        guard name.hasSuffix(".safetensors") else { return nil }
        let group = String(name.dropLast(".safetensors".count))
        return isGroupName(group) ? group : nil
    }

    static func fileName(ofGroup group: String) -> String { group + ".safetensors" }

    /// Lower-case letters, digits and `-`, so that a group is a file name everywhere and never a path.
    static func isGroupName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 64
            && name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
            }
    }
}

// MARK: Writing

extension CheckpointManifest {
    private static let checksumPrefix = "  \"checksum\": \""
    private static let checksumSuffix = "\"\n}\n"

    /// The manifest as the text of its file.
    var text: String {
        let files = files.map { file in
            "    {\"name\": \(JSONText.quoted(file.name)), \"bytes\": \(file.byteCount), \"blake2b\": \"\(file.hash)\"}"
        }
        let tensors = tensors.map { tensor in
            let shape = tensor.specification.shape.map { String($0) }.joined(separator: ",")
            return
                "    {\"name\": \(JSONText.quoted(tensor.specification.name)), \"file\": \(JSONText.quoted(tensor.file)), "
                + "\"offset\": \(tensor.offset), \"shape\": [\(shape)], "
                + "\"dtype\": \"\(tensor.specification.type.rawValue)\"}"
        }
        let body = """
            {
              "format": "murmuration-checkpoint",
              "version": \(Self.formatVersion),
              "run_id": \(JSONText.quoted(runID)),
              "step": \(step),
              "epoch": \(epoch),
              "created": \(created),
              "configuration_blake2b": "\(configurationDigest)",
              "configuration": \(JSONText.quoted(configuration)),
              "metadata": \(JSON.object(metadata)),
              "files": [
            \(files.joined(separator: ",\n"))
              ],
              "tensors": [
            \(tensors.joined(separator: ",\n"))
              ],

            """
        return body + Self.checksumPrefix + Digest.hex(of: body) + Self.checksumSuffix
    }
}

// MARK: Reading

extension CheckpointManifest {
    /// Reads and checks the manifest of a step directory.
    ///
    /// - Throws: `CheckpointError` with the manifest's path.
    init(directory: String) throws {
        let path = "\(directory)/\(Self.fileName)"
        let file = try ReadableFile(path: path)
        guard file.byteCount <= Self.maximumByteCount else {
            throw CheckpointError(.damaged, path: path, cause: "too large for a manifest")
        }
        let bytes = try file.bytes(at: 0, count: file.byteCount)
        do {
            try self.init(bytes: bytes)
        } catch let problem as JSONParser.Problem {
            throw CheckpointError(
                .damaged, path: path, cause: "not JSON at byte \(problem.offset): \(problem.message)")
        } catch let flaw as Flaw {
            throw CheckpointError(flaw.code, path: path, cause: flaw.cause)
        }
    }

    private struct Flaw: Error {
        var code = CheckpointError.Code.damaged
        let cause: String
    }

    private init(bytes: [UInt8]) throws {
        try Self.checkChecksum(bytes)
        let json = try JSONParser.parse(bytes)
        guard json["format"]?.string == "murmuration-checkpoint", let version = json["version"]?.integer else {
            throw Flaw(cause: "not the manifest of a checkpoint")
        }
        guard version == Self.formatVersion else {
            throw Flaw(
                code: .unsupported,
                cause: "has format version \(version); this release reads version \(Self.formatVersion)")
        }
        guard let runID = json["run_id"]?.string, let step = json["step"]?.integer, step >= 0,
            let epoch = json["epoch"]?.integer, let created = json["created"]?.double,
            let configuration = json["configuration"]?.string, let digest = json["configuration_blake2b"]?.string,
            let metadata = json["metadata"]?.strings, let files = json["files"]?.array,
            let tensors = json["tensors"]?.array
        else { throw Flaw(cause: "lacks a field, or one has the wrong type") }
        guard digest == Digest.hex(of: configuration) else {
            throw Flaw(cause: "the configuration does not match its digest")
        }
        self.init(
            step: step, epoch: epoch, runID: runID, created: created, configuration: configuration,
            configurationDigest: digest, metadata: metadata, files: try files.map(Self.file),
            tensors: try tensors.map(Self.tensor))
    }

    /// The last line must be the digest of all before it.
    private static func checkChecksum(_ bytes: [UInt8]) throws {
        let tailCount = checksumPrefix.utf8.count + 64 + checksumSuffix.utf8.count
        guard bytes.count > tailCount else { throw Flaw(cause: "cut short") }
        var digest = Digest()
        bytes.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[..<(bytes.count - tailCount)])) }
        let expected = checksumPrefix + digest.finish() + checksumSuffix
        guard bytes.suffix(tailCount).elementsEqual(expected.utf8) else {
            throw Flaw(cause: "its checksum does not hold: damaged, cut short or edited")
        }
    }

    private static func file(_ json: JSON) throws -> File {
        guard let name = json["name"]?.string, group(ofFile: name) != nil, let count = json["bytes"]?.integer,
            let hash = json["blake2b"]?.string
        else { throw Flaw(cause: "lists a file without a valid name, size or hash") }
        return File(name: name, byteCount: count, hash: hash)
    }

    private static func tensor(_ json: JSON) throws -> Tensor {
        guard let name = json["name"]?.string, let file = json["file"]?.string, let offset = json["offset"]?.integer,
            let shape = json["shape"]?.integers, let dtype = json["dtype"]?.string
        else { throw Flaw(cause: "lists a tensor without a valid name, file, offset, shape or type") }
        guard let type = ElementType(rawValue: dtype) else {
            throw Flaw(code: .unsupported, cause: "tensor \"\(name)\" has the unknown type \"\(dtype)\"")
        }
        let specification = TensorSpecification(name: name, type: type, shape: shape)
        return Tensor(specification: specification, file: file, offset: offset)
    }
}
