import Checkpoints
import Foundation
import Testing

@Suite("Safetensors files")
struct SafeTensorsTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// Worked out by hand from the format's specification: length, header padded to 8 bytes, data.
    static let golden: [UInt8] = {
        let header =
            #"{"__metadata__":{"format":"pt"},"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"#
            + #""w":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]},"#
            + #""b":{"dtype":"U8","shape":[3],"data_offsets":[16,19]}}"#
        let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        return [UInt8(padded.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(padded.utf8)
            + [7, 0, 0, 0, 0, 0, 0, 0] + [0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0] + [1, 2, 3]
    }()

    static func goldenTensors() -> [TensorRecord] {
        [
            TensorRecord(name: "w", shape: [1, 2], floats: [1, -2.5]),
            TensorRecord(name: "b", type: .uint8, shape: [3], bytes: [1, 2, 3]),
            TensorRecord(name: "n", shape: [1], integers: [7]),
        ]
    }

    @Test func areWrittenByteForByteAsTheFormatSays() throws {
        let path = "\(scratch.path)/golden"
        try SafeTensors.write(Self.goldenTensors(), metadata: ["format": "pt"], to: path)
        #expect(try Scratch.bytes(of: path) == Self.golden)
    }

    @Test func areReadAsTheFormatSays() throws {
        let read = try SafeTensors.read(scratch.file("golden", Self.golden))
        #expect(read.metadata == ["format": "pt"])
        let tensors = Dictionary(uniqueKeysWithValues: read.tensors.map { ($0.name, $0) })
        #expect(tensors["w"]?.floats == [1, -2.5])
        #expect(tensors["w"]?.shape == [1, 2])
        #expect(tensors["n"]?.integers == [7])
        #expect(tensors["b"]?.bytes == [1, 2, 3])
        #expect(tensors["b"]?.floats == nil)
    }

    /// Written by the `safetensors` package 0.8.0 for Python from numpy arrays:
    ///
    ///     save_file({"w": arange(6, float32).reshape(2, 3), "i": array([1, -1]), "b": array([True, False, True]),
    ///                "e": zeros((0, 3)), "é\"": array(3.5)}, path, metadata={"k": "v\n"})
    @Test func areReadAsTheReferenceImplementationWritesThem() throws {
        let bytes = try #require(
            Data(
                base64Encoded:
                    "OAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJrIjoidlxuIn0sImkiOnsiZHR5cGUiOiJJNjQiLCJzaGFwZSI6WzJdLCJkYXRhX29m"
                    + "ZnNldHMiOlswLDE2XX0sImUiOnsiZHR5cGUiOiJGNjQiLCJzaGFwZSI6WzAsM10sImRhdGFfb2Zmc2V0cyI6WzE2LDE2XX0sIsOp"
                    + "XCIiOnsiZHR5cGUiOiJGNjQiLCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzE2LDI0XX0sInciOnsiZHR5cGUiOiJGMzIiLCJz"
                    + "aGFwZSI6WzIsM10sImRhdGFfb2Zmc2V0cyI6WzI0LDQ4XX0sImIiOnsiZHR5cGUiOiJCT09MIiwic2hhcGUiOlszXSwiZGF0YV9v"
                    + "ZmZzZXRzIjpbNDgsNTFdfX0gICABAAAAAAAAAP//////////AAAAAAAADEAAAAAAAACAPwAAAEAAAEBAAACAQAAAoEABAAE="
            ))
        let read = try SafeTensors.read(scratch.file("theirs", [UInt8](bytes)))
        #expect(read.metadata == ["k": "v\n"])
        let tensors = Dictionary(uniqueKeysWithValues: read.tensors.map { ($0.name, $0) })
        #expect(tensors["w"] == TensorRecord(name: "w", shape: [2, 3], floats: [0, 1, 2, 3, 4, 5]))
        #expect(tensors["i"] == TensorRecord(name: "i", shape: [2], integers: [1, -1]))
        #expect(tensors["b"] == TensorRecord(name: "b", type: .bool, shape: [3], bytes: [1, 0, 1]))
        #expect(tensors["e"] == TensorRecord(name: "e", type: .float64, shape: [0, 3], bytes: []))
        #expect(tensors["é\""]?.bytes == withUnsafeBytes(of: 3.5) { Array($0) })
    }

    @Test func keepEveryTypeShapeAndName() throws {
        var tensors: [TensorRecord] = []
        for (index, type) in ElementType.allCases.enumerated() {
            for shape in [[], [0], [1], [3, 2], [2, 0, 5]] as [[Int]] {
                let count = shape.reduce(type.byteCount, *)
                let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + index) }
                let name = "\(type) \(shape) \"quoted\\\n\t\u{1}ü🐦"
                tensors.append(TensorRecord(name: name, type: type, shape: shape, bytes: bytes))
            }
        }
        let path = "\(scratch.path)/all"
        let metadata = ["empty": "", "text\n\"": "a\u{0}b\\ 🐦"]
        try SafeTensors.write(tensors, metadata: metadata, to: path)
        let read = try SafeTensors.read(path)
        #expect(read.metadata == metadata)
        #expect(read.tensors.sorted { $0.name < $1.name } == tensors.sorted { $0.name < $1.name })
        let file = try SafeTensorsFile(path: path)
        for tensor in file.tensors {
            let offset = try #require(file.byteOffset(of: tensor.name))
            #expect(offset.isMultiple(of: tensor.type.byteCount), "\(tensor.name) is not aligned")
        }
    }

    @Test func holdNoTensorsAtAll() throws {
        let path = "\(scratch.path)/none"
        try SafeTensors.write([], to: path)
        #expect(try Scratch.bytes(of: path) == [8, 0, 0, 0, 0, 0, 0, 0] + Array("{}      ".utf8))
        #expect(try SafeTensors.read(path).tensors.isEmpty)
    }

    @Test func areWrittenPieceByPieceAndAppearWhenWhole() throws {
        let path = "\(scratch.path)/streamed"
        let specifications = [
            TensorSpecification(name: "features", type: .float32, shape: [5, 2]),
            TensorSpecification(name: "labels", type: .int64, shape: [5]),
        ]
        let writer = try SafeTensorsWriter(path: path, tensors: specifications)
        #expect(writer.order.map(\.name) == ["labels", "features"])
        let labels: [Int64] = [5, 4, 3, 2, 1]
        try labels.withUnsafeBytes { try writer.write($0) }
        for row in 0..<5 {
            #expect(!FileManager.default.fileExists(atPath: path))
            #expect(throws: CheckpointError.self) { try writer.finish() }
            try [Float(row), 0.5].withUnsafeBytes { try writer.write($0) }
        }
        #expect(throws: CheckpointError.self) { try [UInt8(1)].withUnsafeBytes { try writer.write($0) } }
        try writer.finish()
        let file = try SafeTensorsFile(path: path)
        #expect(try file.record(named: "labels").integers == labels)
        #expect(try file.rows(of: "features", from: 3, count: 2) == file.record(named: "features").bytes.suffix(16))
        #expect(throws: CheckpointError.self) { try file.rows(of: "features", from: 4, count: 2) }
        #expect(throws: CheckpointError.self) { try file.record(named: "other") }
    }

    @Test func leaveNothingBehindIfTheWriterIsDropped() throws {
        var writer: SafeTensorsWriter? = try SafeTensorsWriter(
            path: "\(scratch.path)/dropped", tensors: [TensorSpecification(name: "x", type: .uint8, shape: [4])])
        try [UInt8(1), 2].withUnsafeBytes { try writer?.write($0) }
        writer = nil
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
    }

    @Test func refuseWhatCannotBeWritten() throws {
        let tensor = TensorRecord(name: "x", shape: [1], floats: [1])
        let reserved = TensorRecord(name: "__metadata__", shape: [1], floats: [1])
        #expect(throws: CheckpointError.self) { try SafeTensors.write([tensor, tensor], to: "\(scratch.path)/a") }
        #expect(throws: CheckpointError.self) { try SafeTensors.write([reserved], to: "\(scratch.path)/a") }
        #expect(throws: CheckpointError.self) { try SafeTensors.write([tensor], to: "\(scratch.path)/no/such/a") }
        let huge = TensorSpecification(name: "x", type: .float64, shape: [1 << 40, 1 << 40])
        #expect(throws: CheckpointError.self) { try SafeTensorsWriter(path: "\(scratch.path)/a", tensors: [huge]) }
        for bad in [
            TensorRecord(name: "x", type: .float32, shape: [2], bytes: [1, 2]),
            TensorRecord(name: "x", type: .uint8, shape: [-1, -1], bytes: [1]),
        ] {
            #expect(throws: CheckpointError.self) { try SafeTensors.write([bad], to: "\(scratch.path)/a") }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
    }

    /// Headers that are wrong, how many bytes of data follow, and a part of the cause that must be named. In headers
    /// `U8 4 @0,4` stands for `{"dtype":"U8","shape":[4],"data_offsets":[0,4]}`.
    static let brokenFiles: [(header: String, dataBytes: Int, cause: String)] = [
        (#"{"x":U8 4 @0,4}"#, 3, "4 bytes"),
        (#"{"x":U8 4 @0,4}"#, 5, "5 bytes of data"),
        (#"{"x":U8 4 @1,5}"#, 5, "hole"),
        (#"{"x":U8 2 @0,2,"y":U8 2 @1,3}"#, 3, "overlaps"),
        (#"{"x":U8 2 @0,2,"x":U8 2 @2,4}"#, 4, "twice"),
        (#"{"x":U8 3 @0,4}"#, 4, "takes 3 bytes"),
        (#"{"x":U8 -4 @0,4}"#, 4, "negative"),
        (#"{"x":U8 4 @4,0}"#, 4, "offsets"),
        (#"{"x":U8 4.0 @0,4}"#, 4, "shape"),
        (#"{"x":F8 4 @0,4}"#, 4, "type \"F8\""),
        (#"{"x":F64 4294967296,4294967296 @0,4}"#, 4, "more bytes"),
        (#"{"x":U8 99999999999999999999 @0,4}"#, 4, "shape"),
        (#"{"x":U8 4 @9223372036854775807,-1}"#, 4, "offsets"),
        (#"{"x":U8 4 @0,4,4}"#, 4, "lacks"),
        (#"{"x":{"dtype":"U8","shape":[4]}}"#, 4, "lacks"),
        (#"{"x":4}"#, 0, "lacks"),
        (#"{"__metadata__":{"a":1}}"#, 0, "strings"),
        ("[1,2]", 0, "{"), (#"{"x" 4}"#, 0, "colon"), (" {}", 0, "{"), ("", 0, "{"), ("{}{}", 0, "more text"),
        (String(repeating: #"{"a":"#, count: 100), 0, "deep"),
    ]

    @Test("Broken files are refused with a cause", arguments: brokenFiles)
    func broken(header: String, dataBytes: Int, cause: String) throws {
        let tensor = #/([A-Z]+\d+) ([-\d.,]+) @([-\d,]*\d)/#
        let header = header.replacing(tensor) { match in
            #"{"dtype":"\#(match.1)","shape":[\#(match.2)],"data_offsets":[\#(match.3)]}"#
        }
        let length = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> ($0 * 8)) }
        let path = try scratch.file("bad", length + Array(header.utf8) + Array(repeating: 0, count: dataBytes))
        let error = #expect(throws: CheckpointError.self) { try SafeTensors.read(path) }
        #expect(error?.path == path)
        #expect(error?.cause.contains(cause) ?? false, "\(String(describing: error))")
    }

    @Test func refuseLengthsThatTheFileDoesNotHave() throws {
        for length in [UInt64.max, 1 << 63, 100_000_001, 9, 3] {
            let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + Array("{}".utf8)
            let path = try scratch.file("bad", bytes)
            #expect(throws: CheckpointError.self) { try SafeTensors.read(path) }
        }
        #expect(throws: CheckpointError.self) { try SafeTensors.read(scratch.path) }
        let missing = #expect(throws: CheckpointError.self) { try SafeTensors.read(scratch.path + "/none") }
        #expect(missing?.code == .notFound)
    }
}
