/// A folder of checkpoints, `step-000123/` each, written so that a crash at any moment leaves the last good one.
///
/// The layout and how it is made safe are in `docs/checkpoint.md`. One process writes to a folder at a time; any number
/// may read.
public struct CheckpointStore: Sendable {
    /// The folder, usually `<run>/checkpoints`; the first save creates it.
    public let directory: String
    let fileSystem: any FileSystem

    /// - Parameter directory: the folder; it need not exist yet.
    public init(directory: String) {
        self.init(directory: directory, fileSystem: POSIXFileSystem())
    }

    package init(directory: String, fileSystem: any FileSystem) {
        self.directory = FileStatus.trimmingSlashes(directory)
        self.fileSystem = fileSystem
    }

    // MARK: Names

    static let stepPrefix = "step-"
    /// Ends the name of a checkpoint that is being replaced by another of the same step.
    static let replacedSuffix = ".replaced"
    /// Begins the name of whatever is unfinished or on its way out.
    static let temporaryPrefix = ".partial-"

    static func name(ofStep step: Int) -> String {
        let digits = String(step)
        return stepPrefix + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    /// The step in a name that `name(ofStep:)` gave, with or without the suffix; nil for other names.
    static func step(inName name: String) -> Int? {
        let bare = name.hasSuffix(replacedSuffix) ? String(name.dropLast(replacedSuffix.count)) : name
        guard bare.hasPrefix(stepPrefix), let step = Int(bare.dropFirst(stepPrefix.count)), step >= 0,
            Self.name(ofStep: step) == bare
        else { return nil }
        return step
    }

    /// Names of checkpoints, newest first; a step's own name before one that it replaces.
    func candidates() throws -> [(step: Int, name: String)] {
        guard FileStatus.kind(of: directory) != .absent else { return [] }
        return try FileStatus.entries(of: directory)
            .compactMap { name in Self.step(inName: name).map { (step: $0, name: name) } }
            .sorted { ($1.step, $0.name) < ($0.step, $1.name) }
    }
}
