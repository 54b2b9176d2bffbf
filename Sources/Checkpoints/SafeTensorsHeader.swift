/// The header of a safetensors file: what is in it and where.
///
/// Layout (safetensors format specification): eight bytes with the header's length, little-endian; the header, a JSON
/// object `{"__metadata__": {…}, "name": {"dtype": "F32", "shape": […], "data_offsets": [begin, end]}, …}` padded with
/// spaces; then the data, to which the offsets refer and which they cover without holes.
struct SafeTensorsHeader: Equatable {
    /// The greatest header that readers of the format accept, in bytes.
    static let maximumByteCount = 100_000_000

    struct Entry: Equatable {
        let specification: TensorSpecification
        /// Bytes within the data.
        let range: Range<Int>
    }

    /// In the order of the data.
    let entries: [Entry]
    let metadata: [String: String]
    /// Where the data begins in the file.
    let dataOffset: Int

    // MARK: Reading

    /// Reads and checks the header of `file`.
    ///
    /// - Throws: `CheckpointError` for whatever breaks the format.
    init(of file: ReadableFile) throws {
        func damaged(_ cause: String) -> CheckpointError { CheckpointError(.damaged, path: file.path, cause: cause) }
        guard file.byteCount >= 8 else {
            throw damaged("\(file.byteCount) bytes long: too short for a safetensors file")
        }
        let declared = try file.bytes(at: 0, count: 8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard declared <= UInt64(Self.maximumByteCount), declared <= UInt64(file.byteCount - 8) else {
            throw damaged(
                "declares a header of \(declared) bytes in a file of \(file.byteCount): truncated, or not safetensors")
        }
        let bytes = try file.bytes(at: 8, count: Int(declared))
        dataOffset = 8 + Int(declared)
        do {
            (entries, metadata) = try Self.parse(bytes, dataByteCount: file.byteCount - dataOffset)
        } catch let problem as JSONParser.Problem {
            throw damaged("the header is not JSON at byte \(8 + problem.offset): \(problem.message)")
        } catch let flaw as Flaw {
            throw CheckpointError(flaw.code, path: file.path, cause: flaw.cause)
        }
    }

    private struct Flaw: Error {
        let code: CheckpointError.Code
        let cause: String

        init(_ cause: String, code: CheckpointError.Code = .damaged) {
            self.code = code
            self.cause = cause
        }
    }

    private static func parse(_ bytes: [UInt8], dataByteCount: Int) throws -> ([Entry], [String: String]) {
        guard bytes.first == UInt8(ascii: "{"), let members = try JSONParser.parse(bytes).object else {
            throw Flaw("the header does not begin with {: not safetensors")
        }
        var metadata: [String: String] = [:]
        var entries: [Entry] = []
        for member in members {
            if member.key == "__metadata__" {
                guard let strings = member.value.strings else { throw Flaw("__metadata__ holds more than strings") }
                metadata = strings
            } else {
                entries.append(try entry(named: member.key, member.value))
            }
        }
        entries.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
        var end = 0
        for entry in entries {
            guard entry.range.lowerBound == end else {
                throw Flaw("tensor \"\(entry.specification.name)\" overlaps its neighbour or leaves a hole before it")
            }
            end = entry.range.upperBound
        }
        guard end == dataByteCount else {
            throw Flaw("the tensors take \(end) bytes, but the file has \(dataByteCount) bytes of data")
        }
        return (entries, metadata)
    }

    private static func entry(named name: String, _ value: JSON) throws -> Entry {
        guard let dtype = value["dtype"]?.string, let shape = value["shape"]?.integers,
            let offsets = value["data_offsets"]?.integers, offsets.count == 2
        else { throw Flaw("tensor \"\(name)\" lacks a valid dtype, shape or data_offsets") }
        guard let type = ElementType(rawValue: dtype) else {
            let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
            throw Flaw("tensor \"\(name)\" has type \"\(dtype)\"; known are \(known)", code: .unsupported)
        }
        let specification = TensorSpecification(name: name, type: type, shape: shape)
        guard let byteCount = specification.byteCount else {
            throw Flaw("tensor \"\(name)\" has a negative dimension or more bytes than there can be")
        }
        guard offsets[0] >= 0, offsets[1] >= offsets[0], offsets[1] - offsets[0] == byteCount else {
            throw Flaw("tensor \"\(name)\" of shape \(shape) takes \(byteCount) bytes, but its offsets are \(offsets)")
        }
        return Entry(specification: specification, range: offsets[0]..<offsets[1])
    }

    // MARK: Writing

    /// Lays out `tensors`: the larger element types first so that every tensor is aligned to its own type, else in the
    /// given order.
    ///
    /// - Throws: `CheckpointError` with `path` for a duplicate or reserved name, an impossible shape, or too long a header.
    init(tensors: [TensorSpecification], metadata: [String: String], path: String) throws {
        func invalid(_ cause: String) -> CheckpointError { CheckpointError(.invalid, path: path, cause: cause) }
        var entries: [Entry] = []
        var names: Set<String> = ["__metadata__"]
        var end = 0
        // `sorted` is stable.
        for tensor in tensors.sorted(by: { $0.type.byteCount > $1.type.byteCount }) {
            guard names.insert(tensor.name).inserted else {
                throw invalid("two tensors are named \"\(tensor.name)\", or the name is reserved")
            }
            let next = end.addingReportingOverflow(tensor.byteCount ?? .max)
            guard !next.overflow, next.partialValue < .max else {
                throw invalid("tensor \"\(tensor.name)\" has an impossible shape \(tensor.shape)")
            }
            entries.append(Entry(specification: tensor, range: end..<next.partialValue))
            end = next.partialValue
        }
        self.entries = entries
        self.metadata = metadata
        let length = Self.text(entries, metadata).utf8.count
        let padded = (length + 7) / 8 * 8
        guard padded <= Self.maximumByteCount else { throw invalid("too many tensors for one safetensors header") }
        dataOffset = 8 + padded
    }

    /// The bytes before the data.
    var bytes: [UInt8] {
        let text = Array(Self.text(entries, metadata).utf8)
        let length = dataOffset - 8
        var bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
        bytes += text
        bytes += Array(repeating: UInt8(ascii: " "), count: length - text.count)
        return bytes
    }

    private static func text(_ entries: [Entry], _ metadata: [String: String]) -> String {
        var members = metadata.isEmpty ? [] : ["\"__metadata__\":\(JSON.object(metadata))"]
        for entry in entries {
            let specification = entry.specification
            let shape = specification.shape.map { String($0) }.joined(separator: ",")
            members.append(
                "\(JSONText.quoted(specification.name)):{\"dtype\":\"\(specification.type.rawValue)\","
                    + "\"shape\":[\(shape)],\"data_offsets\":[\(entry.range.lowerBound),\(entry.range.upperBound)]}")
        }
        return "{\(members.joined(separator: ","))}"
    }
}
