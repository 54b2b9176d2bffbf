import Foundation
import ImagePipeline

/// The golden values and the small images beside them; the scripts that made them lie in the same folder.
enum Golden {
    static let folder = Bundle.module.resourceURL!.appendingPathComponent("Golden")

    static func decode<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: folder.appendingPathComponent(name)))
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appendingPathComponent("images/\(name)")))
    }
}

/// A folder of one test, removed when the test is over.
final class TemporaryFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("murmur-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Writes a file, and the folders above it.
    func write(_ bytes: [UInt8], to name: String) throws {
        let url = URL(fileURLWithPath: path + "/" + name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    /// Writes copies of one small image under several names.
    func write(image: String = "baseline.jpg", to names: [String]) throws {
        let bytes = try Golden.bytes(image)
        for name in names { try write(bytes, to: name) }
    }

    /// Runs a command of the system inside the folder; false where it is missing or fails.
    @discardableResult
    func run(_ arguments: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: path)
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}

/// Real images that the project neither contains nor needs.
enum SharedData {
    static func path(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("../shared/data/\(name)").standardized.path
    }

    static func isThere(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: path(name))
    }

    static let fashionMNIST = "/usr/share/datasets/fashion-mnist"
}

/// Images that need no file: each a plain colour that depends on its index; some are undecodable.
struct PlainDataset: ImageDataset {
    let count: Int
    var channels = 3
    var bad: Set<Int> = []
    var side = 12
    let classNames: [String] = ["even", "odd"]

    func label(at index: Int) -> Int64 { Int64(index % 2) }

    func name(at index: Int) -> String { "plain/\(index).png" }

    func image(at index: Int) throws -> PixelImage {
        guard !bad.contains(index) else { throw ImageError(name: name(at: index), cause: "made so") }
        let pixels = (0..<side * side * channels).map { UInt8(truncatingIfNeeded: $0 * 7 + index * 13) }
        return PixelImage(width: side, height: side, channels: channels, pixels: pixels)
    }
}
