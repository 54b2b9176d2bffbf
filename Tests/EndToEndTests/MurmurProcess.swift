import Foundation

/// A `murmur` process under test, with its output in files; killed with its children when the test lets go of it.
final class MurmurProcess {
    private let process = Process()
    private let outputURL: URL
    private let errorURL: URL

    /// How a process ended.
    struct Ending: CustomStringConvertible {
        let code: Int32
        let output: String
        let error: String

        var lastLine: String { output.split(separator: "\n").last.map(String.init) ?? "" }
        var description: String { "exit code \(code)\n--- output\n\(output)\n--- error\n\(error)" }
    }

    /// What kept a process from being waited for.
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// The command that this build made, beside the test bundle.
    static let executable: URL = {
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("murmur")
    }()

    init(_ arguments: [String], in directory: URL) throws {
        let name = UUID().uuidString
        outputURL = directory.appendingPathComponent("\(name).out")
        errorURL = directory.appendingPathComponent("\(name).err")
        for url in [outputURL, errorURL] { try Data().write(to: url) }
        process.executableURL = Self.executable
        process.arguments = arguments
        process.standardOutput = try FileHandle(forWritingTo: outputURL)
        process.standardError = try FileHandle(forWritingTo: errorURL)
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    deinit { killTree() }

    var pid: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }
    var output: String { (try? String(contentsOf: outputURL, encoding: .utf8)) ?? "" }
    var error: String { (try? String(contentsOf: errorURL, encoding: .utf8)) ?? "" }

    /// The processes whose parent this one is.
    var children: [Int32] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.compactMap(Int32.init).filter { Self.parent(of: $0) == pid }
    }

    static func threads(of pid: Int32) -> [Int32] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []).compactMap(Int32.init)
    }

    private static func parent(of pid: Int32) -> Int32? {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let close = stat.lastIndex(of: ")")
        else { return nil }
        return stat[stat.index(after: close)...].split(separator: " ").dropFirst().first.flatMap { Int32($0) }
    }

    /// Whether a process still exists and has not been ended.
    static func exists(_ pid: Int32) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let close = stat.lastIndex(of: ")")
        else { return false }
        return !["Z", "X"].contains(stat[stat.index(after: close)...].split(separator: " ").first)
    }

    func send(_ signal: Int32) { kill(pid, signal) }

    /// Ends this process and its children at once, as a power cut would.
    func killTree() {
        let tree = [pid] + children
        guard process.isRunning || tree.count > 1 else { return }
        for pid in tree { kill(pid, SIGKILL) }
        process.waitUntilExit()
    }

    /// Waits for the end.
    ///
    /// - Throws: `Problem` with what was printed so far, where it does not come within `seconds`.
    func ending(within seconds: Double = 300) throws -> Ending {
        try waitUntil("the end of murmur \(process.arguments?.joined(separator: " ") ?? "")", within: seconds) {
            !process.isRunning
        }
        process.waitUntilExit()
        return Ending(code: process.terminationStatus, output: output, error: error)
    }

    /// Waits until `condition` holds.
    func waitUntil(_ what: String, within seconds: Double = 300, _ condition: () throws -> Bool) throws {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while try !condition() {
            guard Date() < deadline else {
                throw Problem(
                    description: "waited \(seconds) s for \(what)\n--- output\n\(output)\n--- error\n\(error)")
            }
            // The condition is outside this process, so it can only be asked again.
            usleep(20_000)
        }
    }
}
